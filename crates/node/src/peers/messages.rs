//! The custom messages between wallet and gateway ([`amplet_protocol::gateway`]): JSON behind BOLT 1's type.

use std::cell::RefCell;

use amplet_protocol::gateway::{MAX_MESSAGE, Message};
use bitcoin::secp256k1::PublicKey;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};

use crate::ldk::messages::MessageHandler;

/// Maximum number of messages that may wait for the application; more are dropped.
const MAX_WAITING: usize = 64;

/// A peer's message.
pub struct Incoming {
    /// Authenticated by BOLT 8.
    pub peer: PublicKey,
    /// The message.
    pub message: Message,
}

/// Receives the messages, for the application to take.
pub(super) struct GatewayMessages {
    sender: UnboundedSender<Incoming>,
    receiver: RefCell<Option<UnboundedReceiver<Incoming>>>,
}

impl Default for GatewayMessages {
    fn default() -> Self {
        let (sender, receiver) = unbounded();
        Self { sender, receiver: RefCell::new(Some(receiver)) }
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
        if self.sender.len() < MAX_WAITING {
            // Nobody listens any more: the node is closing.
            let _ = self.sender.unbounded_send(Incoming { peer, message });
        }
    }
}
