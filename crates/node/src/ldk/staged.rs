//! One step's writes: LDK's parts write here at once and synchronously; the engine commits all of it in one transaction before
//! anything that depends on it leaves (design invariant 1).

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use amplet_protocol::page::StorageTrouble;
use amplet_storage::Batch;
use bitcoin::{Transaction, Txid};
use futures::channel::oneshot;
use lightning::chain::chaininterface::{BroadcasterInterface, TransactionType};
use lightning::io;
use lightning::ln::types::ChannelId;
use lightning::util::persist::KVStoreSync;

use crate::ldk::justice::JusticeLog;
use crate::ldk::manager::StoredManager;
use crate::ldk::monitors::Monitors;
use crate::ldk::old_copy::OldCopyMark;
use crate::ldk::unheard::UnheardChannels;
use crate::ldk::unsaved::Unsaved;

/// Maximum delay before a deferred write forces its own commit.
const MAX_DELAY: Duration = Duration::from_millis(50);
/// The same for what nobody would notice.
const MAX_LAZY_DELAY: Duration = Duration::from_secs(2);
/// The same for what comes again when it is lost.
pub(super) const MAX_LEISURE: Duration = Duration::from_secs(60);

/// Names of LDK's, BDK's and the router's records in the store.
pub mod names {
    /// The channel manager.
    pub const MANAGER: &str = "ldk/manager";
    /// Changes that the stored manager lacks, by their number.
    pub const MANAGER_CHANGES: &str = "ldk/manager_change/";
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
    /// The mark of an old copy.
    pub const OLD_COPY: &str = "node/old_copy";
    /// Closed channels whose commitments wait for their peers' word (`ldk::unheard`).
    pub const UNHEARD: &str = "node/unheard";
    /// HTLCs that their payers took back on chain (`ldk::taken_back`).
    pub const TAKEN_BACK: &str = "node/taken_back";
    /// Spends of fundings in blocks (`ldk::spends`).
    pub const FUNDING_SPENDS: &str = "node/spend/";
    /// A wallet's installation and the canaries that it left with gateways.
    pub const COPIES: &str = "node/copies";
    /// What a gateway keeps of wallets, by node id.
    pub const KEPT: &str = "node/kept/";
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
    waiters: Vec<Waiter>,
}

/// A task that waits for a commit.
type Waiter = oneshot::Sender<Result<(), Unsaved>>;

impl Step {
    pub(super) fn defer(&mut self, max_delay: Duration) {
        self.max_delay = Some(self.max_delay.map_or(max_delay, |others| others.min(max_delay)));
    }
}

/// Tasks that wait for the step whose commit is in flight.
#[derive(Default)]
enum InFlight {
    /// No commit is in flight.
    #[default]
    Nothing,
    Commit(Vec<Waiter>),
    /// The node has stopped: nothing is committed any more.
    Stopped,
}

/// The present step.
#[derive(Default)]
pub struct StagedWrites {
    step: Mutex<Step>,
    in_flight: Mutex<InFlight>,
    /// Set while commits fail.
    trouble: Mutex<Option<StorageTrouble>>,
    /// Stored form of the channel manager.
    pub(crate) manager: StoredManager,
    /// Stored forms of the channel monitors.
    pub(crate) monitors: Monitors,
    /// States of a wallet's channels, to punish those that were revoked.
    pub(crate) justice: JusticeLog,
    /// Says whether this storage is an old copy.
    pub(crate) old_copy: OldCopyMark,
    /// Channels whose commitments wait for their peers' word.
    pub(crate) unheard: UnheardChannels,
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

    /// Stages a value that comes again by itself when a crash loses it: it rides with another step, or waits for a minute.
    pub fn put_at_leisure(&self, name: impl Into<String>, value: Vec<u8>) {
        let mut step = self.step();
        step.writes.put(name, value);
        step.defer(MAX_LEISURE);
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

    /// Stages a removal whose loss in a crash has no consequence: it rides with another step, or waits for a minute.
    pub fn remove_at_leisure(&self, name: impl Into<String>) {
        let mut step = self.step();
        step.writes.remove(name);
        step.defer(MAX_LEISURE);
    }

    /// Stages writes that another part gathers by itself.
    pub fn stage(&self, gather: impl FnOnce(&mut Batch)) {
        let mut step = self.step();
        gather(&mut step.writes);
        step.urgent |= !step.writes.is_empty();
    }

    /// Resolves when what is staged now, and what a commit in flight holds, is durable; `None`: there is nothing to wait for.
    ///
    /// # Errors
    /// [`Unsaved`], also from the receiver: nothing is said to be durable that is not.
    pub fn flushed(&self) -> Result<Option<oneshot::Receiver<Result<(), Unsaved>>>, Unsaved> {
        self.check()?;
        let (sender, receiver) = oneshot::channel();
        let mut step = self.step();
        match &mut *self.in_flight() {
            // Commits end in order, so the present step's end is also that of the one in flight.
            _ if !step.writes.is_empty() => {
                step.urgent = true;
                step.waiters.push(sender);
            }
            InFlight::Commit(waiters) => waiters.push(sender),
            InFlight::Nothing | InFlight::Stopped => return Ok(None),
        }
        Ok(Some(receiver))
    }

    /// Checks that what is staged now can be committed: to be called before anything changes, so that what is refused leaves
    /// nothing behind.
    ///
    /// # Errors
    /// [`Unsaved`].
    pub fn check(&self) -> Result<(), Unsaved> {
        if self.is_stopped() {
            return Err(Unsaved::Stopped);
        }
        match self.trouble() {
            Some(trouble) => Err(Unsaved::Stalled(Box::new(trouble))),
            None => Ok(()),
        }
    }

    /// The reason why commits fail, while they do.
    pub fn trouble(&self) -> Option<StorageTrouble> {
        self.trouble.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }

    /// Returns whether the node has stopped.
    pub fn is_stopped(&self) -> bool {
        matches!(*self.in_flight(), InFlight::Stopped)
    }

    /// Sets the reason why commits fail, and tells whoever waits for one.
    pub fn stall(&self, trouble: StorageTrouble) {
        let unsaved = Unsaved::Stalled(Box::new(trouble.clone()));
        self.trouble.lock().unwrap_or_else(|e| e.into_inner()).replace(trouble);
        let mut waiters = std::mem::take(&mut self.step().waiters);
        if let InFlight::Commit(others) = &mut *self.in_flight() {
            waiters.append(others);
        }
        resolve(waiters, &Err(unsaved));
    }

    /// Resolves when the present step is durable; with an error when it cannot be written, or the node stops before.
    pub fn with_step(&self) -> oneshot::Receiver<Result<(), Unsaved>> {
        let (sender, receiver) = oneshot::channel();
        self.step().waiters.push(sender);
        receiver
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
        let waiters = std::mem::take(&mut step.waiters);
        let mut in_flight = self.in_flight();
        match &*in_flight {
            InFlight::Stopped => resolve(waiters, &Err(Unsaved::Stopped)),
            _ => *in_flight = InFlight::Commit(waiters),
        }
        step
    }

    /// Broadcasts a package after the next commit.
    pub fn broadcast(&self, package: Vec<Transaction>) {
        let mut step = self.step();
        step.broadcasts.push(package);
        step.urgent = true;
    }

    /// Takes those transactions that may leave without a commit: `may_leave` says of each package whether it is one. Of others
    /// that are offered again and again, the newest package of each first transaction stays.
    pub fn take_broadcasts(&self, may_leave: impl Fn(&[Transaction]) -> bool) -> Vec<Vec<Transaction>> {
        let mut step = self.step();
        let (leave, stay): (Vec<_>, Vec<_>) =
            std::mem::take(&mut step.broadcasts).into_iter().partition(|package| may_leave(package));
        let mut newest: Vec<Vec<Transaction>> = Vec::new();
        for package in stay {
            newest.retain(|other| other.first() != package.first());
            newest.push(package);
        }
        step.broadcasts = newest;
        leave
    }

    /// Tells whoever waits for the step that was taken last that it is durable. Returns the trouble that this ends.
    pub fn committed(&self) -> Option<StorageTrouble> {
        let mut in_flight = self.in_flight();
        if let InFlight::Commit(waiters) = &mut *in_flight {
            let waiters = std::mem::take(waiters);
            *in_flight = InFlight::Nothing;
            drop(in_flight);
            resolve(waiters, &Ok(()));
        }
        self.trouble.lock().unwrap_or_else(|e| e.into_inner()).take()
    }

    /// Tells everybody who waits that the node stops, and nothing more is committed.
    pub fn stop(&self) {
        let before = std::mem::replace(&mut *self.in_flight(), InFlight::Stopped);
        let mut waiters = std::mem::take(&mut self.step().waiters);
        if let InFlight::Commit(others) = before {
            waiters.extend(others);
        }
        resolve(waiters, &Err(Unsaved::Stopped));
    }
}

impl StagedWrites {
    /// Returns whether a transaction of this kind may be broadcast now: a commitment of an old copy may be a revoked one. LDK
    /// broadcasts again every minute what has not confirmed.
    fn allows(&self, kind: &TransactionType) -> bool {
        match kind {
            TransactionType::UnilateralClose { channel_id, .. }
            | TransactionType::AnchorBump { channel_id, .. } => self.may_close(channel_id),
            _ => true,
        }
    }

    /// Returns whether a commitment of this channel may be broadcast now.
    pub(crate) fn may_close(&self, channel: &ChannelId) -> bool {
        !self.old_copy.is_set() && !self.old_copy.is_doubted(channel) && self.unheard.get(channel).is_none()
    }
}

fn resolve(waiters: Vec<Waiter>, result: &Result<(), Unsaved>) {
    for waiter in waiters {
        // Whoever waited may have given up.
        let _ = waiter.send(result.clone());
    }
}

impl BroadcasterInterface for StagedWrites {
    fn broadcast_transactions(&self, transactions: &[(&Transaction, TransactionType)]) {
        if !transactions.iter().all(|(_, kind)| self.allows(kind)) {
            log::warn!(
                "a commitment that may be revoked is not broadcast: this is an old copy, or may be one"
            );
            return;
        }
        self.broadcast(transactions.iter().map(|(tx, _)| (*tx).clone()).collect());
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
