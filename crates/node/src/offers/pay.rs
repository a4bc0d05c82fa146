//! Paying an offer: the payee is asked for an invoice, which is paid as soon as it comes.

use amplet_budget::PaymentId as Id;
use amplet_protocol::page::{Direction, Payment, PaymentKind};
use bitcoin::constants::ChainHash;
use hex_conservative::DisplayHex;
use lightning::ln::channelmanager::{OptionalOfferPaymentParams, PaymentId};
use lightning::ln::outbound_payment::Retry;
use lightning::offers::offer::{Amount, Offer};
use lightning::offers::parse::Bolt12SemanticError;
use lightning::routing::router::RouteParametersConfig;
use lightning::sign::EntropySource;

use crate::budgets::Authorization;
use crate::error::{OfferError, PayError};
use crate::inner::Inner;
use crate::payments::{ATTEMPTS, MAX_PARTS};

/// What is paid.
#[derive(Clone, Debug)]
pub struct PayOffer {
    /// To whom.
    pub offer: Offer,
    /// Only for an offer without an amount.
    pub amount_msat: Option<u64>,
    /// What may be paid above the amount.
    pub max_fee_msat: u64,
    /// Told to the payee.
    pub note: Option<String>,
}

impl Inner {
    fn offered_msat(&self, pay: &PayOffer) -> Result<u64, PayError> {
        let offer = &pay.offer;
        if !offer.supports_chain(ChainHash::using_genesis_block(self.config.network)) {
            return Err(OfferError::Network.into());
        }
        if offer.absolute_expiry().is_some_and(|at| at <= self.platform.now()) {
            return Err(PayError::Expired);
        }
        match (offer.amount(), pay.amount_msat) {
            (Some(Amount::Bitcoin { amount_msats }), None) => Ok(amount_msats),
            (Some(Amount::Currency { .. }), _) => Err(OfferError::Currency.into()),
            (None, Some(given)) if given > 0 => Ok(given),
            _ => Err(PayError::Amount),
        }
    }

    pub(crate) fn pay_offer(&self, pay: &PayOffer, authorization: &Authorization) -> Result<Id, PayError> {
        let amount_msat = self.offered_msat(pay)?;
        // The hash is the payee's to choose, and comes later.
        let id = PaymentId(self.ldk.signer.get_secure_random_bytes());
        let payment = Payment {
            amount_msat: Some(amount_msat),
            description: pay.offer.description().map(|text| text.to_string()).unwrap_or_default(),
            payee: pay.offer.issuer_signing_pubkey().map(|key| key.to_string()),
            invoice: Some(pay.offer.to_string()),
            ..Payment::begun(id.0.to_lower_hex_string(), Direction::Outbound, PaymentKind::Offer, self.now())
        };
        self.ledger.budgets.reserve(&payment, pay.max_fee_msat, authorization)?;
        let params = OptionalOfferPaymentParams {
            payer_note: pay.note.clone(),
            route_params_config: RouteParametersConfig {
                max_total_routing_fee_msat: Some(pay.max_fee_msat),
                max_path_count: MAX_PARTS,
                ..RouteParametersConfig::default()
            },
            retry_strategy: Retry::Attempts(ATTEMPTS),
        };
        // Asked for by name, so that an invoice over more is none for this question (BOLT 12).
        let asked = self.ldk.manager.pay_for_offer(&pay.offer, Some(amount_msat), id, params);
        let name = payment.id.clone();
        match asked {
            Ok(()) => {
                self.begun.borrow_mut().insert(name, self.platform.monotonic());
                self.ledger.put(payment);
            }
            Err(_) => self.ledger.settle(&name, None),
        }
        self.wake.wake();
        asked.map(|()| Id(id.0)).map_err(|error| refusal(&error))
    }
}

fn refusal(error: &Bolt12SemanticError) -> PayError {
    match error {
        Bolt12SemanticError::MissingPaths => OfferError::Unreachable.into(),
        Bolt12SemanticError::AlreadyExpired => PayError::Expired,
        Bolt12SemanticError::UnsupportedChain => OfferError::Network.into(),
        other => OfferError::Unusable(format!("{other:?}")).into(),
    }
}
