//! Invoices and payments of the node, as both APIs know them.

use amplet_node::lightning_invoice::Bolt11Invoice;
use amplet_node::{Authorization, PayError, PaymentId};
use amplet_protocol::Msat;
use amplet_protocol::page::{Direction, Payment, PaymentStatus};
use amplet_storage::Batch;
use amplet_wallet::actions::budgets;
use amplet_wallet::actions::pay::{self, PayOrder};
use amplet_wallet::actions::receive::{self, InvoiceOrder};
use amplet_wallet::{Ctx, errors};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::amount::MsatText;
use super::clock::unix_now;
use super::error::Result;
use super::error::{ApiCode, ApiError};

/// Maximum validity of an invoice: a year, in seconds.
const MAX_EXPIRY_SECS: u32 = 365 * 24 * 3600;

/// An invoice of this node, as the operator's API publishes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Invoice {
    /// Its payment hash.
    pub payment_hash: PaymentId,
    /// The BOLT 11 text.
    pub invoice: String,
    /// The state.
    pub state: InvoiceState,
    /// The amount asked for; `None`: the payer chooses.
    pub amount_msat: Option<MsatText>,
    /// Amount that arrived, once paid.
    pub received_msat: Option<MsatText>,
    /// Purpose.
    pub description: String,
    /// Time of expiry, in seconds since the UNIX epoch.
    pub expires_at: u64,
    /// Time of payment, in seconds since the UNIX epoch.
    pub paid_at: Option<u64>,
}

/// State of an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum InvoiceState {
    /// Not yet.
    Open,
    /// Yes.
    Paid,
    /// Nobody paid it in time.
    Expired,
}

/// The outcome of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum PaymentState {
    /// Not decided yet: look again later, do not pay again.
    Pending,
    /// Done, with proof.
    Succeeded,
    /// No funds left this node.
    Failed,
}

/// Splits a payment's status into its state and, of a failed one, the error as the APIs show it.
pub fn outcome(status: PaymentStatus) -> (PaymentState, Option<ApiError>) {
    match status {
        PaymentStatus::Pending => (PaymentState::Pending, None),
        PaymentStatus::Succeeded => (PaymentState::Succeeded, None),
        PaymentStatus::Failed { error } => {
            (PaymentState::Failed, Some(ApiError::new(ApiCode::Remote, error.message)))
        }
    }
}

/// Reads a payment hash: 64 hexadecimal digits.
///
/// # Errors
/// [`ApiCode::InvalidInput`].
pub fn payment_id(hash: &str) -> Result<PaymentId> {
    PaymentId::from_hex(hash)
        .map_err(|_| ApiError::invalid(format!("{hash:?} is no payment hash; it has 64 hexadecimal digits")))
}

/// Makes an invoice; `beside` adds records to its transaction.
pub(super) async fn create_invoice(
    ctx: &Ctx,
    order: InvoiceOrder,
    beside: impl FnOnce(PaymentId, &mut Batch),
) -> Result<Invoice> {
    let new = order.check(1..=MAX_EXPIRY_SECS)?;
    let beside = |invoice: &Bolt11Invoice, batch: &mut Batch| {
        beside(PaymentId(invoice.payment_hash().0), batch);
    };
    let made = ctx.node.payments().invoice_with(&new, beside).await.map_err(|error| errors::pay(&error))?;
    invoice(ctx, PaymentId(made.payment_hash().0)).await
}

/// Makes an AMP invoice. Each payment of it is an entry of the history; the invoice itself is none.
pub(super) async fn create_amp_invoice(ctx: &Ctx, order: InvoiceOrder) -> Result<Invoice> {
    let made = receive::amp_invoice(ctx, &order.check(1..=MAX_EXPIRY_SECS)?).await?;
    Ok(Invoice {
        payment_hash: made.payment_hash,
        amount_msat: made.amount.map(Into::into),
        received_msat: None,
        invoice: made.text,
        state: InvoiceState::Open,
        description: made.description,
        expires_at: made.expires_at,
        paid_at: None,
    })
}

/// Returns an invoice of this node.
pub(super) async fn invoice(ctx: &Ctx, id: PaymentId) -> Result<Invoice> {
    let record = record(ctx, Direction::Inbound, id).await?;
    record.and_then(|record| as_invoice(record, unix_now())).ok_or_else(|| {
        ApiError::new(ApiCode::NotFound, "this node made no invoice with that payment hash; check the hash")
    })
}

/// Begins a payment that was checked, of `amount_msat`, and returns its outcome; after a minute it is returned as pending.
///
/// An attempt that found no route is an outcome as well, a failed one: it is in the history.
pub(super) async fn pay(
    ctx: &Ctx,
    order: PayOrder,
    amount_msat: Msat,
    max_fee_msat: Option<Msat>,
    authorization: &Authorization,
) -> Result<Payment> {
    let id = order.id();
    let max_fee_msat = budgets::fee_limit(ctx, order.destination(), amount_msat, max_fee_msat, None).await?;
    match order.begin(ctx, max_fee_msat, authorization).await {
        Ok(id) => Ok(pay::outcome(ctx, id).await?),
        Err(PayError::NoRoute(_) | PayError::TooLarge) => payment(ctx, id).await,
        Err(error) => Err(errors::pay(&error).into()),
    }
}

/// Returns a payment by this node.
pub(super) async fn payment(ctx: &Ctx, id: PaymentId) -> Result<Payment> {
    find_payment(ctx, id).await?.ok_or_else(|| {
        ApiError::new(ApiCode::NotFound, "this node made no payment with that hash; check the hash")
    })
}

/// Returns a payment by this node, if there is one.
pub(super) async fn find_payment(ctx: &Ctx, id: PaymentId) -> Result<Option<Payment>> {
    record(ctx, Direction::Outbound, id).await
}

/// Returns a record of the history.
pub(super) async fn record(ctx: &Ctx, direction: Direction, id: PaymentId) -> Result<Option<Payment>> {
    let found = ctx.node.ledger().payment(direction, id).await;
    found.map_err(|error| ApiError::new(ApiCode::Internal, error.to_string()))
}

/// A record of the history as an invoice; `None` when it has none.
fn as_invoice(record: Payment, now: u64) -> Option<Invoice> {
    let invoice = record.invoice?;
    let expires_at = record.expires_at.unwrap_or(u64::MAX);
    let state = match record.status {
        PaymentStatus::Succeeded => InvoiceState::Paid,
        PaymentStatus::Pending if expires_at > now => InvoiceState::Open,
        PaymentStatus::Pending | PaymentStatus::Failed { .. } => InvoiceState::Expired,
    };
    let paid = state == InvoiceState::Paid;
    let parsed = invoice.parse::<Bolt11Invoice>().ok();
    Some(Invoice {
        payment_hash: record.id,
        amount_msat: parsed
            .and_then(|parsed| parsed.amount_milli_satoshis())
            .map(|msat| Msat::up_to_max(msat).into()),
        received_msat: record.amount_msat.filter(|_| paid).map(Into::into),
        invoice,
        state,
        description: record.description,
        expires_at,
        paid_at: record.settled_at.filter(|_| paid),
    })
}
