//! The channel graph: nodes and channels as `u32`, adjacency in compressed rows, both directions of a channel
//! side by side. Loaders ([`crate::csv`], [`crate::rgs`], [`crate::snapshot`]) fill it; [`Graph::index`] must
//! follow a batch of additions.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use amplet_protocol::Msat;
pub use amplet_protocol::NodeId;

/// A short channel id in BOLT 7's packing: block height in 24 bits, transaction in 24, output in 16.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Scid(pub u64);

impl Scid {
    /// Parses `BLOCKxTXxOUT`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split('x').map(|field| field.parse::<u64>().ok());
        let (block, tx, out) = (fields.next()??, fields.next()??, fields.next()??);
        let fits = block < 1 << 24 && tx < 1 << 24 && out < 1 << 16 && fields.next().is_none();
        fits.then_some(Self(block << 40 | tx << 16 | out))
    }
}

impl core::fmt::Display for Scid {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}x{}x{}", self.0 >> 40, self.0 >> 16 & 0xff_ffff, self.0 & 0xffff)
    }
}

/// A direction along a channel: `Forward` from its first node to its second (gossip's direction 0).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Direction {
    /// `node1 -> node2`.
    Forward,
    /// `node2 -> node1`.
    Backward,
}

impl Direction {
    /// 0 or 1, as in BOLT 7's `channel_flags`.
    #[must_use]
    pub const fn bit(self) -> u32 {
        match self {
            Self::Forward => 0,
            Self::Backward => 1,
        }
    }

    /// From the lowest bit of `channel_flags`.
    #[must_use]
    pub const fn from_bit(bit: u32) -> Self {
        if bit & 1 == 0 { Self::Forward } else { Self::Backward }
    }

    /// The opposite direction.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self::from_bit(self.bit() ^ 1)
    }
}

/// The terms of a direction's sender for forwarding (BOLT 7 `channel_update`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// True if the direction forwards at all.
    pub enabled: bool,
    /// Fee per HTLC, msat.
    pub base_msat: u32,
    /// Fee on the forwarded amount, millionths.
    pub ppm: u32,
    /// Blocks between incoming and outgoing expiry.
    pub cltv: u16,
    /// Minimum HTLC.
    pub min_msat: Msat,
    /// Maximum HTLC.
    pub max_msat: Msat,
}

impl Policy {
    /// The policy of a direction without an announcement.
    pub const UNKNOWN: Self =
        Self { enabled: false, base_msat: 0, ppm: 0, cltv: 0, min_msat: Msat::ZERO, max_msat: Msat::ZERO };

    /// The fee for forwarding `amount_msat` (BOLT 7: the proportional part rounds down); saturates.
    #[must_use]
    pub fn fee_msat(&self, amount_msat: Msat) -> Msat {
        fee_msat(self.base_msat, self.ppm, amount_msat)
    }

    /// [`Self::fee_msat`] in the solver's unit of flow, msat.
    pub(crate) fn fee(&self, amount: u64) -> u64 {
        fee(self.base_msat, self.ppm, amount)
    }
}

/// `base + amount * ppm / 1,000,000`, rounded down, saturating.
#[must_use]
pub fn fee_msat(base_msat: u32, ppm: u32, amount_msat: Msat) -> Msat {
    Msat::up_to_max(fee(base_msat, ppm, amount_msat.get()))
}

fn fee(base_msat: u32, ppm: u32, amount: u64) -> u64 {
    let proportional = u128::from(amount) * u128::from(ppm) / 1_000_000;
    u64::try_from(proportional).unwrap_or(u64::MAX).saturating_add(u64::from(base_msat))
}

/// A public channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Channel {
    /// Its id.
    pub scid: Scid,
    /// Its two nodes, as indices; gossip orders them by id.
    pub nodes: [u32; 2],
    /// Its capacity. Gossip may leave it out: then the largest HTLC that either side announced.
    pub capacity_msat: Msat,
    /// True if [`Self::capacity_msat`] was announced rather than taken from the policies.
    pub capacity_known: bool,
}

/// A refusal of an addition to the graph.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum GraphError {
    /// A channel from a node to itself.
    #[error("channel {0} joins a node to itself: drop it from the data")]
    SelfLoop(Scid),
    /// The id is there already, between other nodes.
    #[error(
        "channel {0} is listed twice, between different nodes: the data is corrupt, load a fresh snapshot"
    )]
    Contradiction(Scid),
    /// A channel without capacity.
    #[error("channel {0} has no capacity: drop it from the data")]
    ZeroCapacity(Scid),
    /// An unknown node index.
    #[error("channel {0} names node number {1}, which the data does not define: load a fresh snapshot")]
    UnknownNode(Scid, u32),
    /// More nodes or channels than indices.
    #[error("more than {0} nodes or channels: not a Lightning graph")]
    TooLarge(usize),
}

/// Nodes or channels beyond this are refused (the network has some 10^5).
pub const MAX_ELEMENTS: usize = 1 << 24;

/// One entry of a node's row: the peer, and the arc that leaves towards it. Arc `2c + d` is direction `d` of
/// channel `c`, so the arc that arrives is `out ^ 1`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Incident {
    /// The node at the other end.
    pub peer: u32,
    /// The arc to it.
    pub out: u32,
}

/// The graph.
#[derive(Clone, Default)]
pub struct Graph {
    ids: Vec<NodeId>,
    by_id: BTreeMap<NodeId, u32>,
    channels: Vec<Channel>,
    policies: Vec<Policy>,
    by_scid: BTreeMap<Scid, u32>,
    capacity_log: Vec<u16>,
    row_starts: Vec<u32>,
    rows: Vec<Incident>,
    /// The time of the data, seconds since 1970; 0 if unknown.
    pub timestamp: u32,
}

impl Graph {
    /// An empty graph.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Finds or adds a node.
    ///
    /// # Errors
    /// [`GraphError::TooLarge`].
    pub fn add_node(&mut self, id: NodeId) -> Result<u32, GraphError> {
        if let Some(&node) = self.by_id.get(&id) {
            return Ok(node);
        }
        if self.ids.len() >= MAX_ELEMENTS {
            return Err(GraphError::TooLarge(MAX_ELEMENTS));
        }
        let node = self.ids.len() as u32;
        self.ids.push(id);
        self.by_id.insert(id, node);
        Ok(node)
    }

    /// Adds a channel, its directions unknown; an existing one stays, its capacity updated. Without `capacity_msat` it is taken
    /// from the policies as they come.
    ///
    /// # Errors
    /// [`GraphError`]; the graph is then unchanged.
    pub fn add_channel(
        &mut self,
        scid: Scid,
        nodes: [u32; 2],
        capacity_msat: Option<Msat>,
    ) -> Result<u32, GraphError> {
        if nodes[0] == nodes[1] {
            return Err(GraphError::SelfLoop(scid));
        }
        if capacity_msat == Some(Msat::ZERO) {
            return Err(GraphError::ZeroCapacity(scid));
        }
        if let Some(&node) = nodes.iter().find(|&&node| node as usize >= self.ids.len()) {
            return Err(GraphError::UnknownNode(scid, node));
        }
        if let Some(&channel) = self.by_scid.get(&scid) {
            if self.channels[channel as usize].nodes != nodes {
                return Err(GraphError::Contradiction(scid));
            }
            if let Some(capacity_msat) = capacity_msat {
                self.set_capacity(channel, capacity_msat, true);
            }
            return Ok(channel);
        }
        if self.channels.len() >= MAX_ELEMENTS {
            return Err(GraphError::TooLarge(MAX_ELEMENTS));
        }
        let channel = self.channels.len() as u32;
        let capacity_known = capacity_msat.is_some();
        let capacity_msat = capacity_msat.unwrap_or_default();
        self.channels.push(Channel { scid, nodes, capacity_msat, capacity_known });
        self.capacity_log.push(crate::prior::log_bucket(capacity_msat.get()));
        self.policies.extend([Policy::UNKNOWN; 2]);
        self.by_scid.insert(scid, channel);
        Ok(channel)
    }

    fn set_capacity(&mut self, channel: u32, capacity_msat: Msat, known: bool) {
        let entry = &mut self.channels[channel as usize];
        entry.capacity_msat = capacity_msat;
        entry.capacity_known = known;
        self.capacity_log[channel as usize] = crate::prior::log_bucket(capacity_msat.get());
    }

    /// Sets a direction's policy, in place. `channel` is an index from this graph; an unknown one is ignored.
    pub fn set_policy(&mut self, channel: u32, direction: Direction, policy: Policy) {
        let Some(entry) = self.channels.get(channel as usize).copied() else { return };
        self.policies[arc_of(channel, direction) as usize] = policy;
        // No HTLC can be larger than the channel: the larger maximum is a lower bound of the capacity.
        if !entry.capacity_known {
            let other = self.policies[arc_of(channel, direction.reversed()) as usize].max_msat;
            self.set_capacity(channel, policy.max_msat.max(other), false);
        }
    }

    /// Rebuilds the rows after additions (a counting sort, linear).
    pub fn index(&mut self) {
        let mut starts = alloc::vec![0u32; self.ids.len() + 1];
        for node in self.channels.iter().flat_map(|channel| channel.nodes) {
            starts[node as usize + 1] += 1;
        }
        for node in 0..self.ids.len() {
            starts[node + 1] += starts[node];
        }
        let mut next = starts.clone();
        self.rows = alloc::vec![Incident { peer: 0, out: 0 }; 2 * self.channels.len()];
        for (channel, entry) in self.channels.iter().enumerate() {
            for side in 0..2 {
                let place = &mut next[entry.nodes[side] as usize];
                let out = (2 * channel + side) as u32;
                self.rows[*place as usize] = Incident { peer: entry.nodes[1 - side], out };
                *place += 1;
            }
        }
        self.row_starts = starts;
    }

    /// Number of nodes.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.ids.len()
    }

    /// All channels; a channel's index is its place here.
    #[must_use]
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// All nodes; a node's index is its place here.
    #[must_use]
    pub fn nodes(&self) -> &[NodeId] {
        &self.ids
    }

    /// A node's index.
    #[must_use]
    pub fn node(&self, id: &NodeId) -> Option<u32> {
        self.by_id.get(id).copied()
    }

    /// A channel's index.
    #[must_use]
    pub fn channel(&self, scid: Scid) -> Option<u32> {
        self.by_scid.get(&scid).copied()
    }

    /// The policy of an arc of this graph ([`Incident::out`]).
    #[must_use]
    pub fn policy(&self, channel: u32, direction: Direction) -> Option<&Policy> {
        self.policies.get(arc_of(channel, direction) as usize)
    }

    pub(crate) fn arc_policy(&self, arc: u32) -> &Policy {
        &self.policies[arc as usize]
    }

    /// The capacity of an arc's channel in the solver's unit of flow, msat.
    pub(crate) fn arc_capacity(&self, arc: u32) -> u64 {
        self.channels[(arc / 2) as usize].capacity_msat.get()
    }

    pub(crate) fn capacity_log(&self, channel: u32) -> u16 {
        self.capacity_log[channel as usize]
    }

    /// A node's channels; empty for an index that is not the graph's, and before [`Self::index`].
    #[must_use]
    pub fn incident(&self, node: u32) -> &[Incident] {
        let bounds = self.row_starts.get(node as usize).zip(self.row_starts.get(node as usize + 1));
        bounds.and_then(|(&from, &to)| self.rows.get(from as usize..to as usize)).unwrap_or(&[])
    }

    /// Bytes held, for the memory figure: what the vectors and maps allocate (B-tree overhead estimated at a third).
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let maps = self.by_id.len() * (33 + 4) + self.by_scid.len() * (8 + 4);
        self.ids.capacity() * 33
            + self.channels.capacity() * size_of::<Channel>()
            + self.policies.capacity() * size_of::<Policy>()
            + self.capacity_log.capacity() * 2
            + self.row_starts.capacity() * 4
            + self.rows.capacity() * size_of::<Incident>()
            + maps * 4 / 3
    }
}

/// A loaded graph, and the channels left out because they are impossible.
#[derive(Clone, Default)]
pub struct Loaded {
    /// The graph, indexed.
    pub graph: Graph,
    /// The channels left out, each with the reason.
    pub skipped: Vec<GraphError>,
}

/// Arc number of a channel's direction.
pub(crate) const fn arc_of(channel: u32, direction: Direction) -> u32 {
    2 * channel + direction.bit()
}
