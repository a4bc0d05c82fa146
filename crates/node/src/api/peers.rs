//! Connections to other nodes, and the network graph.

use std::rc::Rc;

use amplet_protocol::gateway::Message;
use amplet_transport::{Duplex, PeerAddress};
use bitcoin::secp256k1::PublicKey;
use futures::channel::mpsc::UnboundedReceiver;

use crate::inner::Inner;
use crate::messages::Incoming;
use crate::peers::{self, PersistentPeer};

/// Connections to other nodes.
#[derive(Clone)]
pub struct Peers(pub(crate) Rc<Inner>);

impl Peers {
    /// Runs a connection that a peer made, until it ends.
    pub fn accept(&self, duplex: Rc<dyn Duplex>) {
        let inner = Rc::clone(&self.0);
        let task = async move {
            let ended = peers::drive(&inner.ldk.peers, duplex, None, &inner.wake).await;
            log::debug!("an inbound connection ended: {ended:?}");
        };
        self.0.platform.spawn(Box::pin(task));
    }

    /// Stays connected to a peer for as long as the node runs. Idempotent.
    ///
    /// # Errors
    /// The node id is not a point of the curve.
    pub fn connect_persistently(
        &self,
        address: PeerAddress,
    ) -> Result<Rc<PersistentPeer>, bitcoin::secp256k1::Error> {
        let node_id = PublicKey::from_slice(&address.node_id.0)?;
        let mut all = self.0.kept.borrow_mut();
        if let Some(peer) = all.iter().find(|peer| peer.address == address) {
            return Ok(Rc::clone(peer));
        }
        let peer = Rc::new(PersistentPeer::new(address, node_id));
        all.push(Rc::clone(&peer));
        let task = peers::keep(Rc::downgrade(&self.0), Rc::clone(&peer));
        self.0.platform.spawn(Box::pin(task));
        Ok(peer)
    }

    /// Persistent peers.
    pub fn persistent(&self) -> Vec<Rc<PersistentPeer>> {
        self.0.kept.borrow().clone()
    }

    /// Ends the pause before the next attempt of each persistent peer (the network came back, the user looks).
    pub fn reconnect_now(&self) {
        self.0.kept.borrow().iter().for_each(|peer| peer.retry.wake());
    }

    /// Whether BOLT 1's init was exchanged with this peer.
    pub fn is_connected(&self, peer: &PublicKey) -> bool {
        self.0.ldk.messages.is_connected(peer)
    }

    /// Resolves when this peer is connected.
    pub async fn connected(&self, peer: PublicKey) {
        self.0.ldk.messages.connected(peer).await;
    }

    /// Connected peers.
    pub fn list(&self) -> Vec<PublicKey> {
        self.0.ldk.peers.list_peers().into_iter().map(|peer| peer.counterparty_node_id).collect()
    }

    /// The custom messages that peers send; `None` when taken before.
    pub fn messages(&self) -> Option<UnboundedReceiver<Incoming>> {
        self.0.ldk.messages.take_receiver()
    }

    /// Sends a custom message; dropped when the peer is not connected.
    pub fn send_message(&self, peer: PublicKey, message: Message) {
        self.0.ldk.messages.send(peer, message);
    }
}

/// The network graph.
#[derive(Clone)]
pub struct Graph(pub(crate) Rc<Inner>);

impl Graph {
    /// A gateway's channel graph as a Rapid Gossip Sync snapshot: what has changed since `since` (seconds since 1970), or all
    /// of it (0). `None`: this node does not gossip.
    pub fn rgs_snapshot(&self, since: u32) -> Option<Vec<u8>> {
        let ldk = &self.0.ldk;
        let graph = ldk.router.graph();
        ldk.gossip.as_ref().map(|gossip| gossip.snapshot(&graph, since))
    }

    /// A number that rises with each change of a gateway's channel graph.
    pub fn generation(&self) -> u64 {
        drop(self.0.ldk.router.graph());
        self.0.ldk.gossip.as_ref().map_or(0, |gossip| gossip.generation())
    }
}
