//! Channels of lost installations, as a page sees them.

use serde::{Deserialize, Serialize};

use crate::NodeId;
use crate::lost::{ListedChannel, LostChannel, LostState};

/// What a restored wallet knows of the channels that earlier installations of its recovery phrase had. Money that their closes
/// paid is part of [`super::Balance::closing_sat`] until it is in the savings, and an entry of the history then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct LostChannels {
    /// True if gateways are asked to close them ([`super::Request::CloseLostChannels`]).
    pub asks_to_close: bool,
    /// Gateways that were asked since the wallet was opened.
    pub gateways: Vec<LostAnswer>,
}

/// A gateway's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct LostAnswer {
    /// Node id of the gateway, in hex.
    pub gateway: NodeId,
    /// Time of its answer (seconds since the UNIX epoch); null: it has not answered yet.
    pub answered_at: Option<u64>,
    /// True if its clock and this device's differ by more than a day, so that it tells nothing: set the clock.
    pub wrong_time: bool,
    /// Lost installations that have channels with it, or had.
    pub installations: Vec<LostInstallation>,
}

/// An installation that a gateway knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct LostInstallation {
    /// Its node id, in hex.
    pub node_id: NodeId,
    /// State of its channels with this gateway.
    pub state: LostState,
    /// Time at which they will be closed (seconds since the UNIX epoch), while `state` says that they will; null otherwise.
    pub closes_at: Option<u64>,
    /// The channels.
    pub channels: Vec<LostChannel>,
    /// All its channels, with whatever peer, as it has left a list of them with the gateway: who to ask, and what to expect.
    pub listed: Vec<ListedChannel>,
}
