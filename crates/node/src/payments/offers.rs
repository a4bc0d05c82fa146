//! BOLT 12 offers, made and paid. LDK responds to requests for invoices to our offers; nothing is stored of an offer, and
//! each payment has a record. The payee of an offer is asked for an invoice, which is paid as soon as it comes.

use amplet_protocol::page::{Direction, Payment, PaymentKind};
use amplet_protocol::{Msat, PaymentId};
use bitcoin::Network;
use bitcoin::constants::ChainHash;
use lightning::ln::channelmanager::{self, OptionalOfferPaymentParams};
use lightning::ln::outbound_payment::Retry;
use lightning::offers::offer::{Amount, Offer};
use lightning::offers::parse::Bolt12SemanticError;
use lightning::routing::router::RouteParametersConfig;
use lightning::sign::EntropySource;

use super::attempts::Owner;
use super::error::{OfferError, PayError};
use super::order::{Prepared, SubmitError};
use super::{ATTEMPTS, MAX_PARTS};
use crate::ldk::Ldk;

/// An offer to make.
#[derive(Clone, Debug)]
pub struct NewOffer {
    /// `None`: the payer chooses.
    pub amount_msat: Option<Msat>,
    /// Description; an offer with an amount needs one (BOLT 12).
    pub description: String,
}

/// Makes an offer.
pub(super) fn make(ldk: &Ldk, new: &NewOffer) -> Result<Offer, PayError> {
    let wrong = |error| PayError::Invoice(format!("{error:?}"));
    let builder = ldk.manager.create_offer_builder().map_err(wrong)?;
    let builder = builder.description(new.description.clone());
    let builder = match new.amount_msat {
        Some(amount) => builder.amount_msats(amount.get()),
        None => builder,
    };
    builder.build().map_err(wrong)
}

/// An offer to pay.
#[derive(Clone, Debug)]
pub struct PayOffer {
    /// To whom.
    pub offer: Offer,
    /// Only for an offer without an amount.
    pub amount_msat: Option<Msat>,
    /// Maximum fee.
    pub max_fee_msat: Msat,
    /// Told to the payee.
    pub note: Option<String>,
}

/// The amount that is paid. `now`: seconds since the UNIX epoch.
fn amount_msat(pay: &PayOffer, network: Network, now: u64) -> Result<Msat, PayError> {
    let offer = &pay.offer;
    if !offer.supports_chain(ChainHash::using_genesis_block(network)) {
        return Err(OfferError::Network.into());
    }
    if offer.absolute_expiry().is_some_and(|at| at.as_secs() <= now) {
        return Err(PayError::Expired);
    }
    match (offer.amount(), pay.amount_msat) {
        (Some(Amount::Bitcoin { amount_msats }), None) => Ok(Msat::new(amount_msats)?),
        (Some(Amount::Currency { .. }), _) => Err(OfferError::Currency.into()),
        (None, Some(given)) if given > Msat::ZERO => Ok(given),
        _ => Err(PayError::Amount),
    }
}

/// Checks an offer to pay. `now`: seconds since the UNIX epoch.
pub(super) fn prepare<'a>(
    ldk: &'a Ldk,
    network: Network,
    pay: &'a PayOffer,
    now: u64,
) -> Result<Prepared<'a>, PayError> {
    let amount_msat = amount_msat(pay, network, now)?;
    // The hash is the payee's to choose, and comes later.
    let id = PaymentId(ldk.signer.get_secure_random_bytes());
    let payment = Payment {
        amount_msat: Some(amount_msat),
        description: pay.offer.description().map(|text| text.to_string()).unwrap_or_default(),
        payee: pay.offer.issuer_signing_pubkey().map(|key| key.to_string()),
        invoice: Some(pay.offer.to_string()),
        ..Payment::pending(id, Direction::Outbound, PaymentKind::Offer, now)
    };
    let submit = Box::new(move || {
        let params = OptionalOfferPaymentParams {
            payer_note: pay.note.clone(),
            route_params_config: RouteParametersConfig {
                max_total_routing_fee_msat: Some(pay.max_fee_msat.get()),
                max_path_count: MAX_PARTS,
                ..RouteParametersConfig::default()
            },
            retry_strategy: Retry::Attempts(ATTEMPTS),
        };
        let id = channelmanager::PaymentId(id.0);
        // The amount is named, so that an invoice over more does not answer this request (BOLT 12).
        let requested = ldk.manager.pay_for_offer(&pay.offer, Some(amount_msat.get()), id, params);
        requested.map_err(|error| SubmitError::Final(refusal(&error)))
    });
    Ok(Prepared { payment, max_fee_msat: pay.max_fee_msat, owner: Owner::Payment, submit })
}

fn refusal(error: &Bolt12SemanticError) -> PayError {
    match error {
        Bolt12SemanticError::MissingPaths => OfferError::Unreachable.into(),
        Bolt12SemanticError::AlreadyExpired => PayError::Expired,
        Bolt12SemanticError::UnsupportedChain => OfferError::Network.into(),
        other => OfferError::Unusable(format!("{other:?}")).into(),
    }
}
