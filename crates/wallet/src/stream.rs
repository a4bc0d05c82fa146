//! Streams: many small payments to one session, one line of the history.

use amplet_node::StreamTo;
use amplet_protocol::page::{Authorization, ErrorCode, Payment, WalletError};

use crate::wallet::Inner;
use crate::{budgets, errors, inspect, pay};

pub(crate) async fn open(inner: &Inner, payee: &str, session: String) -> Result<Payment, WalletError> {
    let to = StreamTo { payee: pay::node_id(inner, payee)?, session };
    let id = inner.node.open_stream(&to).await.map_err(|e| errors::pay(&e))?;
    line(inner, &id).await
}

pub(crate) async fn pay(
    inner: &Inner,
    stream: &str,
    amount_msat: u64,
    max_fee_msat: u64,
    authorization: Option<&Authorization>,
) -> Result<Payment, WalletError> {
    if authorization.is_some_and(|authorization| authorization.approved_msat.is_some()) {
        let message = "a stream is no single payment that could be approved; give the holder a budget with a rate or a total, and leave `approvedMsat` out";
        return Err(WalletError::new(ErrorCode::InvalidInput, message));
    }
    if let Some(problem) = inspect::balance_problem(inner, amount_msat) {
        return Err(problem);
    }
    let authorization =
        budgets::authorization(inner, authorization, amount_msat.saturating_add(max_fee_msat))?;
    let begun = inner.node.stream_pay(&authorization, stream, amount_msat, max_fee_msat).await;
    begun.map_err(|e| errors::pay(&e))?;
    line(inner, stream).await
}

pub(crate) async fn close(inner: &Inner, stream: &str) -> Result<Payment, WalletError> {
    inner.node.close_stream(stream).await;
    line(inner, stream).await
}

/// As it is now: in memory while it is open, in the history when it has ended.
async fn line(inner: &Inner, stream: &str) -> Result<Payment, WalletError> {
    match inner.node.stream(stream) {
        Some(line) => Ok(line),
        None => pay::payment(inner, stream).await,
    }
}
