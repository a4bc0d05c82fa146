//! The part of a payment's network that the graph does not have: ourselves, our channels, route hints and blinded
//! paths.

use crate::graph::{Graph, NodeId, Policy};
use crate::request::{HintHop, LastHops, Link, NoPlan, Request};
use alloc::vec::Vec;
use amplet_protocol::Msat;

/// HTLCs that a channel direction takes (BOLT 2: `max_accepted_htlcs` is at most 483).
pub(crate) const HTLC_SLOTS: u16 = 483;

/// The amount that so many parts of the maximum size take across an arc, with room for the fees of the hops after it, msat.
pub(crate) fn in_slots(max_part_msat: u64, slots: u16) -> u64 {
    max_part_msat.saturating_add(max_part_msat / 64).saturating_mul(u64::from(slots))
}

/// An arc that the graph does not have.
#[derive(Clone)]
pub(crate) struct Extra {
    pub tail: u32,
    pub head: u32,
    pub link: Link,
    pub policy: Policy,
    pub limit_msat: u64,
    pub slots: u16,
}

impl Extra {
    /// Reserves an amount of its balance, in so many HTLCs.
    pub(crate) fn commit(&mut self, (amount_msat, htlcs): (u64, u16), max_part_msat: u64) {
        self.slots = self.slots.saturating_sub(htlcs);
        let in_slots = in_slots(max_part_msat, self.slots);
        self.limit_msat = self.limit_msat.saturating_sub(amount_msat).min(in_slots);
    }
}

/// Nodes and arcs beyond the graph's, numbered after them.
pub(crate) struct Extras {
    pub arcs: Vec<Extra>,
    /// (node, peer, arc from node to peer), sorted.
    pub rows: Vec<(u32, u32, u32)>,
    pub nodes: usize,
    pub source: u32,
    pub sink: u32,
    max_part_msat: u64,
    /// Nodes that the graph does not know.
    strangers: Vec<(NodeId, u32)>,
}

impl Extras {
    pub(crate) fn new(graph: &Graph, request: &Request) -> Result<Self, NoPlan> {
        let source = graph.node_count() as u32;
        let nodes = graph.node_count() + 1;
        let (arcs, rows, strangers) = (Vec::new(), Vec::new(), Vec::new());
        let max_part_msat = request.max_part_msat.get();
        let mut extras = Self { arcs, rows, nodes, source, sink: source, max_part_msat, strangers };
        let blinded = request.last_hops.iter().any(|last| matches!(last, LastHops::BlindedPath(_)));
        let is_peer = request.first_hops.iter().any(|hop| hop.peer == request.destination);
        if request.last_hops.is_empty() && !is_peer && graph.node(&request.destination).is_none() {
            return Err(NoPlan::NoPath);
        }
        // Behind blinded paths the destination has no id.
        extras.sink = if blinded { extras.new_node() } else { extras.node(graph, request.destination) };
        extras.add_own(graph, request);
        for (index, last) in request.last_hops.iter().enumerate() {
            match last {
                LastHops::RouteHint(_) if blinded => {}
                LastHops::RouteHint(hops) => extras.add_hint(graph, hops, index)?,
                LastHops::BlindedPath(hop) => extras.add_hop(graph, hop, (index, 0), extras.sink),
            }
        }
        let base = 2 * graph.channels().len() as u32;
        for (index, extra) in extras.arcs.iter().enumerate() {
            let out = base + 2 * index as u32;
            extras.rows.extend([(extra.tail, extra.head, out), (extra.head, extra.tail, out + 1)]);
        }
        extras.rows.sort_unstable();
        Ok(extras)
    }

    fn add_own(&mut self, graph: &Graph, request: &Request) {
        for (index, hop) in request.first_hops.iter().enumerate() {
            let head = self.node(graph, hop.peer);
            let policy =
                Policy { enabled: true, min_msat: hop.min_msat, max_msat: hop.max_msat, ..Policy::UNKNOWN };
            let in_slots = hop.max_msat.get().saturating_mul(u64::from(hop.slots));
            let limit_msat =
                hop.spendable_msat.get().min(in_slots).min(self::in_slots(self.max_part_msat, hop.slots));
            let (tail, link) = (self.source, Link::Own(index));
            self.arcs.push(Extra { tail, head, link, policy, limit_msat, slots: hop.slots });
        }
    }

    fn add_hint(&mut self, graph: &Graph, hops: &[HintHop], index: usize) -> Result<(), NoPlan> {
        if hops.is_empty() {
            return Err(NoPlan::Malformed("a route hint without hops: leave it out"));
        }
        for (place, hop) in hops.iter().enumerate() {
            let head = match hops.get(place + 1) {
                Some(next) => self.node(graph, next.from),
                None => self.sink,
            };
            self.add_hop(graph, hop, (index, place), head);
        }
        Ok(())
    }

    fn add_hop(&mut self, graph: &Graph, hop: &HintHop, (index, place): (usize, usize), head: u32) {
        let tail = self.node(graph, hop.from);
        if tail == head {
            return;
        }
        let policy = Policy {
            enabled: true,
            base_msat: hop.base_msat,
            ppm: hop.ppm,
            cltv: hop.cltv,
            min_msat: hop.min_msat,
            max_msat: hop.max_msat,
        };
        let (slots, link) = (HTLC_SLOTS, Link::LastHop(index, place));
        let limit_msat = Msat::MAX.get().min(in_slots(self.max_part_msat, slots));
        self.arcs.push(Extra { tail, head, link, policy, limit_msat, slots });
    }

    fn new_node(&mut self) -> u32 {
        self.nodes += 1;
        self.nodes as u32 - 1
    }

    fn node(&mut self, graph: &Graph, id: NodeId) -> u32 {
        if let Some(node) = graph.node(&id) {
            return node;
        }
        if let Some(&(_, node)) = self.strangers.iter().find(|(stranger, _)| *stranger == id) {
            return node;
        }
        let node = self.new_node();
        self.strangers.push((id, node));
        node
    }
}
