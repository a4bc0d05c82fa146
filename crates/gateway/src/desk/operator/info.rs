//! The state of the node, as the operator sees it.

use amplet_node::TowerReport;
use amplet_protocol::NodeId;
use serde::Serialize;

use crate::desk::amount::MsatText;
use crate::desk::reminders::Away;

/// State of the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    /// The node's public key.
    pub node_id: NodeId,
    /// Addresses: `<node id>@<URL>`, the relay first.
    pub addresses: Vec<String>,
    /// `mainnet`, `testnet4`, `signet` or `regtest`.
    pub network: &'static str,
    /// The release.
    pub version: &'static str,
    /// Height of the newest block that the node has seen.
    pub height: u32,
    /// True if that is the source's newest block and the source answers.
    pub synced: bool,
    /// Error of the last attempt to read the source.
    pub chain_error: Option<String>,
    /// The node's side of its open channels: reserves included, HTLCs in flight not.
    pub lightning_msat: MsatText,
    /// In flight from the node, and to it; forwarded HTLCs are in both.
    pub pending_outbound_msat: MsatText,
    /// See `pending_outbound_msat`.
    pub pending_inbound_msat: MsatText,
    /// The part of `lightning_msat` that stays in the channels while they are open.
    pub channel_reserve_msat: MsatText,
    /// The part of `lightning_msat` that closing all channels by their commitment transactions would cost now.
    pub close_cost_msat: MsatText,
    /// Confirmed on-chain money, in sat.
    pub onchain_sat: u64,
    /// Unconfirmed on-chain money, in sat.
    pub onchain_pending_sat: u64,
    /// The part of the on-chain money held back so that channels can be closed at any fee, in sat.
    pub reserve_sat: u64,
    /// Number of channels.
    pub channels: usize,
    /// Node ids of the connected peers.
    pub peers: Vec<NodeId>,
    /// Connections of wallets and nodes now.
    pub connections: usize,
    /// What is kept to punish the peers of wallets.
    pub watchtower: Watchtower,
    /// Wallets with channels that are not connected, the most urgent first.
    pub away: Vec<Away>,
}

/// The watchtower, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Watchtower {
    /// Wallets of which something is kept.
    pub wallets: usize,
    /// Revoked states that are kept.
    pub states: usize,
    /// Revoked commitments that were found on the chain and are being punished.
    pub punishing: usize,
    /// Those that were punished since the start.
    pub punished: u64,
}

impl From<TowerReport> for Watchtower {
    fn from(report: TowerReport) -> Self {
        let TowerReport { wallets, states, punishing, punished } = report;
        Self { wallets, states, punishing, punished }
    }
}
