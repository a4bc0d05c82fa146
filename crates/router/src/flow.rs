//! Min-cost flow with convex costs, exact: successive shortest paths (Ahuja, Magnanti and Orlin, *Network Flows*,
//! 9.7 and 14.5) with node potentials. The first potentials are distances to the sink, from one reverse Dijkstra;
//! each further path is found by a Dijkstra from the source that, guided by them, looks at little more than the
//! path itself and stops at the sink.
//!
//! Costs and amounts are integers, so "optimal" is exact. Costs must not be negative, and an arc's pieces must not
//! get cheaper as flow grows (else no such method is exact).

use alloc::collections::BinaryHeap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Reverse;

use crate::work::Work;

/// A directed network with convex arc costs. Arcs come in opposite pairs, `a` and `a ^ 1`; a one-way arc's
/// opposite simply never has a step.
pub trait Network {
    /// Nodes are `0..node_count`.
    fn node_count(&self) -> usize;
    /// Arcs are `0..arc_count`.
    fn arc_count(&self) -> usize;
    /// The peers of a node, each with the arc that leaves towards it.
    fn incident(&self, node: u32) -> impl Iterator<Item = (u32, u32)>;
    /// The cost of one more unit over `arc`, when `flow` units cross it already; `None` if it is full.
    fn ahead(&self, arc: u32, flow: u64) -> Option<u64>;
    /// The number of units for which [`Self::ahead`] stays constant; not 0 where there is a cost.
    fn ahead_room(&self, arc: u32, flow: u64) -> u64;
    /// The saving by taking one unit off `arc`, when `flow > 0` units cross it.
    fn back(&self, arc: u32, flow: u64) -> u64;
    /// The number of units for which [`Self::back`] stays constant; not 0.
    fn back_room(&self, arc: u32, flow: u64) -> u64;
}

/// The same network seen from its sink: every arc turned round, under its own number. A flow in it from sink to
/// source is one from source to sink. Search starts where the network is tight, and looks at less.
pub struct Reversed<'a, N>(pub &'a N);

impl<N: Network> Network for Reversed<'_, N> {
    fn node_count(&self) -> usize {
        self.0.node_count()
    }

    fn arc_count(&self) -> usize {
        self.0.arc_count()
    }

    fn incident(&self, node: u32) -> impl Iterator<Item = (u32, u32)> {
        self.0.incident(node).map(|(peer, out)| (peer, out ^ 1))
    }

    fn ahead(&self, arc: u32, flow: u64) -> Option<u64> {
        self.0.ahead(arc, flow)
    }

    fn ahead_room(&self, arc: u32, flow: u64) -> u64 {
        self.0.ahead_room(arc, flow)
    }

    fn back(&self, arc: u32, flow: u64) -> u64 {
        self.0.back(arc, flow)
    }

    fn back_room(&self, arc: u32, flow: u64) -> u64 {
        self.0.back_room(arc, flow)
    }
}

/// The flow found by [`min_cost_flow`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Flow {
    /// The arcs with their flow; ascending.
    pub arcs: Vec<(u32, u64)>,
    /// The amount that reached the sink; less than requested means that no more can.
    pub amount: u64,
    /// Total cost.
    pub cost: u128,
    /// Number of paths.
    pub paths: usize,
}

/// Working memory, reusable between solves.
#[derive(Default)]
pub struct Scratch {
    potential: Vec<u64>,
    distance: Vec<u64>,
    parent: Vec<(u32, u32)>,
    touched: Vec<u32>,
    heap: BinaryHeap<Reverse<(u64, u32)>>,
    flow: Vec<u64>,
    used: Vec<u32>,
    /// The work budget: a search that exhausts it finds no further path.
    pub work: Work,
}

const FAR: u64 = u64::MAX;
const NONE: u32 = u32::MAX;

/// Sends `amount` units from `source` to `sink` at minimum cost, or as many as fit, in at most `max_paths` paths and within
/// the scratch's [`Work`].
pub fn min_cost_flow<N: Network>(
    network: &N,
    (source, sink): (u32, u32),
    amount: u64,
    max_paths: usize,
    scratch: &mut Scratch,
) -> Flow {
    let mut result = Flow::default();
    if source == sink || amount == 0 {
        return result;
    }
    scratch.reset(network);
    if !scratch.first_potentials(network, source, sink) {
        return result;
    }
    while result.amount < amount && result.paths < max_paths {
        if !scratch.search(network, source, sink) {
            break;
        }
        result.amount += scratch.augment(network, (source, sink), amount - result.amount);
        result.paths += 1;
    }
    scratch.used.sort_unstable();
    scratch.used.dedup();
    let flow = &scratch.flow;
    let crossed = scratch.used.iter().map(|&arc| (arc, flow[arc as usize])).filter(|&(_, flow)| flow > 0);
    result.arcs = crossed.collect();
    result.cost = result.arcs.iter().map(|&(arc, flow)| arc_cost(network, arc, flow)).sum();
    result
}

/// The problem and its solution in DIMACS' min-cost-flow format, each linear piece an arc, for another solver to
/// check: `c objective` is what this one found.
pub fn dimacs<N: Network>(network: &N, (source, sink): (u32, u32), found: &Flow) -> String {
    let mut arcs = String::new();
    let mut count = 0;
    for node in 0..network.node_count() as u32 {
        for (peer, out) in network.incident(node) {
            let mut at = 0;
            while let Some(cost) = network.ahead(out, at).filter(|_| at < found.amount) {
                let room = network.ahead_room(out, at).min(found.amount - at).max(1);
                arcs += &format!("a {} {} 0 {room} {cost}\n", node + 1, peer + 1);
                at += room;
                count += 1;
            }
        }
    }
    let head = format!("c objective {}\np min {} {count}\n", found.cost, network.node_count());
    let ends = format!("n {} {}\nn {} -{}\n", source + 1, found.amount, sink + 1, found.amount);
    head + &ends + &arcs
}

/// Cost of `flow` units over one arc.
pub fn arc_cost<N: Network>(network: &N, arc: u32, flow: u64) -> u128 {
    let (mut at, mut cost) = (0, 0u128);
    while at < flow {
        let Some(slope) = network.ahead(arc, at) else { break };
        let units = network.ahead_room(arc, at).clamp(1, flow - at);
        cost += u128::from(units) * u128::from(slope);
        at += units;
    }
    cost
}

impl Scratch {
    fn reset<N: Network>(&mut self, network: &N) {
        let nodes = network.node_count();
        // Resetting takes time as well: a look for eight nodes.
        self.work.take(nodes / 8);
        for list in [&mut self.potential, &mut self.distance] {
            list.clear();
            list.resize(nodes, FAR);
        }
        self.parent.clear();
        self.parent.resize(nodes, (NONE, NONE));
        // Only the arcs in use are cleared: the network is large, a flow small.
        for &arc in &self.used {
            if let Some(flow) = self.flow.get_mut(arc as usize) {
                *flow = 0;
            }
        }
        if self.flow.len() != network.arc_count() {
            self.flow = vec![0; network.arc_count()];
        }
        self.used.clear();
        self.touched.clear();
        self.heap.clear();
    }

    /// Sets the potentials to the distances to the sink, as far as the source needs them; all others get the source's (a lower
    /// bound, so that no reduced cost is negative). True if the source reaches the sink.
    fn first_potentials<N: Network>(&mut self, network: &N, source: u32, sink: u32) -> bool {
        let distance = &mut self.potential;
        distance[sink as usize] = 0;
        self.heap.push(Reverse((0, sink)));
        while let Some(Reverse((reached, node))) = self.heap.pop() {
            if reached > distance[node as usize] {
                continue;
            }
            if node == source {
                break;
            }
            if self.work.is_spent() {
                return false;
            }
            for (peer, out) in network.incident(node) {
                self.work.take(1);
                if distance[peer as usize] <= reached {
                    continue;
                }
                let Some(cost) = network.ahead(out ^ 1, 0) else { continue };
                let longer = reached.saturating_add(cost);
                if longer < distance[peer as usize] {
                    distance[peer as usize] = longer;
                    self.heap.push(Reverse((longer, peer)));
                }
            }
        }
        self.heap.clear();
        let limit = distance[source as usize];
        for value in distance.iter_mut() {
            *value = (*value).min(limit);
        }
        limit != FAR
    }

    /// Finds the shortest path from the source in the residual network; potentials become distances again.
    fn search<N: Network>(&mut self, network: &N, source: u32, sink: u32) -> bool {
        for &node in &self.touched {
            self.distance[node as usize] = FAR;
        }
        self.touched.clear();
        self.heap.clear();
        self.distance[source as usize] = 0;
        self.touched.push(source);
        self.heap.push(Reverse((0, source)));
        let mut limit = FAR;
        while let Some(Reverse((reached, node))) = self.heap.pop() {
            if reached > self.distance[node as usize] {
                continue;
            }
            if node == sink {
                limit = reached;
                break;
            }
            if self.work.is_spent() {
                return false;
            }
            self.relax(network, node, reached);
        }
        if limit == FAR {
            return false;
        }
        // The search stopped at the sink: nodes farther away keep their potentials.
        for &node in &self.touched {
            let short = limit - self.distance[node as usize].min(limit);
            let potential = &mut self.potential[node as usize];
            *potential = potential.saturating_add(short);
        }
        true
    }

    fn relax<N: Network>(&mut self, network: &N, node: u32, reached: u64) {
        let own = self.potential[node as usize];
        for (peer, out) in network.incident(node) {
            self.work.take(1);
            let known = self.distance[peer as usize];
            if known <= reached {
                continue;
            }
            let theirs = self.potential[peer as usize];
            let Some(length) = self.residual(network, out, own, theirs) else { continue };
            let longer = reached.saturating_add(length);
            if longer < known {
                if known == FAR {
                    self.touched.push(peer);
                }
                self.distance[peer as usize] = longer;
                self.parent[peer as usize] = (node, out);
                self.heap.push(Reverse((longer, peer)));
            }
        }
    }

    /// Reduced cost of going along `out`: by undoing what crosses its opposite, or by crossing it.
    fn residual<N: Network>(&self, network: &N, out: u32, own: u64, theirs: u64) -> Option<u64> {
        let opposite = self.flow[(out ^ 1) as usize];
        if opposite > 0 {
            let saved = network.back(out ^ 1, opposite);
            // Never negative while the potentials are distances: theirs = saved + own or more.
            return Some(theirs.saturating_sub(own.saturating_add(saved)));
        }
        let cost = network.ahead(out, self.flow[out as usize])?;
        Some(cost.saturating_add(theirs).saturating_sub(own))
    }

    fn augment<N: Network>(&mut self, network: &N, (source, sink): (u32, u32), wanted: u64) -> u64 {
        let mut path = Vec::new();
        let mut node = sink;
        let mut units = wanted;
        while node != source {
            let (before, out) = self.parent[node as usize];
            let opposite = self.flow[(out ^ 1) as usize];
            let room = if opposite > 0 {
                network.back_room(out ^ 1, opposite)
            } else {
                network.ahead_room(out, self.flow[out as usize])
            };
            units = units.min(room);
            path.push(out);
            node = before;
        }
        // Flow on the opposite arc is undone before any is added: the two would only cost twice.
        for &out in &path {
            if self.flow[(out ^ 1) as usize] > 0 {
                self.flow[(out ^ 1) as usize] -= units;
            } else {
                self.flow[out as usize] += units;
                self.used.push(out);
            }
        }
        units
    }
}
