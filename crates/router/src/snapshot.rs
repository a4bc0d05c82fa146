//! Our own formats for storage: the graph and the beliefs, each with a magic and a version. Numbers are LEB128,
//! scids delta coded, so that the mainnet graph takes about 2 MB and loads in some ten milliseconds.

use crate::belief::{Belief, Beliefs, MAX_BELIEFS};
use crate::codec::{Reader, Truncated, write_number};
use crate::graph::{Direction, Graph, GraphError, NodeId, Policy, Scid};
use alloc::vec::Vec;
use amplet_protocol::Msat;

const GRAPH_MAGIC: &[u8; 4] = b"AmpG";
const BELIEFS_MAGIC: &[u8; 4] = b"AmpB";
const VERSION: u8 = 1;

/// A refusal of stored data.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Data of another kind.
    #[error("not what was expected in storage: load the graph anew and start without beliefs")]
    Magic,
    /// Written by a later release.
    #[error("version {0} is not read by this release (it reads 1): update the wallet, or load the data anew")]
    Version(u8),
    /// It ends early.
    #[error(transparent)]
    Truncated(#[from] Truncated),
    /// Its entries contradict each other.
    #[error("the stored data contradicts itself: load it anew")]
    Corrupt,
    /// Its entries do not make a graph.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

fn open<'a>(data: &'a [u8], magic: &[u8; 4]) -> Result<Reader<'a>, SnapshotError> {
    let mut reader = Reader::new(data);
    if reader.bytes(4)? != magic {
        return Err(SnapshotError::Magic);
    }
    match reader.u8()? {
        VERSION => Ok(reader),
        version => Err(SnapshotError::Version(version)),
    }
}

/// Writes a graph.
#[must_use]
pub fn write_graph(graph: &Graph) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(GRAPH_MAGIC);
    out.push(VERSION);
    write_number(&mut out, u64::from(graph.timestamp));
    write_number(&mut out, graph.nodes().len() as u64);
    graph.nodes().iter().for_each(|id| out.extend_from_slice(&id.0));
    write_number(&mut out, graph.channels().len() as u64);
    let mut before = 0;
    for (index, channel) in graph.channels().iter().enumerate() {
        write_number(&mut out, channel.scid.0.wrapping_sub(before));
        before = channel.scid.0;
        channel.nodes.iter().for_each(|&node| write_number(&mut out, u64::from(node)));
        write_number(&mut out, channel.capacity_msat.get());
        out.push(u8::from(channel.capacity_known));
        for direction in [Direction::Forward, Direction::Backward] {
            write_policy(&mut out, graph.policy(index as u32, direction).unwrap_or(&Policy::UNKNOWN));
        }
    }
    out
}

fn write_policy(out: &mut Vec<u8>, policy: &Policy) {
    let blank = Policy { enabled: policy.enabled, ..Policy::UNKNOWN } == *policy;
    out.push(u8::from(policy.enabled) | u8::from(!blank) << 1);
    if !blank {
        let numbers = [policy.base_msat, policy.ppm, u32::from(policy.cltv)];
        numbers.into_iter().for_each(|number| write_number(out, u64::from(number)));
        write_number(out, policy.min_msat.get());
        write_number(out, policy.max_msat.get());
    }
}

/// Reads a graph written by [`write_graph`].
///
/// # Errors
/// [`SnapshotError`].
pub fn read_graph(data: &[u8]) -> Result<Graph, SnapshotError> {
    let mut reader = open(data, GRAPH_MAGIC)?;
    let mut graph = Graph::new();
    let timestamp = reader.number()?;
    for place in 0..reader.number()? {
        // A node twice would shift all indices behind it.
        if u64::from(graph.add_node(NodeId(reader.array()?))?) != place {
            return Err(SnapshotError::Corrupt);
        }
    }
    let mut scid = 0u64;
    for place in 0..reader.number()? {
        scid = scid.wrapping_add(reader.number()?);
        let nodes = [node(&mut reader)?, node(&mut reader)?];
        let capacity_msat = Msat::up_to_max(reader.number()?);
        let known = reader.u8()? == 1;
        let channel = graph.add_channel(Scid(scid), nodes, known.then_some(capacity_msat))?;
        if u64::from(channel) != place {
            return Err(SnapshotError::Corrupt);
        }
        for direction in [Direction::Forward, Direction::Backward] {
            let policy = read_policy(&mut reader)?;
            graph.set_policy(channel, direction, policy);
        }
    }
    graph.timestamp = u32::try_from(timestamp).map_err(|_| SnapshotError::Corrupt)?;
    graph.index();
    Ok(graph)
}

fn node(reader: &mut Reader<'_>) -> Result<u32, SnapshotError> {
    u32::try_from(reader.number()?).map_err(|_| SnapshotError::Corrupt)
}

fn read_policy(reader: &mut Reader<'_>) -> Result<Policy, SnapshotError> {
    let flags = reader.u8()?;
    let enabled = flags & 1 != 0;
    if flags & 2 == 0 {
        return Ok(Policy { enabled, ..Policy::UNKNOWN });
    }
    let corrupt = |_| SnapshotError::Corrupt;
    Ok(Policy {
        enabled,
        base_msat: u32::try_from(reader.number()?).map_err(corrupt)?,
        ppm: u32::try_from(reader.number()?).map_err(corrupt)?,
        cltv: u16::try_from(reader.number()?).map_err(corrupt)?,
        min_msat: Msat::up_to_max(reader.number()?),
        max_msat: Msat::up_to_max(reader.number()?),
    })
}

/// Writes the beliefs, as a gateway shares them and as the wallet stores them. HTLCs in flight are not part of it:
/// after a restart the node knows them.
#[must_use]
pub fn write_beliefs(beliefs: &Beliefs) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(BELIEFS_MAGIC);
    out.push(VERSION);
    out.extend_from_slice(&beliefs.evidence.to_be_bytes());
    write_number(&mut out, u64::from(beliefs.evidence_at_s));
    write_number(&mut out, beliefs.channels.len() as u64);
    let mut before = 0;
    for (scid, belief) in &beliefs.channels {
        write_number(&mut out, scid.0.wrapping_sub(before));
        before = scid.0;
        let amounts = [belief.low_msat, belief.high_msat, belief.capacity_msat];
        amounts.into_iter().for_each(|amount| write_number(&mut out, amount.get()));
        write_number(&mut out, u64::from(belief.at_s));
        out.push(u8::from(belief.soft));
    }
    out
}

/// Reads beliefs written by [`write_beliefs`].
///
/// # Errors
/// [`SnapshotError`].
pub fn read_beliefs(data: &[u8]) -> Result<Beliefs, SnapshotError> {
    let mut reader = open(data, BELIEFS_MAGIC)?;
    let mut beliefs = Beliefs::new();
    let evidence = f64::from_be_bytes(reader.array()?);
    // A stored value is not trusted: it could be NaN, or beyond what evidence can add up to.
    beliefs.evidence = if evidence.is_finite() { evidence.clamp(-40.0, 40.0) } else { 0.0 };
    let time = |number: u64| u32::try_from(number).map_err(|_| SnapshotError::Corrupt);
    beliefs.evidence_at_s = time(reader.number()?)?;
    let count = reader.number()?;
    if count > MAX_BELIEFS as u64 {
        return Err(SnapshotError::Corrupt);
    }
    let mut scid = 0u64;
    for _ in 0..count {
        scid = scid.wrapping_add(reader.number()?);
        let mut amount = || Msat::new(reader.number()?).map_err(|_| SnapshotError::Corrupt);
        let (low_msat, high_msat, capacity_msat) = (amount()?, amount()?, amount()?);
        let belief = Belief {
            low_msat,
            high_msat,
            capacity_msat,
            at_s: time(reader.number()?)?,
            soft: reader.u8()? == 1,
        };
        if low_msat > high_msat || high_msat > capacity_msat {
            return Err(SnapshotError::Corrupt);
        }
        beliefs.insert(Scid(scid), belief);
    }
    Ok(beliefs)
}

impl Beliefs {
    /// Imports another's beliefs (a gateway's) where they are newer than our own. Evidence about
    /// the network's shape and HTLCs in flight stay our own. Times are limited to `now_s`: a belief from the
    /// future would never fade.
    pub fn import(&mut self, other: &Self, now_s: u32) {
        for (&scid, belief) in &other.channels {
            let belief = Belief { at_s: belief.at_s.min(now_s), ..*belief };
            // Our own observation wins unless the other's is newer.
            if self.channels.get(&scid).is_none_or(|own| own.at_s < belief.at_s) {
                self.insert(scid, belief);
            }
        }
    }
}
