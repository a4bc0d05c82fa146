//! What can go wrong with a node.

use amplet_budget::Denied;
use amplet_chain::{BroadcastError, ChainError};
use amplet_protocol::page::WalletError;
use amplet_storage::StoreError;
use lightning::ln::msgs::DecodeError;
use lightning::util::errors::APIError;

use crate::ledger::LedgerError;
use crate::onchain::{OnchainError, OpenError};
use crate::streams::StreamError;

/// Why a node could not be opened, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The history failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The savings failed.
    #[error(transparent)]
    Onchain(#[from] OpenError),
    /// The chain failed.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The keys could not be derived.
    #[error(transparent)]
    Keys(#[from] crate::keys::KeyError),
    /// LDK cannot read what it wrote.
    #[error(
        "the stored {what} cannot be read ({reason:?}); do not delete this wallet: update, or send the diagnostics to the developers"
    )]
    Corrupt {
        /// Which part.
        what: String,
        /// LDK's reason.
        reason: DecodeError,
    },
    /// Parts of the stored state are at different blocks and no chain source could bring them together.
    #[error(
        "the wallet was interrupted while it read blocks and no chain source can be reached to go on: connect to the network and open it again"
    )]
    Unsynced,
}

/// Why a channel operation was refused.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The peer is not connected.
    #[error("the gateway is not connected; wait for the connection, then try again")]
    NotConnected,
    /// No such channel.
    #[error("there is no channel {0}; it may have been closed already")]
    Unknown(String),
    /// The savings do not suffice, or not for such a transaction.
    #[error(transparent)]
    Onchain(#[from] OnchainError),
    /// The peer refused or hung up.
    #[error("the gateway did not open the channel: {0}; try another amount or another gateway")]
    Refused(String),
    /// LDK refused.
    #[error("{}", text(.0))]
    Ldk(APIError),
    /// It took too long.
    #[error("the gateway did not answer in time; nothing was spent, try again later")]
    Timeout,
    /// The node is closing.
    #[error("the wallet is being closed")]
    Closing,
}

fn text(error: &APIError) -> String {
    match error {
        APIError::APIMisuseError { err } | APIError::ChannelUnavailable { err } => err.clone(),
        other => format!("{other:?}"),
    }
}

/// Why an invoice was not made or not paid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayError {
    /// Paid already, or being paid.
    #[error("this invoice was paid already, or a payment of it is under way; see the history")]
    Duplicate,
    /// Made by this node itself.
    #[error("this is an invoice of this wallet itself; show it to the payer")]
    Own,
    /// The invoice has no amount and none was given, or the amount given is below the invoice's.
    #[error("the amount does not fit the invoice: give one only when the invoice has none")]
    Amount,
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
    /// The budget gives no money for it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The offer cannot be paid.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// The stream does not take it.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The network refused the transaction (it is forgotten), or could not be reached (it is kept and sent again).
    #[error(transparent)]
    Broadcast(#[from] BroadcastError),
    /// LDK refused to make an invoice.
    #[error("the invoice could not be made: {0}")]
    Invoice(String),
}

/// Why an offer is not paid.
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
