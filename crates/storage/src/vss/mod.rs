//! Records on a VSS server: a [`Backend`] whose epoch is the lease that devices take from each other.
//!
//! Every write names the server's global version, which it raises by one, and replaces the lease's record. So a device that has lost
//! the lease cannot write, and a request that the network delivers late, or twice, changes nothing. A write whose answer was lost is
//! resolved by the lease: it is of this session, and tells how far. Several writes may be on their way at once ([`write`]).

mod devices;
mod lease;
mod records;
mod watch;
mod wire;
mod write;

pub use lease::{Head, Lease, Session};
pub use wire::Surroundings;

use crate::seal::Key;
use crate::{Backend, StoreError, Write};
use amplet_vss::messages::{
    GetObjectRequest, GetObjectResponse, ListKeyVersionsRequest, ListKeyVersionsResponse,
};
use amplet_vss::{GET_OBJECT, LIST_KEY_VERSIONS};
use futures::future::{FutureExt, LocalBoxFuture};
use futures::lock::Mutex;
use records::RecordKeys;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;
use wire::{CallError, call};
use write::Place;

/// See the head of this file. A session holds the lease from [`take_over`](Backend::take_over) on.
pub struct VssBackend {
    surroundings: Rc<dyn Surroundings>,
    keys: RecordKeys,
    store_id: String,
    /// Name of this device.
    device: RefCell<String>,
    held: RefCell<Option<Lease>>,
    /// The next takeover's session, where it was chosen beforehand.
    session: Cell<Option<Session>>,
    head: Cell<Head>,
    /// Keys that the server has for certain: only these can be deleted.
    known: RefCell<HashSet<String>>,
    /// Those of them that only say that a record was removed.
    removed: RefCell<HashSet<String>>,
    sequence: Cell<i64>,
    /// Where the next write goes; `None`: one has failed, and may still arrive.
    place: Cell<Option<Place>>,
    /// Number of writes without an answer.
    unanswered: Cell<u32>,
    turn: Mutex<()>,
    closed: Cell<bool>,
    sent: Cell<Sent>,
}

/// What was sent so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Number of requests.
    pub requests: u64,
    /// Length of sealed records, padding included.
    pub bytes: u64,
}

/// What a server has, or what has changed there.
pub(crate) struct Changes {
    /// Names and values; `None`: removed.
    pub records: Records,
    /// Keys that were deleted.
    pub deleted: HashSet<String>,
    /// These are all records.
    pub all: bool,
    /// The server's sequence to begin at the next time.
    pub sequence: i64,
}

/// Records by name; `None`: removed.
pub(crate) type Records = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

impl VssBackend {
    /// The store `store_id` of the account that `surroundings` authenticate. `key`: 32 bytes that nobody else has. `device`: at most 64
    /// bytes of its name are used.
    pub fn new(surroundings: Rc<dyn Surroundings>, store_id: &str, key: [u8; 32], device: &str) -> Self {
        Self {
            surroundings,
            keys: RecordKeys::new(&Key(key)),
            store_id: store_id.to_owned(),
            device: RefCell::new(devices::shortened(device)),
            held: RefCell::default(),
            session: Cell::default(),
            head: Cell::default(),
            known: RefCell::default(),
            removed: RefCell::default(),
            sequence: Cell::default(),
            place: Cell::default(),
            unanswered: Cell::default(),
            turn: Mutex::default(),
            closed: Cell::default(),
            sent: Cell::default(),
        }
    }

    pub(crate) fn surroundings(&self) -> Rc<dyn Surroundings> {
        Rc::clone(&self.surroundings)
    }

    /// The lease as the server has it; `None`: it has no backup.
    ///
    /// # Errors
    /// [`StoreError::BackupUnreachable`], [`StoreError::BackupRefused`], [`StoreError::Corrupt`], [`StoreError::NewerFormat`].
    pub async fn lease(&self) -> Result<Option<Lease>, StoreError> {
        let bytes = self.get(lease::KEY).await?;
        bytes.map(|bytes| self.read_lease(&bytes)).transpose().map(Option::flatten)
    }

    fn read_lease(&self, sealed: &[u8]) -> Result<Option<Lease>, StoreError> {
        let (_, value) = self.keys.open(lease::KEY, sealed)?;
        value.map(|value| Lease::decode(&value)).transpose()
    }

    /// The lease as this session wrote it last.
    pub(crate) fn held(&self) -> Option<Lease> {
        self.held.borrow().clone()
    }

    /// Sets the session of the next takeover.
    pub(crate) fn set_session(&self, session: Session) {
        self.session.set(Some(session));
    }

    /// Sets what the backup holds after the next commit.
    pub(crate) fn set_head(&self, head: Head) {
        self.head.set(head);
    }

    /// The server's sequence after the last write that was confirmed.
    pub(crate) fn sequence(&self) -> i64 {
        self.sequence.get()
    }

    pub(crate) fn sent(&self) -> Sent {
        self.sent.get()
    }

    pub(crate) fn key_of(&self, name: &[u8]) -> String {
        self.keys.key_of(name)
    }

    /// Checks that this session still has the lease.
    pub(crate) async fn check(&self) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        self.resolve().await
    }

    /// Reads what has changed since a sequence, or all of it. Only complete when nobody else can write meanwhile.
    pub(crate) async fn changes(&self, since: i64, progress: &dyn Fn(u32)) -> Result<Changes, StoreError> {
        let mut changes =
            Changes { records: BTreeMap::new(), deleted: HashSet::new(), all: false, sequence: 0 };
        let mut token = None;
        loop {
            let page = self.page(since, true, token).await?;
            changes.all |= page.full;
            changes.sequence = page.sequence.ok_or_else(no_changes)?;
            for item in page.key_versions.into_iter().filter(|item| item.key != lease::KEY) {
                if item.deleted {
                    self.known.borrow_mut().remove(&item.key);
                    changes.deleted.insert(item.key);
                    continue;
                }
                let (name, value) = self.keys.open(&item.key, &item.value)?;
                match value {
                    None => self.removed.borrow_mut().insert(item.key.clone()),
                    Some(_) => self.removed.borrow_mut().remove(&item.key),
                };
                self.known.borrow_mut().insert(item.key);
                changes.records.insert(name, value);
            }
            progress(u32::try_from(changes.records.len()).unwrap_or(u32::MAX));
            token = page.next_page_token.filter(|token| !token.is_empty());
            if token.is_none() {
                self.sequence.set(changes.sequence);
                return Ok(changes);
            }
        }
    }

    /// Replaces everything.
    pub(crate) async fn replace(&self, records: Records, epoch: u64) -> Result<(), StoreError> {
        // A request whose answer was lost has to be known of before the keys are read: a conflict later would forget them.
        self.check().await?;
        self.settle().await?;
        let mut keys = HashSet::new();
        let mut token = None;
        loop {
            let page = self.page(0, false, token).await?;
            let present =
                page.key_versions.into_iter().filter(|item| !item.deleted && item.key != lease::KEY);
            keys.extend(present.map(|item| item.key));
            token = page.next_page_token.filter(|token| !token.is_empty());
            if token.is_none() {
                break;
            }
        }
        let stay: HashSet<String> = records.keys().map(|name| self.key_of(name)).collect();
        *self.removed.borrow_mut() = keys.difference(&stay).cloned().collect();
        *self.known.borrow_mut() = keys;
        self.write(records, epoch).await
    }

    async fn page(
        &self,
        since: i64,
        include_values: bool,
        page_token: Option<String>,
    ) -> Result<ListKeyVersionsResponse, StoreError> {
        let request = ListKeyVersionsRequest {
            store_id: self.store_id.clone(),
            key_prefix: None,
            page_size: None,
            page_token,
            changed_since: Some(since),
            include_values,
        };
        self.count(0);
        Ok(call(&*self.surroundings, LIST_KEY_VERSIONS, &request).await?)
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.usable()?;
        self.count(0);
        let (store_id, key) = (self.store_id.clone(), key.to_owned());
        let request = GetObjectRequest { store_id, key, ..GetObjectRequest::default() };
        match call::<GetObjectResponse>(&*self.surroundings, GET_OBJECT, &request).await {
            Ok(answer) => Ok(answer.value.map(|item| item.value)),
            Err(CallError::NoSuchKey) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn count(&self, bytes: usize) {
        let Sent { requests, bytes: before } = self.sent.get();
        let bytes = before.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.sent.set(Sent { requests: requests.saturating_add(1), bytes });
    }

    fn usable(&self) -> Result<(), StoreError> {
        if self.closed.get() { Err(StoreError::Closed) } else { Ok(()) }
    }
}

fn no_changes() -> StoreError {
    StoreError::BackupRefused { reason: "it is no gateway's: it does not list what has changed".into() }
}

impl Backend for VssBackend {
    fn place(&self) -> String {
        self.surroundings.url()
    }

    fn read<'a>(&'a self, name: &'a [u8]) -> LocalBoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        async move {
            let key = self.key_of(name);
            let Some(sealed) = self.get(&key).await? else { return Ok(None) };
            Ok(self.keys.open(&key, &sealed)?.1)
        }
        .boxed_local()
    }

    fn names(&self) -> LocalBoxFuture<'_, Result<Vec<Vec<u8>>, StoreError>> {
        async move {
            self.usable()?;
            let records = self.changes(0, &|_| ()).await?.records;
            Ok(records.into_iter().filter_map(|(name, value)| value.map(|_| name)).collect())
        }
        .boxed_local()
    }

    fn take_over(&self) -> LocalBoxFuture<'_, Result<u64, StoreError>> {
        self.raise().boxed_local()
    }

    fn commit(&self, writes: Vec<Write>, epoch: u64) -> LocalBoxFuture<'_, Result<(), StoreError>> {
        let records = writes.into_iter().map(|write| (write.name, write.value)).collect();
        self.write(records, epoch).boxed_local()
    }

    fn destroy(&self) -> LocalBoxFuture<'_, Result<(), StoreError>> {
        async move {
            let epoch = self.raise().await?;
            self.head.set(Head::default());
            self.replace(Records::new(), epoch).await?;
            self.closed.set(true);
            Ok(())
        }
        .boxed_local()
    }

    fn close(&self) -> LocalBoxFuture<'_, ()> {
        async move { self.closed.set(true) }.boxed_local()
    }
}
