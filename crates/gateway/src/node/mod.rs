//! The node's own thread, and the handle by which the others speak to it.

mod commands;
mod data;
mod events;
mod handle;
mod inside;
mod open;
mod relay;
mod serve;
mod sockets;

use std::net::TcpListener;
use std::sync::Arc;

use amplet_chain::ChainError;
use amplet_node::NodeError;
use amplet_storage::StoreError;
use amplet_transport::NativePlatform;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::LocalSet;

use crate::config::Live;
use crate::desk::merchant::EventBus;
use crate::desk::merchant::api_keys::ApiKeys;
use crate::limits::Connections;

pub use commands::{Answer, Command, Request};
pub use data::check as check_data;
pub use handle::{Destination, Envelope, NodeHandle, NodeStatus, Phase, Problem, ProblemCode};
pub use inside::{CHAIN_URL, Inside};

/// The thread's name.
pub(crate) const NAME: &str = "node";

/// Errors that keep the node from starting, or stop it.
#[derive(Debug, thiserror::Error)]
pub enum NodeThreadError {
    /// The system gave no thread or no runtime.
    #[error(
        "the node's thread cannot be started ({0}); free memory or processes, then start the gateway again"
    )]
    Thread(std::io::Error),
    /// No TLS.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// The data folder cannot be made or written.
    #[error("the data folder {place} cannot be used ({source}); check that it is the gateway's user's own")]
    DataDir {
        /// The folder.
        place: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// Another process has it.
    #[error(
        "another amplet-gateway uses the data folder {0}; stop it first, or give this one its own data_dir"
    )]
    InUse(String),
    /// The seed is another one than this data was sealed with.
    #[error(
        "the words in seed_file are not those that {0} was made with; restore the right words from your backup, or give data_dir a new folder"
    )]
    OtherSeed(String),
    /// The database is of another network.
    #[error(
        "{file} is of another network than the configuration's ({error}); correct network, or give data_dir a new folder"
    )]
    OtherNetwork {
        /// The database.
        file: String,
        /// The networks.
        error: ChainError,
    },
    /// The database that the seed was used with is not there.
    #[error(
        "{file} is missing or empty, but this seed was used with a database before ({note} says so). If its disk is not mounted, mount it and start again. \
         If the database is lost, its channels are lost with it: `--new`, given once, begins a new one with the same seed, and the peers then close the old channels by force; \
         the on-chain money, and this gateway's part of what they close, come back with birthday_height"
    )]
    DataGone {
        /// The database.
        file: String,
        /// The note beside the seed.
        note: String,
    },
    /// The chain source has thrown away blocks that the node has to read.
    #[error(
        "bitcoind is pruned: its lowest block is {lowest}, and this node has to read from block {from}. \
         Let bitcoind fetch the blocks again (remove prune from bitcoin.conf, then restart it once with -reindex), or use another bitcoind that has them. \
         For a new gateway without money on the chain, leave birthday_height out"
    )]
    Pruned {
        /// The lowest block that is there.
        lowest: u32,
        /// The first block that is needed.
        from: u32,
    },
    /// The database is damaged.
    #[error(
        "{file} is damaged ({error}). Nothing was changed. Copy the whole data folder to another disk as it is, check this disk and its file system, and keep the gateway stopped; \
         do not put an older copy in its place, peers take the channels' money for that. On-chain money is shown by an Amplet wallet that is restored from the seed's words"
    )]
    Damaged {
        /// The database.
        file: String,
        /// The defect.
        error: Box<NodeError>,
    },
    /// The node.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The node stopped because its storage failed it.
    #[error("the node stopped: {0}")]
    Stopped(String),
    /// The thread ended without a result: a defect of this program.
    #[error(
        "the node crashed; the log above says where. Its state is as it was committed last: start the gateway again"
    )]
    Crashed,
}

impl From<StoreError> for NodeThreadError {
    fn from(error: StoreError) -> Self {
        Self::Node(error.into())
    }
}

/// Parts that the node's thread is started with.
pub struct Start {
    /// The configuration.
    pub live: Arc<Live>,
    /// A seed that was used may begin a new database.
    pub may_be_new: bool,
    /// The gateway's own chain API, which is the node's only source.
    pub chain: Inside,
    /// Returns the height of the lowest block that the chain source has; `None`: all, or it is not known.
    pub lowest_block: Box<dyn Fn() -> Option<u32> + Send>,
    /// The relay's URL, as wallets reach it.
    pub relay: String,
    /// WebSockets of wallets, counted at the edge.
    pub websockets: Connections,
    /// Listeners for other nodes by TCP.
    pub listeners: Vec<TcpListener>,
    /// Counts the connections that they take.
    pub tcp: Connections,
    /// Notified once the data folder is there, and this process's own.
    pub data: oneshot::Sender<()>,
    /// The API keys, which the API for sites reads.
    pub keys: Arc<ApiKeys>,
    /// Notifies the API for sites of changes.
    pub events: EventBus,
    /// Commands and connections.
    pub commands: mpsc::Receiver<Envelope>,
    /// Receives its state.
    pub status: watch::Sender<NodeStatus>,
    /// Resolves (or is dropped) when it has to stop.
    pub stop: oneshot::Receiver<()>,
}

/// Starts the thread. The receiver gets its result: `Ok` when it stopped as asked.
///
/// # Errors
/// [`NodeThreadError::Thread`].
pub fn start(start: Start) -> Result<oneshot::Receiver<Result<(), NodeThreadError>>, NodeThreadError> {
    let (sender, ended) = oneshot::channel();
    let run = move || {
        let result = run(start);
        // The receiver is gone when the process is ended at once.
        let _ = sender.send(result);
    };
    std::thread::Builder::new().name(NAME.into()).spawn(run).map_err(NodeThreadError::Thread)?;
    Ok(ended)
}

fn run(start: Start) -> Result<(), NodeThreadError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(NodeThreadError::Thread)?;
    let local = LocalSet::new();
    let status = start.status.clone();
    let result = local.block_on(&runtime, async {
        let platform = NativePlatform::new().map_err(|error| NodeThreadError::Tls(error.to_string()))?;
        serve::run(start, platform).await
    });
    if result.is_err() {
        status.send_modify(|status| status.phase = Phase::Down);
    }
    result
}
