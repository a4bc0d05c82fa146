//! The node: its parts, and the one loop that moves it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use amplet_chain::Chain;
use amplet_protocol::page::{Event, Payment};
use amplet_storage::{Store, StoreError};
use amplet_transport::Platform;
use bitcoin::BlockHash;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::channel::oneshot;
use lightning::ln::types::ChannelId;

use crate::closing::Closing;
use crate::config::NodeConfig;
use crate::error::ChannelError;
use crate::fees::Fees;
use crate::journal::Journal;
use crate::ledger::Ledger;
use crate::log::Log;
use crate::messages::Messages;
use crate::offers::OnionMessages;
use crate::onchain::OnchainWallet;
use crate::peers::PersistentPeer;
use crate::routing::FlowRouter;
use crate::routing::gossip::Gossip;
use crate::routing::update::Updates;
use crate::signer::Signer;
use crate::types::{Bumper, ChainMonitor, ChannelManager, PeerManager, Sweeper};
use crate::wake::Wake;
use crate::watch::Watch;

/// LDK's parts.
pub(crate) struct Ldk {
    pub manager: Rc<ChannelManager>,
    pub monitors: Rc<ChainMonitor>,
    pub peers: Rc<PeerManager>,
    pub router: Rc<FlowRouter>,
    /// A gateway's.
    pub gossip: Option<Rc<dyn Gossip>>,
    pub sweeper: Sweeper,
    pub bumper: Bumper,
    pub signer: Arc<Signer>,
    pub messages: Rc<Messages>,
    pub onions: OnionMessages,
    pub log: Arc<Log>,
}

/// What the chain looked like when it was last asked.
#[derive(Clone, Debug, Default)]
pub struct SyncState {
    /// Every block up to the sources' tip has been read.
    pub synced: bool,
    /// Wall-clock time of the last answer, since the UNIX epoch.
    pub checked_at: Option<Duration>,
    /// Blocks left to read.
    pub blocks_left: u32,
    /// Why the last check failed.
    pub error: Option<String>,
}

/// What a node says to whoever shows it.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A durable event.
    Event(Event),
    /// A line of the history changed (durably).
    Payment(Box<Payment>),
    /// Balance, connection, chain or channels changed.
    Changed,
    /// The node had to stop: another writer took over, or the storage is lost.
    Stopped(Rc<StoreError>),
}

pub(crate) type OpenResult = Result<ChannelId, ChannelError>;

/// A channel that is being opened, waiting for its funding to be signed by both sides.
pub(crate) struct Opening {
    pub answer: oneshot::Sender<OpenResult>,
    pub fee_rate: bitcoin::FeeRate,
}

pub(crate) struct Inner {
    pub platform: Rc<dyn Platform>,
    pub store: Rc<dyn Store>,
    pub chain: Rc<Chain>,
    pub config: NodeConfig,
    pub journal: Arc<Journal>,
    pub fees: Arc<Fees>,
    pub onchain: Arc<OnchainWallet>,
    pub watch: Arc<Watch>,
    pub ledger: Ledger,
    pub ldk: Ldk,
    /// Where a wallet's graph comes from.
    pub updates: Updates,
    pub wake: Wake,
    pub sync: RefCell<SyncState>,
    /// Held while blocks are read: two readers would hand the same parts blocks out of order.
    pub reading: futures::lock::Mutex<()>,
    pub kept: RefCell<Vec<Rc<PersistentPeer>>>,
    pub openings: RefCell<HashMap<u128, Opening>>,
    /// Monotonic time at which each payment of this session was begun.
    pub begun: RefCell<HashMap<String, Duration>>,
    pub subscribers: RefCell<Vec<UnboundedSender<Notice>>>,
    pub waiters: RefCell<HashMap<String, Vec<oneshot::Sender<Payment>>>>,
    /// Resolved by the next commit.
    pub settling: RefCell<Vec<oneshot::Sender<()>>>,
    /// Block at which the monitors were last staged whole.
    pub staged_at: Cell<Option<BlockHash>>,
    /// The manager has changed since it was last written, in ways that a restart reproduces.
    pub unwritten: Cell<bool>,
    /// Monotonic time since which a write waits for a step to ride with.
    pub riding_since: Cell<Option<Duration>>,
    /// Monotonic time at which a savings address was last handed out.
    pub asked_for_address: Cell<Option<Duration>>,
    /// Rung when a savings address is handed out.
    pub deposits: Wake,
    /// How many channels could be used when that was last told.
    pub usable: Cell<usize>,
    pub closing: Closing,
    pub stopped: Wake,
}

impl Inner {
    /// Says that something visible changed.
    pub fn changed(&self) {
        self.notify(&Notice::Changed);
    }

    pub fn notify(&self, notice: &Notice) {
        self.subscribers.borrow_mut().retain(|subscriber| subscriber.unbounded_send(notice.clone()).is_ok());
    }

    pub fn subscribe(&self) -> UnboundedReceiver<Notice> {
        let (sender, receiver) = unbounded();
        self.subscribers.borrow_mut().push(sender);
        receiver
    }

    /// Wall clock, in seconds since the UNIX epoch.
    pub fn now(&self) -> u64 {
        self.platform.now().as_secs()
    }

    /// Milliseconds since a payment of this session was begun.
    pub fn elapsed_ms(&self, id: &str) -> Option<u64> {
        let begun = self.begun.borrow_mut().remove(id)?;
        u64::try_from(self.platform.monotonic().saturating_sub(begun).as_millis()).ok()
    }
}
