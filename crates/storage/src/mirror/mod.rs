//! A store whose commits are mirrored to a backup.
//!
//! Reads are local. A commit is local when it resolves, and its receipt `durable` when the backup has it: batches that were committed
//! while a request was on its way go together with the next one. A record of the device's own, written with each commit, says what
//! the backup may lack, so that a start after a crash goes on. Nothing but this device's session may write to the backup
//! ([`VssBackend`]); [`ready`](Store::ready) resolves once that is certain.

mod link;
mod open;
mod sender;
mod state;

pub use link::Record;
pub use open::Purpose;

use crate::{Batch, Receipt, Store, StoreError, VssBackend};
use amplet_protocol::page::BackupStatus;
use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{LocalBoxFuture, ready};
use link::{Link, MOMENT, OnChange, Phase};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

/// Pause before a backup that cannot be reached is asked again whether this device may act.
const BEFORE_ASKING_AGAIN: Duration = Duration::from_secs(1);

/// See the head of this file. Without a backup it is the local store.
pub struct MirroredStore {
    local: Rc<dyn Store>,
    link: RefCell<Option<Rc<Link>>>,
    /// Commits that went to the local store alone, and have not ended.
    direct: Cell<u32>,
    on_change: OnChange,
}

impl MirroredStore {
    /// A store without a backup.
    pub fn new(local: Rc<dyn Store>) -> Rc<Self> {
        let (link, direct, on_change) = (RefCell::default(), Cell::new(0), Rc::default());
        Rc::new(Self { local, link, direct, on_change })
    }

    /// Calls `on_change` when the backup's state changes.
    pub fn on_change(&self, on_change: impl Fn() + 'static) {
        self.on_change.borrow_mut().replace(Rc::new(on_change));
    }

    fn link(&self) -> Option<Rc<Link>> {
        self.link.borrow().clone()
    }

    /// The backup's state; `None`: there is none.
    pub fn status(&self) -> Option<BackupStatus> {
        Some(self.link()?.status())
    }

    /// Returns whether the backup's server was found to have an older state than it once had.
    pub fn was_older(&self) -> bool {
        self.link().is_some_and(|link| link.was_older.get())
    }

    /// Connects a backup. For [`Purpose::Open`] a server that cannot be reached is no error: [`ready`](Store::ready) waits for it.
    /// `if_lagging`: written when the state comes from a backup that its device did not wait for. `progress`: number of records read,
    /// and of all.
    ///
    /// # Errors
    /// [`StoreError::Moved`] (another device has the wallet), [`StoreError::NoBackup`], [`StoreError::BackupExists`],
    /// [`StoreError::BackupUnreachable`], [`StoreError::BackupRefused`], those of the local store: nothing is connected.
    pub async fn connect(
        &self,
        backend: VssBackend,
        lagging: bool,
        purpose: Purpose,
        if_lagging: Option<Record>,
        progress: &dyn Fn(u32, u32),
    ) -> Result<(), StoreError> {
        let on_change = Rc::clone(&self.on_change);
        let link = Link::load(Rc::clone(&self.local), backend, lagging, if_lagging, on_change).await?;
        self.link.replace(Some(Rc::clone(&link)));
        while self.direct.get() > 0 {
            link.outside.sleep(MOMENT).await;
        }
        link.load_names().await?;
        let connected = link.connect(purpose, progress).await;
        if connected.is_err() {
            self.let_go(&link).await;
        }
        connected
    }

    /// Ends the backup: deletes it from its server, and goes on without.
    ///
    /// # Errors
    /// The server's: nothing has changed. With `abandon` these are passed over.
    pub async fn end(&self, abandon: bool) -> Result<(), StoreError> {
        let Some(link) = self.link() else { return Ok(()) };
        match link.delete().await {
            Err(error) if abandon => log::warn!("the backup is abandoned as it is: {error}"),
            other => other?,
        }
        self.let_go(&link).await;
        let mut batch = Batch::new();
        batch.remove(state::NAME);
        self.local.commit(batch).await.map(drop)
    }

    /// Has the backup's server refuse whatever the device with this public key asks for; without a backup there is nothing to refuse.
    ///
    /// # Errors
    /// The server's.
    pub async fn remove_device(&self, device: &[u8; 33]) -> Result<(), StoreError> {
        let Some(link) = self.link() else { return Ok(()) };
        link.backend.remove_device(device).await
    }

    /// Names this device anew.
    pub fn set_device_name(&self, name: &str) {
        if let Some(link) = self.link() {
            link.backend.set_device(name);
        }
    }

    async fn let_go(&self, link: &Rc<Link>) {
        self.link.replace(None);
        link.end(Phase::LetGo);
        // What it still commits is local; what comes now goes there directly.
        while link.is_busy() {
            link.outside.sleep(MOMENT).await;
        }
        link.changed();
    }

    /// All records that a backup has or would have, as they are at one instant, and the number of the newest commit (0 without a
    /// backup).
    ///
    /// # Errors
    /// Those of the local store.
    pub async fn snapshot(&self) -> Result<(u64, Vec<Record>), StoreError> {
        match self.link() {
            Some(link) => link.snapshot().await,
            None => loop {
                let before = (self.local.commits(), self.direct.get());
                let records = link::read_all(&*self.local).await?;
                // Anything that was committed meanwhile may be in a part of it.
                if before == (self.local.commits(), 0) {
                    return Ok((0, records));
                }
            },
        }
    }

    /// Ends this program's part in the backup at once, as if it had been killed.
    pub fn stop(&self) {
        if let Some(link) = self.link() {
            link.end(Phase::Closed);
        }
    }

    async fn commit_directly(&self, batch: Batch) -> Result<Receipt, StoreError> {
        struct Counted<'a>(&'a Cell<u32>);
        impl Drop for Counted<'_> {
            fn drop(&mut self) {
                self.0.set(self.0.get().saturating_sub(1));
            }
        }
        self.direct.set(self.direct.get().saturating_add(1));
        let _counted = Counted(&self.direct);
        self.local.commit(batch).await
    }
}

impl Store for MirroredStore {
    fn get<'a>(&'a self, name: &'a str) -> LocalBoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.local.get(name)
    }

    fn list<'a>(&'a self, prefix: &'a str) -> LocalBoxFuture<'a, Result<Vec<String>, StoreError>> {
        self.local.list(prefix)
    }

    fn ready<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), StoreError>> {
        async move {
            loop {
                let Some(link) = self.link() else { return self.local.ready().await };
                match link.may_act().await {
                    Ok(true) => return self.local.ready().await,
                    Ok(false) => link.change().await,
                    Err(error) if error.is_retryable() => {
                        let pause = link.outside.sleep(BEFORE_ASKING_AGAIN);
                        futures::future::select(pause, link.change()).await;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        .boxed_local()
    }

    fn lost<'a>(&'a self) -> LocalBoxFuture<'a, StoreError> {
        async move {
            loop {
                let Some(link) = self.link() else { return futures::future::pending().await };
                match link.check_phase() {
                    Err(error) => return error,
                    Ok(()) => link.change().await,
                }
            }
        }
        .boxed_local()
    }

    fn is_shared(&self) -> bool {
        self.link().is_some_and(|link| !link.lagging)
    }

    fn commit<'a>(&'a self, batch: Batch) -> LocalBoxFuture<'a, Result<Receipt, StoreError>> {
        async move {
            let Some(link) = self.link() else { return self.commit_directly(batch).await };
            link.check_phase()?;
            if batch.is_empty() {
                return Ok(Receipt::new(ready(Ok(()))));
            }
            let (sender, receiver) = oneshot::channel();
            link.enqueue(batch, sender);
            receiver.await.unwrap_or(Err(StoreError::Closed))
        }
        .boxed_local()
    }

    fn commits(&self) -> u64 {
        self.local.commits()
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, ()> {
        self.stop();
        self.local.close()
    }
}
