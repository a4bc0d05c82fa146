//! The other threads' end of the node: commands go in, answers and the node's state come out.

use std::net::IpAddr;

use amplet_protocol::NodeId;
use amplet_protocol::page::TipAge;
use amplet_protocol::relay::CloseCode;
use amplet_transport::PeerAddress;
use amplet_transport::server::Remote;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot, watch};

use super::commands::{Answer, Command, Request};
use crate::desk::error::{ApiCode, ApiError};

/// Maximum number of commands that wait for the node's thread.
const QUEUE: usize = 256;

/// The receiver of an answer. A caller that has disconnected is no error: the operation continues.
pub(super) type Reply = oneshot::Sender<Result<Answer, ApiError>>;

/// Where the bytes of a wallet's WebSocket go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To this gateway's node.
    Node,
    /// To another one.
    Relay(PeerAddress),
}

/// An item of the queue to the node's thread.
pub enum Envelope {
    /// A wallet's WebSocket, its client's address, and where it leads. It belongs to this process, so it is no command.
    Connection(Remote, IpAddr, Destination),
    /// A command, and where its answer goes.
    Command(Command, Reply),
}

/// The phase of the node's life.
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

/// The state of the node, published at each change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeStatus {
    /// Its phase.
    pub phase: Phase,
    /// Its public key, once it has read its seed.
    pub node_id: Option<NodeId>,
    /// Height of the newest block that it has seen.
    pub height: u32,
    /// True if that is the source's newest block.
    pub synced: bool,
    /// Blocks left to read.
    pub blocks_left: u32,
    /// Age of the newest block.
    pub tip_age: TipAge,
    /// Time at which it last read its source, in seconds since the UNIX epoch.
    pub read_at: Option<u64>,
    /// Error of the last attempt to read its source.
    pub chain_error: Option<String>,
    /// True if its source is on another chain than it, with less work.
    pub on_other_chain: bool,
    /// Problems of its own, beside those of the chain.
    pub problems: Vec<Problem>,
}

/// Kind of a [`Problem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProblemCode {
    /// The node is not up yet.
    NodeStarting,
    /// The gateway ends.
    NodeStopping,
    /// The node failed.
    NodeDown,
    /// Nothing can be saved: the disk is full or fails.
    Storage,
    /// The backups of wallets cannot be opened, read or written.
    Backup,
    /// The disk of the data folder is nearly full.
    DiskLow,
    /// The chain source does not answer.
    ChainSource,
    /// bitcoind is in its initial download.
    InitialDownload,
    /// The newest block is old, on a network where blocks come by themselves.
    OldTip,
    /// The chain source is on a shorter chain than the node, or on another one with less work.
    ShorterChain,
    /// The node reads blocks that it has not seen.
    ReadingBlocks,
}

/// A problem that `/health` and the operator's `info` report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Its kind.
    pub code: ProblemCode,
    /// A sentence with the remedy, for anybody.
    pub message: String,
    /// The cause as it was reported, for the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// True if money could be at risk as long as it lasts.
    pub money_at_risk: bool,
}

impl Problem {
    /// A problem that puts money at risk.
    pub fn risk(code: ProblemCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), detail: None, money_at_risk: true }
    }

    /// The same with this cause, or without one.
    #[must_use]
    pub fn detail(self, detail: Option<String>) -> Self {
        Self { detail, ..self }
    }
}

/// A handle of the node. Clones speak to the same node.
#[derive(Clone)]
pub struct NodeHandle {
    commands: mpsc::Sender<Envelope>,
    status: watch::Receiver<NodeStatus>,
}

impl NodeHandle {
    /// Makes a handle, and the node's ends: its commands, and where it publishes its state.
    pub fn new() -> (Self, mpsc::Receiver<Envelope>, watch::Sender<NodeStatus>) {
        let (commands, queue) = mpsc::channel(QUEUE);
        let (publisher, status) = watch::channel(NodeStatus::default());
        (Self { commands, status }, queue, publisher)
    }

    /// Returns its newest state.
    pub fn status(&self) -> NodeStatus {
        self.status.borrow().clone()
    }

    /// Hands it a wallet's connection from `ip`; refuses that when the node does not keep up.
    pub fn accept(&self, remote: Remote, ip: IpAddr, to: Destination) {
        use mpsc::error::TrySendError;
        match self.commands.try_send(Envelope::Connection(remote, ip, to)) {
            Ok(()) => {}
            Err(TrySendError::Full(Envelope::Connection(remote, ..))) => {
                remote.refuse(CloseCode::TooManyConnections)
            }
            Err(TrySendError::Closed(Envelope::Connection(remote, ..))) => {
                remote.refuse(match self.status().phase {
                    Phase::Stopping => CloseCode::Restart,
                    Phase::Starting | Phase::Up | Phase::Down => CloseCode::NodeDown,
                })
            }
            Err(_) => {}
        }
    }

    /// Checks that it is up.
    ///
    /// # Errors
    /// [`ApiCode::NodeDown`]
    pub fn require_up(&self) -> Result<(), ApiError> {
        let phase = self.status.borrow().phase;
        if phase == Phase::Up { Ok(()) } else { Err(not_up(phase)) }
    }

    /// Resolves when it is no longer up.
    pub async fn down(&self) {
        // A publisher that is gone is down, too.
        let _ = self.status.clone().wait_for(|status| status.phase != Phase::Up).await;
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// The service's, or that the node is not up; that it ended in the middle, and so that the outcome is open.
    pub async fn ask<R: Request>(&self, request: R) -> Result<R::Answer, ApiError> {
        self.require_up()?;
        let (reply, answer) = oneshot::channel();
        let envelope = Envelope::Command(request.command(), reply);
        self.commands.send(envelope).await.map_err(|_| not_up(Phase::Down))?;
        let answer = answer.await.map_err(|_| interrupted())??;
        R::answer(answer).ok_or_else(|| {
            ApiError::new(ApiCode::Internal, "the answer belongs to another request; report this defect")
        })
    }
}

/// The node had the request, and ended.
fn interrupted() -> ApiError {
    let message = "the gateway stopped while this was under way, so its outcome is open, and a payment may still succeed; when it runs \
                   again, look the payment up by its hash (the invoice's) before you pay again";
    ApiError::new(ApiCode::NodeDown, message)
}

fn not_up(phase: Phase) -> ApiError {
    let message = match phase {
        Phase::Starting => "the node is starting; try again in a moment, the log says what it waits for",
        Phase::Stopping => "the gateway is stopping; try again when it runs again",
        Phase::Up | Phase::Down => "the node is down; the log says why, restart the gateway",
    };
    ApiError::new(ApiCode::NodeDown, message)
}
