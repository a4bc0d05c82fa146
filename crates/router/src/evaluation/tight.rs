//! Payments that fit to the millisatoshi, by how they are made: where a planner has no room to spare, it must find what there is.

use super::generated::Dice;
use crate::belief::{Beliefs, Certainty};
use crate::graph::{Direction, Graph, NodeId, Policy, Scid};
use crate::request::FirstHop;
use alloc::vec::Vec;
use amplet_protocol::Msat;

/// A payment, and a network that can carry it.
pub struct Tight {
    /// Chains of channels from the gateway to the destination.
    pub graph: Graph,
    /// What is known of them: one channel of a chain is often known to the millisatoshi, others to be large.
    pub beliefs: Beliefs,
    /// The only channel of our own; if there is only one chain, it has exactly what that takes.
    pub first_hop: FirstHop,
    /// The payee.
    pub destination: NodeId,
    /// The sum of what the chains can carry, at least.
    pub amount_msat: Msat,
    /// The fees of the chains.
    pub fee_msat: Msat,
}

/// Makes one.
///
/// # Panics
/// Never: the network is small and its ids are distinct.
#[must_use]
pub fn tight(seed: u64) -> Tight {
    let mut dice = Dice(seed);
    let mut making = Making { graph: Graph::new(), known: Vec::new(), next: 2 };
    let chains = 1 + dice.below(3);
    let (mut amount_msat, mut sent_msat) = (0, 0);
    for _ in 0..chains {
        let bits = 20 + dice.below(20);
        let delivered_msat = 1_000_000 + dice.below(1 << bits);
        amount_msat += delivered_msat;
        sent_msat += making.chain(&mut dice, delivered_msat);
    }
    making.graph.index();
    let mut beliefs = Beliefs::new();
    for (scid, exact, amount) in making.known {
        let [carried, refused] = if exact { [amount, amount + 1] } else { [0, 4 * amount] };
        beliefs.reached(&making.graph, scid, Direction::Forward, Msat::up_to_max(carried), 0);
        let hop = (scid, Direction::Forward);
        beliefs.refused(&making.graph, hop, Msat::up_to_max(refused), Certainty::Certain, 0);
    }
    let spendable_msat = Msat::up_to_max(if chains == 1 { sent_msat } else { 2 * sent_msat });
    Tight {
        graph: making.graph,
        beliefs,
        first_hop: FirstHop {
            peer: node(0),
            spendable_msat,
            min_msat: Msat::ZERO,
            max_msat: Msat::MAX,
            slots: 483,
        },
        destination: node(1),
        amount_msat: Msat::up_to_max(amount_msat),
        fee_msat: Msat::up_to_max(sent_msat - amount_msat),
    }
}

struct Making {
    graph: Graph,
    /// Channel, whether it is known to carry exactly an amount (or to be larger), that amount in msat.
    known: Vec<(Scid, bool, u64)>,
    next: u16,
}

impl Making {
    /// Adds a chain that can deliver an amount; returns what enters it, msat.
    fn chain(&mut self, dice: &mut Dice, delivered_msat: u64) -> u64 {
        let hops = 2 + dice.below(3);
        // The bottleneck; none if it lies beyond.
        let bottleneck = dice.below(hops + 1);
        let (mut head, mut crossing) = (node(1), delivered_msat);
        for hop in (0..hops).rev() {
            let tail = if hop == 0 { node(0) } else { node(self.next) };
            self.next += 1;
            let policy = Policy {
                enabled: true,
                base_msat: dice.pick(&[0, 1, 1000]),
                ppm: dice.pick(&[0, 1, 100, 999, 5000]),
                cltv: 40,
                min_msat: Msat::from(1),
                max_msat: Msat::MAX,
            };
            self.channel([tail, head], policy, (hop == bottleneck, crossing), dice.below(2) == 0);
            crossing += policy.fee_msat(Msat::up_to_max(crossing)).get();
            head = tail;
        }
        crossing
    }

    fn channel(&mut self, ends: [NodeId; 2], policy: Policy, (exact, crossing): (bool, u64), is_known: bool) {
        let scid = Scid(u64::from(self.next));
        let nodes = ends.map(|end| self.graph.add_node(end).unwrap_or_default());
        let capacity_msat = Some(Msat::up_to_max(10 * crossing));
        let Ok(channel) = self.graph.add_channel(scid, nodes, capacity_msat) else { return };
        self.graph.set_policy(channel, Direction::Forward, policy);
        if exact || is_known {
            self.known.push((scid, exact, crossing));
        }
    }
}

fn node(name: u16) -> NodeId {
    let mut id = [2; 33];
    id[1..3].copy_from_slice(&name.to_be_bytes());
    NodeId(id)
}
