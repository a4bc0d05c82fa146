//! Idempotency: the same request under the same key is done once, also across restarts, also when two come at once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

use amplet_storage::Batch;
use bitcoin::hashes::{Hash, sha256};
use futures::lock::{Mutex, OwnedMutexGuard};
use serde::Serialize;

use super::records::{self, OnceRecord, names};
use super::{Desk, Result, unreadable};
use crate::merchant::error::{ApiCode, ApiError};

/// An idempotency key with the request that it stands for.
#[derive(Clone, Debug)]
pub struct Once {
    name: String,
    request: String,
}

impl Once {
    /// Longest key, in characters.
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

    /// Stages what was made.
    pub(super) fn note(&self, batch: &mut Batch, made: &str) {
        let record = OnceRecord { request: self.request.clone(), made: made.to_owned() };
        records::put(batch, self.name.clone(), &record);
    }
}

/// What was made, now or before.
pub struct Made<T> {
    /// It.
    pub value: T,
    /// Whether it was made by an earlier request with the same key.
    pub replayed: bool,
}

/// Lets one request of each name in at a time.
#[derive(Default)]
pub(super) struct Turns(RefCell<HashMap<String, Weak<Mutex<()>>>>);

impl Turns {
    pub(super) async fn enter(&self, name: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut all = self.0.borrow_mut();
            all.retain(|_, turn| turn.strong_count() > 0);
            let known = all.get(name).and_then(Weak::upgrade);
            let turn = known.unwrap_or_default();
            all.insert(name.to_owned(), Arc::downgrade(&turn));
            turn
        };
        turn.lock_owned().await
    }
}

impl Desk {
    /// Waits for its turn; the payment hash of what was made before under this key. Until the guard is dropped nobody else
    /// makes anything under it.
    pub(super) async fn begin(&self, once: &Once) -> Result<(OwnedMutexGuard<()>, Option<String>)> {
        let turn = self.turns.enter(&once.name).await;
        let found: Option<OnceRecord> =
            records::find(&*self.store, &once.name).await.map_err(|error| unreadable(&error))?;
        match found {
            Some(found) if found.request != once.request => Err(ApiError::new(
                ApiCode::IdempotencyMismatch,
                "this Idempotency-Key was used with another request; use a new key for a new request, and the same body to repeat one",
            )),
            found => Ok((turn, found.map(|found| found.made))),
        }
    }
}
