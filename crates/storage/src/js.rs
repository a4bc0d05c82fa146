//! A backend over a store that JavaScript provides, for Node.js, which has no IndexedDB. The npm package documents its interface
//! as `WalletStore`.

use crate::backend::check_epoch;
use crate::{Backend, StoreError, Write};
use futures::future::{FutureExt, LocalBoxFuture, ready};
use js_sys::{Array, BigInt, Error, Object, Promise, Reflect, Uint8Array};
use std::cell::Cell;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    /// One wallet's records in the store of the embedding JavaScript.
    pub type JsStore;

    #[wasm_bindgen(method, catch, structural, getter)]
    fn place(this: &JsStore) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, structural)]
    fn read(this: &JsStore, name: Uint8Array) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, structural)]
    fn names(this: &JsStore) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, structural, js_name = takeOver)]
    fn take_over(this: &JsStore) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, structural)]
    fn commit(this: &JsStore, writes: Array, epoch: u64) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, structural)]
    fn destroy(this: &JsStore) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, structural)]
    fn close(this: &JsStore) -> Result<JsValue, JsValue>;
}

/// One wallet in a store of the embedding JavaScript.
///
/// Errors that the store throws become [`StoreError::QuotaExceeded`] when its `code` is `storageFull`, `ENOSPC` or `EDQUOT`,
/// [`StoreError::Corrupt`] when it is `corrupt`, [`StoreError::Closed`] when it is `closed`, else [`StoreError::Backend`].
pub struct JsBackend {
    store: JsStore,
    closed: Cell<bool>,
}

impl JsBackend {
    /// A backend on records that the host has opened.
    #[must_use]
    pub fn new(store: JsStore) -> Self {
        Self { store, closed: Cell::new(false) }
    }

    /// Calls the store; resolves to what it returns, or to what the returned promise resolves to.
    async fn call(
        &self,
        action: &'static str,
        call: impl FnOnce(&JsStore) -> Result<JsValue, JsValue>,
    ) -> Result<JsValue, StoreError> {
        if self.closed.get() {
            return Err(StoreError::Closed);
        }
        let returned = call(&self.store).map_err(|thrown| mapped(action, &thrown))?;
        JsFuture::from(Promise::resolve(&returned)).await.map_err(|thrown| mapped(action, &thrown))
    }
}

fn mapped(action: &'static str, thrown: &JsValue) -> StoreError {
    let text = |name: &str| Reflect::get(thrown, &name.into()).ok().and_then(|value| value.as_string());
    let detail = match thrown.dyn_ref::<Error>() {
        Some(error) => String::from(error.message()),
        None => text("message").or_else(|| thrown.as_string()).unwrap_or_else(|| "no reason given".into()),
    };
    match text("code").as_deref() {
        Some("storageFull" | "ENOSPC" | "EDQUOT") => StoreError::QuotaExceeded {
            detail,
            remedy: "free space where this program keeps its data".into(),
        },
        Some("corrupt") => StoreError::Corrupt { name: "a record".into(), what: detail },
        Some("closed") => StoreError::Closed,
        _ => StoreError::Backend { action, source: detail.into() },
    }
}

/// The host broke the contract of its store.
fn broken(action: &'static str, what: &str) -> StoreError {
    StoreError::Backend { action, source: what.into() }
}

fn epoch(action: &'static str, returned: JsValue) -> Result<u64, StoreError> {
    let epoch = returned.dyn_into::<BigInt>().ok().and_then(|epoch| u64::try_from(epoch).ok());
    epoch.ok_or_else(|| broken(action, "the store returned no epoch (a bigint of 64 bits)"))
}

fn bytes(action: &'static str, value: &JsValue) -> Result<Vec<u8>, StoreError> {
    match value.dyn_ref::<Uint8Array>() {
        Some(bytes) => Ok(bytes.to_vec()),
        None => Err(broken(action, "the store returned something else than a Uint8Array")),
    }
}

/// A write as `{ name: Uint8Array, value: Uint8Array | null }`: copies, which the host may keep.
fn to_js(write: &Write) -> Result<JsValue, JsValue> {
    let object = Object::new();
    let value = match &write.value {
        Some(value) => Uint8Array::from(value.as_slice()).into(),
        None => JsValue::NULL,
    };
    Reflect::set(&object, &"name".into(), &Uint8Array::from(write.name.as_slice()))?;
    Reflect::set(&object, &"value".into(), &value)?;
    Ok(object.into())
}

impl Backend for JsBackend {
    fn place(&self) -> String {
        self.store
            .place()
            .ok()
            .and_then(|place| place.as_string())
            .unwrap_or_else(|| "the host's store".into())
    }

    fn read<'a>(&'a self, name: &'a [u8]) -> LocalBoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        const ACTION: &str = "read a record";
        async move {
            let value = self.call(ACTION, |store| store.read(Uint8Array::from(name))).await?;
            if value.is_undefined() { Ok(None) } else { bytes(ACTION, &value).map(Some) }
        }
        .boxed_local()
    }

    fn names(&self) -> LocalBoxFuture<'_, Result<Vec<Vec<u8>>, StoreError>> {
        const ACTION: &str = "list the records";
        async move {
            let names = self.call(ACTION, JsStore::names).await?;
            if !Array::is_array(&names) {
                return Err(broken(ACTION, "the store returned something else than an array"));
            }
            Array::from(&names).iter().map(|name| bytes(ACTION, &name)).collect()
        }
        .boxed_local()
    }

    fn take_over(&self) -> LocalBoxFuture<'_, Result<u64, StoreError>> {
        const ACTION: &str = "take over";
        async move { epoch(ACTION, self.call(ACTION, JsStore::take_over).await?) }.boxed_local()
    }

    fn commit(&self, writes: Vec<Write>, mine: u64) -> LocalBoxFuture<'_, Result<(), StoreError>> {
        const ACTION: &str = "commit";
        async move {
            let copies: Result<Array, JsValue> = writes.iter().map(to_js).collect();
            let copies = copies.map_err(|thrown| mapped(ACTION, &thrown))?;
            let now = epoch(ACTION, self.call(ACTION, |store| store.commit(copies, mine)).await?)?;
            check_epoch(mine, now, || self.place())
        }
        .boxed_local()
    }

    fn destroy(&self) -> LocalBoxFuture<'_, Result<(), StoreError>> {
        async move {
            self.call("delete the wallet", JsStore::destroy).await?;
            self.closed.set(true);
            Ok(())
        }
        .boxed_local()
    }

    fn close(&self) -> LocalBoxFuture<'_, ()> {
        if self.closed.replace(true) {
            return ready(()).boxed_local();
        }
        async move {
            let Ok(returned) = self.store.close() else { return };
            // An error while closing is of no consequence: everything that counts is committed.
            let _ = JsFuture::from(Promise::resolve(&returned)).await;
        }
        .boxed_local()
    }
}
