//! Payments that were refused before funds were sent.

use amplet_budget::BudgetDenial;
use amplet_chain::BroadcastError;
use amplet_protocol::page::{ErrorCode, WalletError};
use amplet_protocol::{Msat, TooMuch};

use crate::ldk::unsaved::Unsaved;

/// A stream that does not take a payment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// Not a session's name.
    #[error("a session's name has 1 to 64 bytes, this one has {0}; use the one that the payee gave")]
    Session(usize),
    /// It has ended, or never was.
    #[error("this stream has ended; open a new one")]
    Ended,
    /// The payee does not take what was sent.
    #[error("{0} are in flight and the payee has not taken them; wait until it has")]
    Stalled(Msat),
}

/// An invoice was not made, or a payment was refused: no funds were sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayError {
    /// Paid already, or being paid.
    #[error("this invoice was paid already, or a payment of it is in flight; see the history")]
    Duplicate,
    /// This storage is an old copy.
    #[error(
        "this is an old copy of the wallet, so Lightning payments are off: use the wallet where it was used last; savings can be used here, too"
    )]
    OldCopy,
    /// Made by this node itself.
    #[error("this is an invoice of this node itself; show it to the payer")]
    Own,
    /// The invoice has no amount and none was given, or the amount given is below the invoice's.
    #[error("the amount does not fit the invoice: give one only when the invoice has none")]
    Amount,
    /// More than all bitcoin.
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
    /// No invoice of this node that waits has this id, or its payment is arriving.
    #[error(
        "no unpaid invoice of this wallet has this id, or its money is arriving already; see the history"
    )]
    NotWaiting,
    /// No invoice that is paid by AMP.
    #[error("this invoice is not one for AMP; ask the payee for a new one")]
    NotAmp,
    /// It has expired.
    #[error("this invoice has expired; ask the payee for a new one")]
    Expired,
    /// No route; why, and what would work ([`WalletError::no_route`]).
    #[error(transparent)]
    NoRoute(Box<WalletError>),
    /// A custom record that may not be sent.
    #[error(
        "a custom record's type is 65536 or greater, is given once, and is none that Lightning uses itself (77777, 5482373484)"
    )]
    Records,
    /// The instructions do not fit a Lightning packet.
    #[error(
        "this payment carries more data than Lightning transports: ask the payee for a simpler invoice, or send fewer records"
    )]
    TooLarge,
    /// Blocks that passed while the node was away are not read yet.
    #[error(
        "the wallet was away and its gateway is taking up the channel again: try again in a minute; nothing was sent"
    )]
    NotSynced,
    /// The budget gives no money for it.
    #[error(transparent)]
    Denied(#[from] BudgetDenial),
    /// The offer cannot be paid.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// The stream does not take it.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// Nothing can be saved now. An invoice or a stream that was being made may be saved later; it was not handed out.
    #[error(transparent)]
    Unsaved(#[from] Unsaved),
    /// The newest block is more than a day old: HTLCs would expire by another height than the one known here.
    #[error(
        "the newest block known here is {hours} hours old, too old to pay by: check this device's clock and connection, or configure another chain source"
    )]
    StaleTip {
        /// Its age.
        hours: u64,
    },
    /// All chain sources refuse the transaction that was to replace another one.
    #[error("the payment goes on as it was: {0}")]
    Replacement(#[source] BroadcastError),
    /// LDK refused to make an invoice.
    #[error("the invoice could not be made: {0}")]
    Invoice(String),
}

/// An offer that cannot be paid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// For another chain.
    #[error("this offer is for another Bitcoin network; ask the payee for one of this network")]
    Network,
    /// In another currency.
    #[error("this offer states its price in another currency than bitcoin; ask the payee for one in bitcoin")]
    Currency,
    /// Nobody takes the question there.
    #[error(
        "no connected node brings messages to the payee: connect to a gateway that relays them, then try again"
    )]
    Unreachable,
    /// LDK refuses it.
    #[error("this offer cannot be paid ({0}); ask the payee for another one")]
    Unusable(String),
}

impl PayError {
    /// The refusal as the history shows it.
    pub(super) fn to_wallet_error(&self) -> WalletError {
        match self {
            Self::NoRoute(error) => (**error).clone(),
            Self::OldCopy => WalletError::new(ErrorCode::OldCopy, self.to_string()),
            Self::StaleTip { .. } => WalletError::new(ErrorCode::ChainSource, self.to_string()),
            Self::Expired => WalletError::new(ErrorCode::Expired, self.to_string()),
            other => WalletError::new(ErrorCode::NoRoute, other.to_string()),
        }
    }
}
