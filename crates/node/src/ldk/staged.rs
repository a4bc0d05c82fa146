//! One step's writes: LDK's parts write here at once and synchronously; the engine commits all of it in one transaction before
//! anything that depends on it leaves (design invariant 1).

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use amplet_storage::Batch;
use bitcoin::{Transaction, Txid};
use futures::channel::oneshot;
use lightning::chain::chaininterface::{BroadcasterInterface, TransactionType};
use lightning::io;
use lightning::ln::types::ChannelId;
use lightning::util::persist::KVStoreSync;

use crate::ldk::monitors::Monitors;

/// Maximum delay before a deferred write forces its own commit.
const MAX_DELAY: Duration = Duration::from_millis(50);
/// The same for what nobody would notice.
const MAX_LAZY_DELAY: Duration = Duration::from_secs(2);

/// Names of LDK's, BDK's and the router's records in the store.
pub mod names {
    /// The channel manager.
    pub const MANAGER: &str = "ldk/manager";
    /// Channel monitors, by LDK's monitor name.
    pub const MONITORS: &str = "ldk/monitor/";
    /// Updates that a stored monitor lacks, by its name and their number.
    pub const MONITOR_UPDATES: &str = "ldk/monitor_update/";
    /// The output sweeper.
    pub const SWEEPER: &str = "ldk/output_sweeper";
    /// A gateway's gossip, as LDK writes it.
    pub const GOSSIP: &str = "ldk/graph";
    /// A wallet's graph ([`amplet_router::snapshot`]).
    pub const GRAPH: &str = "routing/graph";
    /// The base URL that it came from.
    pub const GRAPH_SOURCE: &str = "routing/graph_source";
    /// Beliefs about channels' balances ([`amplet_router::snapshot`]).
    pub const BELIEFS: &str = "routing/beliefs";
    /// Present once spends that earlier versions missed have been asked for (`open::missed`).
    pub const MISSED_SPENDS: &str = "ldk/missed_spends";
    /// The fee estimates that were accepted last.
    pub const FEES: &str = "chain/fees";
    /// Changes of the on-chain wallet, numbered.
    pub const ONCHAIN: &str = "onchain/change/";
}

/// The writes of one step and what follows their commit.
#[derive(Default)]
pub struct Step {
    /// Writes to commit.
    pub writes: Batch,
    /// Monitor updates to report as durable after the commit.
    pub durable: Vec<(ChannelId, u64)>,
    /// Transactions to broadcast after the commit, package by package.
    pub broadcasts: Vec<Vec<Transaction>>,
    /// Our own transactions to broadcast again after the commit.
    pub rebroadcasts: Vec<Transaction>,
    /// Something waits for the commit.
    pub(crate) urgent: bool,
    /// Maximum delay of what is deferred.
    max_delay: Option<Duration>,
    /// Tasks that wait until these writes are durable.
    waiters: Vec<oneshot::Sender<()>>,
}

impl Step {
    fn defer(&mut self, max_delay: Duration) {
        self.max_delay = Some(self.max_delay.map_or(max_delay, |others| others.min(max_delay)));
    }
}

/// Tasks that wait for the step whose commit is in flight.
#[derive(Default)]
enum InFlight {
    /// No commit is in flight.
    #[default]
    Nothing,
    Commit(Vec<oneshot::Sender<()>>),
    /// The node has stopped: nothing is committed any more.
    Stopped,
}

/// The present step.
#[derive(Default)]
pub struct StagedWrites {
    step: Mutex<Step>,
    in_flight: Mutex<InFlight>,
    /// Stored forms of the channel monitors.
    pub(crate) monitors: Monitors,
}

impl StagedWrites {
    pub(crate) fn step(&self) -> MutexGuard<'_, Step> {
        self.step.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn in_flight(&self) -> MutexGuard<'_, InFlight> {
        self.in_flight.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Stages a value that something waits for.
    pub fn put(&self, name: impl Into<String>, value: Vec<u8>) {
        let mut step = self.step();
        step.writes.put(name, value);
        step.urgent = true;
    }

    /// Stages a value that may be committed with the next step: no message depends on it, and a crash before that reproduces
    /// it.
    pub fn put_deferred(&self, name: impl Into<String>, value: Vec<u8>) {
        let mut step = self.step();
        step.writes.put(name, value);
        step.defer(MAX_DELAY);
    }

    /// Stages a value that nobody waits for or would miss for a while.
    pub fn put_lazily(&self, name: impl Into<String>, value: Vec<u8>) {
        let mut step = self.step();
        step.writes.put(name, value);
        step.defer(MAX_LAZY_DELAY);
    }

    /// Stages our own transactions, which the wallet knows, to be broadcast again after the commit that may hold the newest of
    /// them.
    pub fn rebroadcast(&self, transactions: Vec<Transaction>) {
        let mut step = self.step();
        step.urgent |= !transactions.is_empty();
        step.rebroadcasts.extend(transactions);
    }

    /// Stages a removal, which may be committed with the next step.
    pub fn remove(&self, name: impl Into<String>) {
        let mut step = self.step();
        step.writes.remove(name);
        step.defer(MAX_DELAY);
    }

    /// Stages a removal that nobody sees or misses: a commit of its own is worth it only when no step comes for long.
    pub fn remove_lazily(&self, name: impl Into<String>) {
        let mut step = self.step();
        step.writes.remove(name);
        step.defer(MAX_LAZY_DELAY);
    }

    /// Stages writes that another part gathers by itself.
    pub fn stage(&self, gather: impl FnOnce(&mut Batch)) {
        let mut step = self.step();
        gather(&mut step.writes);
        step.urgent |= !step.writes.is_empty();
    }

    /// Resolves when what is staged now, and what a commit in flight holds, is durable; also when the node has stopped.
    /// `None`: there is nothing to wait for.
    pub fn flushed(&self) -> Option<oneshot::Receiver<()>> {
        let (sender, receiver) = oneshot::channel();
        let mut step = self.step();
        match &mut *self.in_flight() {
            InFlight::Stopped => return None,
            // Commits end in order, so the present step's end is also that of the one in flight.
            _ if !step.writes.is_empty() => {
                step.urgent = true;
                step.waiters.push(sender);
            }
            InFlight::Commit(waiters) => waiters.push(sender),
            InFlight::Nothing => return None,
        }
        Some(receiver)
    }

    /// Returns whether no write is staged.
    pub fn is_empty(&self) -> bool {
        self.step().writes.is_empty()
    }

    /// Returns whether something waits for the commit.
    pub fn is_urgent(&self) -> bool {
        self.step().urgent
    }

    /// Maximum delay of what is staged; `None` when nothing is deferred.
    pub fn max_delay(&self) -> Option<Duration> {
        self.step().max_delay
    }

    /// Transactions that wait for the commit.
    pub fn to_broadcast(&self) -> Vec<Transaction> {
        self.step().broadcasts.iter().flatten().cloned().collect()
    }

    /// Drops the packages with a transaction that spends an output of one of these.
    pub fn drop_spends_of(&self, txids: &HashSet<Txid>) {
        let spends =
            |tx: &Transaction| tx.input.iter().any(|input| txids.contains(&input.previous_output.txid));
        self.step().broadcasts.retain(|package| !package.iter().any(spends));
    }

    /// Takes the whole step, to be committed at once; a new one begins.
    pub fn take(&self) -> Step {
        let mut step = std::mem::take(&mut *self.step());
        *self.in_flight() = InFlight::Commit(std::mem::take(&mut step.waiters));
        step
    }

    /// Tells whoever waits for the step that was taken last that it is durable.
    pub fn committed(&self) {
        if let InFlight::Commit(waiters) = std::mem::take(&mut *self.in_flight()) {
            for waiter in waiters {
                // Whoever waited may have given up.
                let _ = waiter.send(());
            }
        }
    }

    /// Releases everybody who waits: the node stops, and nothing more is committed.
    pub fn stop(&self) {
        *self.in_flight() = InFlight::Stopped;
        self.step().waiters.clear();
    }
}

impl BroadcasterInterface for StagedWrites {
    fn broadcast_transactions(&self, transactions: &[(&Transaction, TransactionType)]) {
        let mut step = self.step();
        step.broadcasts.push(transactions.iter().map(|(tx, _)| (*tx).clone()).collect());
        step.urgent = true;
    }
}

/// The staged writes as the output sweeper's store: writes only; its record is read by `open`.
pub struct SweeperStore(pub Arc<StagedWrites>);

impl KVStoreSync for SweeperStore {
    fn read(&self, _: &str, _: &str, key: &str) -> Result<Vec<u8>, io::Error> {
        Err(io::Error::new(io::ErrorKind::NotFound, format!("{key} is not read through the staged writes")))
    }

    fn write(&self, _: &str, _: &str, key: &str, value: Vec<u8>) -> Result<(), io::Error> {
        self.0.put(format!("ldk/{key}"), value);
        Ok(())
    }

    fn remove(&self, _: &str, _: &str, key: &str, _: bool) -> Result<(), io::Error> {
        self.0.remove(format!("ldk/{key}"));
        Ok(())
    }

    fn list(&self, _: &str, _: &str) -> Result<Vec<String>, io::Error> {
        Ok(Vec::new())
    }
}
