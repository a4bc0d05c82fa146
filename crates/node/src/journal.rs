//! One step's writes, gathered: LDK's parts write here at once and synchronously; the engine commits all of it in one
//! transaction before anything that depends on it leaves (design invariant 1).

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use amplet_storage::Batch;
use bitcoin::Transaction;
use lightning::chain::chaininterface::{BroadcasterInterface, TransactionType};
use lightning::io;
use lightning::ln::types::ChannelId;
use lightning::util::persist::KVStoreSync;

use crate::monitors::Monitors;

/// How long a write that nothing waits for may ride along before it gets a commit of its own.
const RIDE: Duration = Duration::from_millis(50);
/// The same for what nobody would notice.
const IDLE_RIDE: Duration = Duration::from_secs(2);

/// Names in the store.
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
    /// What is believed of channels' balances ([`amplet_router::snapshot`]).
    pub const BELIEFS: &str = "routing/beliefs";
    /// Changes of the on-chain wallet, numbered.
    pub const ONCHAIN: &str = "onchain/change/";
    /// Payments that are not decided.
    pub const OPEN: &str = "payment/open/";
    /// Payments that have ended, by time and id.
    pub const DONE: &str = "payment/done/";
    /// What is under way of open streams, by the id of their line.
    pub const STREAMS: &str = "stream/";
    /// Events that nobody acknowledged.
    pub const EVENTS: &str = "event/";
    /// The next event's number, 8 bytes big endian.
    pub const EVENT_COUNTER: &str = "counter/event";
}

/// What a step has gathered.
#[derive(Default)]
pub struct Step {
    /// To be committed.
    pub writes: Batch,
    /// Monitor updates to report as durable after the commit.
    pub durable: Vec<(ChannelId, u64)>,
    /// Transactions to broadcast after the commit, package by package.
    pub broadcasts: Vec<Vec<Transaction>>,
    /// Whether something waits for the commit.
    pub(crate) urgent: bool,
    /// How long what rides along may wait for a step.
    patience: Option<Duration>,
}

impl Step {
    fn ride(&mut self, patience: Duration) {
        self.patience = Some(self.patience.map_or(patience, |others| others.min(patience)));
    }
}

/// Gathers the present step.
#[derive(Default)]
pub struct Journal {
    step: Mutex<Step>,
    /// How the channel monitors are stored.
    pub(crate) monitors: Monitors,
}

impl Journal {
    pub(crate) fn step(&self) -> MutexGuard<'_, Step> {
        self.step.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Stages a value that something waits for.
    pub fn put(&self, name: impl Into<String>, value: Vec<u8>) {
        let mut step = self.step();
        step.writes.put(name, value);
        step.urgent = true;
    }

    /// Stages a value that may ride with the next step: no message depends on it, and a crash before that reproduces it.
    pub fn put_later(&self, name: impl Into<String>, value: Vec<u8>) {
        let mut step = self.step();
        step.writes.put(name, value);
        step.ride(RIDE);
    }

    /// Stages a removal, which may ride with the next step.
    pub fn remove(&self, name: impl Into<String>) {
        let mut step = self.step();
        step.writes.remove(name);
        step.ride(RIDE);
    }

    /// Stages a removal that nobody sees or misses: a commit of its own is worth it only when no step comes for long.
    pub fn remove_idly(&self, name: impl Into<String>) {
        let mut step = self.step();
        step.writes.remove(name);
        step.ride(IDLE_RIDE);
    }

    /// What is staged is waited for.
    pub fn hurry(&self) {
        let mut step = self.step();
        step.urgent = !step.writes.is_empty();
    }

    /// Stages what another part gathers by itself.
    pub fn stage(&self, gather: impl FnOnce(&mut Batch)) {
        let mut step = self.step();
        gather(&mut step.writes);
        step.urgent |= !step.writes.is_empty();
    }

    /// Whether no write is staged.
    pub fn is_empty(&self) -> bool {
        self.step().writes.is_empty()
    }

    /// Whether something waits for the commit.
    pub fn is_urgent(&self) -> bool {
        self.step().urgent
    }

    /// How long what is staged may wait for a step to ride with; `None` when nothing does.
    pub fn patience(&self) -> Option<Duration> {
        self.step().patience
    }

    /// Transactions that wait for the commit.
    pub fn to_broadcast(&self) -> Vec<Transaction> {
        self.step().broadcasts.iter().flatten().cloned().collect()
    }

    /// Takes the whole step; a new one begins.
    pub fn take(&self) -> Step {
        std::mem::take(&mut *self.step())
    }
}

impl BroadcasterInterface for Journal {
    fn broadcast_transactions(&self, transactions: &[(&Transaction, TransactionType)]) {
        let mut step = self.step();
        step.broadcasts.push(transactions.iter().map(|(tx, _)| (*tx).clone()).collect());
        step.urgent = true;
    }
}

/// The journal as the output sweeper's store: writes only; what it wrote is read by `open`.
pub struct SweeperStore(pub Arc<Journal>);

impl KVStoreSync for SweeperStore {
    fn read(&self, _: &str, _: &str, key: &str) -> Result<Vec<u8>, io::Error> {
        Err(io::Error::new(io::ErrorKind::NotFound, format!("{key} is not read through the journal")))
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
