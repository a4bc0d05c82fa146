//! Messages by which a wallet that has nothing but its recovery phrase asks gateways for the channels of its earlier installations.
//!
//! Over BOLT 8, so both sides are authenticated: custom messages (BOLT 1: odd) of type [`MESSAGE_TYPE`] whose body is the JSON of a
//! [`Message`], at most [`MAX_MESSAGE`] bytes. They go to peers only that have [`BIT`] in `init`.
//!
//! A restored wallet has a node id of its own. That it has the keys of the earlier ones it shows by a signature of each over a
//! [`statement`], which names both sides, the time and what is asked. It is not the one that `signMessage` makes, so no site can have
//! it made. The gateway tells nothing of a node id without its signature. When it is asked to close, it waits: a node that connects
//! meanwhile is not lost, and its channels stay open.

use serde::{Deserialize, Serialize};

use crate::{ChannelId, NodeId};

/// BOLT 1 message type, odd and in the experimental range (32768..=65535).
pub const MESSAGE_TYPE: u16 = 42_717;

/// Maximum length of a body, in bytes.
pub const MAX_MESSAGE: usize = 56 * 1024;

/// Maximum length of an encrypted list of channels, in characters.
pub const MAX_LIST: usize = 48 * 1024;

/// Maximum number of channels in such a list.
pub const MAX_LISTED: usize = 50;

/// Feature bit in the `init` of a node that answers: a gateway. Odd: optional.
pub const BIT: usize = 287;

/// Maximum number of node ids in a question.
pub const MAX_NODES: usize = 32;

/// Maximum number of channels of one node in an answer.
pub const MAX_CHANNELS: usize = 20;

/// Maximum number of further installations that are kept of a phrase, the newest last.
pub const MAX_NUMBERS: usize = 12;

/// Maximum difference between the time in a statement and the gateway's clock, in seconds.
pub const MAX_AGE_SECS: u64 = 24 * 3600;

/// A question of the wallet or an answer of the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Message {
    /// Of the wallet: what do you have with these nodes?
    Ask {
        /// The wallet's clock, in seconds since the UNIX epoch.
        time: u64,
        /// True if the user says that their storages are lost and asks to close their channels.
        close: bool,
        /// Number of the asking wallet's own installation of the phrase: above those that are guessed. While it has a channel with the
        /// gateway, it is kept with the first of `claims`, so that this wallet is found, too, when it is lost.
        number: u32,
        /// The nodes, each with its proof, in the order of their numbers.
        claims: Vec<Claim>,
    },
    /// Of the gateway: it has channels with this one of them, or had. One message for each.
    Answer(Answer),
    /// Of the gateway: that was all.
    Answered,
    /// Of a wallet, for itself: the list of its channels, with whatever peer. Kept of a node that has a channel with the gateway, until a
    /// newer one comes.
    Keep {
        /// The wallet's clock, in seconds since the UNIX epoch.
        time: u64,
        /// Encrypted with a key of the wallet's, in hex: [`MAX_LIST`] characters at most.
        list: String,
    },
    /// Of the gateway: the time in the question is more than [`MAX_AGE_SECS`] from its own.
    WrongTime {
        /// The gateway's clock, in seconds since the UNIX epoch.
        now: u64,
    },
}

/// A proof that the asking wallet has the key of another node id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// The node id.
    pub node_id: NodeId,
    /// ECDSA, compact, in hex: over the SHA-256 of the [`statement`].
    pub signature: String,
}

/// What a gateway has with a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The node id.
    pub node_id: NodeId,
    /// State of the channels.
    pub state: LostState,
    /// Time at which they will be closed, in seconds since the UNIX epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closes_at: Option<u64>,
    /// The channels.
    pub channels: Vec<LostChannel>,
    /// Numbers of further installations of its phrase ([`Message::Ask`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<u32>,
    /// The newest list that the node has left ([`Message::Keep`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
}

/// State of the channels that a gateway has with a lost node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum LostState {
    /// Open; nobody has asked to close them.
    Open,
    /// Open, and the node is connected, or was since it was asked to close them: it is not lost.
    InUse,
    /// They will be closed, unless the node connects before.
    Closing,
    /// Closed: the gateway has broadcast its commitments.
    Closed,
}

/// What came of asking a peer that is no gateway, as a lost node, to close its channels with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum LostPeerState {
    /// It was not asked yet.
    Untried,
    /// It could not be reached, or did not answer.
    Unreachable,
    /// It hung up before it was asked. It may be connected to the node itself, which is then not lost.
    HungUp,
    /// It answered, and has no channel with the node.
    Silent,
    /// It was told that their state is lost, at which it closes them.
    Asked,
    /// It is a gateway: connected to as one, it is asked there.
    Gateway,
    /// Their closes are on the chain.
    Closed,
}

/// A channel of a lost node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct LostChannel {
    /// Its id.
    pub channel_id: ChannelId,
    /// Its capacity, in sat.
    pub capacity_sat: u64,
    /// What the gateway's commitment pays to the wallet, in sat, about: fees and HTLCs may take from it.
    pub wallet_sat: u64,
}

/// A channel in a wallet's own list of its channels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ListedChannel {
    /// The peer, in hex.
    pub peer: NodeId,
    /// Its address; null: it is not known.
    pub address: Option<String>,
    /// Id of the channel.
    pub channel_id: ChannelId,
    /// `txid:vout` of its funding.
    pub funding: String,
    /// Its capacity, in sat.
    pub capacity_sat: u64,
}

/// The text that a claim's signature is over: `node` says to `gateway`, at `time`, that `asker` is the same user's.
#[must_use]
pub fn statement(gateway: &NodeId, asker: &NodeId, node: &NodeId, time: u64, close: bool) -> String {
    let what = if close { "close" } else { "find" };
    format!("amplet: channels of a lost wallet 1\n{what}\n{gateway}\n{asker}\n{node}\n{time}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_largest_messages_fit() {
        let claim = Claim { node_id: NodeId([0xff; 33]), signature: "f".repeat(128) };
        let ask =
            Message::Ask { time: u64::MAX, close: false, number: u32::MAX, claims: vec![claim; MAX_NODES] };
        let channel = LostChannel {
            channel_id: ChannelId([0xff; 32]),
            capacity_sat: 2_100_000_000_000_000,
            wallet_sat: 2_100_000_000_000_000,
        };
        let (state, closes_at) = (LostState::Closing, Some(u64::MAX));
        let list = "f".repeat(MAX_LIST);
        let keep = Message::Keep { time: u64::MAX, list: list.clone() };
        let (node_id, channels, list) = (NodeId([0xff; 33]), vec![channel; MAX_CHANNELS], Some(list));
        let numbers = vec![u32::MAX; MAX_NUMBERS];
        let answer = Message::Answer(Answer { node_id, state, closes_at, channels, numbers, list });
        for message in [ask, keep, answer] {
            let json = serde_json::to_vec(&message).unwrap();
            assert!(json.len() <= MAX_MESSAGE, "{}", json.len());
            assert_eq!(serde_json::from_slice::<Message>(&json).unwrap(), message);
        }
    }

    #[test]
    fn the_longest_list_of_channels_fits() {
        let listed = ListedChannel {
            peer: NodeId([0xff; 33]),
            address: Some(format!("{}@wss://{}.example:65535/lightning/v1", "f".repeat(66), "g".repeat(60))),
            channel_id: ChannelId([0xff; 32]),
            funding: format!("{}:65535", "f".repeat(64)),
            capacity_sat: 2_100_000_000_000_000,
        };
        let json = serde_json::to_vec(&vec![listed; MAX_LISTED]).unwrap();
        // LDK adds 48 bytes.
        assert!((json.len() + 48) * 2 <= MAX_LIST, "{}", json.len());
    }

    #[test]
    fn a_statement_to_find_is_none_to_close() {
        let id = NodeId([2; 33]);
        assert_ne!(statement(&id, &id, &id, 1, true), statement(&id, &id, &id, 1, false));
    }
}
