//! The status of a wallet: its connections, the chain, and what the user has to know.

use serde::{Deserialize, Serialize};

use super::{ChainStatus, Network};
use crate::NodeId;

/// The connection to a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Connection {
    /// Being made.
    Connecting,
    /// Up.
    Connected,
    /// Not made any more, because this is an old copy of the wallet.
    Off,
    /// Down; tried again at `until`.
    Waiting {
        /// Time at which it is tried again (seconds since the UNIX epoch).
        until: u64,
        /// Reason for which the last one ended, with the remedy.
        error: super::WalletError,
    },
}

/// A gateway and its connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct GatewayStatus {
    /// Node id, in hex.
    pub node_id: NodeId,
    /// URL at which it is reached.
    pub url: String,
    /// The connection.
    pub connection: Connection,
    /// Terms, once it has sent them.
    pub terms: Option<crate::gateway::ChannelTerms>,
}

/// A warning for the user; the page has a text with the remedy for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Warning {
    /// This storage is an old copy of the wallet: its channels rest, only savings can be used. Use the wallet where it was used last.
    OldCopy,
    /// A gateway claims, without proof, that this wallet was used elsewhere since: channels rest for ten minutes at most.
    LaterState,
    /// Another copy of this wallet was connected since this one: use the wallet in one place only.
    UsedElsewhere,
    /// A gateway has channels with another installation of this recovery phrase: use that one, or restore from the phrase.
    OtherInstallation,
    /// Not synced for 7 days or more: open the wallet with a working connection soon.
    LongUnsynced,
    /// On-chain money cannot pay the fee of a forced close: deposit some before opening a channel.
    NoAnchorReserve,
    /// One operator's chain sources only: it could hide new blocks and the closing of a channel, and drop transactions that
    /// are sent through it.
    SingleSource,
    /// Chain sources disagree.
    SourcesDisagree,
    /// The newest block is three hours old or more ([`ChainStatus::tip_age`]).
    OldTip,
    /// The backup's server was restored from an older copy of its own: everything was sent to it again.
    BackupWasOlder,
}

/// When a wallet has to be open again, for a while and with a connection, so that no channel's money is at risk: a gateway that
/// cheats is punished in time, and what was received is claimed before it expires. It moves on with each block that the wallet sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct SafeUntil {
    /// Block height.
    pub height: u32,
    /// Time at which that block is expected, at one in ten minutes (seconds since the UNIX epoch).
    pub at: u64,
}

/// Status of the wallet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Network of this wallet.
    pub network: Network,
    /// This wallet's node id, in hex.
    pub node_id: NodeId,
    /// True if a payment could be sent now.
    pub able_to_pay: bool,
    /// The chain.
    pub chain: ChainStatus,
    /// The gateways, as configured.
    pub gateways: Vec<GatewayStatus>,
    /// Warnings for the user.
    pub warnings: Vec<Warning>,
    /// On-chain deposit that closing channels need so that their transactions confirm in time, in sat; 0: none.
    #[serde(default)]
    pub deposit_needed_sat: u64,
    /// Channels of earlier installations of the recovery phrase; only of a wallet that was restored from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub lost: Option<super::LostChannels>,
    /// Until when this wallet may stay closed; `None`: as long as one likes.
    #[serde(default)]
    pub safe_until: Option<SafeUntil>,
    /// The reason why nothing can be saved, while it cannot.
    pub storage: Option<super::StorageTrouble>,
    /// The remote backup; null: there is none.
    #[serde(default)]
    pub backup: Option<super::BackupStatus>,
    /// Names of stored records of the history and of budgets that cannot be read: they are passed over and kept, the rest is used.
    pub damaged: Vec<String>,
    /// Number of storage transactions since the engine started (measured: at most 4 per payment).
    pub commits: u64,
}
