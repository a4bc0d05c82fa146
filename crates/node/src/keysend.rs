//! Payments without an invoice: the payer chooses the preimage and sends it along (BOLT 4's `payload`, type 5482373484, by
//! convention "keysend"), with custom records beside it.

use std::rc::Rc;

use amplet_budget::PaymentId as Id;
use amplet_protocol::page::{CustomRecord, Direction, Payment, PaymentKind};
use bitcoin::secp256k1::PublicKey;
use hex_conservative::DisplayHex;
use lightning::ln::channelmanager::PaymentId;
use lightning::ln::outbound_payment::{Bolt11PaymentError, RecipientCustomTlvs, RecipientOnionFields, Retry};
use lightning::routing::router::{PaymentParameters, RouteParameters};
use lightning::sign::EntropySource;
use lightning::types::payment::{PaymentHash, PaymentPreimage};

use crate::budgets::Authorization;
use crate::config::HTLC_DELTA;
use crate::error::PayError;
use crate::inner::Inner;
use crate::payments::ATTEMPTS;

/// Custom records of a payment: TLV type and value.
pub type Records = Vec<(u64, Vec<u8>)>;

/// A payment to a node that gave no invoice.
#[derive(Clone, Debug)]
pub struct Keysend {
    /// Who gets it.
    pub payee: PublicKey,
    /// What the payee gets.
    pub amount_msat: u64,
    /// What may be paid above that.
    pub max_fee_msat: u64,
    /// Told to the payee: types from 65536 on, each once. An even type that the payee does not know makes it refuse.
    pub records: Records,
}

/// A keysend that has arrived and may still be sent back.
#[derive(Clone, Debug)]
pub struct InboundKeysend {
    /// What it brings.
    pub amount_msat: u64,
    /// The stream that it belongs to (record 4279633).
    pub session: Option<String>,
    /// Its custom records, that one included.
    pub records: Records,
}

/// Whether a keysend is taken; `false` sends it back to the payer.
pub type AcceptKeysend = Rc<dyn Fn(&InboundKeysend) -> bool>;

/// Takes every keysend.
#[must_use]
pub fn accept_all_keysends() -> AcceptKeysend {
    Rc::new(|_| true)
}

/// A preimage of our own and what follows from it.
pub(crate) struct Secret {
    preimage: PaymentPreimage,
    pub id: PaymentId,
}

impl Inner {
    pub(crate) fn secret(&self) -> Secret {
        let preimage = PaymentPreimage(self.ldk.signer.get_secure_random_bytes());
        Secret { preimage, id: PaymentId(PaymentHash::from(preimage).0) }
    }

    /// Begins to pay; the outcome comes by the ledger.
    pub(crate) async fn keysend(&self, new: &Keysend, authorization: &Authorization) -> Result<Id, PayError> {
        self.check_payee(new)?;
        let secret = self.secret();
        let records = new.records.iter();
        let payment = Payment {
            amount_msat: Some(new.amount_msat),
            payee: Some(new.payee.to_string()),
            records: shown(records),
            ..Payment::begun(
                secret.id.0.to_lower_hex_string(),
                Direction::Outbound,
                PaymentKind::Keysend,
                self.now(),
            )
        };
        self.depart(payment, new.max_fee_msat, authorization, || self.spontaneous(new, &secret)).await?;
        Ok(Id(secret.id.0))
    }

    pub(crate) fn check_payee(&self, new: &Keysend) -> Result<(), PayError> {
        if new.payee == self.ldk.manager.get_our_node_id() {
            return Err(PayError::Own);
        }
        if new.amount_msat == 0 {
            return Err(PayError::Amount);
        }
        RecipientCustomTlvs::new(new.records.clone()).map(drop).map_err(|()| PayError::Records)
    }

    /// Hands it to LDK, in one part: many nodes refuse keysends in several.
    pub(crate) fn spontaneous(&self, new: &Keysend, secret: &Secret) -> Result<(), Bolt11PaymentError> {
        let onion = RecipientOnionFields::spontaneous_empty(new.amount_msat);
        // Checked before.
        let records =
            RecipientCustomTlvs::new(new.records.clone()).map_err(|()| Bolt11PaymentError::InvalidAmount)?;
        let payee = PaymentParameters::for_keysend(new.payee, HTLC_DELTA.into(), false);
        let mut params = RouteParameters::from_payment_params_and_value(payee, new.amount_msat);
        params.max_total_routing_fee_msat = Some(new.max_fee_msat);
        let sent = self.ldk.manager.send_spontaneous_payment(
            Some(secret.preimage),
            onion.with_custom_tlvs(records),
            secret.id,
            params,
            Retry::Attempts(ATTEMPTS),
        );
        sent.map(drop).map_err(Bolt11PaymentError::SendingFailed)
    }
}

/// Records as the history shows them.
pub(crate) fn shown<'a>(records: impl Iterator<Item = &'a (u64, Vec<u8>)>) -> Vec<CustomRecord> {
    let show = |(record_type, value): &(u64, Vec<u8>)| CustomRecord {
        record_type: *record_type,
        value: value.to_lower_hex_string(),
    };
    records.map(show).collect()
}
