//! What requests ask with and return, beside the money itself.

use serde::{Deserialize, Serialize};

use crate::{ChannelId, PaymentId};

/// A query of the history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct HistoryQuery {
    /// Id of the payment to start after; `None`: from the newest.
    pub before: Option<PaymentId>,
    /// Maximum number of payments, 100 at most.
    pub limit: u32,
}

/// Whether a gateway is asked for a channel before an invoice is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum ChannelOnDemand {
    /// Never: what is in the way is said in [`PaymentRequest::missing`].
    #[default]
    Never,
    /// When the channels that there are, those on their way included, cannot carry the amount. There is an invoice only if it can be
    /// paid then.
    IfNeeded,
}

/// A channel that a gateway opened for an amount. It costs nothing now: its funding is the gateway's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct RequestedChannel {
    /// Channel id, in hex.
    pub channel_id: ChannelId,
    /// The gateway's node id, in hex.
    pub gateway: String,
    /// Capacity, in sat.
    pub capacity_sat: u64,
    /// True if it is used without confirmation: until a block holds its funding, money in it is the gateway's word.
    pub trusted: bool,
}

/// A request to be paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PaymentRequest {
    /// BOLT 11 text.
    pub invoice: String,
    /// Payment hash, in hex; the payment's id in the history. Of an invoice for AMP it is none: each payment has an id of its own,
    /// and names the invoice.
    pub payment_hash: PaymentId,
    /// Time at which it stops being payable.
    pub expires_at: u64,
    /// Reason for which the wallet cannot receive the amount now, with the remedy; null: it can.
    pub missing: Option<super::WalletError>,
    /// The channel that was opened for it; left out: none had to be.
    #[cfg_attr(feature = "ts", ts(optional))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<RequestedChannel>,
}
