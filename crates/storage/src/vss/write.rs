//! Writes: each replaces the lease's record, and names the global version that it raises.
//!
//! A write that is sent before the last was answered names the version of the lease's record as well. It counts the writes since one
//! that set it to 1, as each does that nothing goes before (a takeover is one). Global version and record's version rise together between
//! two of those, and at each the record's falls behind: what was sent before it names a pair that never comes again.

use super::lease::{self, Head, Lease};
use super::wire::{CallError, call};
use super::{Records, VssBackend};
use crate::backend::{NO_EPOCH, check_epoch};
use crate::{Backend, StoreError, random};
use amplet_vss::messages::{KeyValue, PutObjectRequest, PutObjectResponse};
use amplet_vss::{ANY_VERSION, PUT_OBJECTS};
use futures::FutureExt;
use futures::future::{LocalBoxFuture, ready};
use std::collections::BTreeSet;

/// Maximum number of records in a request, and of deletions beside. A write of more takes several requests, and is incomplete until
/// the last.
const MAX_ITEMS: usize = 450;
/// Length of names and values from which on a request takes no more, in bytes.
const MAX_BYTES: usize = 4 << 20;
/// Takeovers that may come in between before one is given up.
const MAX_TRIES: usize = 8;
/// Time for which a server keeps a write that has overtaken one sent before, in milliseconds.
const OVERTAKING_MS: u32 = 2_000;

/// A write as it is sent.
struct Put {
    request: PutObjectRequest,
    lease: Lease,
    /// Keys that it writes or deletes.
    touched: Vec<String>,
}

/// What the server has of the lease after all that was sent.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The store's global version.
    global: i64,
    /// Version of the lease's record.
    version: i64,
}

/// A write that was not answered yet; also one that nobody waits for any more.
struct Unanswered<'a> {
    backend: &'a VssBackend,
    touched: Vec<String>,
    is_written: bool,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        let backend = self.backend;
        backend.unanswered.set(backend.unanswered.get().saturating_sub(1));
        if self.is_written {
            return;
        }
        backend.place.set(None);
        // Nobody knows whether these are there.
        for key in &self.touched {
            backend.known.borrow_mut().remove(key);
            backend.removed.borrow_mut().remove(key);
        }
    }
}

impl VssBackend {
    /// A put that takes the place of the lease's record of version `expected`, or of whatever there is ([`ANY_VERSION`]). What is known
    /// of the server's keys is from now on what it has once this is written.
    fn prepare(&self, records: &Records, lease: Lease, expected: i64) -> Result<Put, StoreError> {
        let (mut known, mut removed) = (self.known.borrow_mut(), self.removed.borrow_mut());
        let mut items = Vec::new();
        let mut deleted: BTreeSet<String> = removed.iter().take(MAX_ITEMS).cloned().collect();
        for (name, value) in records {
            let key = self.key_of(name);
            if value.is_none() && known.contains(&key) {
                deleted.insert(key);
                continue;
            }
            deleted.remove(&key);
            let sealed = self.keys.seal(&key, name, value.as_deref())?;
            match value {
                Some(_) => removed.remove(&key),
                None => removed.insert(key.clone()),
            };
            known.insert(key.clone());
            items.push((key, ANY_VERSION, sealed));
        }
        for key in &deleted {
            known.remove(key);
            removed.remove(key);
        }
        let touched = items.iter().map(|(key, ..)| key).chain(&deleted).cloned().collect();
        items.push((
            lease::KEY.to_owned(),
            expected,
            self.keys.seal(lease::KEY, &[], Some(&lease.encode()))?,
        ));
        self.count(items.iter().map(|(.., sealed)| sealed.len()).sum());
        let item = |(key, version, value)| KeyValue { key, version, value, deleted: false };
        let request = PutObjectRequest {
            store_id: self.store_id.clone(),
            global_version: Some(lease.global.saturating_sub(1)),
            transaction_items: items.into_iter().map(item).collect(),
            delete_items: deleted.into_iter().map(|key| item((key, ANY_VERSION, Vec::new()))).collect(),
            wait_ms: if expected == ANY_VERSION { 0 } else { OVERTAKING_MS },
        };
        Ok(Put { request, lease, touched })
    }

    /// Sends a put. The lease becomes the held one once it is confirmed.
    async fn exchange(&self, put: Put) -> Result<(), CallError> {
        let Put { request, lease, touched } = put;
        self.unanswered.set(self.unanswered.get().saturating_add(1));
        let mut unanswered = Unanswered { backend: self, touched, is_written: false };
        let answer: PutObjectResponse = call(&*self.surroundings, PUT_OBJECTS, &request).await?;
        unanswered.is_written = true;
        self.sequence.set(self.sequence.get().max(answer.sequence.unwrap_or_default()));
        let mut held = self.held.borrow_mut();
        if held.as_ref().is_none_or(|held| held.epoch < lease.epoch || held.global < lease.global) {
            *held = Some(lease);
        }
        Ok(())
    }

    /// Sends a put that nothing goes before: whatever was sent earlier and arrives later finds another version of the lease's record.
    async fn put(&self, records: &Records, lease: Lease) -> Result<(), CallError> {
        let global = lease.global;
        let put = self.prepare(records, lease, ANY_VERSION).map_err(CallError::Other)?;
        self.exchange(put).await?;
        self.place.set(Some(Place { global, version: 1 }));
        Ok(())
    }

    /// Sends a write while others are on their way: it is written after all of them or, where one of them is not, never. Answers may come in
    /// any order; one that it is written means that those before it are. `false`: the server's state was another one.
    /// `None`, and nothing is sent: it takes several requests, or a write before it has failed. It is for a
    /// [`commit`](crate::Backend::commit) then, after all answers.
    pub(crate) fn write_next(
        &self,
        records: &Records,
        epoch: u64,
    ) -> Option<LocalBoxFuture<'_, Result<bool, StoreError>>> {
        let held = self.held().filter(|held| held.epoch == epoch && held.complete)?;
        let place = self.place.get()?;
        if self.closed.get() || !fits(records) || self.removed.borrow().len() > MAX_ITEMS {
            return None;
        }
        let (global, version) = (place.global.checked_add(1)?, place.version.checked_add(1)?);
        let lease = Lease { global, writer: held.session, head: self.head.get(), ..held };
        let put = match self.prepare(records, lease, place.version) {
            Ok(put) => put,
            Err(error) => return Some(ready(Err(error)).boxed_local()),
        };
        self.place.set(Some(Place { global, version }));
        let answer = async move {
            match self.exchange(put).await {
                Ok(()) => Ok(true),
                Err(CallError::Conflict) => Ok(false),
                Err(error) => Err(error.into()),
            }
        };
        Some(answer.boxed_local())
    }

    /// Writes nothing but the lease as it is where a write without an answer could arrive later: it cannot any more.
    pub(super) async fn settle(&self) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        if self.unanswered.get() == 0 && self.place.get().is_some() {
            return Ok(());
        }
        for _ in 0..MAX_TRIES {
            let Some(held) = self.held() else { return Err(StoreError::Closed) };
            let global = held.global.saturating_add(1);
            match self.put(&Records::new(), Lease { global, ..held }).await {
                Err(CallError::Conflict) => self.resolve().await?,
                other => return Ok(other?),
            }
        }
        Err(needless_conflicts())
    }

    /// Reads how far this session has come, after a conflict or a lost answer.
    pub(super) async fn resolve(&self) -> Result<(), StoreError> {
        let Some(held) = self.held() else { return Err(StoreError::Closed) };
        let Some(now) = self.lease().await? else { return Err(StoreError::OlderBackup) };
        // Each takeover raises the epoch. A copy of the server's own may have seen more writes in an earlier one.
        if now.epoch < held.epoch {
            return Err(StoreError::OlderBackup);
        }
        if now.session == held.session {
            if now.global < held.global {
                return Err(StoreError::OlderBackup);
            }
            let mut held = self.held.borrow_mut();
            // Answers to what was sent meanwhile may have come.
            if held.as_ref().is_some_and(|held| held.epoch <= now.epoch && held.global < now.global) {
                *held = Some(now);
            }
            return Ok(());
        }
        Err(StoreError::Fenced { mine: held.epoch, now: now.epoch })
    }

    /// Writes in as few requests as it takes.
    pub(super) async fn write(&self, records: Records, epoch: u64) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        self.usable()?;
        if self.held().is_none_or(|held| held.epoch != epoch) {
            let now = self.lease().await?.map_or(NO_EPOCH, |lease| lease.epoch);
            check_epoch(epoch, now, || self.place())?;
            return Err(StoreError::Fenced { mine: epoch, now });
        }
        let mut chunks = chunks(records).into_iter();
        loop {
            // What has to be deleted beside goes with further requests.
            let chunk = chunks.next().unwrap_or_default();
            let complete = chunks.as_slice().is_empty() && self.removed.borrow().len() <= MAX_ITEMS;
            self.write_one(&chunk, complete).await?;
            if complete {
                return Ok(());
            }
        }
    }

    async fn write_one(&self, records: &Records, complete: bool) -> Result<(), StoreError> {
        for _ in 0..MAX_TRIES {
            let Some(held) = self.held() else { return Err(StoreError::Closed) };
            let (writer, head) = (held.session, self.head.get());
            let global = held.global.saturating_add(1);
            match self.put(records, Lease { global, writer, head, complete, ..held }).await {
                Ok(()) => return Ok(()),
                // An earlier write has arrived, or what was to be deleted is not there.
                Err(CallError::Conflict) => {
                    self.known.borrow_mut().clear();
                    self.removed.borrow_mut().clear();
                    self.resolve().await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(needless_conflicts())
    }

    pub(super) async fn raise(&self) -> Result<u64, StoreError> {
        let _turn = self.turn.lock().await;
        let session = match self.session.take() {
            Some(session) => session,
            None => random()?,
        };
        for _ in 0..MAX_TRIES {
            let before = self.lease().await?;
            let mine = self.held().map_or(0, |held| held.epoch);
            let epoch = before.as_ref().map_or(0, |lease| lease.epoch).max(mine).checked_add(1);
            let lease = Lease {
                epoch: epoch.ok_or_else(crate::backend::epochs_used_up)?,
                session,
                device: self.device(),
                since: self.surroundings.now(),
                global: before.as_ref().map_or(0, |lease| lease.global).saturating_add(1),
                writer: before.as_ref().map_or([0; 16], |lease| lease.writer),
                head: before.as_ref().map_or(Head::default(), |lease| lease.head),
                complete: before.as_ref().is_none_or(|lease| lease.complete),
            };
            let epoch = lease.epoch;
            match self.put(&Records::new(), lease).await {
                Ok(()) => return Ok(epoch),
                Err(CallError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::BackupRefused { reason: "other devices take it over all the time".into() })
    }
}

fn needless_conflicts() -> StoreError {
    StoreError::BackupRefused { reason: "it reports conflicts where there are none".into() }
}

/// Length of a name and its value, in bytes.
fn length((name, value): (&Vec<u8>, &Option<Vec<u8>>)) -> usize {
    name.len().saturating_add(value.as_ref().map_or(0, Vec::len))
}

/// Returns whether one request takes the records.
fn fits(records: &Records) -> bool {
    let bytes = records.iter().map(length).fold(0, usize::saturating_add);
    records.len() <= MAX_ITEMS && bytes <= MAX_BYTES
}

/// The records in the portions of requests; one at least.
fn chunks(records: Records) -> Vec<Records> {
    let mut chunks = vec![Records::new()];
    let mut bytes = 0_usize;
    for (name, value) in records {
        let length = length((&name, &value));
        let is_full = |chunk: &Records| chunk.len() >= MAX_ITEMS || bytes.saturating_add(length) > MAX_BYTES;
        if chunks.last().is_none_or(|chunk| is_full(chunk) && !chunk.is_empty()) {
            chunks.push(Records::new());
            bytes = 0;
        }
        bytes = bytes.saturating_add(length);
        if let Some(chunk) = chunks.last_mut() {
            chunk.insert(name, value);
        }
    }
    chunks
}
