//! Records in the browser's IndexedDB, committed with strict durability.
//!
//! One database per wallet, with the object stores `records` (sealed name to sealed value) and `meta` (the epoch). Every
//! writing transaction reads the epoch first, and everything that depends on it happens inside that request's own
//! success event: no executor, frozen tab or foreign await can come between the check and the writes. A future that is
//! dropped before that event leaves nothing, after it everything.
//!
//! **The page has to call `navigator.storage.persist()`** (workers cannot) and tell the user when it is refused. Tried with
//! Chromium 156 on a disk that filled up: without it the browser deleted the origin's whole storage the moment a write
//! failed, this database included; with it nothing was lost, and commits continued once there was room.

mod connection;
mod request;

use crate::backend::{NO_EPOCH, check_epoch, epochs_used_up};
use crate::{Backend, StoreError, Write};
use connection::{Connection, factory, place};
use futures::future::{FutureExt, LocalBoxFuture};
use js_sys::{Array, Reflect, Uint8Array};
use request::{deleted_or_blocked, finished, fulfilled, mapped, on_success, says_closed};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{IdbDatabase, IdbObjectStore, IdbTransaction, IdbTransactionMode};

const RECORDS: &str = "records";
const META: &str = "meta";
const EPOCH: &str = "epoch";
/// The version of this layout; the records' own format is in the header.
const LAYOUT: u32 = 1;
/// Maximum integer that a JavaScript number holds exactly.
const MAX_EPOCH: f64 = 9_007_199_254_740_991.0;

/// One wallet in one IndexedDB database of this origin.
///
/// When the browser cuts the connection (its disk is full or fails), the operation in flight gives
/// [`StoreError::Backend`] and the next one connects again; when it has dropped the site's data, that one gives
/// [`StoreError::NotFound`].
pub struct IndexedDbBackend {
    connection: Connection,
}

impl IndexedDbBackend {
    /// Opens the wallet's database, creating an empty one if it is missing. Works in pages, workers and extensions.
    ///
    /// # Errors
    /// [`StoreError::NewerFormat`], [`StoreError::Corrupt`] when it is not one of our databases, [`StoreError::Backend`] when the
    /// browser offers no IndexedDB here or refuses, [`StoreError::QuotaExceeded`].
    pub async fn open(wallet: &str) -> Result<Self, StoreError> {
        // The name is readable for users who look with a browser's tools.
        Ok(Self { connection: Connection::open(format!("amplet/{wallet}")).await? })
    }

    /// The error of a call that should have started a transaction.
    fn not_started(&self, action: &'static str, error: &JsValue) -> StoreError {
        if says_closed(error) {
            self.connection.is_cut();
        }
        mapped(action, error)
    }

    /// Runs `body` in a strict transaction, with the stored epoch. An error of `body` aborts it.
    async fn guarded<T: 'static>(
        &self,
        action: &'static str,
        body: impl FnOnce(&Tables, u64) -> Result<T, StoreError> + 'static,
    ) -> Result<T, StoreError> {
        let database = self.connection.database().await?;
        let transaction = strict_transaction(&database).map_err(|error| self.not_started(action, &error))?;
        let tables = Tables::of(&transaction, action)?;
        let outcome = Rc::new(RefCell::new(None));
        let read_epoch = tables.meta.get(&EPOCH.into()).map_err(|error| mapped(action, &error))?;
        let in_event = {
            let (outcome, transaction) = (outcome.clone(), transaction.clone());
            move |stored: JsValue| {
                let result = epoch_from(&stored).and_then(|epoch| body(&tables, epoch));
                if result.is_err() {
                    // Refused only where the browser has aborted it already.
                    let _ = transaction.abort();
                }
                outcome.replace(Some(result));
            }
        };
        let _listening = on_success(&read_epoch, in_event);
        let done = finished(action, &transaction, &database).await;
        // The body's own error comes first: its abort is only the consequence.
        match outcome.take() {
            Some(Err(refused)) => Err(refused),
            Some(Ok(value)) => done.map(|()| value),
            None => Err(done.err().unwrap_or_else(|| mapped(action, &JsValue::UNDEFINED))),
        }
    }
}

struct Tables {
    records: IdbObjectStore,
    meta: IdbObjectStore,
    action: &'static str,
}

impl Tables {
    fn of(transaction: &IdbTransaction, action: &'static str) -> Result<Self, StoreError> {
        let store = |name| transaction.object_store(name).map_err(|error| mapped(action, &error));
        Ok(Self { records: store(RECORDS)?, meta: store(META)?, action })
    }

    fn apply(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        for write in writes {
            let name = Uint8Array::from(write.name.as_slice());
            match write.value {
                Some(value) => self.records.put_with_key(&Uint8Array::from(value.as_slice()), &name),
                None => self.records.delete(&name),
            }
            .map_err(|error| mapped(self.action, &error))?;
        }
        Ok(())
    }

    fn raise(&self, epoch: u64) -> Result<u64, StoreError> {
        let raised = epoch.checked_add(1).ok_or_else(epochs_used_up)?;
        let stored = raised as f64;
        if stored > MAX_EPOCH {
            return Err(epochs_used_up());
        }
        self.meta.put_with_key(&stored.into(), &EPOCH.into()).map_err(|error| mapped(self.action, &error))?;
        Ok(raised)
    }
}

#[wasm_bindgen]
extern "C" {
    /// `IDBDatabase` with the transaction options, which web-sys has behind an unstable cfg.
    #[wasm_bindgen(extends = IdbDatabase)]
    type WithOptions;

    #[wasm_bindgen(method, catch, structural)]
    fn transaction(
        this: &WithOptions,
        stores: &JsValue,
        mode: IdbTransactionMode,
        options: &JsValue,
    ) -> Result<IdbTransaction, JsValue>;
}

/// Over all object stores, on the disk (not only with the operating system) when it is complete.
fn strict_transaction(database: &IdbDatabase) -> Result<IdbTransaction, JsValue> {
    let stores = Array::of2(&RECORDS.into(), &META.into());
    let options = js_sys::Object::new();
    Reflect::set(&options, &"durability".into(), &"strict".into())?;
    let database: &WithOptions = database.unchecked_ref();
    database.transaction(&stores, IdbTransactionMode::Readwrite, &options)
}

fn epoch_from(stored: &JsValue) -> Result<u64, StoreError> {
    if stored.is_undefined() {
        return Ok(NO_EPOCH);
    }
    match stored.as_f64() {
        Some(epoch) if (0.0..=MAX_EPOCH).contains(&epoch) && epoch.fract() == 0.0 => Ok(epoch as u64),
        _ => Err(StoreError::Corrupt { name: "epoch".into(), what: "it is no whole number".into() }),
    }
}

fn bytes_from(value: &JsValue) -> Result<Vec<u8>, StoreError> {
    if value.is_instance_of::<Uint8Array>() || value.is_instance_of::<js_sys::ArrayBuffer>() {
        return Ok(Uint8Array::new(value).to_vec());
    }
    Err(StoreError::Corrupt { name: "a record".into(), what: "it is not binary".into() })
}

impl IndexedDbBackend {
    /// One request on the records alone, in a transaction that only reads.
    async fn request(
        &self,
        action: &'static str,
        make: impl FnOnce(&IdbObjectStore) -> Result<web_sys::IdbRequest, JsValue>,
    ) -> Result<JsValue, StoreError> {
        let database = self.connection.database().await?;
        let request = database
            .transaction_with_str(RECORDS)
            .and_then(|transaction| transaction.object_store(RECORDS))
            .and_then(|records| make(&records))
            .map_err(|error| self.not_started(action, &error))?;
        fulfilled(action, &request, Some(&database)).await
    }
}

impl Backend for IndexedDbBackend {
    fn place(&self) -> String {
        place(self.connection.name())
    }

    fn read<'a>(&'a self, name: &'a [u8]) -> LocalBoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        async move {
            let key = Uint8Array::from(name);
            let value = self.request("read a record", |records| records.get(&key)).await?;
            if value.is_undefined() { Ok(None) } else { bytes_from(&value).map(Some) }
        }
        .boxed_local()
    }

    fn names(&self) -> LocalBoxFuture<'_, Result<Vec<Vec<u8>>, StoreError>> {
        async move {
            let keys = self.request("list the records", IdbObjectStore::get_all_keys).await?;
            Array::from(&keys).iter().map(|key| bytes_from(&key)).collect()
        }
        .boxed_local()
    }

    fn take_over(&self) -> LocalBoxFuture<'_, Result<u64, StoreError>> {
        self.guarded("take over", Tables::raise).boxed_local()
    }

    fn commit(&self, writes: Vec<Write>, epoch: u64) -> LocalBoxFuture<'_, Result<(), StoreError>> {
        let gone = self.place();
        self.guarded("commit", move |tables, now| {
            check_epoch(epoch, now, || gone)?;
            tables.apply(writes)
        })
        .boxed_local()
    }

    /// The records are gone, durably, when this resolves. The empty database is deleted with them, or, where another tab is
    /// frozen and still holds it, as soon as that tab lets go.
    fn destroy(&self) -> LocalBoxFuture<'_, Result<(), StoreError>> {
        async move {
            const ACTION: &str = "delete the browser's database";
            // Emptied first: the deletion waits for frozen tabs, and their writers have to be fenced off now.
            self.guarded(ACTION, |tables, epoch| {
                tables.raise(epoch)?;
                tables.records.clear().map(drop).map_err(|error| mapped(ACTION, &error))
            })
            .await?;
            self.connection.close();
            let request =
                factory()?.delete_database(self.connection.name()).map_err(|error| mapped(ACTION, &error))?;
            deleted_or_blocked(ACTION, &request).await
        }
        .boxed_local()
    }

    fn close(&self) -> LocalBoxFuture<'_, ()> {
        async move { self.connection.close() }.boxed_local()
    }
}
