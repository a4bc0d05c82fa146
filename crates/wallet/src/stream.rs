//! Streams: many small payments to one session, one line of the history.

use amplet_node::{PayError, PayStream, PaymentId, StreamError, StreamTo};
use amplet_protocol::page::{Authorization, ErrorCode, Payment, WalletError};

use crate::wallet::Inner;
use crate::{budgets, errors, inspect, pay};

pub(crate) async fn open(inner: &Inner, payee: &str, session: String) -> Result<Payment, WalletError> {
    let to = StreamTo { payee: pay::node_id(inner, payee)?, session };
    let id = inner.node.payments().open_stream(&to).await.map_err(|e| errors::pay(&e))?;
    line(inner, &id.to_string()).await
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
    let ended = || errors::pay(&PayError::Stream(StreamError::Ended));
    let next =
        PayStream { stream: PaymentId::from_hex(stream).map_err(|_| ended())?, amount_msat, max_fee_msat };
    inner.node.payments().begin(next, &authorization).await.map_err(|e| errors::pay(&e))?;
    line(inner, stream).await
}

pub(crate) async fn close(inner: &Inner, stream: &str) -> Result<Payment, WalletError> {
    if let Ok(id) = PaymentId::from_hex(stream) {
        inner.node.payments().close_stream(id).await;
    }
    line(inner, stream).await
}

/// As it is now: in memory while it is open, in the history when it has ended.
async fn line(inner: &Inner, stream: &str) -> Result<Payment, WalletError> {
    match PaymentId::from_hex(stream).ok().and_then(|id| inner.node.payments().stream(id)) {
        Some(line) => Ok(line),
        None => pay::payment(inner, stream).await,
    }
}
