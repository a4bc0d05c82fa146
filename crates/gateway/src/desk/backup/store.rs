//! What backups are stored in: SQLite or PostgreSQL, alike to the last request.

use amplet_vss::Refusal;
use amplet_vss::messages::{KeyValue, ListKeyVersionsRequest, ListKeyVersionsResponse, PutObjectRequest};
use amplet_vss::rules::{self, Device, Found, Head, Plan, Quota};
use futures::future::BoxFuture;
use std::collections::HashMap;
use std::time::Duration;

/// Stores of one wallet.
const MAX_STORES: u64 = 16;

/// A wallet's store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoreId {
    /// The public key that the wallet proves, compressed.
    pub owner: [u8; 33],
    /// The wallet's name for it.
    pub name: String,
}

/// What there is of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Stores.
    pub stores: u64,
    /// Keys in them.
    pub keys: u64,
    /// Length of keys and values, as quotas count it, in bytes.
    pub bytes: u64,
}

/// What a write may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Of one wallet, in all its stores.
    pub quota: Quota,
    /// What is left for all wallets, in bytes.
    pub left: u64,
    /// True if a new store may begin.
    pub takes_new: bool,
}

/// The store failed: a disk, a connection, data that is not as it was written.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Internal(failure.0)
    }
}

/// A version and its value.
pub type Valued = (i64, Vec<u8>);

/// The heads of a store before and after a write.
pub type Heads = (Head, Head);

/// Where the stores are. Each call is one transaction; a write is durable when it returns.
pub trait BackupStore: Send + Sync {
    /// A store's head; zeros where there is none.
    fn head<'a>(&'a self, id: &'a StoreId) -> BoxFuture<'a, Result<Head, Failure>>;

    /// The version and value of a key.
    fn get<'a>(&'a self, id: &'a StoreId, key: &'a str) -> BoxFuture<'a, Result<Option<Valued>, Failure>>;

    /// Writes, all or nothing; the request's form was checked. A device that was removed is refused.
    fn put<'a>(
        &'a self,
        id: &'a StoreId,
        device: Option<Device>,
        request: PutObjectRequest,
        room: Room,
    ) -> BoxFuture<'a, Result<Heads, Refusal>>;

    /// Deletes a key; `None` if it or its version is not there. A device that was removed is refused.
    fn delete<'a>(
        &'a self,
        id: &'a StoreId,
        device: Option<Device>,
        item: KeyValue,
    ) -> BoxFuture<'a, Result<Option<Heads>, Refusal>>;

    /// A page of keys.
    fn list<'a>(
        &'a self,
        id: &'a StoreId,
        request: ListKeyVersionsRequest,
    ) -> BoxFuture<'a, Result<ListKeyVersionsResponse, Refusal>>;

    /// True if this device was removed from the account.
    fn is_removed<'a>(
        &'a self,
        owner: &'a [u8; 33],
        device: &'a Device,
    ) -> BoxFuture<'a, Result<bool, Failure>>;

    /// Removes a device: no write of it to a store that is there succeeds after this.
    fn remove_device<'a>(
        &'a self,
        owner: &'a [u8; 33],
        device: &'a Device,
    ) -> BoxFuture<'a, Result<(), Refusal>>;

    /// Time after which a change that another gateway has made may go unnoticed, as all use one database; `None`: there are no others.
    fn shared(&self) -> Option<Duration> {
        None
    }

    /// What there is.
    fn usage(&self) -> BoxFuture<'_, Result<Usage, Failure>>;
}

/// Plans a write in the light of what else there is. `others`: the wallet's other stores.
pub(super) fn plan(
    head: Head,
    found: &HashMap<String, Found>,
    request: PutObjectRequest,
    room: Room,
    others: Usage,
) -> Result<Plan, Refusal> {
    if head.sequence == 0 {
        if !room.takes_new {
            return Err(Refusal::Full);
        }
        if others.stores >= MAX_STORES {
            let needed = others.stores.saturating_add(1);
            return Err(Refusal::Quota { unit: "stores", max: MAX_STORES, needed });
        }
    }
    let quota = Quota {
        max_bytes: room.quota.max_bytes.saturating_sub(others.bytes),
        max_keys: room.quota.max_keys.saturating_sub(others.keys),
    };
    let plan = rules::plan_put(head, found, request, quota)?;
    if plan.head.bytes.saturating_sub(head.bytes) > room.left {
        return Err(Refusal::Full);
    }
    Ok(plan)
}

/// A count of the database, none of which is negative.
pub(super) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// A count for the database.
pub(super) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
