//! A device's connection with its backup: commits on this side, and what waits for the other.

use super::state::{self, State, stays_local};
use crate::vss::Records;
use crate::{Batch, Head, Receipt, Store, StoreError, Surroundings, VssBackend};
use amplet_protocol::page::{BackupMode, BackupState, BackupStatus, WalletError};
use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{LocalBoxFuture, ready};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

/// Age of the last word of the server from which on it is asked again whether this device may act, in seconds.
const FRESH_SECS: u64 = 2;

/// Pause between two looks at something that changes in moments.
pub(super) const MOMENT: Duration = Duration::from_millis(20);

/// A record with its name.
pub type Record = (String, Vec<u8>);

/// Is called when the backup's state changes.
pub(super) type OnChange = Rc<RefCell<Option<Rc<dyn Fn()>>>>;

/// A backup's state, the time since which it is so (seconds since the UNIX epoch), and the reason.
type Condition = (BackupState, u64, Option<WalletError>);

/// How far a connection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The server was not reached yet.
    Waiting,
    /// This device may write, with this epoch.
    Active(u64),
    Moved {
        name: String,
        since: u64,
    },
    Stale,
    /// This device was removed from its wallet.
    Removed,
    /// The backup was given up: what waits for it is as durable as it will be.
    LetGo,
    Closed,
    Failed(String),
}

/// A commit on its way to the local store.
struct Job {
    batch: Batch,
    done: oneshot::Sender<Result<Receipt, StoreError>>,
}

type Waiter = (u64, oneshot::Sender<Result<(), StoreError>>);

pub(super) struct Link {
    pub local: Rc<dyn Store>,
    pub backend: VssBackend,
    pub outside: Rc<dyn Surroundings>,
    pub lagging: bool,
    pub if_lagging: Option<Record>,
    pub state: RefCell<State>,
    /// Names of the local store that the backup has too.
    pub names: RefCell<BTreeSet<String>>,
    /// What the backup lacks, and was not sent.
    pub pending: RefCell<Records>,
    /// What was sent and is not known to be there: the number of the newest commit in each write, and its records; the oldest first.
    pub flying: RefCell<VecDeque<(u64, Records)>>,
    pub phase: RefCell<Phase>,
    pub was_older: Cell<bool>,
    /// Time of the server's last word that this device may write, in seconds since the UNIX epoch.
    pub confirmed_at: Cell<u64>,
    jobs: RefCell<VecDeque<Job>>,
    busy: Cell<bool>,
    waiters: RefCell<Vec<Waiter>>,
    condition: RefCell<Condition>,
    changes: RefCell<Vec<oneshot::Sender<()>>>,
    on_change: OnChange,
}

impl Link {
    pub async fn load(
        local: Rc<dyn Store>,
        backend: VssBackend,
        lagging: bool,
        if_lagging: Option<Record>,
        on_change: OnChange,
    ) -> Result<Rc<Self>, StoreError> {
        let stored = local.get(state::NAME).await?;
        let state = stored.map(|bytes| State::decode(&bytes)).transpose()?.unwrap_or_default();
        let outside = backend.surroundings();
        let condition = RefCell::new((BackupState::Behind, outside.now(), None));
        Ok(Rc::new(Self {
            local,
            backend,
            outside,
            lagging,
            if_lagging,
            state: RefCell::new(state),
            names: RefCell::default(),
            pending: RefCell::default(),
            flying: RefCell::default(),
            phase: RefCell::new(Phase::Waiting),
            was_older: Cell::default(),
            confirmed_at: Cell::default(),
            jobs: RefCell::default(),
            busy: Cell::default(),
            waiters: RefCell::default(),
            condition,
            changes: RefCell::default(),
            on_change,
        }))
    }

    pub async fn load_names(&self) -> Result<(), StoreError> {
        let names = self.local.list("").await?;
        self.names.borrow_mut().extend(names.into_iter().filter(|name| !stays_local(name)));
        Ok(())
    }

    /// Resolves at the next change of the phase or of what waits.
    pub fn change(&self) -> LocalBoxFuture<'static, ()> {
        let (sender, receiver) = oneshot::channel();
        let mut changes = self.changes.borrow_mut();
        changes.retain(|waiting| !waiting.is_canceled());
        changes.push(sender);
        receiver.map(drop).boxed_local()
    }

    pub fn changed(&self) {
        for change in self.changes.take() {
            // Whoever waited may have given up.
            let _ = change.send(());
        }
    }

    /// Fails with the reason for which this device may write nothing any more.
    pub fn check_phase(&self) -> Result<(), StoreError> {
        match &*self.phase.borrow() {
            Phase::Waiting | Phase::Active(_) | Phase::LetGo => Ok(()),
            Phase::Moved { name, since } => Err(StoreError::Moved { name: name.clone(), since: *since }),
            Phase::Stale => Err(StoreError::Stale),
            Phase::Removed => Err(StoreError::DeviceRemoved),
            Phase::Closed => Err(StoreError::Closed),
            Phase::Failed(source) => {
                Err(StoreError::Backend { action: "write the backup", source: source.clone().into() })
            }
        }
    }

    /// Returns whether this device may act, as the server says now.
    pub async fn may_act(&self) -> Result<bool, StoreError> {
        self.check_phase()?;
        if matches!(*self.phase.borrow(), Phase::Waiting) {
            return Ok(false);
        }
        if self.outside.now().saturating_sub(self.confirmed_at.get()) < FRESH_SECS {
            return Ok(true);
        }
        let word = self.backend.check().await;
        match self.heard(word).await {
            Err(error) if error.is_retryable() && self.lagging => Ok(true),
            heard => heard.map(|()| true),
        }
    }

    /// Takes the server's word on whether this device may write.
    pub async fn heard(&self, word: Result<(), StoreError>) -> Result<(), StoreError> {
        match word {
            Ok(()) => self.confirmed(),
            Err(error) if error.is_fenced() => self.moved(error).await,
            // Everything is sent again.
            Err(StoreError::OlderBackup) => {
                self.state.borrow_mut().unsent = None;
                self.changed();
            }
            Err(error) => return Err(error),
        }
        self.check_phase()
    }

    pub fn confirmed(&self) {
        self.confirmed_at.set(self.outside.now());
    }

    /// Ends this device's session; whoever waits is told.
    pub fn end(&self, phase: Phase) {
        if self.check_phase().is_err() {
            return;
        }
        self.phase.replace(phase);
        for (_, waiter) in self.waiters.take() {
            // Whoever waited may have given up.
            let _ = waiter.send(self.check_phase());
        }
        self.changed();
        self.told();
    }

    /// Another device has taken over (which one, the lease says), or has removed this one.
    pub async fn moved(&self, fenced: StoreError) {
        log::warn!("the wallet was taken over: {fenced}");
        let told = match fenced {
            StoreError::DeviceRemoved | StoreError::Moved { .. } => Err(fenced),
            _ => self.backend.lease().await,
        };
        self.end(match told {
            Err(StoreError::DeviceRemoved) => Phase::Removed,
            Err(StoreError::Moved { name, since }) => Phase::Moved { name, since },
            Ok(Some(lease)) => Phase::Moved { name: lease.device, since: lease.since },
            _ => Phase::Moved { name: "another device".into(), since: self.outside.now() },
        });
    }

    pub fn set_condition(&self, state: BackupState, error: Option<&StoreError>) {
        let same = self.condition.borrow().0 == state;
        if !same {
            let error = error.map(Into::into);
            self.condition.replace((state, self.outside.now(), error));
            self.told();
        }
    }

    fn told(&self) {
        let on_change = self.on_change.borrow().clone();
        if let Some(on_change) = on_change {
            on_change();
        }
    }

    pub fn status(&self) -> BackupStatus {
        let (state, since, error) = self.condition.borrow().clone();
        let sent = self.backend.sent();
        BackupStatus {
            url: self.outside.url(),
            mode: if self.lagging { BackupMode::Lagging } else { BackupMode::Required },
            device_name: self.backend.device(),
            state,
            since,
            active: matches!(*self.phase.borrow(), Phase::Active(_)),
            records: self.head().records,
            sent_bytes: sent.bytes,
            requests: sent.requests,
            error,
        }
    }

    /// What the backup holds when it has everything.
    pub fn head(&self) -> Head {
        Head {
            generation: self.state.borrow().generation,
            records: u32::try_from(self.names.borrow().len()).unwrap_or(u32::MAX),
            lagging: self.lagging,
        }
    }

    pub fn is_busy(&self) -> bool {
        self.busy.get()
    }

    /// Commits a batch after all before it, whatever becomes of whoever waits for that.
    pub fn enqueue(self: &Rc<Self>, batch: Batch, done: oneshot::Sender<Result<Receipt, StoreError>>) {
        self.jobs.borrow_mut().push_back(Job { batch, done });
        if self.busy.replace(true) {
            return;
        }
        let link = Rc::clone(self);
        self.outside.spawn(Box::pin(async move {
            loop {
                let job = link.jobs.borrow_mut().pop_front();
                let Some(Job { batch, done }) = job else { break };
                // Whoever waited may have given up.
                let _ = done.send(link.commit(batch).await);
            }
            link.busy.set(false);
        }));
    }

    async fn commit(&self, mut batch: Batch) -> Result<Receipt, StoreError> {
        self.check_phase()?;
        let mirrored = batch.iter().filter(|(name, _)| !stays_local(name));
        let mirrored: Vec<(String, Option<Vec<u8>>)> =
            mirrored.map(|(name, value)| (name.to_owned(), value.map(<[u8]>::to_vec))).collect();
        if mirrored.is_empty() || matches!(*self.phase.borrow(), Phase::LetGo) {
            return self.local.commit(batch).await;
        }
        let mut state = self.state.borrow().clone();
        state.generation = state.generation.saturating_add(1);
        state.note(mirrored.iter().map(|(name, _)| name.as_str()));
        batch.put(state::NAME, state.encode());
        let receipt = self.local.commit(batch).await?;
        let generation = state.generation;
        {
            let mut state = self.state.borrow_mut();
            state.generation = generation;
            state.note(mirrored.iter().map(|(name, _)| name.as_str()));
        }
        for (name, value) in mirrored {
            match &value {
                Some(_) => self.names.borrow_mut().insert(name.clone()),
                None => self.names.borrow_mut().remove(&name),
            };
            self.pending.borrow_mut().insert(name.into_bytes(), value);
        }
        self.changed();
        if self.lagging || matches!(*self.phase.borrow(), Phase::LetGo) {
            return Ok(receipt);
        }
        // What ended while the disk worked has told those who waited then.
        if let Err(ended) = self.check_phase() {
            return Ok(Receipt::new(ready(Err(ended))));
        }
        let (sender, receiver) = oneshot::channel();
        self.waiters.borrow_mut().push((generation, sender));
        Ok(Receipt::new(async move { receiver.await.unwrap_or(Err(StoreError::Closed)) }))
    }

    /// The backup has everything up to this commit.
    pub fn acknowledged(&self, generation: u64) {
        self.confirmed();
        {
            let mut state = self.state.borrow_mut();
            state.durable = generation;
            state.sequence = self.backend.sequence();
            let mut flying = self.flying.borrow_mut();
            flying.retain(|(number, _)| *number > generation);
            let pending = self.pending.borrow();
            let lacking = flying.iter().flat_map(|(_, records)| records).chain(pending.iter());
            let names = lacking.map(|(name, _)| String::from_utf8_lossy(name).into_owned());
            state.unsent = Some(names.collect());
        }
        let (durable, waiting): (Vec<Waiter>, Vec<Waiter>) =
            self.waiters.take().into_iter().partition(|(number, _)| *number <= generation);
        self.waiters.borrow_mut().extend(waiting);
        for (_, waiter) in durable {
            // Whoever waited may have given up.
            let _ = waiter.send(Ok(()));
        }
        let has_all = self.pending.borrow().is_empty() && self.flying.borrow().is_empty();
        self.set_condition(if has_all { BackupState::Current } else { BackupState::Behind }, None);
    }

    /// All records of the backup as they are here at one instant, and the number of the newest commit. Nothing of them is pending
    /// then.
    pub async fn snapshot(&self) -> Result<(u64, Vec<Record>), StoreError> {
        loop {
            while self.is_busy() {
                self.outside.sleep(MOMENT).await;
            }
            let before = self.local.commits();
            let generation = self.state.borrow().generation;
            let records = read_all(&*self.local).await?;
            if before == self.local.commits() && !self.is_busy() {
                return Ok((generation, records));
            }
        }
    }

    /// Deletes the backup from its server; meanwhile nothing waits for it.
    pub async fn delete(self: &Rc<Self>) -> Result<(), StoreError> {
        let Phase::Active(epoch) = *self.phase.borrow() else {
            self.check_phase()?;
            let detail = "it was not reached since this wallet was opened".into();
            return Err(StoreError::BackupUnreachable { detail });
        };
        self.end(Phase::LetGo);
        self.backend.set_head(Head::default());
        let deleted = self.backend.replace(Records::new(), epoch).await;
        if let Err(error) = &deleted {
            // It may have lost records.
            self.unreached(error);
            self.state.borrow_mut().unsent = None;
            self.phase.replace(Phase::Active(epoch));
            let link = Rc::clone(self);
            self.outside.spawn(Box::pin(async move { link.send().await }));
        }
        deleted
    }
}

/// Every record that a backup has.
pub(super) async fn read_all(local: &dyn Store) -> Result<Vec<Record>, StoreError> {
    let mut records = Vec::new();
    for name in local.list("").await? {
        if !stays_local(&name)
            && let Some(value) = local.get(&name).await?
        {
            records.push((name, value));
        }
    }
    Ok(records)
}
