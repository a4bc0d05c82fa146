//! The wallet's key-value store, its sealed form and its backends.
//!
//! `node` and `wallet` see a [`Store`]: named values, changed by whole [`Batch`]es. The one implementation seals names and
//! values and stores them in a [`Backend`]: memory, IndexedDB, SQLite, or a store of the JavaScript that embeds the wasm. A
//! [`MirroredStore`] has a backup beside it, on a VSS server ([`VssBackend`]).
//!
//! Floor: adapters above `protocol` (its error codes) and `vss` (the messages of backups). It never acts except when called: no
//! task, no timer, no write but those of a call; a backup's are those of the [`Surroundings`] that it is given.

mod backend;
mod batch;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
pub mod file;
mod header;
#[cfg(target_arch = "wasm32")]
mod indexeddb;
#[cfg(all(feature = "js", target_arch = "wasm32"))]
mod js;
pub mod kdf;
mod memory;
mod mirror;
mod receipt;
mod seal;
mod sealed;
mod slot;
#[cfg(not(target_arch = "wasm32"))]
mod sqlite;
#[cfg(feature = "testing")]
pub mod testing;
mod vss;

pub use backend::{Backend, SharedBackend, Write};
pub use batch::Batch;
pub use error::StoreError;
#[cfg(target_arch = "wasm32")]
pub use indexeddb::IndexedDbBackend;
#[cfg(all(feature = "js", target_arch = "wasm32"))]
pub use js::{JsBackend, JsStore};
pub use memory::MemoryBackend;
pub use mirror::{MirroredStore, Purpose, Record};
pub use receipt::Receipt;
pub use sealed::SealedStore;
pub use slot::{KeySource, MAX_PASSKEY};
#[cfg(not(target_arch = "wasm32"))]
pub use sqlite::SqliteBackend;
pub use vss::{Head, Lease, Sent, Session, Surroundings, VssBackend};

use futures::future::LocalBoxFuture;

/// Maximum length of a name, in bytes of UTF-8.
pub const MAX_NAME_BYTES: usize = 1024;

/// Named values that survive the process; the store of `node` and `wallet`.
///
/// Names are "/"-separated paths: `ldk/manager`, `ldk/monitor/<outpoint>`, `wallet/payment/<id>`; 1 to
/// [`MAX_NAME_BYTES`] bytes.
///
/// Reads see all commits that resolved before the read was first polled. Commits that are in flight at the same time apply
/// in the order in which they were first polled. Dropping a commit's future leaves all of the batch or nothing of it.
pub trait Store {
    /// The value of `name`, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the value does not authenticate; [`StoreError::Closed`], [`StoreError::Fenced`] (once a
    /// commit has found it out), [`StoreError::InvalidName`], [`StoreError::Backend`].
    fn get<'a>(&'a self, name: &'a str) -> LocalBoxFuture<'a, Result<Option<Vec<u8>>, StoreError>>;

    /// The full names that start with `prefix`, sorted; all for the empty prefix.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    fn list<'a>(&'a self, prefix: &'a str) -> LocalBoxFuture<'a, Result<Vec<String>, StoreError>>;

    /// Resolves once this writer may act: connect to peers, send, sign. Reads and commits need not wait for it. At once for a
    /// store of this device alone, whose opening made this writer the only one.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] (once a commit has found it out): another writer has taken over, stop permanently;
    /// [`StoreError::Closed`].
    fn ready<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), StoreError>>;

    /// Resolves when another writer has taken over and this one hears of it without a commit; never, for a store of this device alone.
    fn lost<'a>(&'a self) -> LocalBoxFuture<'a, StoreError> {
        Box::pin(futures::future::pending())
    }

    /// Returns whether another device may take over and go on where this one is: then only what is durable is certainly the newest state.
    fn is_shared(&self) -> bool {
        false
    }

    /// Writes the whole batch in ONE transaction that also checks this writer's epoch. When this resolves to a [`Receipt`] the
    /// batch is on this device's disk; [`Receipt::durable`] resolves once it survives the loss of the device. An empty batch
    /// needs no transaction and counts as none.
    ///
    /// # Errors
    /// [`StoreError::Fenced`]: another writer has taken over, stop permanently. [`StoreError::Closed`] and
    /// [`StoreError::NotFound`]: the wallet was destroyed, or the browser dropped its data; stop as well. All others: the
    /// store is as usable as before, see [`StoreError::is_retryable`], and nothing was written, with the one exception that
    /// [`StoreError`] describes.
    fn commit<'a>(&'a self, batch: Batch) -> LocalBoxFuture<'a, Result<Receipt, StoreError>>;

    /// The number of transactions that this store has committed since it was opened.
    fn commits(&self) -> u64;

    /// Releases the backend; later calls give [`StoreError::Closed`]. Closing twice is no error.
    fn close<'a>(&'a self) -> LocalBoxFuture<'a, ()>;
}

/// The value of `name`; also `None` when what is stored there is not what was written, which is logged. For what can be fetched,
/// learnt or begun again: damaged, it must keep nobody from the rest.
///
/// # Errors
/// As [`Store::get`], but for [`StoreError::Corrupt`].
pub async fn get_unless_damaged(store: &dyn Store, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    match store.get(name).await {
        Err(error @ StoreError::Corrupt { .. }) => {
            log::warn!("{error}; it is done without");
            Ok(None)
        }
        other => other,
    }
}

fn random<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    getrandom::getrandom(&mut bytes).map_err(|error| StoreError::Randomness(error.to_string()))?;
    Ok(bytes)
}
