//! Notices: messages of the engine without a request.

use serde::Serialize;

use super::{Balance, Payment, Status};
use crate::{ChannelId, Msat};

/// A durable event: something that happened to money. Stored, delivered at least once, removed when acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Number, which rises by one with each event of this wallet; [`super::Request::Ack`] takes it.
    pub id: u64,
    /// Time of the event.
    pub at: u64,
    /// Kind.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// Kind of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum EventKind {
    /// This wallet was paid.
    PaymentReceived {
        /// The payment.
        payment: Box<Payment>,
    },
    /// A payment by this wallet succeeded, with proof.
    PaymentSent {
        /// The payment.
        payment: Box<Payment>,
    },
    /// A payment by this wallet failed, and no funds were sent; or one to it, which had been received, was taken back on chain by its
    /// payer (its direction tells).
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
    /// A budget has used 80 or 100 % of one of its limits; notified once per window.
    BudgetUsed {
        /// Its holder.
        holder: String,
        /// Percentage that is used: 80 or 100.
        percent: u8,
        /// Amount spent, fees included.
        spent_msat: Msat,
        /// Maximum.
        limit_msat: Msat,
        /// Time at which the limit begins again (seconds since the UNIX epoch); `None`: it does not.
        until: Option<u64>,
    },
    /// A budget that another draws from has less left than the other's own limits; notified once per window.
    BudgetLow {
        /// Holder of the budget that draws.
        holder: String,
        /// Holder of the one that is low.
        parent: String,
        /// Amount that it has left.
        left_msat: Msat,
    },
    /// A channel's funding is known.
    ChannelPending {
        /// Channel id, in hex.
        channel_id: ChannelId,
    },
    /// A channel can be used.
    ChannelReady {
        /// Channel id, in hex.
        channel_id: ChannelId,
    },
    /// A channel was closed.
    ChannelClosed {
        /// Channel id, in hex.
        channel_id: ChannelId,
        /// Reason, for a user.
        reason: String,
    },
}

/// Notice that the engine sends to every connected page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
    /// A payment's entry in the history changed.
    PaymentChanged {
        /// The entry, now.
        payment: Box<Payment>,
    },
    /// The engine had to stop: another writer took the wallet over, or the storage is lost. Nothing more comes.
    Stopped {
        /// Reason and remedy.
        error: super::WalletError,
    },
}
