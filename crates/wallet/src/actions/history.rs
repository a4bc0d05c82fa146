//! Looking back.

use amplet_node::PaymentId;
use amplet_protocol::page::{ErrorCode, HistoryQuery, Payment, WalletError};

use crate::ctx::Ctx;
use crate::errors;

/// Maximum number of records returned at once.
const MAX_PAGE: u32 = 100;

/// Returns a payment by its id; of one in and one out with the same id, the outbound one.
///
/// # Errors
/// [`ErrorCode::InvalidInput`]: there is none; the store's.
pub async fn payment(ctx: &Ctx, id: &str) -> Result<Payment, WalletError> {
    let found = match PaymentId::from_hex(id) {
        Ok(id) => ctx.node.ledger().find(id).await.map_err(|e| errors::ledger(&e))?,
        Err(_) => None,
    };
    found.ok_or_else(|| WalletError::new(ErrorCode::InvalidInput, "there is no such payment in this wallet"))
}

/// Returns a page of the history, newest first.
///
/// # Errors
/// The store's.
pub async fn page(ctx: &Ctx, page: &HistoryQuery) -> Result<Vec<Payment>, WalletError> {
    let limit = usize::try_from(page.limit.clamp(1, MAX_PAGE)).unwrap_or(1);
    // Nothing is older than a payment that there cannot be.
    let Ok(before) = page.before.as_deref().map(PaymentId::from_hex).transpose() else {
        return Ok(Vec::new());
    };
    ctx.node.ledger().history(before, limit).await.map_err(|e| errors::ledger(&e))
}
