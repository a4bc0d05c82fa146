//! The parts of a payment: what the flow picture draws.

use serde::{Deserialize, Serialize};

/// What became of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum PartState {
    /// On its way, or held by the payee until all parts are there.
    Pending,
    /// The payee has it.
    Succeeded,
    /// It came back; what it carried is sent again by other parts.
    Failed,
}

/// One channel of a part's path and the node that it leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PartHop {
    /// The channel's short id or alias, `BLOCKxTXxOUT` (BOLT 7).
    pub channel: String,
    /// The id of the node at its far end, in hex.
    pub node: String,
}

/// One part of an outbound Lightning payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PaymentPart {
    /// The channels that it crosses: the first is this wallet's own, the last ends at the payee (at the introduction
    /// node, when the payee hides behind a BOLT 12 blinded path).
    pub path: Vec<PartHop>,
    /// What the payee gets by it.
    pub amount_msat: u64,
    /// What it costs above that.
    pub fee_msat: u64,
    /// What became of it.
    pub state: PartState,
    /// How probable it was, in millionths, that it would arrive, by what was known when it left. `None`: not estimated.
    pub probability_ppm: Option<u32>,
    /// Where it failed, when that is known: index in `path` of the channel that did not carry it.
    pub failed_at: Option<u32>,
}
