//! The parts of a payment, which the flow picture draws.

use serde::{Deserialize, Serialize};

use crate::{Msat, NodeId};

/// State of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum PartState {
    /// In flight, or held by the payee until all parts are there.
    Pending,
    /// The payee has it.
    Succeeded,
    /// It came back; its amount is sent again by other parts.
    Failed,
}

/// One channel of a part's path and the node that it leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PartHop {
    /// The channel's short id or alias, `BLOCKxTXxOUT` (BOLT 7).
    pub channel: String,
    /// Id of the node at its far end, in hex.
    pub node: NodeId,
}

/// One part of an outbound Lightning payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PaymentPart {
    /// The channels that it crosses: the first is this wallet's own, the last ends at the payee (at the introduction
    /// node, when the payee hides behind a BOLT 12 blinded path).
    pub path: Vec<PartHop>,
    /// Amount that the payee gets by it.
    pub amount_msat: Msat,
    /// Fee above that.
    pub fee_msat: Msat,
    /// State.
    pub state: PartState,
    /// Probability, in millionths, that it would arrive, as estimated when it was sent. `None`: not estimated.
    pub probability_ppm: Option<u32>,
    /// Index in `path` of the channel that did not carry it, when that is known.
    pub failed_at: Option<u32>,
}
