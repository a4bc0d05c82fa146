//! The other side of [`crate::rgs`]: writes Rapid Gossip Sync snapshots, version 1.

use crate::graph::{Direction, Graph, Policy};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// The parts of a channel that go into a snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Share {
    /// Its announcement: for readers that do not know the channel.
    pub announcement: bool,
    /// The policies of both directions; an unknown one is left out.
    pub policies: [bool; 2],
}

impl Share {
    /// All parts.
    pub const WHOLE: Self = Self { announcement: true, policies: [true; 2] };
}

/// Writes the parts that `share` selects of each channel (by its index), as of `timestamp` (seconds since 1970; a reader sends it
/// with its next request). Capacities are not part of version 1: a reader takes the largest HTLC.
#[must_use]
pub fn write(
    graph: &Graph,
    chain_hash: &[u8; 32],
    timestamp: u32,
    mut share: impl FnMut(u32) -> Share,
) -> Vec<u8> {
    let mut by_scid: Vec<u32> = (0..graph.channels().len() as u32).collect();
    by_scid.sort_unstable_by_key(|&channel| graph.channels()[channel as usize].scid);
    let shares: Vec<(u32, Share)> = by_scid.into_iter().map(|channel| (channel, share(channel))).collect();
    let mut out = Vec::new();
    out.extend_from_slice(b"LDK\x01");
    out.extend_from_slice(chain_hash);
    out.extend_from_slice(&timestamp.to_be_bytes());
    announcements(&mut out, graph, &shares);
    updates(&mut out, graph, &shares);
    out
}

fn announcements(out: &mut Vec<u8>, graph: &Graph, shares: &[(u32, Share)]) {
    let announced = || shares.iter().filter(|(_, share)| share.announcement).map(|(channel, _)| *channel);
    let mut places = BTreeMap::new();
    let mut nodes = Vec::new();
    for node in announced().flat_map(|channel| graph.channels()[channel as usize].nodes) {
        places.entry(node).or_insert_with(|| {
            nodes.push(node);
            nodes.len() as u64 - 1
        });
    }
    out.extend_from_slice(&(nodes.len() as u32).to_be_bytes());
    nodes.iter().for_each(|&node| out.extend_from_slice(&graph.nodes()[node as usize].0));
    out.extend_from_slice(&(announced().count() as u32).to_be_bytes());
    let mut before = 0;
    for channel in announced() {
        let entry = &graph.channels()[channel as usize];
        // No features: none are defined for channels.
        out.extend_from_slice(&[0, 0]);
        write_big_size(out, entry.scid.0 - before);
        before = entry.scid.0;
        entry.nodes.iter().for_each(|node| write_big_size(out, places[node]));
    }
}

fn updates(out: &mut Vec<u8>, graph: &Graph, shares: &[(u32, Share)]) {
    let mut listed: Vec<(u64, Direction, &Policy)> = Vec::new();
    for (channel, share) in shares {
        for direction in [Direction::Forward, Direction::Backward] {
            let policy = graph.policy(*channel, direction).filter(|policy| **policy != Policy::UNKNOWN);
            if let Some(policy) = policy.filter(|_| share.policies[direction.bit() as usize]) {
                listed.push((graph.channels()[*channel as usize].scid.0, direction, policy));
            }
        }
    }
    out.extend_from_slice(&(listed.len() as u32).to_be_bytes());
    if listed.is_empty() {
        return;
    }
    let defaults = Policy {
        enabled: true,
        base_msat: commonest(listed.iter().map(|(.., policy)| policy.base_msat)),
        ppm: commonest(listed.iter().map(|(.., policy)| policy.ppm)),
        cltv: commonest(listed.iter().map(|(.., policy)| policy.cltv)),
        min_msat: commonest(listed.iter().map(|(.., policy)| policy.min_msat)),
        max_msat: commonest(listed.iter().map(|(.., policy)| policy.max_msat)),
    };
    out.extend_from_slice(&defaults.cltv.to_be_bytes());
    out.extend_from_slice(&defaults.min_msat.get().to_be_bytes());
    out.extend_from_slice(&defaults.base_msat.to_be_bytes());
    out.extend_from_slice(&defaults.ppm.to_be_bytes());
    out.extend_from_slice(&defaults.max_msat.get().to_be_bytes());
    let mut before = 0;
    for (scid, direction, policy) in listed {
        write_big_size(out, scid - before);
        before = scid;
        write_policy(out, direction, policy, &defaults);
    }
}

/// Bit 0 is the direction, bit 1 disables, bits 6 to 2 select the fields that follow, in that order.
fn write_policy(out: &mut Vec<u8>, direction: Direction, policy: &Policy, defaults: &Policy) {
    let mut flags = direction.bit() as u8 | u8::from(!policy.enabled) << 1;
    let mut fields = Vec::new();
    let mut differs = |bit: u8, is: bool, bytes: &[u8]| {
        if is {
            flags |= 1 << bit;
            fields.extend_from_slice(bytes);
        }
    };
    differs(6, policy.cltv != defaults.cltv, &policy.cltv.to_be_bytes());
    differs(5, policy.min_msat != defaults.min_msat, &policy.min_msat.get().to_be_bytes());
    differs(4, policy.base_msat != defaults.base_msat, &policy.base_msat.to_be_bytes());
    differs(3, policy.ppm != defaults.ppm, &policy.ppm.to_be_bytes());
    differs(2, policy.max_msat != defaults.max_msat, &policy.max_msat.get().to_be_bytes());
    out.push(flags);
    out.extend_from_slice(&fields);
}

fn commonest<T: Ord + Default + Copy>(values: impl Iterator<Item = T>) -> T {
    let mut counts: BTreeMap<T, u32> = BTreeMap::new();
    values.for_each(|value| *counts.entry(value).or_default() += 1);
    counts.into_iter().max_by_key(|&(_, count)| count).map(|(value, _)| value).unwrap_or_default()
}

/// BOLT 1's BigSize.
fn write_big_size(out: &mut Vec<u8>, number: u64) {
    match number {
        0..0xfd => out.push(number as u8),
        0xfd..0x1_0000 => {
            out.push(0xfd);
            out.extend_from_slice(&(number as u16).to_be_bytes());
        }
        0x1_0000..0x1_0000_0000 => {
            out.push(0xfe);
            out.extend_from_slice(&(number as u32).to_be_bytes());
        }
        _ => {
            out.push(0xff);
            out.extend_from_slice(&number.to_be_bytes());
        }
    }
}
