//! Messages between a wallet and a gateway's node beside those of the BOLTs.
//!
//! Over BOLT 8, so both sides are authenticated: custom messages (BOLT 1: odd, so that a peer without them ignores
//! them) of type [`MESSAGE_TYPE`] whose body is the JSON of a [`Message`], at most [`MAX_MESSAGE`] bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ChannelId;

/// BOLT 1 message type, odd and in the experimental range (32768..=65535).
pub const MESSAGE_TYPE: u16 = 42_711;

/// Maximum length of a body, in bytes.
pub const MAX_MESSAGE: usize = 4 * 1024;

/// A request or a response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Message {
    /// Request of the wallet: the gateway's terms.
    GetTerms,
    /// Response of the gateway: its terms. Also sent without a request when they change.
    Terms(ChannelTerms),
    /// Request of the wallet: a channel to it.
    RequestChannel {
        /// Id chosen by the wallet; echoed.
        request_id: u64,
        /// Capacity, in sat.
        capacity_sat: u64,
        /// Token of the gateway's operator, where the wallet has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
    },
    /// Response of the gateway: the channel is being opened; `open_channel` follows.
    ChannelComing {
        /// Id of the request.
        request_id: u64,
    },
    /// Response of the gateway after [`ChannelComing`](Self::ChannelComing): both sides have signed the funding, the gateway
    /// durably.
    ChannelOpened {
        /// Id of the request.
        request_id: u64,
        /// The channel.
        channel_id: ChannelId,
    },
    /// Response of the gateway: no channel.
    ChannelRefused {
        /// Id of the request.
        request_id: u64,
        /// Reason.
        reason: ChannelRefusal,
    },
}

/// What a gateway answers at `/rates/v1`: prices of bitcoin in other currencies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rates {
    /// Price of one bitcoin, by currency (ISO 4217).
    pub per_btc: BTreeMap<String, f64>,
    /// Hosts of the sources that they come from.
    pub sources: Vec<String>,
    /// Time of the oldest of them, in seconds since the UNIX epoch.
    pub at: u64,
}

/// Terms on which a gateway opens channels to wallets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ChannelTerms {
    /// True if it opens channels to wallets.
    pub opens_channels: bool,
    /// True if it does so only for wallets with a token of its operator.
    #[serde(default)]
    pub needs_token: bool,
    /// Minimum capacity, in sat, of channels that either side opens.
    pub min_capacity_sat: u64,
    /// Maximum capacity, in sat.
    pub max_capacity_sat: u64,
    /// Maximum number of channels per wallet.
    pub max_channels_per_peer: u32,
    /// True if its channels can be used before confirmation.
    pub zero_conf: bool,
    /// Base fee for forwarding, in msat.
    pub fee_base_msat: u32,
    /// Proportional fee for forwarding, in parts per million.
    pub fee_ppm: u32,
    /// Base URL of backups of wallets (the Versioned Storage Service's operations are below it), where it offers them.
    #[cfg_attr(feature = "ts", ts(optional))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_url: Option<String>,
}

/// Response of `GET` at `info` below a backup's base URL: what is offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupTerms {
    /// True if wallets that have no backup there may begin one.
    pub takes_new: bool,
    /// Maximum size of a wallet's backup, in bytes.
    pub max_bytes: u64,
    /// Maximum number of keys in it.
    pub max_keys: u64,
}

/// Reason for which a gateway does not open a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ChannelRefusal {
    /// It opens none.
    Disabled,
    /// It opens channels only with a token, and this request had none that holds.
    Token {
        /// What is wrong with it.
        problem: TokenProblem,
    },
    /// It opens channels only to wallets that its operator has listed, and this is none of them.
    NotAllowed,
    /// Below or above its limits.
    Size {
        /// Minimum capacity, in sat.
        min_sat: u64,
        /// Maximum capacity, in sat.
        max_sat: u64,
    },
    /// This wallet has the maximum number of channels.
    TooManyChannels {
        /// Maximum per wallet.
        limit: u32,
    },
    /// As many as its operator allows are open.
    AllGiven,
    /// It has opened as many as its operator allows within an hour or a day, in all or to this wallet's address.
    LimitReached {
        /// Seconds after which there may be room again.
        retry_after_secs: u64,
    },
    /// It has not enough money on-chain now.
    NoFunds,
    /// Something failed on its side.
    Failed {
        /// Message for a user.
        message: String,
    },
}

/// Defect of a token for a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TokenProblem {
    /// There was none.
    Missing,
    /// The gateway does not know it, or its operator has revoked it.
    Unknown,
    /// Its time is over.
    Expired,
    /// The channels that it was for have been opened, or the rest is less than this one.
    UsedUp,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn messages_without_tokens_are_read_as_before() {
        let old = r#"{"requestChannel":{"requestId":7,"capacitySat":100000}}"#;
        let read: Message = serde_json::from_str(old).unwrap();
        assert_eq!(read, Message::RequestChannel { request_id: 7, capacity_sat: 100_000, token: None });
        assert_eq!(serde_json::to_string(&read).unwrap(), old, "and written so, for gateways of before");
        let old = r#"{"opensChannels":true,"minCapacitySat":1,"maxCapacitySat":2,"maxChannelsPerPeer":3,"zeroConf":true,"feeBaseMsat":4,"feePpm":5}"#;
        let read: ChannelTerms = serde_json::from_str(old).unwrap();
        assert_eq!((read.needs_token, read.backup_url), (false, None));
    }
}
