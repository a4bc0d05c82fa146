//! Connections to other nodes.

mod copies;
mod lost;
mod messages;
mod persistent;

use std::cell::RefCell;
use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use amplet_protocol::gateway::{MESSAGE_TYPE, Message};
use amplet_transport::{CloseCode, Duplex, PeerAddress};
use bitcoin::secp256k1::PublicKey;
use futures::channel::mpsc::UnboundedReceiver;

use crate::base::Base;
use crate::ldk::messages::MessageHandler;
use crate::ldk::socket::{Dialer, drive, ip_of};
use messages::GatewayMessages;

pub use copies::{Copies, Findings};
pub use lost::{Lost, LostAnswer, LostGateway};
pub use messages::Incoming;
pub use persistent::{ConnectionState, PersistentPeer};

/// Connections to other nodes.
pub struct Peers {
    base: Rc<Base>,
    persistent: RefCell<Vec<Rc<PersistentPeer>>>,
    messages: Rc<GatewayMessages>,
    copies: Rc<Copies>,
    lost: Rc<Lost>,
}

impl Peers {
    pub(crate) fn new(base: Rc<Base>, copies: Rc<Copies>, lost: Rc<Lost>) -> Self {
        let messages = Rc::new(GatewayMessages::default());
        let handler = Rc::clone(&messages) as Rc<dyn MessageHandler>;
        base.ldk.messages.register(MESSAGE_TYPE, handler);
        Self { base, persistent: RefCell::default(), messages, copies, lost }
    }

    /// Runs a connection that a peer made, until it ends.
    pub fn accept(&self, duplex: Rc<dyn Duplex>) {
        self.run_inbound(duplex, None);
    }

    /// The same, from a known address.
    pub fn accept_from(&self, duplex: Rc<dyn Duplex>, from: SocketAddr) {
        self.run_inbound(duplex, Some(from));
    }

    fn run_inbound(&self, duplex: Rc<dyn Duplex>, from: Option<SocketAddr>) {
        if self.base.staged.old_copy.is_set() {
            duplex.close(CloseCode::Normal);
            return;
        }
        let base = Rc::clone(&self.base);
        self.base.platform.spawn(Box::pin(async move {
            let ended = drive(&base.ldk.peers, duplex, Dialer::Peer(from), &base.notify).await;
            log::debug!("an inbound connection ended: {ended:?}");
        }));
    }

    /// Stays connected to a peer for as long as the node runs; an old copy dials nobody. Idempotent.
    ///
    /// # Errors
    /// The node id is not a point of the curve.
    pub fn connect_persistently(
        &self,
        address: PeerAddress,
    ) -> Result<Rc<PersistentPeer>, bitcoin::secp256k1::Error> {
        let node_id = PublicKey::from_slice(&address.node_id.0)?;
        let mut all = self.persistent.borrow_mut();
        if let Some(peer) = all.iter().find(|peer| peer.address == address) {
            return Ok(Rc::clone(peer));
        }
        self.lost.address(node_id, address.to_string());
        let peer = Rc::new(PersistentPeer::new(address, node_id));
        all.push(Rc::clone(&peer));
        let connection = Rc::clone(&peer).run(Rc::downgrade(&self.base));
        self.base.platform.spawn(Box::pin(connection));
        Ok(peer)
    }

    /// Other copies of this node's storage, as far as gateways tell.
    pub fn copies(&self) -> &Copies {
        &self.copies
    }

    /// Channels of lost installations, as far as gateways tell.
    pub fn lost(&self) -> &Rc<Lost> {
        &self.lost
    }

    /// Persistent peers.
    pub fn persistent(&self) -> Vec<Rc<PersistentPeer>> {
        self.persistent.borrow().clone()
    }

    /// Ends the pause before the next attempt of each persistent peer (the network came back, the user looks).
    pub fn reconnect_now(&self) {
        self.persistent.borrow().iter().for_each(|peer| peer.retry.notify());
    }

    /// Returns whether BOLT 1's init was exchanged with this peer.
    pub fn is_connected(&self, peer: &PublicKey) -> bool {
        self.base.ldk.messages.is_connected(peer)
    }

    /// Resolves when this peer is connected.
    pub async fn connected(&self, peer: PublicKey) {
        self.base.ldk.messages.connected(peer).await;
    }

    /// Connected peers.
    pub fn list(&self) -> Vec<PublicKey> {
        self.base.ldk.peers.list_peers().into_iter().map(|peer| peer.counterparty_node_id).collect()
    }

    /// Address that a connected peer came from; `None`: we dialled it, or it is not known.
    pub fn address_of(&self, peer: &PublicKey) -> Option<IpAddr> {
        let details =
            self.base.ldk.peers.peer_by_node_id(peer).filter(|details| details.is_inbound_connection);
        details?.socket_address.as_ref().and_then(ip_of)
    }

    /// Peers that connected to us and have no channel, of which LDK takes 250.
    pub fn strangers(&self) -> Vec<PublicKey> {
        let channels = self.base.ldk.manager.list_channels();
        let with_channel: HashSet<PublicKey> = channels.iter().map(|it| it.counterparty.node_id).collect();
        let inbound = self.base.ldk.peers.list_peers().into_iter().filter(|peer| peer.is_inbound_connection);
        inbound.map(|peer| peer.counterparty_node_id).filter(|peer| !with_channel.contains(peer)).collect()
    }

    /// Hangs up.
    pub fn disconnect(&self, peer: PublicKey) {
        self.base.ldk.peers.disconnect_by_node_id(peer);
        self.base.notify.notify();
    }

    /// The custom messages that peers send; `None` when taken before.
    pub fn messages(&self) -> Option<UnboundedReceiver<Incoming>> {
        self.messages.take_receiver()
    }

    /// Sends a custom message; dropped when the peer is not connected.
    pub fn send_message(&self, peer: PublicKey, message: Message) {
        self.base.ldk.messages.send_json(peer, MESSAGE_TYPE, &message);
    }
}
