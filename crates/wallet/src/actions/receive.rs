//! Asking for money.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use amplet_instructions::{Invoice, Kind};
use amplet_node::NewInvoice;
use amplet_protocol::page::{ErrorCode, MAX_DESCRIPTION, MAX_METADATA, PaymentRequest, WalletError};
use amplet_protocol::{Msat, PaymentId};

use crate::ctx::Ctx;
use crate::errors;

/// Default seconds for which an invoice is payable.
pub const DEFAULT_EXPIRY_SECS: u32 = 3600;

/// Expiries that a wallet offers, in seconds: a week at most; money that comes later than that is asked for again.
pub const WALLET_EXPIRY_SECS: RangeInclusive<u32> = 60..=7 * 24 * 3600;

/// Maximum length of a name and of a value of metadata, in characters.
const MAX_NAME: usize = 40;
const MAX_VALUE: usize = 500;

/// An invoice to make.
#[derive(Clone, Debug)]
pub struct InvoiceOrder {
    /// Amount; `None`: the payer chooses.
    pub amount_msat: Option<Msat>,
    /// Purpose: at most 639 bytes (BOLT 11).
    pub description: String,
    /// Seconds until it expires; [`DEFAULT_EXPIRY_SECS`] by default.
    pub expiry_secs: Option<u32>,
    /// What the application says of it, see [`amplet_protocol::page::Request::Receive`].
    pub metadata: BTreeMap<String, String>,
}

impl InvoiceOrder {
    /// Checks it; `expiry_secs` are the expiries that are taken.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidInput`].
    pub fn check(self, expiry_secs: RangeInclusive<u32>) -> Result<NewInvoice, WalletError> {
        let Self { amount_msat, description, expiry_secs: expiry, metadata } = self;
        let invalid = |message: String| WalletError::new(ErrorCode::InvalidInput, message);
        if description.len() > MAX_DESCRIPTION {
            return Err(invalid(format!("a description has at most {MAX_DESCRIPTION} bytes; shorten it")));
        }
        let expiry = expiry.unwrap_or(DEFAULT_EXPIRY_SECS);
        if !expiry_secs.contains(&expiry) {
            return Err(invalid(format!(
                "an invoice is payable for {} to {} seconds; choose between",
                expiry_secs.start(),
                expiry_secs.end()
            )));
        }
        if amount_msat == Some(Msat::ZERO) {
            return Err(invalid("the amount is zero; give another, or none".into()));
        }
        if !fits(&metadata) {
            return Err(invalid(format!(
                "metadata has at most {MAX_METADATA} names of 1 to {MAX_NAME} characters, with values of at most {MAX_VALUE}; keep the rest yourself, under the payment's id"
            )));
        }
        Ok(NewInvoice { amount_msat, description, expiry_secs: expiry, metadata })
    }
}

/// Returns whether metadata is small enough to be kept with a payment.
fn fits(metadata: &BTreeMap<String, String>) -> bool {
    metadata.len() <= MAX_METADATA
        && metadata.iter().all(|(name, value)| {
            (1..=MAX_NAME).contains(&name.chars().count()) && value.chars().count() <= MAX_VALUE
        })
}

/// Makes an AMP invoice, which may be paid any number of times until it expires.
///
/// # Errors
/// LDK's.
pub async fn amp_invoice(ctx: &Ctx, new: &NewInvoice) -> Result<Invoice, WalletError> {
    let text = ctx.node.payments().amp_invoice(new).await.map_err(|e| errors::pay(&e))?;
    let made = ctx.read(&text).ok().and_then(|found| found.methods.into_iter().next());
    match made.map(|method| method.kind) {
        Some(Kind::Amp(invoice)) => Ok(*invoice),
        _ => Err(WalletError::new(ErrorCode::Internal, "the invoice that was made cannot be read")),
    }
}

/// Makes an invoice; with `amp`, one for AMP.
///
/// # Errors
/// [`ErrorCode::InvalidInput`]; LDK's.
pub async fn receive(ctx: &Ctx, order: InvoiceOrder, amp: bool) -> Result<PaymentRequest, WalletError> {
    let new = order.check(WALLET_EXPIRY_SECS)?;
    let missing = missing(ctx, new.amount_msat.unwrap_or(Msat::from(1)));
    if amp {
        if !new.metadata.is_empty() {
            let message = "an AMP invoice takes no metadata: it may be paid many times; leave it out";
            return Err(WalletError::new(ErrorCode::InvalidInput, message));
        }
        let Invoice { text, payment_hash, expires_at, .. } = amp_invoice(ctx, &new).await?;
        return Ok(PaymentRequest { payment_hash, expires_at, missing, invoice: text });
    }
    let invoice = ctx.node.payments().invoice(&new).await.map_err(|e| errors::pay(&e))?;
    Ok(PaymentRequest {
        payment_hash: PaymentId(invoice.payment_hash().0),
        expires_at: invoice.expires_at().map_or(u64::MAX, |at| at.as_secs()),
        missing,
        invoice: invoice.to_string(),
    })
}

/// The reason why the amount cannot arrive now.
fn missing(ctx: &Ctx, amount_msat: Msat) -> Option<WalletError> {
    let receivable = ctx.node.channels().balance().receivable_msat;
    if receivable >= amount_msat {
        return None;
    }
    let channels = ctx.node.channels().list();
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
        let sat = receivable.to_sat_floor();
        (
            ErrorCode::InsufficientInbound,
            format!(
                "{sat} sat can arrive now: ask for less, spend some first, or ask a gateway for another channel"
            ),
        )
    };
    Some(WalletError::new(code, message))
}
