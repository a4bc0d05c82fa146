//! Lessons of each part that ends.

use amplet_protocol::Msat;
use amplet_router::{Certainty, Direction, Graph, Scid};
use bitcoin::secp256k1::PublicKey;
use lightning::events::PathFailure;
use lightning::routing::gossip::NetworkUpdate;
use lightning::routing::router::Path;

use super::FlowRouter;
use super::request::node_id;

/// A public channel on a path: place, direction, and what crossed it.
struct Crossing {
    place: usize,
    scid: Scid,
    direction: Direction,
    amount_msat: Msat,
}

/// The public channels of a path. Route hints and aliases may carry a public channel's id by chance: the ends decide.
fn crossings(graph: &Graph, path: &Path) -> Vec<Crossing> {
    let blinded = path.blinded_tail.as_ref();
    let mut amount_msat = blinded.map_or(Msat::ZERO, |tail| Msat::up_to_max(tail.final_value_msat));
    let mut found = Vec::new();
    for place in (1..path.hops.len()).rev() {
        let (hop, before) = (&path.hops[place], &path.hops[place - 1]);
        amount_msat = amount_msat.plus_up_to_max(Msat::up_to_max(hop.fee_msat));
        let scid = Scid(hop.short_channel_id);
        let Some(channel) = graph.channel(scid).and_then(|index| graph.channels().get(index as usize)) else {
            continue;
        };
        let ends = [&before.pubkey, &hop.pubkey].map(|key| graph.node(&node_id(key)));
        let direction = match ends.map(|end| channel.nodes.iter().position(|&node| Some(node) == end)) {
            [Some(0), Some(1)] => Direction::Forward,
            [Some(1), Some(0)] => Direction::Backward,
            _ => continue,
        };
        found.push(Crossing { place, scid, direction, amount_msat });
    }
    found.reverse();
    found
}

impl FlowRouter {
    /// A part was paid: every channel of it had the balance, and now has it on the other side.
    pub(crate) fn path_succeeded(&self, path: &Path) {
        let (graph, now_s) = (self.graph(), self.now_s());
        let mut beliefs = self.beliefs.borrow_mut();
        for Crossing { scid, direction, amount_msat, .. } in crossings(&graph, path) {
            beliefs.released(scid, direction, amount_msat);
            beliefs.reached(&graph, scid, direction, amount_msat, now_s);
            beliefs.sent(scid, direction, amount_msat);
            beliefs.settled(scid, direction, amount_msat, now_s);
        }
        self.unstored.set(true);
    }

    /// A part came back. `channel` is the one that did not carry it; `rejected` says that the payee had it and refused.
    /// Returns whether the graph may be out of date there.
    pub(crate) fn path_failed(
        &self,
        path: &Path,
        channel: Option<u64>,
        rejected: bool,
        failure: &PathFailure,
    ) -> bool {
        let PathFailure::OnPath { network_update } = failure else { return false };
        let stop = stop(path, channel, rejected, network_update.as_ref());
        self.learn(path, stop);
        let Some(update) = network_update else { return stop < path.hops.len() };
        if let Some(gossip) = &self.gossip {
            gossip.failed(update);
        }
        match update {
            NetworkUpdate::ChannelFailure { short_channel_id, is_permanent: true } => {
                self.close(|graph| graph.channel(Scid(*short_channel_id)).into_iter().collect());
                false
            }
            NetworkUpdate::NodeFailure { node_id: key, is_permanent: true } => {
                self.close(|graph| channels_of(graph, key));
                false
            }
            // The payee itself has let go of it, as of a set that was not complete in time.
            NetworkUpdate::NodeFailure { .. } if stop == path.hops.len() => false,
            NetworkUpdate::ChannelFailure { .. } | NetworkUpdate::NodeFailure { .. } => true,
        }
    }

    /// The channels before `stop` carried it; the one there did not, for lack of balance or by a policy that has changed.
    fn learn(&self, path: &Path, stop: usize) {
        let (graph, now_s) = (self.graph(), self.now_s());
        let mut beliefs = self.beliefs.borrow_mut();
        for Crossing { place, scid, direction, amount_msat } in crossings(&graph, path) {
            beliefs.released(scid, direction, amount_msat);
            if place < stop {
                beliefs.reached(&graph, scid, direction, amount_msat, now_s);
            } else if place == stop && stop > 0 {
                beliefs.refused(&graph, (scid, direction), amount_msat, Certainty::Soft, now_s);
            }
        }
        self.unstored.set(true);
    }

    /// Takes channels out of use until the graph's source says otherwise.
    fn close(&self, which: impl FnOnce(&Graph) -> Vec<u32>) {
        let mut graph = self.graph.borrow_mut();
        for channel in which(&graph) {
            for direction in [Direction::Forward, Direction::Backward] {
                if let Some(policy) = graph.policy(channel, direction).copied() {
                    graph.set_policy(channel, direction, amplet_router::Policy { enabled: false, ..policy });
                }
            }
        }
    }
}

/// Place of the channel at which a part stopped; the number of channels: it came to the payee. `channel` is the one that did not
/// carry it, or, where a node failed, the one that brought it there.
fn stop(path: &Path, channel: Option<u64>, rejected: bool, update: Option<&NetworkUpdate>) -> usize {
    let failed = match update {
        Some(NetworkUpdate::NodeFailure { node_id, .. }) => {
            path.hops.iter().position(|hop| hop.pubkey == *node_id).map(|place| place.saturating_add(1))
        }
        _ => None,
    };
    let refused = || path.hops.iter().position(|hop| Some(hop.short_channel_id) == channel);
    // Where nobody can say how far it came, nothing is learnt.
    failed.or_else(refused).unwrap_or(if rejected { path.hops.len() } else { 0 })
}

fn channels_of(graph: &Graph, key: &PublicKey) -> Vec<u32> {
    let node = graph.node(&node_id(key));
    node.map_or(&[][..], |node| graph.incident(node)).iter().map(|entry| entry.out / 2).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use bitcoin::secp256k1::{Secp256k1, SecretKey};
    use lightning::routing::router::RouteHop;
    use lightning::types::features::{ChannelFeatures, NodeFeatures};

    use super::*;

    fn key(number: u8) -> PublicKey {
        PublicKey::from_secret_key(&Secp256k1::new(), &SecretKey::from_slice(&[number; 32]).unwrap())
    }

    /// Channels 1, 2, 3 to the nodes 1, 2, 3.
    fn path() -> Path {
        let hops = (1..=3).map(|number| RouteHop {
            pubkey: key(number),
            node_features: NodeFeatures::empty(),
            short_channel_id: u64::from(number),
            channel_features: ChannelFeatures::empty(),
            fee_msat: 1_000,
            cltv_expiry_delta: 40,
            maybe_announced_channel: true,
        });
        Path { hops: hops.collect(), blinded_tail: None }
    }

    #[test]
    fn a_node_that_fails_had_the_part() {
        let node = |number, is_permanent| NetworkUpdate::NodeFailure { node_id: key(number), is_permanent };
        let channel = NetworkUpdate::ChannelFailure { short_channel_id: 2, is_permanent: false };
        for (channel, rejected, update, expected) in [
            (Some(2), false, Some(channel), 1),
            (Some(1), false, Some(node(1, false)), 1),
            (Some(2), false, Some(node(2, true)), 2),
            // A set that was not complete in time: the payee's word, not the last channel's.
            (Some(3), false, Some(node(3, false)), 3),
            (None, true, None, 3),
            (None, false, None, 0),
        ] {
            assert_eq!(stop(&path(), channel, rejected, update.as_ref()), expected, "{update:?}");
        }
    }
}
