//! What the engine says without being asked.

use serde::{Deserialize, Serialize};

use super::{Balance, Payment, Status};

/// Something that happened to money. Stored, delivered at least once, gone when acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", try_from = "super::stored::Happening")]
pub struct Event {
    /// Rises by one with each event of this wallet; what [`super::Request::Ack`] takes.
    pub id: u64,
    /// When.
    pub at: u64,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum EventKind {
    /// An invoice of ours was paid.
    PaymentReceived {
        /// The payment.
        payment: Box<Payment>,
    },
    /// A payment of ours succeeded, with proof.
    PaymentSent {
        /// The payment.
        payment: Box<Payment>,
    },
    /// A payment of ours failed; no funds were sent.
    PaymentFailed {
        /// The payment.
        payment: Box<Payment>,
    },
    /// On-chain money arrived (unconfirmed or in a block).
    DepositSeen {
        /// The payment.
        payment: Box<Payment>,
    },
    /// On-chain money was confirmed.
    DepositConfirmed {
        /// The payment.
        payment: Box<Payment>,
    },
    /// A budget has used 80 or 100 % of one of its limits; told once per window.
    BudgetUsed {
        /// Who holds it.
        holder: String,
        /// 80 or 100.
        percent: u8,
        /// So much is spent, fees included.
        spent_msat: u64,
        /// Of so much.
        limit_msat: u64,
        /// When the limit begins anew (seconds since the UNIX epoch); `None`: it does not.
        until: Option<u64>,
    },
    /// A budget that another draws from has less left than the other's own limits; told once per window.
    BudgetLow {
        /// Who holds the budget that draws.
        holder: String,
        /// Who holds the one that is low.
        parent: String,
        /// It has so much left.
        left_msat: u64,
    },
    /// A channel's funding is known.
    ChannelPending {
        /// Channel id, in hex.
        channel_id: String,
    },
    /// A channel can be used.
    ChannelReady {
        /// Channel id, in hex.
        channel_id: String,
    },
    /// A channel was closed.
    ChannelClosed {
        /// Channel id, in hex.
        channel_id: String,
        /// Why, for a user.
        reason: String,
    },
}

/// What the engine sends to every connected page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "notice", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Notice {
    /// A durable event, sent again to a page that connects until somebody acknowledged it.
    Event {
        /// The event.
        event: Event,
    },
    /// The state changed (connection, chain, channels, balance); not stored.
    Changed {
        /// All of it, now.
        status: Box<Status>,
        /// The money, now.
        balance: Balance,
    },
    /// A payment's line of the history changed.
    PaymentChanged {
        /// The line, now.
        payment: Box<Payment>,
    },
    /// The engine had to stop: another writer took the wallet over, or the storage is lost. Nothing more comes.
    Stopped {
        /// Why, and what to do.
        error: super::WalletError,
    },
}
