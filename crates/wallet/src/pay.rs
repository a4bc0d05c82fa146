//! Paying invoices, and looking back.

use amplet_node::bitcoin::secp256k1::PublicKey;
use amplet_node::lightning_invoice::Bolt11Invoice;
use amplet_node::{Keysend, PayError, PayInvoice, PaymentId};
use amplet_protocol::PAYMENT_WAIT;
use amplet_protocol::page::{Authorization, CustomRecord, ErrorCode, Page, Payment, WalletError};
use hex_conservative::FromHex;

use crate::wallet::Inner;
use crate::{budgets, errors, inspect};

/// Lines of the history answered at once, at most.
const MAX_PAGE: u32 = 100;

pub(crate) async fn pay(
    inner: &Inner,
    text: &str,
    amount_msat: Option<u64>,
    max_fee_msat: Option<u64>,
    authorization: Option<&Authorization>,
) -> Result<Payment, WalletError> {
    let invoice = inspect::parse_bolt11(inner, text)?;
    let amount = check(inner, &invoice, amount_msat).await?;
    let max_fee = budgets::fee_limit(amount, max_fee_msat, authorization)?;
    let authorization = budgets::authorization(inner, authorization, amount.saturating_add(max_fee))?;
    let pay = PayInvoice { invoice, amount_msat, max_fee_msat: max_fee };
    outcome(inner, inner.node.payments().begin(pay, &authorization).await).await
}

/// The payment when it has ended, or as it is after a while.
async fn outcome(inner: &Inner, begun: Result<PaymentId, PayError>) -> Result<Payment, WalletError> {
    let id = begun.map_err(|e| errors::pay(&e))?;
    let outcome = inner.node.payments().outcome(id, PAYMENT_WAIT).await;
    outcome.ok_or_else(|| {
        WalletError::new(ErrorCode::Internal, "the payment's record is missing; see the history")
    })
}

/// Pays a node that gave no invoice.
pub(crate) async fn keysend(
    inner: &Inner,
    payee: &str,
    amount_msat: u64,
    records: &[CustomRecord],
    max_fee_msat: Option<u64>,
    authorization: Option<&Authorization>,
) -> Result<Payment, WalletError> {
    let payee = node_id(inner, payee)?;
    if amount_msat == 0 {
        let message = "a payment of nothing cannot be sent; say how much to pay";
        return Err(WalletError::new(ErrorCode::InvalidInput, message));
    }
    let records = records.iter().map(record).collect::<Result<_, _>>()?;
    if let Some(problem) = inspect::balance_problem(inner, amount_msat) {
        return Err(problem);
    }
    let max_fee_msat = budgets::fee_limit(amount_msat, max_fee_msat, authorization)?;
    let authorization =
        budgets::authorization(inner, authorization, amount_msat.saturating_add(max_fee_msat))?;
    let keysend = Keysend { payee, amount_msat, max_fee_msat, records };
    outcome(inner, inner.node.payments().begin(keysend, &authorization).await).await
}

/// The id of another node.
pub(crate) fn node_id(inner: &Inner, text: &str) -> Result<PublicKey, WalletError> {
    let id: PublicKey = text.parse().map_err(|_| {
        let message = "a node id is a public key in 66 hex digits; copy the payee's again";
        WalletError::new(ErrorCode::InvalidInput, message)
    })?;
    if id == inner.node.node_id() {
        let message = "this is the id of this wallet's own node; give the payee's";
        return Err(WalletError::new(ErrorCode::InvalidInput, message));
    }
    Ok(id)
}

fn record(record: &CustomRecord) -> Result<(u64, Vec<u8>), WalletError> {
    let value = Vec::from_hex(&record.value).map_err(|_| {
        let message =
            format!("record {}'s value is not hex, two digits a byte; correct it", record.record_type);
        WalletError::new(ErrorCode::InvalidInput, message)
    })?;
    Ok((record.record_type, value))
}

/// Everything that can be said before money moves.
async fn check(inner: &Inner, invoice: &Bolt11Invoice, given: Option<u64>) -> Result<u64, WalletError> {
    let amount = match (invoice.amount_milli_satoshis(), given) {
        (Some(stated), None) => stated,
        (None, Some(given)) if given > 0 => given,
        (Some(_), Some(_)) => {
            let message = "the invoice states its own amount; pay it without giving one";
            return Err(WalletError::new(ErrorCode::AmountMismatch, message));
        }
        (None, _) => {
            let message = "the invoice states no amount; say how much to pay";
            return Err(WalletError::new(ErrorCode::AmountMismatch, message));
        }
    };
    match inspect::problem(inner, invoice, Some(amount)).await {
        Some(problem) => Err(problem),
        None => Ok(amount),
    }
}

pub(crate) async fn payment(inner: &Inner, id: &str) -> Result<Payment, WalletError> {
    let found = match PaymentId::from_hex(id) {
        Ok(id) => inner.node.ledger().find(id).await.map_err(|e| errors::ledger(&e))?,
        Err(_) => None,
    };
    found.ok_or_else(|| WalletError::new(ErrorCode::InvalidInput, "there is no such payment in this wallet"))
}

pub(crate) async fn history(inner: &Inner, page: &Page) -> Result<Vec<Payment>, WalletError> {
    let limit = usize::try_from(page.limit.clamp(1, MAX_PAGE)).unwrap_or(1);
    // Nothing is older than a payment that there cannot be.
    let Ok(before) = page.before.as_deref().map(PaymentId::from_hex).transpose() else {
        return Ok(Vec::new());
    };
    inner.node.ledger().history(before, limit).await.map_err(|e| errors::ledger(&e))
}
