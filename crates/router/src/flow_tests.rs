//! The flow against an exact reference: cycle cancelling from any feasible flow (no potentials, no Dijkstra, no
//! shared code), on small random convex networks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::flow::{Network, Reversed, Scratch, arc_cost, min_cost_flow};
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

/// Arcs as (tail, head, pieces (width, cost)), each with an opposite of its own.
#[derive(Clone, Debug)]
struct Small {
    nodes: usize,
    /// Pair `i` joins `ends[i]`; arc `2i` goes forward, `2i + 1` back.
    ends: Vec<(u32, u32)>,
    /// Per arc, slopes not falling.
    pieces: Vec<Vec<(u64, u64)>>,
}

impl Small {
    fn piece(&self, arc: u32, flow: u64) -> Option<(u64, u64)> {
        let mut end = 0;
        for &(width, cost) in &self.pieces[arc as usize] {
            end += width;
            if flow < end {
                return Some((end - flow, cost));
            }
        }
        None
    }
}

impl Network for Small {
    fn node_count(&self) -> usize {
        self.nodes
    }
    fn arc_count(&self) -> usize {
        self.pieces.len()
    }
    fn incident(&self, node: u32) -> impl Iterator<Item = (u32, u32)> {
        self.ends.iter().enumerate().flat_map(move |(pair, &(tail, head))| {
            let forward = (tail == node).then_some((head, 2 * pair as u32));
            let backward = (head == node).then_some((tail, 2 * pair as u32 + 1));
            forward.into_iter().chain(backward)
        })
    }
    fn ahead(&self, arc: u32, flow: u64) -> Option<u64> {
        self.piece(arc, flow).map(|(_, cost)| cost)
    }
    fn ahead_room(&self, arc: u32, flow: u64) -> u64 {
        self.piece(arc, flow).map_or(0, |(room, _)| room)
    }
    fn back(&self, arc: u32, flow: u64) -> u64 {
        self.piece(arc, flow - 1).expect("flow is within the arc").1
    }
    fn back_room(&self, arc: u32, flow: u64) -> u64 {
        let mut start = 0;
        for &(width, _) in &self.pieces[arc as usize] {
            if flow <= start + width {
                break;
            }
            start += width;
        }
        flow - start
    }
}

/// Unit by unit along Bellman-Ford paths and then around negative cycles: slow, simple, exact.
fn reference(network: &Small, source: u32, sink: u32, amount: u64) -> (u64, i128) {
    let mut flow = vec![0u64; network.pieces.len()];
    let mut sent = 0;
    while sent < amount && improve(network, &mut flow, source, sink) {
        sent += 1;
    }
    let cost = (0..flow.len()).map(|arc| arc_cost(network, arc as u32, flow[arc]) as i128).sum();
    (sent, cost)
}

/// Residual arcs, parallel to each other where an arc can be both taken and undone.
fn residual(network: &Small, flow: &[u64]) -> Vec<(u32, u32, i64, usize, bool)> {
    let mut arcs = Vec::new();
    for (arc, &crossing) in flow.iter().enumerate() {
        let (tail, head) = network.ends[arc / 2];
        let (tail, head) = if arc % 2 == 0 { (tail, head) } else { (head, tail) };
        if let Some((_, cost)) = network.piece(arc as u32, crossing) {
            arcs.push((tail, head, cost as i64, arc, true));
        }
        if crossing > 0 {
            arcs.push((head, tail, -(network.back(arc as u32, crossing) as i64), arc, false));
        }
    }
    arcs
}

fn improve(network: &Small, flow: &mut [u64], source: u32, sink: u32) -> bool {
    let arcs = residual(network, flow);
    let mut distance = vec![i64::MAX / 2; network.nodes];
    let mut parent = vec![usize::MAX; network.nodes];
    distance[source as usize] = 0;
    for _ in 0..network.nodes {
        for (index, &(tail, head, cost, ..)) in arcs.iter().enumerate() {
            let through = distance[tail as usize] + cost;
            if distance[tail as usize] < i64::MAX / 4 && through < distance[head as usize] {
                distance[head as usize] = through;
                parent[head as usize] = index;
            }
        }
    }
    if distance[sink as usize] >= i64::MAX / 4 {
        return false;
    }
    let mut node = sink;
    while node != source {
        let (tail, _, _, arc, taken) = arcs[parent[node as usize]];
        if taken {
            flow[arc] += 1;
        } else {
            flow[arc] -= 1;
        }
        node = tail;
    }
    true
}

fn small() -> impl Strategy<Value = Small> {
    let pieces = prop::collection::vec((1u64..4, 0u64..30), 0..4).prop_map(|mut pieces| {
        pieces.sort_by_key(|&(_, cost)| cost);
        pieces
    });
    (3usize..8).prop_flat_map(move |nodes| {
        let end = 0..nodes as u32;
        let pair = (end.clone(), end).prop_filter("no loops", |(tail, head)| tail != head);
        prop::collection::vec((pair, pieces.clone(), pieces.clone()), 1..16).prop_map(move |pairs| Small {
            nodes,
            ends: pairs.iter().map(|(ends, ..)| *ends).collect(),
            pieces: pairs.into_iter().flat_map(|(_, forward, backward)| [forward, backward]).collect(),
        })
    })
}

/// The flow into each node must equal the flow out of it.
fn conserved(network: &Small, arcs: &[(u32, u64)], amount: u64) -> bool {
    let mut balance = vec![0i64; network.nodes];
    for &(arc, flow) in arcs {
        let (tail, head) = network.ends[arc as usize / 2];
        let (tail, head) = if arc % 2 == 0 { (tail, head) } else { (head, tail) };
        balance[tail as usize] -= flow as i64;
        balance[head as usize] += flow as i64;
    }
    balance[0] == -(amount as i64)
        && balance[1] == amount as i64
        && balance[2..].iter().all(|&rest| rest == 0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flow_is_optimal(network in small(), amount in 1u64..25) {
        let mut scratch = Scratch::default();
        let found = min_cost_flow(&network, (0, 1), amount, 10_000, &mut scratch);
        let (sent, cost) = reference(&network, 0, 1, amount);
        prop_assert_eq!(found.amount, sent);
        prop_assert_eq!(found.cost as i128, cost);
        prop_assert!(conserved(&network, &found.arcs, found.amount));
        // The same from the other side, with the same working memory.
        let turned = min_cost_flow(&Reversed(&network), (1, 0), amount, 10_000, &mut scratch);
        prop_assert_eq!(turned.amount, sent);
        prop_assert_eq!(turned.cost as i128, cost);
        prop_assert!(conserved(&network, &turned.arcs, turned.amount));
    }
}
