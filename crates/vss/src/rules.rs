//! What a write does to a store, as a plan. A server reads the [`Head`] of the store and what it has of the keys that the request
//! names, makes the plan, and carries it out, all in one transaction.

use std::collections::{HashMap, HashSet};

use crate::messages::{
    DeleteObjectRequest, GetObjectRequest, KeyValue, PutObjectRequest, RemoveDeviceRequest,
};
use crate::{
    ANY_VERSION, GLOBAL_VERSION_KEY, MAX_ITEMS, MAX_KEY_BYTES, MAX_REMOVED_DEVICES, MAX_STORE_ID_BYTES,
    MAX_TOMBSTONES, RECORD_OVERHEAD, Refusal,
};

/// The public key of a device, compressed.
pub type Device = [u8; 33];

/// What a store as a whole has. A store that nothing was written to has zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Counts the writes that named a global version.
    pub global_version: i64,
    /// Counts all writes.
    pub sequence: i64,
    /// Counts the keys that were created.
    pub created: i64,
    /// Number of keys.
    pub keys: u64,
    /// Length of keys and values with [`RECORD_OVERHEAD`] for each, in bytes.
    pub bytes: u64,
    /// Number of deleted keys that are remembered.
    pub tombstones: u64,
    /// Sequence up to which deleted keys are forgotten.
    pub forgotten: i64,
}

/// What a server has of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its version; of a deleted key its last.
    pub version: i64,
    /// Place in the order of creation.
    pub created: i64,
    /// Length of the value, in bytes; `None` for a deleted key.
    pub value_bytes: Option<u64>,
}

/// A key as a server writes it, in place of what it has of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The key.
    pub key: String,
    /// Its version; of a deleted key its last.
    pub version: i64,
    /// Place in the order of creation.
    pub created: i64,
    /// Sequence of the last write to it.
    pub changed: i64,
    /// The value; `None` for a deleted key.
    pub value: Option<Vec<u8>>,
}

/// What a write does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The store's head after it.
    pub head: Head,
    /// First: forget the deleted keys, all of them.
    pub forgets: bool,
    /// Then: write these.
    pub rows: Vec<Row>,
}

/// Limits of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Length of keys and values with [`RECORD_OVERHEAD`] for each, in bytes.
    pub max_bytes: u64,
    /// Number of keys.
    pub max_keys: u64,
}

impl Default for Quota {
    fn default() -> Self {
        Self { max_bytes: 64 << 20, max_keys: 50_000 }
    }
}

fn check_name(what: &str, name: &str, max: usize) -> Result<(), Refusal> {
    if name.is_empty() || name.len() > max || name.contains('\0') {
        return Err(Refusal::Invalid(format!("{what} has 1 to {max} bytes, none of them 0")));
    }
    Ok(())
}

fn check_key(key: &str) -> Result<(), Refusal> {
    check_name("a key", key, MAX_KEY_BYTES)
}

/// Checks a store's id.
///
/// # Errors
/// [`Refusal::Invalid`]
pub fn check_store_id(store_id: &str) -> Result<(), Refusal> {
    check_name("store_id", store_id, MAX_STORE_ID_BYTES)
}

/// Checks the form of a request to read.
///
/// # Errors
/// [`Refusal::Invalid`]
pub fn check_get(request: &GetObjectRequest) -> Result<(), Refusal> {
    check_store_id(&request.store_id)?;
    check_key(&request.key)
}

/// Checks the form of a request to write.
///
/// # Errors
/// [`Refusal::Invalid`]
pub fn check_put(request: &PutObjectRequest) -> Result<(), Refusal> {
    check_store_id(&request.store_id)?;
    let items = || request.transaction_items.iter().chain(&request.delete_items);
    if items().count() > MAX_ITEMS {
        return Err(Refusal::Invalid(format!("a request has at most {MAX_ITEMS} items")));
    }
    if items().next().is_none() && request.global_version.is_none() {
        return Err(Refusal::Invalid("a request writes or deletes something".into()));
    }
    let mut keys = HashSet::new();
    for item in items() {
        check_key(&item.key)?;
        if item.key == GLOBAL_VERSION_KEY {
            return Err(Refusal::Invalid(format!("the key {GLOBAL_VERSION_KEY} is the server's")));
        }
        if !keys.insert(&item.key) {
            return Err(Refusal::Invalid("the keys of a request are distinct".into()));
        }
    }
    Ok(())
}

/// Checks the form of a request to delete, and returns the key.
///
/// # Errors
/// [`Refusal::Invalid`]
pub fn check_delete(request: &DeleteObjectRequest) -> Result<&KeyValue, Refusal> {
    check_store_id(&request.store_id)?;
    let item = request.key_value.as_ref();
    let item = item.ok_or_else(|| Refusal::Invalid("a request names what it deletes".into()))?;
    check_key(&item.key)?;
    Ok(item)
}

/// Checks the form of a request to remove a device, and returns the device.
///
/// # Errors
/// [`Refusal::Invalid`]
pub fn check_removal(request: &RemoveDeviceRequest) -> Result<Device, Refusal> {
    let device = request.device.as_slice().try_into();
    device.map_err(|_| Refusal::Invalid("a device is named by the 33 bytes of its key".into()))
}

/// Checks that an account which has removed so many devices may remove another.
///
/// # Errors
/// [`Refusal::Quota`]
pub fn check_removed(count: u64) -> Result<(), Refusal> {
    if count < MAX_REMOVED_DEVICES {
        return Ok(());
    }
    let needed = count.saturating_add(1);
    Err(Refusal::Quota { unit: "removed devices", max: MAX_REMOVED_DEVICES, needed })
}

/// The keys that a request to write names.
pub fn keys_of(request: &PutObjectRequest) -> Vec<String> {
    request.transaction_items.iter().chain(&request.delete_items).map(|item| item.key.clone()).collect()
}

/// Plans a write. `found`: what the server has of the request's keys, deleted ones included.
///
/// # Errors
/// [`Refusal::Conflict`], [`Refusal::Quota`]: nothing is to be written.
pub fn plan_put(
    head: Head,
    found: &HashMap<String, Found>,
    request: PutObjectRequest,
    quota: Quota,
) -> Result<Plan, Refusal> {
    let conflict = || Refusal::Conflict { global_version: head.global_version, sequence: head.sequence };
    let mut planned = Planned::begin(head, request.delete_items.len());
    if let Some(expected) = request.global_version {
        planned.head.global_version =
            next_version(expected, Some(head.global_version)).ok_or_else(conflict)?;
    }
    for item in request.transaction_items {
        planned.put(item, found).ok_or_else(conflict)?;
    }
    for item in request.delete_items {
        planned.delete(item, found).ok_or_else(conflict)?;
    }
    planned.finish(head, quota)
}

/// Plans the deletion of one key; `None` where there is nothing to delete.
#[must_use]
pub fn plan_delete(head: Head, found: Option<Found>, item: KeyValue) -> Option<Plan> {
    let found = found.map(|found| (item.key.clone(), found)).into_iter().collect();
    let mut planned = Planned::begin(head, 1);
    planned.delete(item, &found)?;
    Some(planned.into_plan())
}

/// The version after a write that expects `expected` where `present` is (`None`: nothing); `None`: a conflict.
fn next_version(expected: i64, present: Option<i64>) -> Option<i64> {
    match expected {
        ANY_VERSION => Some(1),
        _ if expected == present.unwrap_or(0) => expected.checked_add(1),
        _ => None,
    }
}

/// A plan that is being made.
struct Planned {
    head: Head,
    forgets: bool,
    rows: Vec<Row>,
}

impl Planned {
    fn begin(mut head: Head, deletions: usize) -> Self {
        let deletions = u64::try_from(deletions).unwrap_or(u64::MAX);
        let forgets = head.tombstones > 0 && head.tombstones.saturating_add(deletions) > MAX_TOMBSTONES;
        if forgets {
            head.tombstones = 0;
            head.forgotten = head.sequence;
        }
        head.sequence = head.sequence.saturating_add(1);
        Self { head, forgets, rows: Vec::new() }
    }

    fn put(&mut self, item: KeyValue, found: &HashMap<String, Found>) -> Option<()> {
        let known = found.get(&item.key).copied();
        let present = known.filter(|known| known.value_bytes.is_some());
        let version = next_version(item.version, present.map(|present| present.version))?;
        let created = match present {
            Some(present) => {
                self.subtract(&item.key, present.value_bytes);
                present.created
            }
            None => {
                if known.is_some() && !self.forgets {
                    self.head.tombstones = self.head.tombstones.saturating_sub(1);
                }
                self.head.created = self.head.created.saturating_add(1);
                self.head.created
            }
        };
        self.head.keys = self.head.keys.saturating_add(1);
        self.head.bytes = self.head.bytes.saturating_add(weight(&item.key, item.value.len() as u64));
        let (key, value, changed) = (item.key, Some(item.value), self.head.sequence);
        self.rows.push(Row { key, version, created, changed, value });
        Some(())
    }

    fn delete(&mut self, item: KeyValue, found: &HashMap<String, Found>) -> Option<()> {
        let present = found.get(&item.key).filter(|known| known.value_bytes.is_some())?;
        if item.version != ANY_VERSION && item.version != present.version {
            return None;
        }
        self.subtract(&item.key, present.value_bytes);
        self.head.tombstones = self.head.tombstones.saturating_add(1);
        let (version, created, changed) = (present.version, present.created, self.head.sequence);
        self.rows.push(Row { key: item.key, version, created, changed, value: None });
        Some(())
    }

    fn subtract(&mut self, key: &str, value_bytes: Option<u64>) {
        self.head.keys = self.head.keys.saturating_sub(1);
        self.head.bytes = self.head.bytes.saturating_sub(weight(key, value_bytes.unwrap_or(0)));
    }

    /// What grows has to fit; what shrinks always may.
    fn finish(self, before: Head, quota: Quota) -> Result<Plan, Refusal> {
        let after = self.head;
        if after.keys > quota.max_keys && after.keys > before.keys {
            return Err(Refusal::Quota { unit: "keys", max: quota.max_keys, needed: after.keys });
        }
        if after.bytes > quota.max_bytes && after.bytes > before.bytes {
            return Err(Refusal::Quota { unit: "bytes", max: quota.max_bytes, needed: after.bytes });
        }
        Ok(self.into_plan())
    }

    fn into_plan(self) -> Plan {
        Plan { head: self.head, forgets: self.forgets, rows: self.rows }
    }
}

fn weight(key: &str, value_bytes: u64) -> u64 {
    (key.len() as u64).saturating_add(value_bytes).saturating_add(RECORD_OVERHEAD)
}
