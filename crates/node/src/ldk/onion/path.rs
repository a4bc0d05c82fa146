//! MessagePaths for onion messages: to a peer, or through the planner's graph by the fewest nodes.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use amplet_router::{Graph, NodeId};
use bitcoin::secp256k1::{PublicKey, Secp256k1, Signing, Verification};
use lightning::blinded_path::IntroductionNode;
use lightning::blinded_path::message::{BlindedMessagePath, MessageContext, MessageForwardNode};
use lightning::onion_message::messenger::{Destination, MessageRouter, OnionMessagePath};
use lightning::sign::ReceiveAuthKey;

use crate::ldk::routing::FlowRouter;
use crate::ldk::signer::Signer;

/// Maximum number of blinded paths in one offer or request.
const MAX_PATHS: usize = 3;

/// Maximum number of nodes between one of our peers and the destination.
const MAX_BETWEEN: usize = 3;

/// Maximum number of nodes that a search looks at: a message is worth no more.
const MAX_SEEN: usize = 20_000;

/// Finds paths for onion messages.
pub struct MessagePathFinder {
    router: Rc<FlowRouter>,
    signer: Arc<Signer>,
}

impl MessagePathFinder {
    pub(crate) fn new(router: Rc<FlowRouter>, signer: Arc<Signer>) -> Self {
        Self { router, signer }
    }
}

fn node_id(key: &PublicKey) -> NodeId {
    NodeId(key.serialize())
}

/// Nodes from one of `peers` to a neighbour of `destination`, that peer first.
fn between(graph: &Graph, peers: &[PublicKey], destination: &PublicKey) -> Option<Vec<PublicKey>> {
    let goal = graph.node(&node_id(destination))?;
    let peers: BTreeMap<u32, PublicKey> =
        peers.iter().filter_map(|peer| Some((graph.node(&node_id(peer))?, *peer))).collect();
    // From the destination back: towards what, and how far.
    let mut towards = BTreeMap::from([(goal, (goal, 0))]);
    let mut open = VecDeque::from([goal]);
    while let Some(node) = open.pop_front() {
        let distance = towards.get(&node).map_or(0, |(_, distance)| *distance);
        if peers.contains_key(&node) {
            return route(graph, &towards, node, goal);
        }
        if distance > MAX_BETWEEN || towards.len() > MAX_SEEN {
            continue;
        }
        for entry in graph.incident(node) {
            towards.entry(entry.peer).or_insert_with(|| {
                open.push_back(entry.peer);
                (node, distance + 1)
            });
        }
    }
    None
}

fn route(
    graph: &Graph,
    towards: &BTreeMap<u32, (u32, usize)>,
    from: u32,
    goal: u32,
) -> Option<Vec<PublicKey>> {
    let (mut nodes, mut node) = (Vec::new(), from);
    while node != goal {
        nodes.push(PublicKey::from_slice(&graph.nodes().get(node as usize)?.0).ok()?);
        node = towards.get(&node)?.0;
    }
    Some(nodes)
}

impl MessageRouter for MessagePathFinder {
    fn find_path(
        &self,
        sender: PublicKey,
        peers: Vec<PublicKey>,
        destination: Destination,
    ) -> Result<OnionMessagePath, ()> {
        let first = match &destination {
            Destination::Node(node) => *node,
            Destination::BlindedPath(path) => match path.introduction_node() {
                IntroductionNode::NodeId(node) => *node,
                // The messenger takes none that is named by its channel only.
                IntroductionNode::DirectedShortChannelId(..) => return Err(()),
            },
        };
        let intermediate_nodes = if first == sender || peers.contains(&first) {
            Vec::new()
        } else {
            between(&self.router.graph(), &peers, &first).ok_or(())?
        };
        Ok(OnionMessagePath { intermediate_nodes, destination, first_node_addresses: Vec::new() })
    }

    /// A node that everybody knows is its own introduction; another one is behind its peers.
    fn create_blinded_paths<T: Signing + Verification>(
        &self,
        recipient: PublicKey,
        key: ReceiveAuthKey,
        context: MessageContext,
        peers: Vec<MessageForwardNode>,
        secp: &Secp256k1<T>,
    ) -> Result<Vec<BlindedMessagePath>, ()> {
        let make = |hops: &[MessageForwardNode]| {
            BlindedMessagePath::new(hops, recipient, key, context.clone(), false, &self.signer, secp)
        };
        if self.router.graph().node(&node_id(&recipient)).is_some() {
            return Ok(vec![make(&[])]);
        }
        let paths: Vec<_> = peers.into_iter().take(MAX_PATHS).map(|peer| make(&[peer])).collect();
        if paths.is_empty() { Err(()) } else { Ok(paths) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use amplet_protocol::Msat;
    use amplet_router::Scid;
    use bitcoin::secp256k1::SecretKey;

    use super::*;

    fn key(number: u8) -> PublicKey {
        PublicKey::from_secret_key(&Secp256k1::new(), &SecretKey::from_slice(&[number; 32]).unwrap())
    }

    #[test]
    fn a_message_takes_the_fewest_nodes_and_no_more_than_allowed() {
        // 1 - 2 - 3 - 4 - 5 - 6 - 7, and 2 - 5.
        let mut graph = Graph::new();
        for (scid, (from, to)) in
            [(1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 7), (2, 5)].into_iter().enumerate()
        {
            let ends = [from, to].map(|number| graph.add_node(node_id(&key(number))).unwrap());
            graph.add_channel(Scid(scid as u64 + 1), ends, Some(Msat::from(1_000_000))).unwrap();
        }
        graph.index();
        let to = |peer, number| between(&graph, &[key(peer)], &key(number));
        assert_eq!(to(1, 6), Some([1, 2, 5].map(key).to_vec()));
        assert_eq!(to(3, 4), Some(vec![key(3)]));
        assert_eq!(to(1, 7), Some([1, 2, 5, 6].map(key).to_vec()));
        assert_eq!((to(1, 9), to(9, 1)), (None, None), "nobody knows them");
        assert_eq!(between(&graph, &[key(7), key(4)], &key(2)), Some([4, 3].map(key).to_vec()));
    }
}
