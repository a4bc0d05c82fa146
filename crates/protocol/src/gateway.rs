//! What a wallet and a gateway's node say beside BOLT messages.
//!
//! Over BOLT 8, so both sides are authenticated: custom messages (BOLT 1: odd, so that a peer without them ignores
//! them) of type [`MESSAGE_TYPE`] whose body is the JSON of a [`Message`], at most [`MAX_MESSAGE`] bytes.

use serde::{Deserialize, Serialize};

/// BOLT 1 message type, odd and in the experimental range (32768..=65535).
pub const MESSAGE_TYPE: u16 = 42_711;

/// Longest body in bytes.
pub const MAX_MESSAGE: usize = 4 * 1024;

/// A request or an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Message {
    /// Wallet: what are your terms?
    GetTerms,
    /// Gateway: these. Also sent unasked when they change.
    Terms(ChannelTerms),
    /// Wallet: open a channel to me.
    RequestChannel {
        /// Chosen by the wallet; echoed.
        request_id: u64,
        /// Capacity, in sat.
        capacity_sat: u64,
    },
    /// Gateway: the channel is being opened; `open_channel` follows.
    ChannelComing {
        /// The wallet's.
        request_id: u64,
    },
    /// Gateway: no.
    ChannelRefused {
        /// The wallet's.
        request_id: u64,
        /// Why.
        reason: Refusal,
    },
}

/// On what terms a gateway opens channels to wallets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ChannelTerms {
    /// Whether it opens channels to wallets at all.
    pub opens_channels: bool,
    /// Smallest capacity, in sat, of channels either side opens.
    pub min_capacity_sat: u64,
    /// Greatest capacity, in sat.
    pub max_capacity_sat: u64,
    /// Channels allowed per wallet.
    pub max_channels_per_peer: u32,
    /// Whether its channels can be used before confirmation.
    pub zero_conf: bool,
    /// What it charges for forwarding: base.
    pub fee_base_msat: u32,
    /// What it charges for forwarding: parts per million.
    pub fee_ppm: u32,
}

/// Why a gateway does not open a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Refusal {
    /// It opens none.
    Disabled,
    /// Below or above its limits.
    Size {
        /// Smallest capacity, in sat.
        min_sat: u64,
        /// Greatest capacity, in sat.
        max_sat: u64,
    },
    /// This wallet has its share already.
    TooManyChannels {
        /// The limit.
        limit: u32,
    },
    /// It has not enough money on-chain now.
    NoFunds,
    /// Something failed on its side.
    Failed {
        /// For a user.
        message: String,
    },
}
