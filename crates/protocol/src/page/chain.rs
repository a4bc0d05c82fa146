//! State of the chain, as a page sees it.

use serde::{Deserialize, Serialize};

/// Age of the newest block known, where blocks come by themselves (on regtest every tip is recent).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum TipAge {
    /// Less than three hours.
    #[default]
    Recent,
    /// Three hours or more: the sources withhold blocks, or this device's clock is wrong.
    Old,
    /// A day or more: Lightning payments are refused, in and out, since HTLCs expire by a height that is not known here.
    Stale,
}

/// State of the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ChainStatus {
    /// Height of our tip.
    pub height: u32,
    /// Hash of our tip, in hex.
    pub hash: String,
    /// Time in our tip's header.
    pub time: u64,
    /// Age of our tip: by its header's time, or for as long as nothing newer has come.
    pub tip_age: TipAge,
    /// True if the wallet has seen every block up to the sources' tip, and that is not stale.
    pub synced: bool,
    /// Time at which the sources last responded; `None`: not since the wallet was opened.
    pub checked_at: Option<u64>,
    /// Number of blocks left to read, while not synced.
    pub blocks_left: u32,
    /// Trust in the sources.
    pub trust: Trust,
    /// Reason for which the last check failed, with the remedy.
    pub error: Option<super::WalletError>,
}

/// The trust in chain sources that remains (docs/architecture.md, invariant 7).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Trust {
    /// Number of sources that are configured.
    pub sources: u32,
    /// Number of them that agree on the tip and the filters.
    pub agreeing: u32,
    /// Sources that were caught giving wrong data.
    pub misbehaving: Vec<String>,
}
