//! BOLT 11 invoices, made and paid.

use std::collections::BTreeMap;

use amplet_protocol::page::{Direction, Payment, PaymentKind};
use amplet_protocol::{Msat, PaymentId};
use lightning::ln::channelmanager::{self, Bolt11InvoiceParameters, OptionalBolt11PaymentParams};
use lightning::ln::outbound_payment::Retry;
use lightning::routing::router::RouteParametersConfig;
use lightning::sign::{NodeSigner, Recipient};
use lightning_invoice::{
    Bolt11Invoice, Bolt11InvoiceDescription, Description, PositiveTimestamp, RawBolt11Invoice,
    SignedRawBolt11Invoice,
};

use super::attempts::Owner;
use super::error::PayError;
use super::order::{PayInvoice, Prepared, SubmitError};
use super::{ATTEMPTS, MAX_PARTS};
use crate::config::HTLC_DELTA;
use crate::ldk::Ldk;

/// An invoice to make.
#[derive(Clone, Debug)]
pub struct NewInvoice {
    /// `None`: the payer chooses.
    pub amount_msat: Option<Msat>,
    /// At most 639 bytes (BOLT 11).
    pub description: String,
    /// Seconds until it expires.
    pub expiry_secs: u32,
    /// What the application says of it, in the record alone.
    pub metadata: BTreeMap<String, String>,
}

/// Makes an invoice and its record. `now`: seconds since the UNIX epoch.
pub(super) fn make(ldk: &Ldk, new: &NewInvoice, now: u64) -> Result<(Bolt11Invoice, Payment), PayError> {
    let signed = sign(ldk, unsigned(ldk, new, now)?)?;
    let invoice = Bolt11Invoice::from_signed(signed).map_err(|e| PayError::Invoice(e.to_string()))?;
    let payment = Payment {
        amount_msat: new.amount_msat,
        description: new.description.clone(),
        metadata: new.metadata.clone(),
        expires_at: Some(now.saturating_add(u64::from(new.expiry_secs))),
        ..record(&invoice, Direction::Inbound, now)
    };
    Ok((invoice, payment))
}

/// An invoice to be signed. `now`: seconds since the UNIX epoch.
pub(super) fn unsigned(ldk: &Ldk, new: &NewInvoice, now: u64) -> Result<RawBolt11Invoice, PayError> {
    let wrong = |e: String| PayError::Invoice(e);
    let description = Description::new(new.description.clone()).map_err(|e| wrong(e.to_string()))?;
    let params = Bolt11InvoiceParameters {
        amount_msats: new.amount_msat.map(Msat::get),
        description: Bolt11InvoiceDescription::Direct(description),
        invoice_expiry_delta_secs: Some(new.expiry_secs),
        min_final_cltv_expiry_delta: Some(HTLC_DELTA),
        ..Bolt11InvoiceParameters::default()
    };
    let made = ldk.manager.create_bolt11_invoice(params).map_err(|e| wrong(format!("{e:?}")))?;
    let (mut raw, _, _) = made.into_signed_raw().into_parts();
    // LDK without a clock dates invoices by the last block; the device's clock is nearer the truth.
    raw.data.timestamp = PositiveTimestamp::from_unix_timestamp(now).map_err(|e| wrong(e.to_string()))?;
    Ok(raw)
}

/// Signs an invoice with the node's key.
pub(super) fn sign(ldk: &Ldk, raw: RawBolt11Invoice) -> Result<SignedRawBolt11Invoice, PayError> {
    let signature = ldk.signer.sign_invoice(&raw, Recipient::Node);
    raw.sign(|_| signature).map_err(|()| PayError::Invoice("it could not be signed".into()))
}

fn record(invoice: &Bolt11Invoice, direction: Direction, now: u64) -> Payment {
    Payment {
        invoice: Some(invoice.to_string()),
        ..Payment::pending(PaymentId(invoice.payment_hash().0), direction, PaymentKind::Bolt11, now)
    }
}

/// Checks that an invoice has not expired. `now`: seconds since the UNIX epoch.
pub(super) fn check_expiry(invoice: &Bolt11Invoice, now: u64) -> Result<(), PayError> {
    if expires_at(invoice) <= now { Err(PayError::Expired) } else { Ok(()) }
}

/// Time at which an invoice stops being payable, in seconds since the UNIX epoch.
fn expires_at(invoice: &Bolt11Invoice) -> u64 {
    invoice.expires_at().map_or(u64::MAX, |at| at.as_secs())
}

/// Prepares the payment of a checked invoice. `now`: seconds since the UNIX epoch.
pub(super) fn prepare<'a>(ldk: &'a Ldk, pay: &'a PayInvoice, now: u64) -> Result<Prepared<'a>, PayError> {
    let PayInvoice { invoice, amount_msat, max_fee_msat } = pay;
    let amount = match (invoice.amount_milli_satoshis(), *amount_msat) {
        (Some(stated), None) => Msat::new(stated)?,
        (None, Some(given)) if given > Msat::ZERO => given,
        _ => return Err(PayError::Amount),
    };
    let payment = Payment {
        amount_msat: Some(amount),
        description: description(invoice),
        payee: Some(invoice.get_payee_pub_key().to_string()),
        expires_at: Some(expires_at(invoice)),
        ..record(invoice, Direction::Outbound, now)
    };
    let id = channelmanager::PaymentId(invoice.payment_hash().0);
    let given = amount_msat.map(Msat::get);
    let submit = Box::new(move || {
        let params = payment_params(*max_fee_msat);
        ldk.manager.pay_for_bolt11_invoice(invoice, id, given, params).map_err(SubmitError::Ldk)
    });
    Ok(Prepared { payment, max_fee_msat: *max_fee_msat, owner: Owner::Payment, submit })
}

/// The invoice's description; its hash, when it has only that.
pub fn description(invoice: &Bolt11Invoice) -> String {
    match invoice.description() {
        lightning_invoice::Bolt11InvoiceDescriptionRef::Direct(text) => text.to_string(),
        lightning_invoice::Bolt11InvoiceDescriptionRef::Hash(hash) => hash.0.to_string(),
    }
}

fn payment_params(max_fee_msat: Msat) -> OptionalBolt11PaymentParams {
    let route_params_config = RouteParametersConfig {
        max_total_routing_fee_msat: Some(max_fee_msat.get()),
        max_path_count: MAX_PARTS,
        ..RouteParametersConfig::default()
    };
    let retry_strategy = Retry::Attempts(ATTEMPTS);
    OptionalBolt11PaymentParams {
        route_params_config,
        retry_strategy,
        ..OptionalBolt11PaymentParams::default()
    }
}
