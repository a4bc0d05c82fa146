//! Idempotency: the same request under the same key is done once, also across restarts, also when two come at once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

use amplet_protocol::PaymentId;
use amplet_storage::{Batch, StoreError};
use bitcoin::hashes::{Hash, sha256};
use futures::lock::{Mutex, OwnedMutexGuard};
use serde::Serialize;

use super::records::{self, OnceRecord, Records, names};
use crate::desk::clock::unix_now;
use crate::desk::error::{ApiCode, ApiError, Result, unreadable};

/// An idempotency key with the request that it stands for.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    name: String,
    request: String,
}

impl IdempotencyKey {
    /// Maximum length, in characters.
    pub const MAX: usize = 255;

    /// The key `text` of an account, for this request to that path.
    ///
    /// # Errors
    /// [`ApiCode::InvalidInput`]: not 1 to [`MAX`](Self::MAX) printable ASCII characters.
    pub fn new<T: Serialize>(account: &str, path: &str, text: &str, request: &T) -> Result<Self> {
        if !(1..=Self::MAX).contains(&text.len()) || !text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return Err(ApiError::invalid(format!(
                "Idempotency-Key: has to be 1 to {} printable ASCII characters; a UUID does",
                Self::MAX
            )));
        }
        // Plain data with sorted maps: the same request gives the same text.
        let request = serde_json::to_string(request).map_err(|error| {
            ApiError::invalid(format!("the request cannot be noted ({error}); send JSON"))
        })?;
        let digest = |text: &str| sha256::Hash::hash(text.as_bytes()).to_string();
        let name = format!("{}{account}/{}", names::ONCE, digest(text));
        Ok(Self { name, request: digest(&format!("{path}\n{request}")) })
    }

    /// Stages the record of what was made.
    pub(super) fn record(&self, batch: &mut Batch, made: PaymentId) {
        let at = Some(unix_now());
        let record = OnceRecord { request: self.request.clone(), made: made.to_string(), at };
        records::put(batch, self.name.clone(), &record);
    }
}

/// Seconds for which a key is known: 30 days.
const KNOWN_FOR: u64 = 30 * 24 * 3600;

/// What becomes of a key's record.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Stays,
    /// Its age counts from now on: the first release wrote no time.
    IsDated,
    Goes,
}

impl OnceRecord {
    fn fate(&self, now: u64) -> Fate {
        match self.at {
            None => Fate::IsDated,
            Some(at) if at.saturating_add(KNOWN_FOR) < now => Fate::Goes,
            Some(_) => Fate::Stays,
        }
    }
}

/// A thing made, now or before.
pub struct Made<T> {
    /// It.
    pub value: T,
    /// True if an earlier request with the same key made it.
    pub replayed: bool,
}

/// A mutex for each name that is in use.
#[derive(Default)]
struct KeyedMutex(RefCell<HashMap<String, Weak<Mutex<()>>>>);

impl KeyedMutex {
    async fn lock(&self, name: &str) -> OwnedMutexGuard<()> {
        let mutex = {
            let mut all = self.0.borrow_mut();
            all.retain(|_, mutex| mutex.strong_count() > 0);
            let known = all.get(name).and_then(Weak::upgrade);
            let mutex = known.unwrap_or_default();
            all.insert(name.to_owned(), Arc::downgrade(&mutex));
            mutex
        };
        mutex.lock_owned().await
    }
}

/// Idempotency keys, of invoices and payments alike.
pub(super) struct Idempotency {
    records: Records,
    locks: KeyedMutex,
}

impl Idempotency {
    /// Nothing is locked yet.
    pub(super) fn new(records: Records) -> Self {
        Self { records, locks: KeyedMutex::default() }
    }

    /// Forgets keys that were used a long time ago.
    pub(super) async fn prune(&self, now: u64) -> std::result::Result<(), StoreError> {
        for name in self.records.list(names::ONCE).await? {
            let _guard = self.locks.lock(&name).await;
            let Some(record) = self.records.load::<OnceRecord>(&name).await? else { continue };
            match record.fate(now) {
                Fate::Stays => {}
                Fate::IsDated => self.records.put(name, &OnceRecord { at: Some(now), ..record }),
                Fate::Goes => self.records.stage(|batch| batch.remove(name)),
            }
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Locks an invoice to be paid.
    pub(super) async fn lock_payment(&self, id: PaymentId) -> OwnedMutexGuard<()> {
        self.locks.lock(&id.to_string()).await
    }

    /// Locks this key; returns the payment hash of what was made before under it. Until the guard is dropped nothing else is
    /// made under it.
    pub(super) async fn lock(
        &self,
        key: &IdempotencyKey,
    ) -> Result<(OwnedMutexGuard<()>, Option<PaymentId>)> {
        let guard = self.locks.lock(&key.name).await;
        let found: Option<OnceRecord> = self.records.find(&key.name).await?;
        let Some(found) = found else { return Ok((guard, None)) };
        if found.request != key.request {
            return Err(ApiError::new(
                ApiCode::IdempotencyMismatch,
                "this Idempotency-Key was used with another request; use a new key for a new request, and the same body to repeat one",
            ));
        }
        let made = PaymentId::from_hex(&found.made).map_err(|error| {
            unreadable(&StoreError::Corrupt { name: key.name.clone(), what: error.to_string() })
        })?;
        Ok((guard, Some(made)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_for_a_month() {
        let record = |at| OnceRecord { request: String::new(), made: String::new(), at };
        let now = 1_800_000_000;
        assert_eq!(record(None).fate(now), Fate::IsDated);
        assert_eq!(record(Some(now - KNOWN_FOR)).fate(now), Fate::Stays);
        assert_eq!(record(Some(now - KNOWN_FOR - 1)).fate(now), Fate::Goes);
        assert_eq!(record(Some(now + 5)).fate(now), Fate::Stays, "the clock was set back");
    }
}
