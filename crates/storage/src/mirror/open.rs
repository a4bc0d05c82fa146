//! Taking the lease, and bringing this device and the backup to one state.

use super::link::{Link, Phase};
use super::state::{self, State, stays_local};
use crate::vss::Changes;
use crate::{Backend, Batch, Head, Lease, StoreError, random};
use futures::channel::oneshot;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

/// Purpose of connecting a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The backup of this device, which may have been used from another one since.
    Open {
        /// Take it over from the device that has it.
        move_here: bool,
    },
    /// A new backup: there is none yet.
    SetUp,
    /// A device that has nothing yet.
    Restore {
        /// Take it over from the device that has it.
        move_here: bool,
    },
}

/// Time for the device that had the wallet to hear that it lost it, and to let its connections go: peers would refuse this one's. It
/// asks the server at most a quarter of a second after its last write.
const SETTLING: Duration = Duration::from_millis(500);

/// How this device stands to the backup.
enum Standing {
    /// The backup may lack what was committed here last.
    Ahead,
    /// The backup has what is not here.
    Behind,
    /// The backup has less than it once confirmed, or only a part: it gets everything.
    Lost,
}

/// Returns whether it is of a backup that was ended, or never began.
fn is_empty(lease: &Lease) -> bool {
    lease.head.records == 0
}

fn standing(state: &State, lease: &Lease) -> Standing {
    let is_ours = state.sessions.contains(&lease.writer);
    match lease.head.generation {
        older if older < state.durable => Standing::Lost,
        newer if !is_ours || newer > state.generation => Standing::Behind,
        _ if !lease.complete || state.unsent.is_none() => Standing::Lost,
        _ => Standing::Ahead,
    }
}

impl Link {
    /// Connects for a purpose, and sets the sender running. When only the server is missing, it is asked again in the background.
    pub async fn connect(
        self: &Rc<Self>,
        purpose: Purpose,
        progress: &dyn Fn(u32, u32),
    ) -> Result<(), StoreError> {
        match self.reconcile(purpose, Some(progress)).await {
            Err(error) if error.is_retryable() && matches!(purpose, Purpose::Open { .. }) => {
                log::warn!("{error}");
                self.unreached(&error);
                let link = Rc::clone(self);
                self.outside.spawn(Box::pin(async move { link.connect_later(purpose).await }));
                Ok(())
            }
            Err(error) => Err(error),
            Ok(()) => {
                let link = Rc::clone(self);
                self.outside.spawn(Box::pin(async move { link.send().await }));
                Ok(())
            }
        }
    }

    async fn connect_later(self: Rc<Self>, purpose: Purpose) {
        let mut pauses = super::sender::Pauses::default();
        loop {
            self.outside.sleep(pauses.next()).await;
            if !matches!(*self.phase.borrow(), Phase::Waiting) {
                return;
            }
            match self.reconcile(purpose, None).await {
                Ok(()) => return self.send().await,
                Err(error) if error.is_retryable() => self.unreached(&error),
                Err(StoreError::Moved { name, since }) => return self.end(Phase::Moved { name, since }),
                Err(StoreError::Stale) => return self.end(Phase::Stale),
                Err(StoreError::DeviceRemoved) => return self.end(Phase::Removed),
                Err(error) => return self.end(Phase::Failed(error.to_string())),
            }
        }
    }

    /// Takes the lease and brings both sides to one state. Without `progress` the local state is in use already, and is not replaced.
    async fn reconcile(
        &self,
        purpose: Purpose,
        progress: Option<&dyn Fn(u32, u32)>,
    ) -> Result<(), StoreError> {
        let found = self.backend.lease().await?.filter(|lease| !is_empty(lease));
        self.check_purpose(purpose, found.as_ref())?;
        if let Some(lease) = &found
            && progress.is_none()
            && matches!(standing(&self.state.borrow(), lease), Standing::Behind)
        {
            return Err(StoreError::Stale);
        }
        let is_ours = |lease: &Lease| self.state.borrow().sessions.contains(&lease.session);
        let is_moved = found.as_ref().is_some_and(|lease| !is_ours(lease));
        let session = random()?;
        self.state.borrow_mut().push_session(session);
        self.save_state(Batch::new()).await?;
        self.backend.set_session(session);
        let epoch = self.backend.take_over().await?;
        let settled = is_moved.then(|| self.timer(SETTLING));
        // What another device wrote until that moment counts too.
        let lease = self.backend.held().filter(|lease| !is_empty(lease));
        let standing = lease.as_ref().map_or(Standing::Lost, |lease| standing(&self.state.borrow(), lease));
        self.was_older.set(matches!(standing, Standing::Lost) && self.state.borrow().durable > 0);
        let writer = lease.as_ref().map_or(session, |lease| lease.writer);
        match (standing, lease) {
            (Standing::Behind, Some(lease)) => {
                let Some(progress) = progress else { return Err(StoreError::Stale) };
                if !lease.complete {
                    return Err(StoreError::NoBackup { place: self.outside.url() });
                }
                self.pull(&lease, session, progress).await?;
            }
            (Standing::Ahead, _) => {
                let unsent = self.state.borrow().unsent.clone().unwrap_or_default();
                for name in unsent.into_iter().filter(|name| !stays_local(name)) {
                    let value = self.local.get(&name).await?;
                    self.pending.borrow_mut().entry(name.into_bytes()).or_insert(value);
                }
                self.state.borrow_mut().sessions = vec![writer, session];
            }
            (Standing::Lost | Standing::Behind, _) => {
                self.replace(epoch).await?;
                self.state.borrow_mut().sessions = vec![session];
            }
        }
        self.save_state(Batch::new()).await?;
        if let Some(settled) = settled {
            // Its end is all that it tells.
            let _ = settled.await;
        }
        self.confirmed();
        self.phase.replace(Phase::Active(epoch));
        let generation = self.state.borrow().generation;
        if self.pending.borrow().is_empty() {
            self.acknowledged(generation);
        }
        self.changed();
        Ok(())
    }

    /// Resolves after a time that begins now, whenever it is asked.
    fn timer(&self, time: Duration) -> oneshot::Receiver<()> {
        let (over, receiver) = oneshot::channel();
        let sleep = self.outside.sleep(time);
        self.outside.spawn(Box::pin(async move {
            sleep.await;
            drop(over);
        }));
        receiver
    }

    fn check_purpose(&self, purpose: Purpose, found: Option<&Lease>) -> Result<(), StoreError> {
        let is_ours = |lease: &Lease| self.state.borrow().sessions.contains(&lease.session);
        match (purpose, found) {
            (Purpose::Restore { .. }, None) => Err(StoreError::NoBackup { place: self.outside.url() }),
            (Purpose::Restore { .. }, Some(lease)) if !lease.complete => {
                Err(StoreError::NoBackup { place: self.outside.url() })
            }
            (Purpose::SetUp, Some(lease)) if !is_ours(lease) => {
                Err(StoreError::BackupExists { name: lease.device.clone(), since: lease.since })
            }
            (Purpose::Open { move_here: false } | Purpose::Restore { move_here: false }, Some(lease))
                if !is_ours(lease) =>
            {
                Err(StoreError::Moved { name: lease.device.clone(), since: lease.since })
            }
            _ => Ok(()),
        }
    }

    async fn save_state(&self, mut batch: Batch) -> Result<(), StoreError> {
        let state = self.state.borrow().encode();
        batch.put(state::NAME, state);
        self.local.commit(batch).await.map(drop)
    }

    /// Sends everything, in place of what the server has.
    pub async fn replace(&self, epoch: u64) -> Result<(), StoreError> {
        let (generation, records) = self.snapshot().await?;
        self.pending.borrow_mut().clear();
        *self.names.borrow_mut() = records.iter().map(|(name, _)| name.clone()).collect();
        // Until the last request is confirmed it lacks everything.
        self.state.borrow_mut().unsent = None;
        let records = records.into_iter().map(|(name, value)| (name.into_bytes(), Some(value)));
        self.backend.set_head(Head { generation, ..self.head() });
        self.backend.replace(records.collect(), epoch).await?;
        self.acknowledged(generation);
        Ok(())
    }

    /// Brings this device to the backup's state, in one commit.
    async fn pull(
        &self,
        lease: &Lease,
        session: crate::Session,
        progress: &dyn Fn(u32, u32),
    ) -> Result<(), StoreError> {
        let of = lease.head.records;
        progress(0, of);
        let since = match &*self.state.borrow() {
            State { unsent: Some(_), sequence, .. } => *sequence,
            _ => 0,
        };
        let mut changes = self.backend.changes(since, &|done| progress(done.min(of), of)).await?;
        let mut after = self.after(&changes).await?;
        if after.1.len() != usize::try_from(of).unwrap_or(usize::MAX) && !changes.all {
            changes = self.backend.changes(0, &|done| progress(done.min(of), of)).await?;
            after = self.after(&changes).await?;
        }
        let (mut batch, names) = after;
        if names.len() != usize::try_from(of).unwrap_or(usize::MAX) {
            let what = format!("the server gives {} records of {of}", names.len());
            return Err(StoreError::Corrupt { name: "the backup".into(), what });
        }
        if let Some((name, value)) = self.if_lagging.as_ref().filter(|_| lease.head.lagging) {
            batch.put(name.clone(), value.clone());
        }
        let generation = lease.head.generation;
        *self.state.borrow_mut() = State {
            generation,
            durable: generation,
            sequence: changes.sequence,
            sessions: vec![lease.writer, session],
            unsent: Some(BTreeSet::new()),
        };
        self.save_state(batch).await?;
        *self.names.borrow_mut() = names;
        Ok(())
    }

    /// The changes as a batch, and the names that there are after it.
    async fn after(&self, changes: &Changes) -> Result<(Batch, BTreeSet<String>), StoreError> {
        let mut batch = Batch::new();
        let mut names = self.names.borrow().clone();
        let is_deleted = |name: &String| match changes.all {
            true => !changes.records.contains_key(name.as_bytes()),
            false => changes.deleted.contains(&self.backend.key_of(name.as_bytes())),
        };
        let mut new: Vec<(String, Option<Vec<u8>>)> =
            names.iter().filter(|name| is_deleted(name)).map(|name| (name.clone(), None)).collect();
        if !changes.all {
            // What was committed here and never there is undone.
            let unsent = self.state.borrow().unsent.clone().unwrap_or_default();
            for name in unsent.into_iter().filter(|name| !changes.records.contains_key(name.as_bytes())) {
                let value = self.backend.read(name.as_bytes()).await?;
                new.push((name, value));
            }
        }
        for (name, value) in &changes.records {
            let name = String::from_utf8(name.clone()).map_err(|_| StoreError::Corrupt {
                name: "the backup".into(),
                what: "a name is no text".into(),
            })?;
            new.push((name, value.clone()));
        }
        for (name, value) in new.into_iter().filter(|(name, _)| !stays_local(name)) {
            match value {
                Some(value) => {
                    names.insert(name.clone());
                    batch.put(name, value);
                }
                None => {
                    names.remove(&name);
                    batch.remove(name);
                }
            }
        }
        Ok((batch, names))
    }
}
