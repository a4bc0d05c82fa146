//! Streams: many small payments to one session, one record of the history.

use amplet_node::{Destination, PayError, PayStream, PaymentId, StreamError, StreamTo};
use amplet_protocol::Msat;
use amplet_protocol::page::{Authorization, ErrorCode, Payment, SiteRecord, WalletError};

use super::keysend::node_id;
use super::{budgets, history, pay, site_records};
use crate::ctx::Ctx;
use crate::errors;

/// Opens a stream to a session of a node, and changes `records` with it; nothing is paid yet.
///
/// # Errors
/// [`ErrorCode::InvalidInput`].
pub async fn open(
    ctx: &Ctx,
    payee: &str,
    session: String,
    records: &[SiteRecord],
) -> Result<Payment, WalletError> {
    let to = StreamTo { payee: node_id(ctx, payee)?, session };
    let beside = site_records::batch(ctx, records).await?;
    let id = ctx.node.payments().open_stream_with(&to, beside).await.map_err(|e| errors::pay(&e))?;
    record(ctx, id).await
}

/// Begins the next payment of an open stream.
///
/// # Errors
/// The stream has ended, the budget or the balance does not suffice: no funds were sent.
pub async fn pay(
    ctx: &Ctx,
    stream: PaymentId,
    amount_msat: Msat,
    max_fee_msat: Option<Msat>,
    authorization: Option<&Authorization>,
) -> Result<Payment, WalletError> {
    if authorization.is_some_and(|authorization| authorization.approved_msat.is_some()) {
        let message = "a stream is no single payment that could be approved; give the holder a budget with a rate or a total, and leave `approvedMsat` out";
        return Err(WalletError::new(ErrorCode::InvalidInput, message));
    }
    let open = ctx.node.payments().stream(stream).and_then(|stream| stream.payee);
    let payee = open.and_then(|payee| payee.parse().ok());
    let payee = payee.ok_or_else(|| errors::pay(&PayError::Stream(StreamError::Ended)))?;
    pay::check_balance(ctx, &payee, amount_msat)?;
    let to = Destination::Node(payee);
    let max_fee_msat = budgets::fee_limit(ctx, to, amount_msat, max_fee_msat, None).await?;
    let authorization =
        budgets::authorization(ctx, authorization, amount_msat.plus_up_to_max(max_fee_msat)).await?;
    let next = PayStream { stream, amount_msat, max_fee_msat };
    ctx.node.payments().begin(next, &authorization).await.map_err(|e| errors::pay(&e))?;
    record(ctx, stream).await.map_err(|error| error.open(stream))
}

/// Ends a stream.
///
/// # Errors
/// There is none of this id.
pub async fn close(ctx: &Ctx, stream: PaymentId) -> Result<Payment, WalletError> {
    ctx.node.payments().close_stream(stream).await?;
    record(ctx, stream).await
}

/// A stream as it is now: in memory while it is open, in the history when it has ended.
async fn record(ctx: &Ctx, stream: PaymentId) -> Result<Payment, WalletError> {
    match ctx.node.payments().stream(stream) {
        Some(record) => Ok(record),
        None => history::payment(ctx, stream).await,
    }
}
