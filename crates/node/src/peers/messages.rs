//! The custom messages between wallet and gateway ([`amplet_protocol::gateway`]): JSON behind BOLT 1's type.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use amplet_protocol::gateway::{MAX_MESSAGE, Message};
use bitcoin::secp256k1::PublicKey;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};

use crate::ldk::messages::MessageHandler;

/// Maximum number of messages of one peer that may wait for the application; more are dropped.
const MAX_WAITING: usize = 16;

/// Number of messages that wait for the application, by peer.
type Waiting = Rc<RefCell<HashMap<PublicKey, usize>>>;

/// A peer's message.
pub struct Incoming {
    /// Authenticated by BOLT 8.
    pub peer: PublicKey,
    /// The message.
    pub message: Message,
    /// Counted as waiting until it is dropped.
    _place: Place,
}

/// One of a peer's places among those that wait.
struct Place {
    peer: PublicKey,
    waiting: Waiting,
}

impl Place {
    /// Takes a place; `None`: the peer has all that it may have.
    fn take(waiting: &Waiting, peer: PublicKey) -> Option<Self> {
        let mut counts = waiting.borrow_mut();
        let count = counts.entry(peer).or_default();
        if *count >= MAX_WAITING {
            return None;
        }
        *count = count.saturating_add(1);
        Some(Self { peer, waiting: Rc::clone(waiting) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.waiting.borrow_mut();
        match counts.get_mut(&self.peer) {
            Some(count) if *count > 1 => *count = count.saturating_sub(1),
            _ => {
                counts.remove(&self.peer);
            }
        }
    }
}

/// Receives the messages, for the application to take.
pub(super) struct GatewayMessages {
    sender: UnboundedSender<Incoming>,
    receiver: RefCell<Option<UnboundedReceiver<Incoming>>>,
    waiting: Waiting,
}

impl Default for GatewayMessages {
    fn default() -> Self {
        let (sender, receiver) = unbounded();
        Self { sender, receiver: RefCell::new(Some(receiver)), waiting: Waiting::default() }
    }
}

impl GatewayMessages {
    /// Messages from now on; `None` when taken before.
    pub fn take_receiver(&self) -> Option<UnboundedReceiver<Incoming>> {
        self.receiver.borrow_mut().take()
    }
}

impl MessageHandler for GatewayMessages {
    fn max_len(&self) -> usize {
        MAX_MESSAGE
    }

    fn received(&self, peer: PublicKey, bytes: &[u8]) {
        // One of a later release is not understood, which is no reason to hang up.
        let Ok(message) = serde_json::from_slice(bytes) else { return };
        if let Some(place) = Place::take(&self.waiting, peer) {
            // Nobody listens any more: the node is closing.
            let _ = self.sender.unbounded_send(Incoming { peer, message, _place: place });
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_peer_that_floods_leaves_room_for_the_others() {
        let (flood, other): (PublicKey, PublicKey) = (
            "02eec7245d6b7d2ccb30380bfbe2a3648cd7a942653f5aa340edcea1f283686619".parse().unwrap(),
            "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798".parse().unwrap(),
        );
        let messages = GatewayMessages::default();
        let mut received = messages.take_receiver().unwrap();
        let ask = serde_json::to_vec(&Message::GetTerms).unwrap();
        for _ in 0..100 {
            messages.received(flood, &ask);
        }
        messages.received(other, &ask);
        let mut waiting = Vec::new();
        while let Ok(incoming) = received.try_recv() {
            waiting.push(incoming.peer);
        }
        assert_eq!(waiting.iter().filter(|peer| **peer == flood).count(), MAX_WAITING);
        assert_eq!(waiting.last(), Some(&other));
        // Taken, they make room again.
        messages.received(flood, &ask);
        assert_eq!(received.try_recv().unwrap().peer, flood);
    }
}
