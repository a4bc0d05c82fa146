//! Base of all services: the platform, the store, the chain, LDK's parts and the present step. These nine fields are all that
//! services share; state of one concern belongs to its service.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use amplet_chain::{Broadcast, BroadcastError, Chain};
use amplet_protocol::page::{Event, Payment, TipAge};
use amplet_storage::{Store, StoreError};
use amplet_transport::Platform;
use bitcoin::Transaction;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::channel::oneshot;
use futures::future::{FutureExt, Shared, select};
use futures::pin_mut;

use crate::config::NodeConfig;
use crate::ldk::Ldk;
use crate::ldk::staged::StagedWrites;
use crate::ldk::unsaved::Unsaved;
use crate::notify::Notify;

/// Age of the newest block from which on a user is warned: on a network with a block every ten minutes, one without any for so
/// long comes once in a thousand years.
pub const OLD_TIP: Duration = Duration::from_secs(3 * 3600);
/// Mean time between blocks.
pub const BLOCK_INTERVAL: Duration = Duration::from_secs(600);
/// Age from which on it does not count as the tip any more.
const STALE_TIP: Duration = Duration::from_secs(24 * 3600);

/// Shared by all services.
pub(crate) struct Base {
    pub platform: Rc<dyn Platform>,
    pub store: Rc<dyn Store>,
    pub chain: Rc<Chain>,
    pub config: NodeConfig,
    pub ldk: Ldk,
    /// Writes of the present step.
    pub staged: Arc<StagedWrites>,
    /// Wakes the engine.
    pub notify: Notify,
    pub subscribers: Subscribers,
    pub closing: Closing,
}

impl Base {
    /// Wall clock, in seconds since the UNIX epoch.
    pub fn now(&self) -> u64 {
        self.platform.now().as_secs()
    }

    /// Notifies subscribers that something visible changed.
    pub fn changed(&self) {
        self.subscribers.notify(&Notice::Changed);
    }

    /// Resolves when what is staged now is durable.
    ///
    /// # Errors
    /// [`Unsaved`]: it is not. With [`Unsaved::Stalled`] it will be once there is room.
    pub async fn flushed(&self) -> Result<(), Unsaved> {
        let Some(flushed) = self.staged.flushed()? else { return Ok(()) };
        self.notify.notify();
        flushed.await.unwrap_or(Err(Unsaved::Stopped))
    }

    /// Resolves with `true` when what is staged now is durable. Otherwise it is open whether it will be, and `tx`, which is recorded
    /// there, leaves behind it.
    pub async fn flushed_before(&self, tx: &Transaction) -> bool {
        let is_durable = self.flushed().await.is_ok();
        if !is_durable {
            self.staged.broadcast(vec![tx.clone()]);
        }
        is_durable
    }

    /// Runs background work until the node closes.
    pub fn while_open(self: &Rc<Self>, work: impl Future<Output = ()> + 'static) {
        let base = Rc::clone(self);
        self.platform.spawn(Box::pin(async move { base.closing.or(work).await }));
    }

    /// Age of the newest block that was read: of the newest one known, and ten minutes for each that the sources do not give.
    pub fn age(&self) -> Duration {
        let read = self.ldk.manager.current_best_block().height;
        let unread = self.chain.tip().height.saturating_sub(read);
        self.chain.tip_age().saturating_add(BLOCK_INTERVAL.saturating_mul(unread))
    }

    /// The same as far as it matters.
    pub fn tip_age(&self) -> TipAge {
        let age = self.age();
        match self.config.expects_blocks {
            true if age >= STALE_TIP => TipAge::Stale,
            true if age >= OLD_TIP => TipAge::Old,
            _ => TipAge::Recent,
        }
    }

    /// Broadcasts a package in the background. What is refused or not received is sent again by LDK, the sweeper, or at the
    /// next block.
    pub fn broadcast(&self, package: Vec<Transaction>) {
        drop(self.send(package));
    }

    /// Sends a package to every source in the background. Resolves when one has taken it or all have responded; what was begun
    /// goes on without whoever waits.
    pub fn send(&self, package: Vec<Transaction>) -> oneshot::Receiver<Result<Broadcast, BroadcastError>> {
        let (chain, package) = (Rc::clone(&self.chain), parents_first(package));
        let (sender, receiver) = oneshot::channel();
        let sender = Cell::new(Some(sender));
        self.platform.spawn(Box::pin(async move {
            let answer = |outcome| {
                if let Some(sender) = sender.take() {
                    // Whoever waited may have given up.
                    let _ = sender.send(outcome);
                }
            };
            let outcome = chain.broadcast(&package, |taken| answer(Ok(taken))).await;
            match &outcome {
                Ok(_) => log::info!("broadcast: {} transaction(s) accepted", package.len()),
                Err(error) => log::warn!("broadcast: {error}"),
            }
            answer(outcome);
        }));
        receiver
    }
}

fn parents_first(mut package: Vec<Transaction>) -> Vec<Transaction> {
    let ids: Vec<_> = package.iter().map(Transaction::compute_txid).collect();
    let parents =
        |tx: &Transaction| tx.input.iter().filter(|i| ids.contains(&i.previous_output.txid)).count();
    package.sort_by_key(parents);
    package
}

/// News of a node.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A durable event.
    Event(Event),
    /// A record of the history changed (durably).
    Payment(Box<Payment>),
    /// Balance, connection, chain or channels changed.
    Changed,
    /// The node had to stop: another writer took over, or the storage is lost.
    Stopped(Rc<StoreError>),
}

/// Receivers of [`Notice`]s.
#[derive(Default)]
pub(crate) struct Subscribers(RefCell<Vec<UnboundedSender<Notice>>>);

impl Subscribers {
    /// Notifies all.
    pub fn notify(&self, notice: &Notice) {
        self.0.borrow_mut().retain(|subscriber| subscriber.unbounded_send(notice.clone()).is_ok());
    }

    /// Notices from now on.
    pub fn subscribe(&self) -> UnboundedReceiver<Notice> {
        let (sender, receiver) = unbounded();
        self.0.borrow_mut().push(sender);
        receiver
    }
}

/// Records that a committed step changed.
#[derive(Default)]
pub(crate) struct Committed {
    /// Payments, new or changed.
    pub payments: Vec<Payment>,
    /// New events.
    pub events: Vec<Event>,
}

/// Follows committed steps.
pub(crate) trait StepFollower {
    /// A step is durable.
    fn committed(&self, step: &Committed);
}

impl StepFollower for Base {
    fn committed(&self, step: &Committed) {
        for payment in &step.payments {
            self.subscribers.notify(&Notice::Payment(Box::new(payment.clone())));
        }
        for event in &step.events {
            self.subscribers.notify(&Notice::Event(event.clone()));
        }
        self.changed();
    }
}

/// The node's closing, which begins once and never ends.
pub(crate) struct Closing {
    has_begun: Cell<bool>,
    sender: RefCell<Option<oneshot::Sender<()>>>,
    receiver: Shared<oneshot::Receiver<()>>,
}

impl Default for Closing {
    fn default() -> Self {
        let (sender, receiver) = oneshot::channel();
        Self { has_begun: Cell::new(false), sender: RefCell::new(Some(sender)), receiver: receiver.shared() }
    }
}

impl Closing {
    /// Returns whether it has begun.
    pub fn get(&self) -> bool {
        self.has_begun.get()
    }

    /// Begins.
    pub fn begin(&self) {
        self.has_begun.set(true);
        // Receivers resolve when it is dropped as well as when it is sent to.
        drop(self.sender.borrow_mut().take());
    }

    /// Does `work` until it is done or the node closes, which may be between any two of its steps: at once, whatever it waits
    /// for, so that it does not keep the node's keys in memory.
    pub async fn or(&self, work: impl Future<Output = ()>) {
        let closing = self.receiver.clone();
        pin_mut!(work);
        select(closing, work).map(drop).await;
    }
}
