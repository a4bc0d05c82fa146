//! Messages by which gateways keep how far a wallet has come, so that an old copy of its storage is recognised, and two live
//! ones are told apart.
//!
//! Over BOLT 8, so both sides are authenticated: custom messages (BOLT 1: odd) of type [`MESSAGE_TYPE`] whose body is the JSON of a
//! [`Message`], at most [`MAX_MESSAGE`] bytes. They go to peers only that have the other side's feature bit in `init`.
//!
//! On each connection the gateway sends [`Message::Kept`] first, before anything of a channel; the wallet holds its own
//! `channel_reestablish` back until it has come. The wallet sends [`Message::Report`] on each connection, after committed steps,
//! and with a new [`Canary`] once per connection. What a gateway keeps proves nothing: a wallet that it contradicts
//! waits and warns, and never closes a channel for it. A proof is in `channel_reestablish` alone (BOLT 2).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Canary, ChannelId, InstanceId};

/// BOLT 1 message type, odd and in the experimental range (32768..=65535).
pub const MESSAGE_TYPE: u16 = 42_713;

/// Maximum length of a body, in bytes.
pub const MAX_MESSAGE: usize = 16 * 1024;

/// Feature bit in the `init` of a node that keeps records: a gateway. Odd: optional.
pub const KEEPS_BIT: usize = 283;

/// Feature bit in the `init` of a node that has its record kept: a wallet. Odd: optional.
pub const KEPT_BIT: usize = 285;

/// Maximum number of channels in a record; a gateway keeps no more of one node.
pub const MAX_CHANNELS: usize = 100;

/// A wallet's progress.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The installation: random, made with its storage. Of a node id the first one counts that shows a channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceId>,
    /// The newest canary; in a report: `None` leaves it as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
    /// By channel, with whatever peer: a number that rises with each committed change of its state. Of several the highest
    /// counts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counters: BTreeMap<ChannelId, u64>,
    /// In a report: height before which the wallet has to run again for the money in its channels to be safe, with whatever peer they
    /// are; `None`: nothing depends on that. A gateway reminds its operator of wallets that stay away for longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safe_until: Option<u32>,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Message {
    /// Of the wallet: its progress.
    Report(Record),
    /// Of the gateway: what it keeps of the wallet's node id.
    Kept(Record),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_largest_record_fits_a_message() {
        let counters =
            (0..MAX_CHANNELS).map(|at| (ChannelId(std::array::from_fn(|i| (at ^ i) as u8)), u64::MAX));
        let record = Record {
            instance: Some(InstanceId([0xff; 16])),
            canary: Some(Canary([0xff; 16])),
            counters: counters.collect(),
            safe_until: Some(u32::MAX),
        };
        let message = Message::Kept(record);
        let json = serde_json::to_vec(&message).unwrap();
        assert!(json.len() <= MAX_MESSAGE, "{}", json.len());
        assert_eq!(serde_json::from_slice::<Message>(&json).unwrap(), message);
    }

    #[test]
    fn a_later_releases_record_is_read() {
        let text = r#"{"kept":{"more":1}}"#;
        assert_eq!(serde_json::from_str::<Message>(text).unwrap(), Message::Kept(Record::default()));
    }
}
