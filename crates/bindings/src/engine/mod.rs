//! The wallet's exports for the worker that hosts it.

#[cfg_attr(feature = "node", path = "backend/js.rs")]
#[cfg_attr(not(feature = "node"), path = "backend/browser.rs")]
mod backend;
mod hooks;
mod notices;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use amplet_protocol::PaymentId;
use amplet_protocol::page::{ErrorCode, OpenOptions, RestoreProgress, WalletError};
use amplet_storage::kdf::Kek;
use amplet_storage::{KeySource, SealedStore, SharedBackend, Store};
use amplet_transport::WebPlatform;
use amplet_wallet::Wallet;
use futures::future::AbortHandle;
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;
use zeroize::Zeroizing;

use crate::convert::{from_js, thrown, to_js, untagged};

use backend::open_backend;

#[cfg(feature = "node")]
pub use backend::use_storage;
pub use hooks::start;

/// An open wallet.
#[wasm_bindgen]
pub struct Engine {
    wallet: Wallet,
    store: Rc<SealedStore>,
    subscriptions: RefCell<BTreeMap<u32, AbortHandle>>,
    last_subscription: Cell<u32>,
}

/// Is called while a backup is read.
type Progress<'a> = &'a dyn Fn(RestoreProgress);

/// The encoded sources of the keys that open a stored wallet, each by [`KeySource::to_bytes`]; undefined when there is none.
///
/// # Errors
/// `newerFormat`, `corrupt`, `storage`.
#[wasm_bindgen(js_name = keySources)]
pub async fn key_sources(name: String) -> Result<Option<Vec<Uint8Array>>, JsValue> {
    let backend = open_backend(&name).await.map_err(|error| thrown(&error))?;
    let sources = SealedStore::key_sources(&backend).await;
    backend.close().await;
    let sources = sources.map_err(|error| thrown(&error.into()))?;
    let encoded = |source: &KeySource| Uint8Array::from(source.to_bytes().as_slice());
    Ok(sources.map(|sources| sources.iter().map(encoded).collect()))
}

/// The words of a stored wallet, for `key` only. Needs no engine: also a wallet that cannot be opened gives them away. Nothing is
/// changed, and whoever has the wallet open is not disturbed.
///
/// # Errors
/// `wrongPassphrase`, `walletNotFound`, `newerFormat`, `corrupt`, `storage`.
#[wasm_bindgen(js_name = storedWords)]
pub async fn stored_words(name: String, key: Vec<u8>) -> Result<String, JsValue> {
    let kek = kek(&Zeroizing::new(key)).map_err(|error| thrown(&error))?;
    let backend = open_backend(&name).await.map_err(|error| thrown(&error))?;
    let words = match SealedStore::view(backend.clone(), &kek).await {
        Ok(store) => Wallet::words(&store).await,
        Err(error) => Err(error.into()),
    };
    backend.close().await;
    words.map(|words| (*words).clone()).map_err(|error| thrown(&error))
}

/// Deletes a stored wallet permanently.
///
/// # Errors
/// `storage`.
#[wasm_bindgen]
pub async fn destroy(name: String) -> Result<(), JsValue> {
    let backend = open_backend(&name).await.map_err(|error| thrown(&error))?;
    backend.destroy().await.map_err(|error| thrown(&error.into()))
}

#[wasm_bindgen]
impl Engine {
    /// Opens the wallet of `options` (`OpenOptions`) with the 32-byte `key`; creates it when `source` is given: where the key came
    /// from. `on_progress` is called with a `RestoreProgress` while a backup is read.
    ///
    /// # Errors
    /// `invalidInput` and the errors of opening a wallet.
    pub async fn open(
        options: JsValue,
        key: Vec<u8>,
        source: Option<Vec<u8>>,
        on_progress: Option<js_sys::Function>,
    ) -> Result<Engine, JsValue> {
        let options: OpenOptions = from_js("the options", options)?;
        let key = Zeroizing::new(key);
        let progress = |progress: RestoreProgress| {
            if let (Some(on_progress), Ok(progress)) = (&on_progress, to_js(&progress)) {
                // What the page's side throws is its own concern.
                let _ = on_progress.call1(&JsValue::NULL, &progress);
            }
        };
        Self::open_or_create(options, &key, source, &progress).await.map_err(|error| thrown(&error))
    }

    /// True if `key` is one that opens this wallet; compared in constant time.
    pub fn proves(&self, key: &[u8]) -> bool {
        kek(key).is_ok_and(|kek| self.store.fits(&kek))
    }

    /// Handles a `Request`; resolves to its response. `on_begin` is called with the id of a payment that is begun, before it can
    /// leave.
    ///
    /// # Errors
    /// The `WalletError` of that request.
    pub async fn request(
        &self,
        request: JsValue,
        on_begin: Option<js_sys::Function>,
    ) -> Result<JsValue, JsValue> {
        let request = from_js("the request", untagged("method", &request))?;
        let begun = |id: &PaymentId| {
            if let Some(on_begin) = &on_begin {
                // What the page's side throws is its own concern.
                let _ = on_begin.call1(&JsValue::NULL, &id.to_string().into());
            }
        };
        let response = self.wallet.request_with(request, &begun).await.map_err(|error| thrown(&error))?;
        to_js(&response)
    }

    /// Calls `listener` with each `Notice`, beginning with the unacknowledged events and the state; with null when there
    /// will be no more. Returns the handle for [`Self::unsubscribe`].
    pub fn subscribe(&self, listener: js_sys::Function) -> u32 {
        let id = self.last_subscription.get().wrapping_add(1);
        self.last_subscription.set(id);
        let handle = notices::forward(self.wallet.notices(), listener);
        self.subscriptions.borrow_mut().insert(id, handle);
        id
    }

    /// Ends a subscription; its listener is not called again.
    pub fn unsubscribe(&self, subscription: u32) {
        if let Some(handle) = self.subscriptions.borrow_mut().remove(&subscription) {
            handle.abort();
        }
    }

    /// The wallet's words, for `key` only: an open wallet alone does not give them away.
    ///
    /// # Errors
    /// `wrongPassphrase`, `corrupt`, `storage`.
    pub async fn words(&self, key: Vec<u8>) -> Result<String, JsValue> {
        if !self.proves(&Zeroizing::new(key)) {
            let message = "this passphrase does not open the wallet, so its words stay hidden; try again";
            return Err(thrown(&WalletError::new(ErrorCode::WrongPassphrase, message)));
        }
        let words = Wallet::words(&*self.store).await.map_err(|error| thrown(&error))?;
        Ok((*words).clone())
    }

    /// Lets one more key, from `source`, open the wallet, in place of an older one of that source or, of passphrases, of any.
    ///
    /// # Errors
    /// `invalidInput`, `fenced`, `storage`, `storageFull`.
    #[wasm_bindgen(js_name = putKey)]
    pub async fn put_key(&self, source: Vec<u8>, key: Vec<u8>) -> Result<(), JsValue> {
        let (source, kek) = decode(&source, &Zeroizing::new(key)).map_err(|error| thrown(&error))?;
        self.store.put_key(source, kek).await.map_err(|error| thrown(&error.into()))
    }

    /// Lets the key from `source` open the wallet no more.
    ///
    /// # Errors
    /// `invalidInput` when it does not open it, or nothing else does; `fenced`, `storage`, `storageFull`.
    #[wasm_bindgen(js_name = removeKey)]
    pub async fn remove_key(&self, source: Vec<u8>) -> Result<(), JsValue> {
        let source = read_source(&source).map_err(|error| thrown(&error))?;
        self.store.remove_key(&source).await.map_err(|error| thrown(&error.into()))
    }

    /// Stops at once, as if the process had been killed: nothing more is written or sent, connections end, keys are forgotten.
    /// For an engine whose wallet another one has taken.
    pub fn abort(&self) {
        for handle in std::mem::take(&mut *self.subscriptions.borrow_mut()).into_values() {
            handle.abort();
        }
        // Closed from this call on; the backend's own closing would wait for what runs.
        drop(self.store.close());
        self.wallet.abort();
    }

    /// Finishes the step, stops, forgets the keys.
    ///
    /// # Errors
    /// The errors of saving the last step.
    pub async fn close(&self) -> Result<(), JsValue> {
        for handle in std::mem::take(&mut *self.subscriptions.borrow_mut()).into_values() {
            handle.abort();
        }
        let closed = self.wallet.request(amplet_protocol::page::Request::Close).await;
        self.store.close().await;
        closed.map(|_| ()).map_err(|error| thrown(&error))
    }
}

impl Engine {
    async fn open_or_create(
        options: OpenOptions,
        key: &[u8],
        source: Option<Vec<u8>>,
        progress: Progress<'_>,
    ) -> Result<Self, WalletError> {
        if source.is_some() != options.mnemonic.is_some() {
            let message =
                "the source of the key goes with a mnemonic, to create a wallet; give both or neither";
            return Err(WalletError::new(ErrorCode::InvalidInput, message));
        }
        let backend = open_backend(&options.name).await?;
        let opened = match &source {
            Some(source) => Self::create(&backend, options, source, key, progress).await,
            None => Self::unlock(&backend, options, key, progress).await,
        };
        if opened.is_err() {
            backend.close().await;
        }
        opened
    }

    async fn create(
        backend: &SharedBackend,
        options: OpenOptions,
        source: &[u8],
        key: &[u8],
        progress: Progress<'_>,
    ) -> Result<Self, WalletError> {
        let (source, kek) = decode(source, key)?;
        let store = SealedStore::create(backend.clone(), source, kek).await?;
        let opened = Self::start(store, options, progress).await;
        if opened.is_err() {
            // The remains of a wallet that could not be created must not block the next attempt.
            backend.destroy().await?;
        }
        opened
    }

    async fn unlock(
        backend: &SharedBackend,
        options: OpenOptions,
        key: &[u8],
        progress: Progress<'_>,
    ) -> Result<Self, WalletError> {
        let name = options.name.clone();
        let store = SealedStore::open(backend.clone(), kek(key)?).await?;
        if store.list("").await?.is_empty() {
            // The browser ended while the wallet was being created, before its first step was saved.
            backend.destroy().await?;
            let message = format!(
                "making the wallet \"{name}\" was interrupted before anything was in it: create it again"
            );
            return Err(WalletError::new(ErrorCode::WalletNotFound, message));
        }
        Self::start(store, options, progress).await
    }

    async fn start(
        store: SealedStore,
        options: OpenOptions,
        progress: Progress<'_>,
    ) -> Result<Self, WalletError> {
        let store = Rc::new(store);
        let wallet = Wallet::open_with(Rc::new(WebPlatform), store.clone(), options, progress).await?;
        Ok(Self { wallet, store, subscriptions: RefCell::default(), last_subscription: Cell::new(0) })
    }
}

fn decode(source: &[u8], key: &[u8]) -> Result<(KeySource, Kek), WalletError> {
    Ok((read_source(source)?, kek(key)?))
}

fn read_source(source: &[u8]) -> Result<KeySource, WalletError> {
    KeySource::from_bytes(source)
        .map_err(|error| WalletError::new(ErrorCode::InvalidInput, error.to_string()).caused_by(&error))
}

fn kek(key: &[u8]) -> Result<Kek, WalletError> {
    let bytes = Zeroizing::new(<[u8; 32]>::try_from(key).map_err(|_| {
        WalletError::new(ErrorCode::InvalidInput, format!("a key has 32 bytes, this one {}", key.len()))
    })?);
    Ok(Kek::from_bytes(*bytes))
}
