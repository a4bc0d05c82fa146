//! The devices of a wallet: the key of this one, which never leaves it, and the list of all, which the backup has too.

use std::str::FromStr;

use amplet_node::bitcoin::secp256k1::{PublicKey, Secp256k1, SecretKey};
use amplet_protocol::page::{Device, ErrorCode, WalletError};
use amplet_storage::{Batch, Store, StoreError};
use amplet_transport::Platform;
use serde::{Deserialize, Serialize};

/// Name of the record with this device's key, which is no part of the backup.
pub(super) const KEY: &str = "backup/device";
/// Beginning of the names of the list's records; a device's id follows.
const LIST: &str = "devices/";
const FORMAT: u32 = 1;

/// A device in the list. One that was removed stays, so that another server can be told, too.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    v: u32,
    pub name: String,
    /// Times in seconds since the UNIX epoch.
    added: u64,
    last_seen: u64,
    pub removed: Option<u64>,
}

impl Entry {
    pub fn new(name: &str, now: u64) -> Self {
        Self { v: FORMAT, name: name.to_owned(), added: now, last_seen: now, removed: None }
    }

    pub fn seen(self, now: u64) -> Self {
        Self { last_seen: now, ..self }
    }

    pub fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    fn shown(self, id: &PublicKey, own: &PublicKey) -> Device {
        let Self { name, added, last_seen, .. } = self;
        Device { id: id.to_string(), name, added, last_seen, is_this: id == own }
    }
}

/// This device's key, made the first time that it is asked for.
pub(super) async fn key(platform: &dyn Platform, store: &dyn Store) -> Result<SecretKey, WalletError> {
    if let Some(bytes) = store.get(KEY).await? {
        let key = SecretKey::from_slice(&bytes);
        return Ok(key.map_err(|error| corrupt(KEY, error.to_string()))?);
    }
    let key = loop {
        let mut bytes = [0; 32];
        platform.random(&mut bytes);
        // All but a few numbers are keys.
        if let Ok(key) = SecretKey::from_slice(&bytes) {
            break key;
        }
    };
    let mut batch = Batch::new();
    batch.put(KEY, key.secret_bytes().to_vec());
    store.commit(batch).await?.durable().await?;
    Ok(key)
}

pub(super) fn id_of(key: &SecretKey) -> PublicKey {
    key.public_key(&Secp256k1::signing_only())
}

/// Reads the id of a device.
pub(super) fn parse(id: &str) -> Result<PublicKey, WalletError> {
    PublicKey::from_str(id).map_err(|_| unknown())
}

pub(super) fn unknown() -> WalletError {
    WalletError::new(ErrorCode::InvalidInput, "the wallet has no such device: look at the list again")
}

pub(super) async fn entry(store: &dyn Store, id: &PublicKey) -> Result<Option<Entry>, WalletError> {
    read(store, &format!("{LIST}{id}")).await
}

/// Writes a device; the backup follows.
pub(super) async fn put(store: &dyn Store, id: &PublicKey, entry: &Entry) -> Result<(), WalletError> {
    let mut batch = Batch::new();
    let bytes = serde_json::to_vec(entry);
    let bytes = bytes.map_err(|e| WalletError::new(ErrorCode::Internal, "a device").caused_by(&e))?;
    batch.put(format!("{LIST}{id}"), bytes);
    Ok(store.commit(batch).await.map(drop)?)
}

/// All devices, removed ones included.
pub(super) async fn entries(store: &dyn Store) -> Result<Vec<(PublicKey, Entry)>, WalletError> {
    let mut entries = Vec::new();
    for name in store.list(LIST).await? {
        let id = name.strip_prefix(LIST).and_then(|id| PublicKey::from_str(id).ok());
        let id = id.ok_or_else(|| corrupt(&name, "it is no device's".into()))?;
        if let Some(entry) = read(store, &name).await? {
            entries.push((id, entry));
        }
    }
    Ok(entries)
}

/// The devices of the wallet: this one first, then as they were seen last.
pub(super) async fn list(store: &dyn Store, own: &PublicKey) -> Result<Vec<Device>, WalletError> {
    let entries = entries(store).await?.into_iter().filter(|(_, entry)| entry.removed.is_none());
    let mut devices: Vec<Device> = entries.map(|(id, entry)| entry.shown(&id, own)).collect();
    devices.sort_by_key(|device| (!device.is_this, std::cmp::Reverse(device.last_seen)));
    Ok(devices)
}

async fn read(store: &dyn Store, name: &str) -> Result<Option<Entry>, WalletError> {
    let Some(bytes) = store.get(name).await? else { return Ok(None) };
    let entry: Entry = serde_json::from_slice(&bytes).map_err(|error| corrupt(name, error.to_string()))?;
    if entry.v > FORMAT {
        return Err(StoreError::NewerFormat { found: entry.v, supported: FORMAT }.into());
    }
    Ok(Some(entry))
}

fn corrupt(name: &str, what: String) -> StoreError {
    StoreError::Corrupt { name: name.into(), what }
}
