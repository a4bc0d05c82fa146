//! Channels of lost installations, as a page sees them.

use serde::{Deserialize, Serialize};

use crate::lost::{ListedChannel, LostChannel, LostPeerState, LostState};
use crate::{ChannelId, NodeId};

/// What a restored wallet knows of the channels that earlier installations of its recovery phrase had. Money that their closes
/// paid is part of [`super::Balance::closing_sat`] until it is in the savings, and an entry of the history then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct LostChannels {
    /// True if gateways and other peers are asked to close them ([`super::Request::CloseLostChannels`]).
    pub asks_to_close: bool,
    /// Gateways that were asked since the wallet was opened.
    pub gateways: Vec<LostAnswer>,
    /// Other peers that the lost installations had channels with, as far as their lists, or these peers, tell.
    pub peers: Vec<LostPeer>,
}

/// A peer that is no gateway, and an installation that had channels with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct LostPeer {
    /// Node id of the installation, in hex.
    pub node_id: NodeId,
    /// Node id of the peer, in hex.
    pub peer: NodeId,
    /// Its address; null: it is not known, so that nobody can ask it but its operator.
    pub address: Option<String>,
    /// What came of asking it.
    pub state: LostPeerState,
    /// Time of the last attempt (seconds since the UNIX epoch); null: there was none.
    pub tried_at: Option<u64>,
    /// Time from which on it is asked next (seconds since the UNIX epoch); null: it is not.
    pub asks_at: Option<u64>,
    /// Channels that the installation has listed with it.
    pub listed: Vec<ListedChannel>,
    /// Channels whose state the peer was told to be lost, listed or not.
    pub asked: Vec<ChannelId>,
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
