//! `peer_storage` (BOLT 1): what this node leaves with a peer is not LDK's to send, nor to read.

use bitcoin::secp256k1::PublicKey;
use lightning::ln::msgs::{MessageSendEvent, PeerStorage, PeerStorageRetrieval};

use super::Intercept;

impl Intercept {
    /// Leaves these bytes with a peer (65,531 at most), in the place of earlier ones; dropped when the peer is not connected.
    pub fn leave_with(&self, peer: PublicKey, data: Vec<u8>) {
        let event = MessageSendEvent::SendPeerStorage { node_id: peer, msg: PeerStorage { data } };
        self.state.borrow_mut().outgoing.push(event);
        self.notify.notify();
    }

    /// Drops what a peer gives back. LDK would read it, since it is sealed with LDK's key, as monitors of LDK's own: what it makes of
    /// other bytes is an assertion in debug builds, and a panic where they name a later state. Who knows this node's channels needs no
    /// list of them.
    pub(super) fn given_back(&self, peer: &PublicKey, message: &PeerStorageRetrieval) {
        log::debug!("{peer} gives back {} bytes", message.data.len());
    }
}
