//! AMP invoices: BOLT 11 invoices with feature 30, of which the payer chooses the payment hashes. One may be paid any number of times;
//! its payment secret ("payment address") tells whose it is.

use alloc::vec::Vec;

use lightning_invoice::{RawBolt11Invoice, RawTaggedField, TaggedField};
use lightning_types::features::Bolt11InvoiceFeatures;
use lightning_types::payment::PaymentSecret;
use lightning_types::routing::RouteHint;

/// Feature of an AMP invoice (BOLT 9 reserves it).
pub(crate) const FEATURE: u16 = 30;

/// Features of an AMP invoice as we write it, all required: records in onions (8), payment secret (14), AMP.
const WRITTEN: [usize; 3] = [8, 14, FEATURE as usize];

/// Blocks that a payee asks for where its invoice does not say (BOLT 11, `c`).
const DEFAULT_FINAL_CLTV: u64 = 18;

/// What it takes to pay an AMP invoice, beside payee and amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmpTerms {
    /// Payment address, the same in every part of every payment of the invoice.
    pub payment_address: [u8; 32],
    /// Blocks that the payee wants to have left.
    pub min_final_cltv: u64,
    /// Routes to a payee that is not public.
    pub route_hints: Vec<RouteHint>,
}

/// Reads what an invoice says of its payment by AMP; `None`: it has no payment secret.
pub(crate) fn terms(raw: &RawBolt11Invoice) -> Option<AmpTerms> {
    let secret = raw.payment_secret()?;
    let min_final_cltv = raw.min_final_cltv_expiry_delta().map_or(DEFAULT_FINAL_CLTV, |delta| delta.0);
    let route_hints = raw.private_routes().into_iter().map(|route| (**route).clone()).collect();
    Some(AmpTerms { payment_address: secret.0, min_final_cltv, route_hints })
}

/// Makes an AMP invoice, to be signed, of one for a single payment: with this payment address, which makes it one that nobody can pay
/// in the usual way. The rest stays; the payment hash means nothing.
#[must_use]
pub fn to_amp(mut raw: RawBolt11Invoice, payment_address: [u8; 32]) -> RawBolt11Invoice {
    let mut features = Bolt11InvoiceFeatures::empty();
    for bit in WRITTEN {
        // Fails above 255 only.
        let _ = features.set_required_feature_bit(bit);
    }
    for field in &mut raw.data.tagged_fields {
        let RawTaggedField::KnownSemantics(known) = field else { continue };
        match known {
            TaggedField::PaymentSecret(secret) => *secret = PaymentSecret(payment_address),
            TaggedField::Features(old) => *old = features.clone(),
            _ => {}
        }
    }
    raw
}
