//! Orders: payments to begin, and what every kind prepares for its submission.

use amplet_protocol::page::{Direction, Payment, PaymentKind};
use amplet_protocol::{Msat, PaymentId, TooMuch};
use bitcoin::Address;
use bitcoin::secp256k1::PublicKey;
use lightning::ln::outbound_payment::Bolt11PaymentError;
use lightning_invoice::Bolt11Invoice;

use super::amp_send::PayAmp;
use super::attempts::Owner;
use super::keysend::Keysend;
use crate::ldk::bdk::{SignedSend, payment_id};
use crate::onchain::Onchain;

/// Payee and session of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamTo {
    /// The node that is paid.
    pub payee: PublicKey,
    /// The payee's name for it, 1 to 64 bytes.
    pub session: String,
}

/// An invoice to pay.
#[derive(Clone, Debug)]
pub struct PayInvoice {
    /// The invoice.
    pub invoice: Bolt11Invoice,
    /// Amount: only for an invoice without one.
    pub amount_msat: Option<Msat>,
    /// Maximum fee.
    pub max_fee_msat: Msat,
}

/// The next payment of an open stream.
#[derive(Clone, Debug)]
pub struct PayStream {
    /// The stream's id in the history.
    pub stream: PaymentId,
    /// Amount.
    pub amount_msat: Msat,
    /// Maximum fee.
    pub max_fee_msat: Msat,
}

/// A signed on-chain payment to broadcast.
#[derive(Clone, Debug)]
pub struct SendOnchain {
    /// Made by [`Onchain::build`](crate::Onchain::build).
    pub signed: SignedSend,
    /// The payee's address.
    pub address: Address,
}

/// A payment to begin.
#[derive(Clone, Debug)]
pub enum Order {
    /// A BOLT 11 invoice.
    Invoice(Box<PayInvoice>),
    /// A payment to a node that gave no invoice.
    Keysend(Keysend),
    /// A payment in parts with hashes of their own, of an AMP invoice or to a node.
    Amp(Box<PayAmp>),
    /// A BOLT 12 offer.
    #[cfg(feature = "offers")]
    Offer(Box<super::offers::PayOffer>),
    /// The next payment of a stream.
    Stream(PayStream),
    /// An on-chain payment.
    Onchain(Box<SendOnchain>),
}

impl From<PayInvoice> for Order {
    fn from(pay: PayInvoice) -> Self {
        Self::Invoice(Box::new(pay))
    }
}

impl From<Keysend> for Order {
    fn from(keysend: Keysend) -> Self {
        Self::Keysend(keysend)
    }
}

impl From<PayAmp> for Order {
    fn from(pay: PayAmp) -> Self {
        Self::Amp(Box::new(pay))
    }
}

#[cfg(feature = "offers")]
impl From<super::offers::PayOffer> for Order {
    fn from(pay: super::offers::PayOffer) -> Self {
        Self::Offer(Box::new(pay))
    }
}

impl From<PayStream> for Order {
    fn from(pay: PayStream) -> Self {
        Self::Stream(pay)
    }
}

impl From<SendOnchain> for Order {
    fn from(send: SendOnchain) -> Self {
        Self::Onchain(Box::new(send))
    }
}

/// A payment, checked, with what submits it.
pub(super) struct Prepared<'a> {
    pub payment: Payment,
    pub max_fee_msat: Msat,
    pub owner: Owner,
    /// Submits it: to LDK, or to the on-chain wallet.
    pub submit: Box<dyn Fn() -> Result<(), SubmitError> + 'a>,
}

/// A refused submission.
pub(super) enum SubmitError {
    /// LDK found no route, or refused; newer routing data may help.
    Ldk(Bolt11PaymentError),
    /// Trying again does not help.
    #[cfg(feature = "offers")]
    Final(super::error::PayError),
}

/// An on-chain payment. `now`: seconds since the UNIX epoch.
pub(super) fn onchain<'a>(
    onchain: &'a Onchain,
    send: &'a SendOnchain,
    now: u64,
) -> Result<Prepared<'a>, TooMuch> {
    let SendOnchain { signed, address } = send;
    let id = payment_id(signed.tx.compute_txid());
    let (amount_msat, fee_msat) = (Msat::from_sat(signed.amount_sat)?, Msat::from_sat(signed.fee_sat)?);
    let payment = Payment {
        amount_msat: Some(amount_msat),
        fee_msat: Some(fee_msat),
        payee: Some(address.to_string()),
        ..Payment::onchain(id, Direction::Outbound, PaymentKind::Onchain, now)
    };
    let submit = Box::new(|| {
        onchain.submit(signed);
        Ok(())
    });
    Ok(Prepared { payment, max_fee_msat: fee_msat, owner: Owner::Payment, submit })
}
