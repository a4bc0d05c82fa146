//! Custom messages (BOLT 1, odd types from 32768 on), with a handler for each type, and who is connected.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use bitcoin::secp256k1::PublicKey;
use futures::channel::oneshot;
use lightning::io;
use lightning::ln::msgs::{DecodeError, Init, LightningError};
use lightning::ln::peer_handler::CustomMessageHandler;
use lightning::ln::wire::{CustomMessageReader, Type};
use lightning::types::features::{InitFeatures, NodeFeatures};
use lightning::util::ser::{LengthLimitedRead, Writeable, Writer};
use serde::Serialize;

use crate::notify::Notify;

/// A message on the wire: a type and bytes.
#[derive(Debug)]
pub struct Wire {
    message_type: u16,
    bytes: Vec<u8>,
}

impl Type for Wire {
    fn type_id(&self) -> u16 {
        self.message_type
    }
}

impl Writeable for Wire {
    fn write<W: Writer>(&self, writer: &mut W) -> Result<(), io::Error> {
        writer.write_all(&self.bytes)
    }
}

/// Handles the messages of one type.
pub(crate) trait MessageHandler {
    /// Maximum length of a message, in bytes; a peer that sends more is disconnected.
    fn max_len(&self) -> usize;

    /// Handles a message; `peer` was authenticated by BOLT 8.
    fn received(&self, peer: PublicKey, bytes: &[u8]);

    /// A peer has connected.
    fn connected(&self, _peer: PublicKey, _init: &Init) {}

    /// A peer is connected no longer.
    fn disconnected(&self, _peer: PublicKey) {}
}

/// A task that waits until a peer is connected (`true`), or is not.
struct Waiting {
    peer: PublicKey,
    connected: bool,
    sender: oneshot::Sender<()>,
}

/// Sends custom messages and hands received ones to the handler of their type.
pub struct CustomMessages {
    handlers: RefCell<BTreeMap<u16, Rc<dyn MessageHandler>>>,
    outgoing: RefCell<Vec<(PublicKey, Wire)>>,
    connected: RefCell<BTreeSet<PublicKey>>,
    waiting: RefCell<Vec<Waiting>>,
    notify: Notify,
}

impl CustomMessages {
    /// Without handlers. `notify` wakes the engine when there is something to send.
    pub fn new(notify: Notify) -> Self {
        Self {
            handlers: RefCell::default(),
            outgoing: RefCell::default(),
            connected: RefCell::default(),
            waiting: RefCell::default(),
            notify,
        }
    }

    /// Registers the handler of a message type.
    pub(crate) fn register(&self, message_type: u16, handler: Rc<dyn MessageHandler>) {
        self.handlers.borrow_mut().insert(message_type, handler);
    }

    fn handler(&self, message_type: u16) -> Option<Rc<dyn MessageHandler>> {
        self.handlers.borrow().get(&message_type).cloned()
    }

    fn all_handlers(&self) -> Vec<Rc<dyn MessageHandler>> {
        self.handlers.borrow().values().cloned().collect()
    }

    /// Queues a message; dropped when the peer is not connected.
    pub fn send(&self, peer: PublicKey, message_type: u16, bytes: Vec<u8>) {
        self.outgoing.borrow_mut().push((peer, Wire { message_type, bytes }));
        self.notify.notify();
    }

    /// Queues a message that is plain data, as JSON; dropped when the peer is not connected.
    pub fn send_json(&self, peer: PublicKey, message_type: u16, message: &impl Serialize) {
        match serde_json::to_vec(message) {
            Ok(bytes) => self.send(peer, message_type, bytes),
            // Plain data: its serialization has no failing case.
            Err(error) => log::error!("a message to {peer} was not sent: {error}"),
        }
    }

    /// Returns whether BOLT 1's init was exchanged with this peer.
    pub fn is_connected(&self, peer: &PublicKey) -> bool {
        self.connected.borrow().contains(peer)
    }

    /// All peers with which BOLT 1's init was exchanged.
    pub fn all_connected(&self) -> BTreeSet<PublicKey> {
        self.connected.borrow().clone()
    }

    /// Resolves when BOLT 1's init was exchanged with this peer.
    pub async fn connected(&self, peer: PublicKey) {
        self.until(peer, true).await;
    }

    /// Resolves when this peer is not connected.
    pub async fn disconnected(&self, peer: PublicKey) {
        self.until(peer, false).await;
    }

    async fn until(&self, peer: PublicKey, connected: bool) {
        if self.is_connected(&peer) == connected {
            return;
        }
        let (sender, receiver) = oneshot::channel();
        self.waiting.borrow_mut().push(Waiting { peer, connected, sender });
        // The sender is dropped only together with this object.
        let _ = receiver.await;
    }

    fn resolve(&self, peer: PublicKey, connected: bool) {
        let mut waiting = self.waiting.borrow_mut();
        let is_met = |waiting: &mut Waiting| waiting.peer == peer && waiting.connected == connected;
        for waiting in waiting.extract_if(.., is_met) {
            // Whoever waited may have given up.
            let _ = waiting.sender.send(());
        }
        self.notify.notify();
    }
}

impl CustomMessageReader for CustomMessages {
    type CustomMessage = Wire;

    fn read<R: LengthLimitedRead>(
        &self,
        message_type: u16,
        buffer: &mut R,
    ) -> Result<Option<Wire>, DecodeError> {
        let Some(handler) = self.handler(message_type) else { return Ok(None) };
        if buffer.remaining_bytes() > handler.max_len() as u64 {
            return Err(DecodeError::BadLengthDescriptor);
        }
        let mut bytes = vec![0; usize::try_from(buffer.remaining_bytes()).unwrap_or(0)];
        buffer.read_exact(&mut bytes).map_err(|_| DecodeError::ShortRead)?;
        Ok(Some(Wire { message_type, bytes }))
    }
}

impl CustomMessageHandler for CustomMessages {
    fn handle_custom_message(&self, message: Wire, peer: PublicKey) -> Result<(), LightningError> {
        if let Some(handler) = self.handler(message.message_type) {
            handler.received(peer, &message.bytes);
        }
        Ok(())
    }

    fn get_and_clear_pending_msg(&self) -> Vec<(PublicKey, Wire)> {
        std::mem::take(&mut *self.outgoing.borrow_mut())
    }

    fn peer_disconnected(&self, peer: PublicKey) {
        self.connected.borrow_mut().remove(&peer);
        // Meant for the connection that is gone.
        self.outgoing.borrow_mut().retain(|(to, _)| *to != peer);
        self.all_handlers().iter().for_each(|handler| handler.disconnected(peer));
        self.resolve(peer, false);
    }

    fn peer_connected(&self, peer: PublicKey, init: &Init, _: bool) -> Result<(), ()> {
        self.connected.borrow_mut().insert(peer);
        self.all_handlers().iter().for_each(|handler| handler.connected(peer, init));
        self.resolve(peer, true);
        Ok(())
    }

    fn provided_node_features(&self) -> NodeFeatures {
        NodeFeatures::empty()
    }

    fn provided_init_features(&self, _: PublicKey) -> InitFeatures {
        InitFeatures::empty()
    }
}
