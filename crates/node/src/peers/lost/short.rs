//! The list of a wallet's channels in its short form, for peers that keep a kilobyte (BOLT 1, `peer_storage`): LDK takes 1,024 bytes,
//! others up to 65,531. It is always as long, so that its length says nothing of the channels.

use std::collections::BTreeSet;
use std::str::FromStr;

use amplet_protocol::lost::ListedChannel;
use amplet_protocol::{ChannelId, NodeId};
use bitcoin::hashes::Hash;
use bitcoin::{OutPoint, Txid};

/// Length of a sealed list, in bytes.
pub(super) const SEALED: usize = 1024;

/// Bytes that sealing adds: a tag and what the nonce is made of.
const SEAL: usize = 16 + 32;

/// Length of a list before it is sealed.
const LENGTH: usize = SEALED - SEAL;

/// Version of the form; the first byte.
const FORM: u8 = 1;

/// The id of the channel is that of its funding (BOLT 2, "channel_id"), and not written.
const ID_OF_FUNDING: u8 = 0;
/// The id of the channel follows.
const ID_FOLLOWS: u8 = 1;

/// The list in its short form. What has no room is left out: first come the largest channels with each peer, since a peer that is
/// asked on one channel names the others.
pub(super) fn write(list: &[ListedChannel]) -> Vec<u8> {
    let mut by_capacity: Vec<&ListedChannel> = list.iter().collect();
    by_capacity.sort_by_key(|channel| std::cmp::Reverse(channel.capacity_sat));
    let mut peers = BTreeSet::new();
    let (first, more): (Vec<&ListedChannel>, Vec<&ListedChannel>) =
        by_capacity.into_iter().partition(|channel| peers.insert(channel.peer));
    let mut bytes = vec![FORM, 0];
    let mut count = 0_u8;
    for entry in first.into_iter().chain(more).filter_map(entry) {
        if count < u8::MAX && bytes.len().saturating_add(entry.len()) <= LENGTH {
            bytes.extend(entry);
            count = count.saturating_add(1);
        }
    }
    if let Some(place) = bytes.get_mut(1) {
        *place = count;
    }
    bytes.resize(LENGTH, 0);
    bytes
}

/// A channel: peer, funding, capacity in sat, id, address.
fn entry(channel: &ListedChannel) -> Option<Vec<u8>> {
    let funding = OutPoint::from_str(&channel.funding).ok()?;
    let index = u16::try_from(funding.vout).ok()?;
    let mut bytes = channel.peer.0.to_vec();
    bytes.extend(funding.txid.to_byte_array());
    bytes.extend(index.to_be_bytes());
    bytes.extend(channel.capacity_sat.to_be_bytes());
    if channel.channel_id == id_of(&funding.txid, index) {
        bytes.push(ID_OF_FUNDING);
    } else {
        bytes.push(ID_FOLLOWS);
        bytes.extend(channel.channel_id.0);
    }
    // Without the node id, which it repeats.
    let address = channel.address.as_deref().and_then(|address| address.split_once('@'));
    let endpoint = address.map_or("", |(_, endpoint)| endpoint);
    let length = u8::try_from(endpoint.len()).unwrap_or(0);
    bytes.push(length);
    bytes.extend(endpoint.bytes().take(length.into()));
    Some(bytes)
}

/// Id of a channel of that funding (BOLT 2, "channel_id"). `None`: no channel has such a funding.
pub(super) fn id_of_funding(funding: &OutPoint) -> Option<ChannelId> {
    Some(id_of(&funding.txid, u16::try_from(funding.vout).ok()?))
}

fn id_of(funding: &Txid, index: u16) -> ChannelId {
    ChannelId(lightning::ln::types::ChannelId::v1_from_funding_txid(funding.as_byte_array(), index).0)
}

/// Reads the short form; `None`: it is none.
pub(super) fn read(bytes: &[u8]) -> Option<Vec<ListedChannel>> {
    let [FORM, count, rest @ ..] = bytes else { return None };
    let mut rest = rest;
    (0..*count).map(|_| read_entry(&mut rest)).collect()
}

fn read_entry(rest: &mut &[u8]) -> Option<ListedChannel> {
    let peer = NodeId(*take(rest)?);
    let txid = Txid::from_byte_array(*take(rest)?);
    let index = u16::from_be_bytes(*take(rest)?);
    let capacity_sat = u64::from_be_bytes(*take(rest)?);
    let channel_id = match take(rest)? {
        [ID_OF_FUNDING] => id_of(&txid, index),
        [ID_FOLLOWS] => ChannelId(*take(rest)?),
        _ => return None,
    };
    let [length] = *take(rest)?;
    let (endpoint, after) = rest.split_at_checked(length.into())?;
    *rest = after;
    let endpoint = std::str::from_utf8(endpoint).ok()?;
    let address = (!endpoint.is_empty()).then(|| format!("{peer}@{endpoint}"));
    let funding = OutPoint { txid, vout: index.into() }.to_string();
    Some(ListedChannel { peer, address, channel_id, funding, capacity_sat })
}

/// Takes so many bytes off the front.
fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(taken)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    fn channel(peer: u8, number: u8, capacity_sat: u64, endpoint: Option<&str>) -> ListedChannel {
        let peer = NodeId([peer; 33]);
        let txid = Txid::from_byte_array([number; 32]);
        ListedChannel {
            peer,
            address: endpoint.map(|endpoint| format!("{peer}@{endpoint}")),
            channel_id: id_of(&txid, 1),
            funding: format!("{txid}:1"),
            capacity_sat,
        }
    }

    #[test]
    fn a_list_is_read_as_it_was_written() {
        let mut spliced = channel(3, 4, 9, Some("tcp://[2001:db8::1]:9735"));
        spliced.channel_id = ChannelId([7; 32]);
        let list =
            [channel(2, 1, 50_000, Some("wss://a.example/lightning/v1")), channel(2, 2, 10, None), spliced];
        let written = write(&list);
        assert_eq!(written.len(), LENGTH);
        let mut read = read(&written).unwrap();
        read.sort_by_key(|channel| channel.funding.clone());
        assert_eq!(read, list);
        assert_eq!(super::read(&write(&[])).unwrap(), []);
    }

    #[test]
    fn what_has_no_room_is_a_further_channel_of_a_peer_that_is_listed() {
        let far = |peer| channel(peer, peer, 1, Some("wss://gateway.example/lightning/v1"));
        let mut list: Vec<ListedChannel> = (0..20)
            .map(|number| channel(99, 100 + number, 1_000_000, Some("ws://home.example:9735")))
            .collect();
        list.extend((1..6).map(far));
        let read = read(&write(&list)).unwrap();
        assert!((7..12).contains(&read.len()), "{}", read.len());
        for peer in (1..6).chain([99]) {
            assert!(read.iter().any(|channel| channel.peer == NodeId([peer; 33])), "{peer}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_a_peer_gives_back_is_a_danger(bytes in proptest::collection::vec(any::<u8>(), 0..1100)) {
            let _ = read(&bytes);
            let mut form = write(&[channel(2, 1, 50_000, Some("ws://a.example"))]);
            for (at, byte) in bytes.iter().enumerate().take(form.len()).filter(|(at, _)| at % 7 == 1) {
                form[at] = *byte;
            }
            let _ = read(&form);
        }
    }
}
