//! The custom messages between wallet and gateway ([`amplet_protocol::gateway`]), and who is connected.

use std::cell::RefCell;
use std::collections::BTreeSet;

use amplet_protocol::gateway::{MAX_MESSAGE, MESSAGE_TYPE, Message};
use bitcoin::secp256k1::PublicKey;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::channel::oneshot;
use lightning::io;
use lightning::ln::msgs::{DecodeError, Init, LightningError};
use lightning::ln::peer_handler::CustomMessageHandler;
use lightning::ln::wire::{CustomMessageReader, Type};
use lightning::types::features::{InitFeatures, NodeFeatures};
use lightning::util::ser::{LengthLimitedRead, Writeable, Writer};

use crate::wake::Wake;

/// Messages of one peer that may wait for the application; more are dropped.
const MAX_WAITING: usize = 64;

/// A message on the wire: JSON behind BOLT 1's type.
#[derive(Debug)]
pub struct Wire(Message);

impl Type for Wire {
    fn type_id(&self) -> u16 {
        MESSAGE_TYPE
    }
}

impl Writeable for Wire {
    fn write<W: Writer>(&self, writer: &mut W) -> Result<(), io::Error> {
        let json = serde_json::to_vec(&self.0).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        writer.write_all(&json)
    }
}

/// What a peer said.
pub struct Incoming {
    /// Authenticated by BOLT 8.
    pub peer: PublicKey,
    /// The message.
    pub message: Message,
}

/// Somebody waits until a peer is connected (`true`), or is not.
struct Waiting {
    peer: PublicKey,
    connected: bool,
    sender: oneshot::Sender<()>,
}

/// Sends and receives the custom messages.
pub struct Messages {
    outgoing: RefCell<Vec<(PublicKey, Wire)>>,
    incoming: UnboundedSender<Incoming>,
    receiver: RefCell<Option<UnboundedReceiver<Incoming>>>,
    connected: RefCell<BTreeSet<PublicKey>>,
    /// Who waits for a peer to be connected, or not to be.
    waiting: RefCell<Vec<Waiting>>,
    wake: Wake,
}

impl Messages {
    /// Wakes the engine when there is something to send.
    pub fn new(wake: Wake) -> Self {
        let (incoming, receiver) = unbounded();
        Self {
            outgoing: RefCell::default(),
            incoming,
            receiver: RefCell::new(Some(receiver)),
            connected: RefCell::default(),
            waiting: RefCell::default(),
            wake,
        }
    }

    /// What peers say from now on; `None` when taken before.
    pub fn take_receiver(&self) -> Option<UnboundedReceiver<Incoming>> {
        self.receiver.borrow_mut().take()
    }

    /// Queues a message; dropped when the peer is not connected.
    pub fn send(&self, peer: PublicKey, message: Message) {
        self.outgoing.borrow_mut().push((peer, Wire(message)));
        self.wake.wake();
    }

    /// Whether BOLT 1's init was exchanged with this peer.
    pub fn is_connected(&self, peer: &PublicKey) -> bool {
        self.connected.borrow().contains(peer)
    }

    /// Resolves when BOLT 1's init was exchanged with this peer.
    pub async fn connected(&self, peer: PublicKey) {
        self.until(peer, true).await;
    }

    /// Resolves when this peer is not connected.
    pub async fn gone(&self, peer: PublicKey) {
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

    fn tell(&self, peer: PublicKey, connected: bool) {
        let mut waiting = self.waiting.borrow_mut();
        let meant = |waiting: &mut Waiting| waiting.peer == peer && waiting.connected == connected;
        for waiting in waiting.extract_if(.., meant) {
            // Whoever waited may have given up.
            let _ = waiting.sender.send(());
        }
        self.wake.wake();
    }
}

impl CustomMessageReader for Messages {
    type CustomMessage = Wire;

    fn read<R: LengthLimitedRead>(
        &self,
        message_type: u16,
        buffer: &mut R,
    ) -> Result<Option<Wire>, DecodeError> {
        if message_type != MESSAGE_TYPE {
            return Ok(None);
        }
        if buffer.remaining_bytes() > MAX_MESSAGE as u64 {
            return Err(DecodeError::BadLengthDescriptor);
        }
        let mut json = vec![0; usize::try_from(buffer.remaining_bytes()).unwrap_or(0)];
        buffer.read_exact(&mut json).map_err(|_| DecodeError::ShortRead)?;
        match serde_json::from_slice(&json) {
            Ok(message) => Ok(Some(Wire(message))),
            // A message of a later release: not understood, not a reason to hang up.
            Err(_) => Ok(None),
        }
    }
}

impl CustomMessageHandler for Messages {
    fn handle_custom_message(&self, message: Wire, peer: PublicKey) -> Result<(), LightningError> {
        if self.incoming.len() < MAX_WAITING {
            // Nobody listens any more: the node is closing.
            let _ = self.incoming.unbounded_send(Incoming { peer, message: message.0 });
        }
        Ok(())
    }

    fn get_and_clear_pending_msg(&self) -> Vec<(PublicKey, Wire)> {
        std::mem::take(&mut *self.outgoing.borrow_mut())
    }

    fn peer_disconnected(&self, peer: PublicKey) {
        self.connected.borrow_mut().remove(&peer);
        self.tell(peer, false);
    }

    fn peer_connected(&self, peer: PublicKey, _: &Init, _: bool) -> Result<(), ()> {
        self.connected.borrow_mut().insert(peer);
        self.tell(peer, true);
        Ok(())
    }

    fn provided_node_features(&self) -> NodeFeatures {
        NodeFeatures::empty()
    }

    fn provided_init_features(&self, _: PublicKey) -> InitFeatures {
        InitFeatures::empty()
    }
}
