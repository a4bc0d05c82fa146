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
pub async fn payment(ctx: &Ctx, id: PaymentId) -> Result<Payment, WalletError> {
    let found = ctx.node.ledger().find(id).await.map_err(|e| errors::ledger(&e))?;
    found.ok_or_else(|| WalletError::new(ErrorCode::InvalidInput, "there is no such payment in this wallet"))
}

/// Returns a page of the history, newest first.
///
/// # Errors
/// The store's.
pub async fn page(ctx: &Ctx, page: &HistoryQuery) -> Result<Vec<Payment>, WalletError> {
    let limit = usize::try_from(page.limit.clamp(1, MAX_PAGE)).unwrap_or(1);
    ctx.node.ledger().history(page.before, limit).await.map_err(|e| errors::ledger(&e))
}
