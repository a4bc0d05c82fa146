//! Writes: each replaces the lease's record, and names the global version that it raises.

use super::lease::{self, Head, Lease};
use super::wire::{CallError, call};
use super::{Records, VssBackend};
use crate::{StoreError, random};
use amplet_vss::messages::{KeyValue, PutObjectRequest, PutObjectResponse};
use amplet_vss::{ANY_VERSION, PUT_OBJECTS};
use std::collections::BTreeSet;

/// Maximum number of records in a request, and of deletions beside. A write of more takes several requests, and is incomplete until
/// the last.
const MAX_ITEMS: usize = 450;
/// Length of names and values from which on a request takes no more, in bytes.
const MAX_BYTES: usize = 4 << 20;
/// Takeovers that may come in between before one is given up.
const MAX_TRIES: usize = 8;

impl VssBackend {
    /// Sends a put. The lease becomes the held one once it is confirmed.
    async fn put(&self, records: &Records, lease: Lease) -> Result<(), CallError> {
        let mut items = Vec::new();
        let mut deleted: BTreeSet<String> = self.removed.borrow().iter().take(MAX_ITEMS).cloned().collect();
        for (name, value) in records {
            let key = self.key_of(name);
            if value.is_none() && self.known.borrow().contains(&key) {
                deleted.insert(key);
                continue;
            }
            deleted.remove(&key);
            let sealed = self.keys.seal(&key, name, value.as_deref());
            items.push((key, value.is_none(), sealed.map_err(CallError::Other)?));
        }
        // Until it is confirmed nobody knows whether these are still there.
        for key in &deleted {
            self.known.borrow_mut().remove(key);
            self.removed.borrow_mut().remove(key);
        }
        let written: Vec<(String, bool)> = items.iter().map(|(key, gone, _)| (key.clone(), *gone)).collect();
        let sealed = self.keys.seal(lease::KEY, &[], Some(&lease.encode())).map_err(CallError::Other)?;
        items.push((lease::KEY.to_owned(), false, sealed));
        self.count(items.iter().map(|(_, _, sealed)| sealed.len()).sum());
        let item = |key, value| KeyValue { key, version: ANY_VERSION, value, deleted: false };
        let request = PutObjectRequest {
            store_id: self.store_id.clone(),
            global_version: Some(lease.global.saturating_sub(1)),
            transaction_items: items.into_iter().map(|(key, _, sealed)| item(key, sealed)).collect(),
            delete_items: deleted.into_iter().map(|key| item(key, Vec::new())).collect(),
            wait_ms: 0,
        };
        let answer: PutObjectResponse = call(&*self.surroundings, PUT_OBJECTS, &request).await?;
        self.sequence.set(answer.sequence.unwrap_or_default());
        for (key, gone) in written {
            if gone {
                self.removed.borrow_mut().insert(key.clone());
            } else {
                self.removed.borrow_mut().remove(&key);
            }
            self.known.borrow_mut().insert(key);
        }
        *self.held.borrow_mut() = Some(lease);
        Ok(())
    }

    /// Reads how far this session has come, after a conflict or a lost answer.
    pub(super) async fn resolve(&self) -> Result<(), StoreError> {
        let Some(held) = self.held() else { return Err(StoreError::Closed) };
        let Some(now) = self.lease().await? else { return Err(StoreError::OlderBackup) };
        if now.session == held.session {
            if now.global < held.global {
                return Err(StoreError::OlderBackup);
            }
            *self.held.borrow_mut() = Some(now);
            return Ok(());
        }
        if now.epoch < held.epoch {
            return Err(StoreError::OlderBackup);
        }
        Err(StoreError::Fenced { mine: held.epoch, now: now.epoch })
    }

    /// Writes in as few requests as it takes.
    pub(super) async fn write(&self, records: Records, epoch: u64) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        self.usable()?;
        if self.held().is_none_or(|held| held.epoch != epoch) {
            let now = self.lease().await?.map_or(0, |lease| lease.epoch);
            return Err(StoreError::Fenced { mine: epoch, now });
        }
        let mut chunks = chunks(records).into_iter().peekable();
        while let Some(chunk) = chunks.next() {
            // What has to be deleted beside goes with further requests.
            let complete = chunks.peek().is_none() && self.removed.borrow().len() <= MAX_ITEMS;
            self.write_one(&chunk, complete).await?;
        }
        while self.removed.borrow().len() > MAX_ITEMS {
            let complete = self.removed.borrow().len() <= MAX_ITEMS.saturating_mul(2);
            self.write_one(&Records::new(), complete).await?;
        }
        Ok(())
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
        Err(StoreError::BackupRefused { reason: "it reports conflicts where there are none".into() })
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
                device: self.device.clone(),
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

/// The records in the portions of requests; one at least.
fn chunks(records: Records) -> Vec<Records> {
    let mut chunks = vec![Records::new()];
    let mut bytes = 0_usize;
    for (name, value) in records {
        let length = name.len().saturating_add(value.as_ref().map_or(0, Vec::len));
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
