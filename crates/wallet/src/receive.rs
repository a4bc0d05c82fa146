//! Asking for money.

use amplet_node::NewInvoice;
use amplet_protocol::MAX_MONEY_MSAT;
use amplet_protocol::page::{ErrorCode, MAX_DESCRIPTION, PaymentRequest, WalletError};
use hex_conservative::DisplayHex;

use crate::errors;
use crate::wallet::Inner;

const DEFAULT_EXPIRY_SECS: u32 = 3600;

/// A week: money that comes later than that is asked for anew.
const MAX_EXPIRY_SECS: u32 = 7 * 24 * 3600;

pub(crate) async fn receive(
    inner: &Inner,
    amount_msat: Option<u64>,
    description: String,
    expiry_secs: Option<u32>,
) -> Result<PaymentRequest, WalletError> {
    let invalid = |message: String| WalletError::new(ErrorCode::InvalidInput, message);
    if description.len() > MAX_DESCRIPTION {
        return Err(invalid(format!("a description has at most {MAX_DESCRIPTION} bytes; shorten it")));
    }
    let expiry_secs = expiry_secs.unwrap_or(DEFAULT_EXPIRY_SECS);
    if !(60..=MAX_EXPIRY_SECS).contains(&expiry_secs) {
        return Err(invalid(format!(
            "an invoice is payable for 60 to {MAX_EXPIRY_SECS} seconds; choose between"
        )));
    }
    if amount_msat.is_some_and(|msat| msat == 0 || msat > MAX_MONEY_MSAT) {
        return Err(invalid("the amount is zero or more than all bitcoins; give another, or none".into()));
    }
    let invoice = inner.node.payments().invoice(&NewInvoice { amount_msat, description, expiry_secs }).await;
    let invoice = invoice.map_err(|e| errors::pay(&e))?;
    Ok(PaymentRequest {
        payment_hash: invoice.payment_hash().0.to_lower_hex_string(),
        expires_at: invoice.expires_at().map_or(u64::MAX, |at| at.as_secs()),
        missing: missing(inner, amount_msat.unwrap_or(1)),
        invoice: invoice.to_string(),
    })
}

/// What keeps the amount from arriving now.
fn missing(inner: &Inner, amount_msat: u64) -> Option<WalletError> {
    let receivable = inner.node.channels().balance().receivable_msat;
    if receivable >= amount_msat {
        return None;
    }
    let channels = inner.node.channels().list();
    let (code, message) = if channels.is_empty() {
        (
            ErrorCode::InsufficientInbound,
            "there is no channel yet: ask a gateway for one, or open one from your savings and spend from it first".to_owned(),
        )
    } else if !channels.iter().any(|channel| channel.is_usable) {
        (
            ErrorCode::GatewayOffline,
            "the channel is not ready, or its gateway is not connected: the payment can arrive once it is"
                .to_owned(),
        )
    } else {
        let sat = receivable / 1000;
        (
            ErrorCode::InsufficientInbound,
            format!(
                "{sat} sat can arrive now: ask for less, spend some first, or ask a gateway for another channel"
            ),
        )
    };
    Some(WalletError::new(code, message))
}
