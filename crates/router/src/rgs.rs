//! Rapid Gossip Sync snapshots, versions 1 and 2 (the format is defined by LDK's `lightning-rapid-gossip-sync`):
//! prefix `LDK`, version, chain hash, timestamp, \[default node features,\] node ids, channel announcements sorted
//! by scid (delta coded), then policy updates, whole or incremental.
//!
//! A full snapshot fills an empty graph; a later one is a delta and is applied in place.

use crate::codec::{Reader, Truncated};
use crate::graph::{Direction, Graph, GraphError, NodeId, Policy, Scid};
use alloc::vec::Vec;
use amplet_protocol::Msat;

pub use crate::rgs_write::{Share, write};

/// Bitcoin's main chain, as gossip writes it (the genesis block's hash, byte order of the wire).
pub const MAINNET: [u8; 32] = [
    0x6f, 0xe2, 0x8c, 0x0a, 0xb6, 0xf1, 0xb3, 0x72, 0xc1, 0xa6, 0xa2, 0x46, 0xae, 0x63, 0xf7, 0x4f, 0x93,
    0x1e, 0x83, 0x65, 0xe1, 0x5a, 0x08, 0x9c, 0x68, 0xd6, 0x19, 0x00, 0x00, 0x00, 0x00, 0x00,
];

/// A refusal of a snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RgsError {
    /// Not a Rapid Gossip Sync file.
    #[error("not a Rapid Gossip Sync snapshot: check the address it came from")]
    Prefix,
    /// A version of the format that this release does not read.
    #[error("Rapid Gossip Sync version {0} is not read, 1 and 2 are: update the wallet")]
    Version(u8),
    /// Another chain's.
    #[error("the snapshot is for another chain: choose a gateway of this network")]
    Chain,
    /// It ends early.
    #[error(transparent)]
    Truncated(#[from] Truncated),
    /// More entries than bytes could hold.
    #[error("the snapshot claims {0} entries, more than its bytes can hold: it is corrupt, fetch it again")]
    Count(u32),
    /// A channel between nodes that the snapshot does not list, or ids that overflow.
    #[error("the snapshot contradicts itself: it is corrupt, fetch it again")]
    Contradiction,
    /// More than a graph holds.
    #[error(transparent)]
    Graph(GraphError),
}

/// The result of applying a snapshot.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Applied {
    /// Channels announced, those known already included.
    pub channels: u32,
    /// Policies set.
    pub policies: u32,
    /// Channels left out because they are impossible, with the reasons.
    pub skipped: Vec<GraphError>,
    /// Policies for channels that the graph does not have.
    pub unknown: u32,
}

/// Applies a snapshot to a graph. On an error the graph may have taken part of it: use a copy, or load it again.
///
/// # Errors
/// [`RgsError`].
pub fn apply(graph: &mut Graph, data: &[u8], chain_hash: &[u8; 32]) -> Result<Applied, RgsError> {
    let mut reader = Reader::new(data);
    if reader.bytes(3)? != b"LDK" {
        return Err(RgsError::Prefix);
    }
    let version = reader.u8()?;
    if !(1..=2).contains(&version) {
        return Err(RgsError::Version(version));
    }
    if reader.bytes(32)? != chain_hash {
        return Err(RgsError::Chain);
    }
    let timestamp = reader.u32()?;
    let mut applied = Applied::default();
    let result = sections(graph, &mut reader, version, &mut applied);
    // On an error too: the part that was added must be consistent.
    graph.index();
    result?;
    graph.timestamp = graph.timestamp.max(timestamp);
    Ok(applied)
}

fn sections(
    graph: &mut Graph,
    reader: &mut Reader<'_>,
    version: u8,
    applied: &mut Applied,
) -> Result<(), RgsError> {
    if version == 2 {
        for _ in 0..reader.u8()? {
            skip_features(reader)?;
        }
    }
    let nodes = nodes(graph, reader, version)?;
    announcements(graph, reader, version, &nodes, applied)?;
    updates(graph, reader, version, applied)
}

fn count(reader: &mut Reader<'_>, min_bytes: usize) -> Result<u32, RgsError> {
    let count = reader.u32()?;
    // A false count must not make anyone allocate: each entry has a minimum of bytes.
    if count as usize > reader.rest() / min_bytes {
        return Err(RgsError::Count(count));
    }
    Ok(count)
}

fn skip_features(reader: &mut Reader<'_>) -> Result<(), Truncated> {
    let length = reader.u16()?;
    reader.bytes(usize::from(length)).map(drop)
}

/// Version 2 hides flags in the key's first byte: bit 2 addresses follow, bits 3 to 5 features (7: they follow),
/// bit 7 further data follows. None of it matters to a router.
fn nodes(graph: &mut Graph, reader: &mut Reader<'_>, version: u8) -> Result<Vec<u32>, RgsError> {
    let mut nodes = Vec::new();
    for _ in 0..count(reader, 33)? {
        let mut key: [u8; 33] = reader.array()?;
        if version == 2 {
            let flags = key[0];
            key[0] &= 0b11;
            if flags & 1 << 2 != 0 {
                for _ in 0..reader.u8()? {
                    let length = reader.u8()?;
                    reader.bytes(usize::from(length))?;
                }
            }
            if flags >> 3 & 0b111 == 0b111 {
                skip_features(reader)?;
            }
            if flags & 1 << 7 != 0 {
                skip_features(reader)?;
            }
        }
        nodes.push(graph.add_node(NodeId(key)).map_err(RgsError::Graph)?);
    }
    Ok(nodes)
}

fn announcements(
    graph: &mut Graph,
    reader: &mut Reader<'_>,
    version: u8,
    nodes: &[u32],
    applied: &mut Applied,
) -> Result<(), RgsError> {
    /// Version 2: the second node's index signals that further data, first the capacity in sat, follows.
    const MORE: u64 = 1 << 63;
    let mut scid = 0u64;
    for _ in 0..count(reader, 5)? {
        skip_features(reader)?;
        scid = scid.checked_add(reader.big_size()?).ok_or(RgsError::Contradiction)?;
        let (first, second) = (reader.big_size()?, reader.big_size()?);
        let node = |index: u64| {
            let place = usize::try_from(index).ok()?;
            nodes.get(place).copied()
        };
        let ends = [first, second & !MORE].map(node);
        let [Some(first), Some(other)] = ends else { return Err(RgsError::Contradiction) };
        let mut capacity_msat = None;
        if second & MORE != 0 {
            let length = reader.u16()?;
            let mut further = Reader::new(reader.bytes(usize::from(length))?);
            if version == 2 {
                capacity_msat = Some(Msat::from_sat(further.big_size()?).unwrap_or(Msat::MAX));
            }
        }
        match graph.add_channel(Scid(scid), [first, other], capacity_msat) {
            Ok(_) => applied.channels += 1,
            Err(error @ GraphError::TooLarge(_)) => return Err(RgsError::Graph(error)),
            // One impossible channel is no reason to do without the others.
            Err(error) => applied.skipped.push(error),
        }
    }
    Ok(())
}

/// An amount as a node claims it, at most [`Msat::MAX`].
fn amount(reader: &mut Reader<'_>) -> Result<Msat, Truncated> {
    reader.u64().map(Msat::up_to_max)
}

fn updates(
    graph: &mut Graph,
    reader: &mut Reader<'_>,
    version: u8,
    applied: &mut Applied,
) -> Result<(), RgsError> {
    let updates = count(reader, 2)?;
    if updates == 0 {
        return Ok(());
    }
    let cltv = reader.u16()?;
    let min_msat = amount(reader)?;
    let (base_msat, ppm) = (reader.u32()?, reader.u32()?);
    let defaults = Policy { enabled: true, base_msat, ppm, cltv, min_msat, max_msat: amount(reader)? };
    let mut scid = 0u64;
    let mut last_direction = None;
    for _ in 0..updates {
        let delta = reader.big_size()?;
        scid = scid.checked_add(delta).ok_or(RgsError::Contradiction)?;
        let flags = reader.u8()?;
        let direction = Direction::from_bit(u32::from(flags));
        if version == 2 && last_direction.replace(direction) == Some(direction) && delta == 0 {
            skip_features(reader)?;
            continue;
        }
        update(graph, reader, (Scid(scid), direction, flags), &defaults, applied)?;
    }
    Ok(())
}

/// One policy: bit 1 of `flags` disables, bit 7 means "as before, but", bits 6 to 2 select the fields that follow.
fn update(
    graph: &mut Graph,
    reader: &mut Reader<'_>,
    (scid, direction, flags): (Scid, Direction, u8),
    defaults: &Policy,
    applied: &mut Applied,
) -> Result<(), RgsError> {
    let channel = graph.channel(scid);
    let before = channel.and_then(|channel| graph.policy(channel, direction)).copied();
    let incremental = flags & 1 << 7 != 0;
    let known = before.is_some_and(|policy| policy != Policy::UNKNOWN);
    let mut policy = if incremental { before.unwrap_or(*defaults) } else { *defaults };
    policy.enabled = flags & 1 << 1 == 0;
    if flags & 1 << 6 != 0 {
        policy.cltv = reader.u16()?;
    }
    if flags & 1 << 5 != 0 {
        policy.min_msat = amount(reader)?;
    }
    if flags & 1 << 4 != 0 {
        policy.base_msat = reader.u32()?;
    }
    if flags & 1 << 3 != 0 {
        policy.ppm = reader.u32()?;
    }
    if flags & 1 << 2 != 0 {
        policy.max_msat = amount(reader)?;
    }
    match channel {
        Some(channel) if known || !incremental => {
            graph.set_policy(channel, direction, policy);
            applied.policies += 1;
        }
        _ => applied.unknown += 1,
    }
    Ok(())
}
