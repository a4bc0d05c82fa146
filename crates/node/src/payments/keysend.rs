//! Payments without an invoice: the payer chooses the preimage and sends it along (BOLT 4's `payload`, type 5482373484, by
//! convention "keysend"), with custom records beside it.

use amplet_protocol::page::{CustomRecord, Direction, Payment, PaymentKind};
use amplet_protocol::{Msat, PaymentId};
use bitcoin::secp256k1::PublicKey;
use hex_conservative::DisplayHex;
use lightning::ln::channelmanager;
use lightning::ln::outbound_payment::{Bolt11PaymentError, RecipientCustomTlvs, RecipientOnionFields, Retry};
use lightning::routing::router::{PaymentParameters, RouteParameters};
use lightning::sign::EntropySource;
use lightning::types::payment::{PaymentHash, PaymentPreimage};

use super::ATTEMPTS;
use super::attempts::Owner;
use super::error::PayError;
use super::order::{Prepared, SubmitError};
use crate::config::{HTLC_DELTA, Records};
use crate::ldk::Ldk;

/// A payment to a node that gave no invoice.
#[derive(Clone, Debug)]
pub struct Keysend {
    /// Payee.
    pub payee: PublicKey,
    /// Amount that the payee gets.
    pub amount_msat: Msat,
    /// Maximum fee.
    pub max_fee_msat: Msat,
    /// Told to the payee: types from 65536 on, each once. An even type that the payee does not know makes it refuse.
    pub records: Records,
}

/// Checks a keysend that belongs to `owner`, and chooses its preimage. `now`: seconds since the UNIX epoch.
pub(super) fn prepare(ldk: &Ldk, new: Keysend, owner: Owner, now: u64) -> Result<Prepared<'_>, PayError> {
    if new.payee == ldk.manager.get_our_node_id() {
        return Err(PayError::Own);
    }
    if new.amount_msat == Msat::ZERO {
        return Err(PayError::Amount);
    }
    let records = RecipientCustomTlvs::new(new.records.clone()).map_err(|()| PayError::Records)?;
    let preimage = PaymentPreimage(ldk.signer.get_secure_random_bytes());
    let id = PaymentId(PaymentHash::from(preimage).0);
    let payment = Payment {
        amount_msat: Some(new.amount_msat),
        payee: Some(new.payee.to_string()),
        records: shown(&new.records),
        ..Payment::pending(id, Direction::Outbound, PaymentKind::Keysend, now)
    };
    let (amount, max_fee_msat) = (new.amount_msat.get(), new.max_fee_msat);
    let submit = Box::new(move || {
        let onion = RecipientOnionFields::spontaneous_empty(amount);
        // In one part: many nodes refuse keysends in several.
        let payee = PaymentParameters::for_keysend(new.payee, HTLC_DELTA.into(), false);
        let mut params = RouteParameters::from_payment_params_and_value(payee, amount);
        params.max_total_routing_fee_msat = Some(max_fee_msat.get());
        let sent = ldk.manager.send_spontaneous_payment(
            Some(preimage),
            onion.with_custom_tlvs(records.clone()),
            channelmanager::PaymentId(id.0),
            params,
            Retry::Attempts(ATTEMPTS),
        );
        sent.map(drop).map_err(|error| SubmitError::Ldk(Bolt11PaymentError::SendingFailed(error)))
    });
    Ok(Prepared { payment, max_fee_msat, owner, submit })
}

/// Records as the history shows them.
pub(super) fn shown(records: &Records) -> Vec<CustomRecord> {
    let show = |(record_type, value): &(u64, Vec<u8>)| CustomRecord {
        record_type: *record_type,
        value: value.to_lower_hex_string(),
    };
    records.iter().map(show).collect()
}
