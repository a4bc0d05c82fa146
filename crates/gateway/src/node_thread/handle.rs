//! Commands to the node's thread, and what it tells of itself.

use amplet_protocol::relay::CloseCode;
use amplet_transport::server::Remote;
use bytes::Bytes;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot, watch};

use crate::admin::types::{
    Address, ChannelId, Channels, CloseChannel, ConnectPeer, CreateInvoice, Info, Invoice, OpenChannel, Pay,
    Payment, Peer, SendKeysend, Synced,
};
use crate::admin::{AdminCode, AdminError};
use crate::merchant::Job;

/// Commands that may wait for the node's thread.
const QUEUE: usize = 256;

/// Where an answer goes. An asker who went away is no error: what was begun goes on.
pub type Reply<T> = oneshot::Sender<Result<T, AdminError>>;

/// What the node's thread is asked to do. Each comment names who asks.
pub enum Command {
    /// A wallet's WebSocket.
    Accept(Remote),
    /// `GET /admin/v1/info`
    Info(Reply<Info>),
    /// `POST /admin/v1/address`
    NewAddress(Reply<Address>),
    /// `POST /admin/v1/peers`
    Connect(ConnectPeer, Reply<Peer>),
    /// `GET /admin/v1/channels`
    Channels(Reply<Channels>),
    /// `POST /admin/v1/channels`
    OpenChannel(OpenChannel, Reply<ChannelId>),
    /// `DELETE /admin/v1/channels/{id}`
    CloseChannel([u8; 32], CloseChannel, Reply<()>),
    /// `POST /admin/v1/invoices`
    CreateInvoice(CreateInvoice, Reply<Invoice>),
    /// `GET /admin/v1/invoices/{hash}`
    Invoice([u8; 32], Reply<Invoice>),
    /// `POST /admin/v1/payments`
    Pay(Pay, Reply<Payment>),
    /// `POST /admin/v1/keysend`
    Keysend(SendKeysend, Reply<Payment>),
    /// `GET /admin/v1/payments/{hash}`
    Payment([u8; 32], Reply<Payment>),
    /// `GET /rgs/snapshot/{timestamp}`
    Snapshot(u32, Reply<Snapshot>),
    /// `POST /admin/v1/sync`
    Sync(Reply<Synced>),
    /// The API for sites, and the admin API where it makes keys.
    Desk(Job),
}

/// The channel graph for wallets, whole or what has changed.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The file.
    pub bytes: Bytes,
    /// Names its content.
    pub etag: String,
}

/// Whether the node can be spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// Not yet: it reads its state, or waits for its chain source.
    #[default]
    Starting,
    /// Yes.
    Up,
    /// No longer: the gateway ends.
    Stopping,
    /// It failed.
    Down,
}

/// What the node tells of itself at any time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeStatus {
    /// Whether it can be spoken to.
    pub phase: Phase,
    /// Its public key in hex, once it has read its seed.
    pub node_id: Option<String>,
    /// Height of the newest block that it has seen.
    pub height: u32,
    /// Whether that is the source's newest.
    pub synced: bool,
}

/// The other threads' end. Clones speak to the same node.
#[derive(Clone)]
pub struct NodeHandle {
    commands: mpsc::Sender<Command>,
    status: watch::Receiver<NodeStatus>,
}

impl NodeHandle {
    /// A handle, and the node's ends: its commands, and where it tells of itself.
    pub fn new() -> (Self, mpsc::Receiver<Command>, watch::Sender<NodeStatus>) {
        let (commands, queue) = mpsc::channel(QUEUE);
        let (teller, status) = watch::channel(NodeStatus::default());
        (Self { commands, status }, queue, teller)
    }

    /// What it told last.
    pub fn status(&self) -> NodeStatus {
        self.status.borrow().clone()
    }

    /// Hands it a wallet's connection; refuses that when the node does not keep up.
    pub fn accept(&self, remote: Remote) {
        use mpsc::error::TrySendError;
        match self.commands.try_send(Command::Accept(remote)) {
            Ok(()) => {}
            Err(TrySendError::Full(Command::Accept(remote))) => remote.refuse(CloseCode::TooManyConnections),
            Err(TrySendError::Closed(Command::Accept(remote))) => remote.refuse(match self.status().phase {
                Phase::Stopping => CloseCode::Restart,
                Phase::Starting | Phase::Up | Phase::Down => CloseCode::NodeDown,
            }),
            Err(_) => {}
        }
    }

    /// Whether it can be asked.
    ///
    /// # Errors
    /// [`AdminCode::NodeDown`]
    pub fn require_up(&self) -> Result<(), AdminError> {
        let phase = self.status.borrow().phase;
        if phase == Phase::Up { Ok(()) } else { Err(not_up(phase)) }
    }

    /// Resolves when it cannot be asked any more.
    pub async fn down(&self) {
        // A teller that is gone is down, too.
        let _ = self.status.clone().wait_for(|status| status.phase != Phase::Up).await;
    }

    /// Sends a command and waits for its answer.
    ///
    /// # Errors
    /// What the node answers, or that it is not up.
    pub async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, AdminError> {
        self.require_up()?;
        let (reply, answer) = oneshot::channel();
        let gone = |()| not_up(Phase::Down);
        self.commands.send(command(reply)).await.map_err(|_| gone(()))?;
        answer.await.map_err(|_| gone(()))?
    }
}

fn not_up(phase: Phase) -> AdminError {
    let message = match phase {
        Phase::Starting => "the node is starting; try again in a moment, the log says what it waits for",
        Phase::Stopping => "the gateway is stopping; try again when it runs again",
        Phase::Up | Phase::Down => "the node is down; the log says why, restart the gateway",
    };
    AdminError::new(AdminCode::NodeDown, message)
}
