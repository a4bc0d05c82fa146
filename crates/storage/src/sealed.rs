//! The store that node and wallet use: everything sealed, one writer, one transaction per commit.

use crate::backend::NO_EPOCH;
use crate::header::{HEADER_NAME, Header};
use crate::kdf::Kek;
use crate::seal::{Key, Sealer};
use crate::slot::KeySource;
use crate::{Batch, MAX_NAME_BYTES, Receipt, SharedBackend, Store, StoreError, Write};
use futures::future::{LocalBoxFuture, ready};
use futures::lock::Mutex;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

/// A [`Store`] over a [`Backend`](crate::Backend), with names and values sealed.
///
/// A random data key seals the records; the header holds it wrapped under the [`Kek`] of each passphrase and passkey, so a new
/// one rewrites one record and leaves the others alone.
pub struct SealedStore {
    backend: SharedBackend,
    data_key: Key,
    header: RefCell<Header>,
    /// Held by who changes the header: two changes at a time would lose one.
    changing: Mutex<()>,
    sealer: Sealer,
    epoch: u64,
    commits: Cell<u64>,
    state: Cell<State>,
    names: RefCell<Names>,
}

/// The names of all records, opened once: an opening wallet lists a dozen prefixes, and each name is sealed on its own.
#[derive(Default)]
struct Names {
    /// `None` until they were listed, while a commit runs, and after one whose outcome is not known.
    known: Option<BTreeSet<String>>,
    /// Number of commits begun: names read meanwhile are from before or after.
    begun: u64,
    /// Commits that run. One whose future was dropped runs for ever.
    running: u64,
}

impl Names {
    /// A commit begins; returns what it changes.
    fn begin(&mut self) -> (Option<BTreeSet<String>>, u64) {
        self.begun = self.begun.wrapping_add(1);
        self.running = self.running.saturating_add(1);
        (self.known.take(), self.begun)
    }

    /// A commit has succeeded or failed; `before` is what [`Names::begin`] returned for it.
    fn end(&mut self, batch: &Batch, before: (Option<BTreeSet<String>>, u64), succeeded: bool) {
        let (known, begun) = before;
        self.running = self.running.saturating_sub(1);
        let Some(mut known) = known.filter(|_| succeeded && begun == self.begun) else { return };
        for (name, value) in batch.iter() {
            match value {
                Some(_) => known.insert(name.to_owned()),
                None => known.remove(name),
            };
        }
        self.known = Some(known);
    }
}

/// Those with a prefix, in order.
fn with_prefix(names: &BTreeSet<String>, prefix: &str) -> Vec<String> {
    names.range(prefix.to_owned()..).take_while(|name| name.starts_with(prefix)).cloned().collect()
}

#[derive(Clone, Copy)]
enum State {
    Open,
    Fenced { now: u64 },
    Closed,
}

impl SealedStore {
    /// Where the [`Kek`]s come from that open the wallet in this backend; `None` when there is no wallet. Writes nothing.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] (also when records are there without their header), [`StoreError::NewerFormat`], or the
    /// backend's.
    pub async fn key_sources(backend: &SharedBackend) -> Result<Option<Vec<KeySource>>, StoreError> {
        Ok(header(backend).await?.map(|header| header.sources()))
    }

    /// Makes a new, empty wallet with a fresh data key, and takes it over.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] (a writer that has that wallet open is not disturbed), [`StoreError::Corrupt`] when the
    /// rest of a damaged wallet is there, [`StoreError::Randomness`], or the backend's.
    pub async fn create(
        backend: SharedBackend,
        source: impl Into<KeySource>,
        kek: Kek,
    ) -> Result<Self, StoreError> {
        let exists = || StoreError::AlreadyExists { place: backend.place() };
        let data_key = Key::generate()?;
        let made = Header::new(source.into(), &kek, &data_key)?;
        // Looked for twice: first so as not to fence off a running wallet, then so that of two creators only one wins.
        if header(&backend).await?.is_some() {
            return Err(exists());
        }
        let epoch = backend.take_over().await?;
        if header(&backend).await?.is_some() {
            return Err(exists());
        }
        let bytes = made.to_bytes();
        backend.commit(vec![Write { name: HEADER_NAME.to_vec(), value: Some(bytes) }], epoch).await?;
        Ok(Self::new(backend, made, data_key, epoch))
    }

    /// Opens the wallet and takes it over: a writer that had it open is fenced off.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::WrongPassphrase`], [`StoreError::Corrupt`], [`StoreError::NewerFormat`]: in
    /// all these cases nothing was changed and a writer that has it open is not disturbed. Or the backend's.
    pub async fn open(backend: SharedBackend, kek: Kek) -> Result<Self, StoreError> {
        let unlock = async || match header(&backend).await? {
            Some(header) => header.unwrap(&kek).map(|key| (header, key)),
            None => Err(StoreError::NotFound { place: backend.place() }),
        };
        unlock().await?;
        let epoch = backend.take_over().await?;
        // Again: the former writer may have changed passphrase or format until this moment, and cannot any more.
        let (header, data_key) = unlock().await?;
        Ok(Self::new(backend, header, data_key, epoch))
    }

    /// Opens the wallet to read only. Nothing is changed or taken over: a writer that has it open is not disturbed, and commits of
    /// this store are refused as [`StoreError::Fenced`].
    ///
    /// # Errors
    /// As [`SealedStore::open`].
    pub async fn view(backend: SharedBackend, kek: &Kek) -> Result<Self, StoreError> {
        let header = header(&backend).await?;
        let header = header.ok_or_else(|| StoreError::NotFound { place: backend.place() })?;
        let data_key = header.unwrap(kek)?;
        Ok(Self::new(backend, header, data_key, NO_EPOCH))
    }

    /// True if `kek` opens this wallet; false once it is closed.
    #[must_use]
    pub fn fits(&self, kek: &Kek) -> bool {
        self.usable().is_ok() && self.header.borrow().fits(kek)
    }

    /// Wraps the data key under one more key, or under another one in place of that of the same source: of the passphrase, where it
    /// is one. In one transaction; the records stay as they are. A copy of the wallet made before opens as it did.
    ///
    /// # Errors
    /// [`StoreError::InvalidKeySource`] when there is no room for more; else as [`Store::commit`].
    pub async fn put_key(&self, source: KeySource, kek: Kek) -> Result<(), StoreError> {
        self.change(|header| header.with(source, &kek, &self.data_key)).await
    }

    /// The key of that source opens the wallet no more. In one transaction. A copy of the wallet made before still opens with it.
    ///
    /// # Errors
    /// [`StoreError::InvalidKeySource`] when it does not open the wallet, or nothing else would; else as [`Store::commit`].
    pub async fn remove_key(&self, source: &KeySource) -> Result<(), StoreError> {
        self.change(|header| header.without(source, &self.data_key)).await
    }

    async fn change(
        &self,
        change: impl FnOnce(&Header) -> Result<Header, StoreError>,
    ) -> Result<(), StoreError> {
        let _turn = self.changing.lock().await;
        self.usable()?;
        let changed = change(&self.header.borrow())?;
        self.write(vec![Write { name: HEADER_NAME.to_vec(), value: Some(changed.to_bytes()) }]).await?;
        self.header.replace(changed);
        Ok(())
    }

    /// This writer's epoch: the number of takeovers of the wallet so far.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    fn new(backend: SharedBackend, header: Header, data_key: Key, epoch: u64) -> Self {
        let sealer = Sealer::new(&data_key);
        let (commits, state, names) = (Cell::new(0), Cell::new(State::Open), RefCell::default());
        let (header, changing) = (RefCell::new(header), Mutex::new(()));
        Self { backend, data_key, header, changing, sealer, epoch, commits, state, names }
    }

    fn usable(&self) -> Result<(), StoreError> {
        match self.state.get() {
            State::Open => Ok(()),
            State::Fenced { now } => Err(StoreError::Fenced { mine: self.epoch, now }),
            State::Closed => Err(StoreError::Closed),
        }
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let result = self.backend.commit(writes, self.epoch).await;
        match &result {
            Ok(()) => self.commits.set(self.commits.get().saturating_add(1)),
            // From now on reads are refused too: this writer's view is stale.
            Err(StoreError::Fenced { now, .. }) => self.state.set(State::Fenced { now: *now }),
            Err(_) => {}
        }
        result
    }

    async fn open_names(&self) -> Result<BTreeSet<String>, StoreError> {
        let mut names = BTreeSet::new();
        for sealed in self.backend.names().await?.iter().filter(|name| name.as_slice() != HEADER_NAME) {
            match self.sealer.open_name(sealed) {
                Ok(name) => drop(names.insert(name)),
                // Whoever wrote it, it is none of ours: a record of ours that is missing shows where it is needed.
                Err(error) => log::warn!("a record is passed over: {error}"),
            }
        }
        Ok(names)
    }

    fn seal(&self, batch: &Batch) -> Result<Vec<Write>, StoreError> {
        let seal_one = |(name, value): (&str, Option<&[u8]>)| {
            check_name(name)?;
            let name = self.sealer.seal_name(name)?;
            let value = value.map(|value| self.sealer.seal_value(&name, value)).transpose()?;
            Ok(Write { name, value })
        };
        batch.iter().map(seal_one).collect()
    }
}

impl Store for SealedStore {
    fn get<'a>(&'a self, name: &'a str) -> LocalBoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async move {
            self.usable()?;
            check_name(name)?;
            let sealed_name = self.sealer.seal_name(name)?;
            let sealed = self.backend.read(&sealed_name).await?;
            sealed.map(|sealed| self.sealer.open_value(name, &sealed_name, &sealed)).transpose()
        })
    }

    fn list<'a>(&'a self, prefix: &'a str) -> LocalBoxFuture<'a, Result<Vec<String>, StoreError>> {
        Box::pin(async move {
            self.usable()?;
            if let Some(known) = &self.names.borrow().known {
                return Ok(with_prefix(known, prefix));
            }
            let before = self.names.borrow().begun;
            let all = self.open_names().await?;
            let found = with_prefix(&all, prefix);
            let mut names = self.names.borrow_mut();
            // Who only looks on does not hear of the writer's commits.
            if self.epoch != NO_EPOCH && names.begun == before && names.running == 0 {
                names.known = Some(all);
            }
            Ok(found)
        })
    }

    fn ready<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), StoreError>> {
        Box::pin(ready(self.usable()))
    }

    fn commit<'a>(&'a self, batch: Batch) -> LocalBoxFuture<'a, Result<Receipt, StoreError>> {
        Box::pin(async move {
            self.usable()?;
            if !batch.is_empty() {
                let writes = self.seal(&batch)?;
                let names = self.names.borrow_mut().begin();
                let written = self.write(writes).await;
                self.names.borrow_mut().end(&batch, names, written.is_ok());
                written?;
            }
            // The backend is on this device: what it committed is as durable as it will be.
            Ok(Receipt::new(ready(Ok(()))))
        })
    }

    fn commits(&self) -> u64 {
        self.commits.get()
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, ()> {
        // At once, not when the backend is done: calls made meanwhile are refused.
        self.state.set(State::Closed);
        self.backend.close()
    }
}

/// The header, if there is a wallet.
async fn header(backend: &SharedBackend) -> Result<Option<Header>, StoreError> {
    if let Some(bytes) = backend.read(HEADER_NAME).await? {
        return Header::parse(&bytes).map(Some);
    }
    if backend.names().await?.is_empty() {
        return Ok(None);
    }
    // Without this, a wallet whose header was lost would count as none, and be overwritten by a new one.
    Err(StoreError::Corrupt { name: "header".into(), what: "it is missing, but records are there".into() })
}

fn check_name(name: &str) -> Result<(), StoreError> {
    match name.len() {
        1..=MAX_NAME_BYTES => Ok(()),
        bytes => Err(StoreError::InvalidName { bytes }),
    }
}
