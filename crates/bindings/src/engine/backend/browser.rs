//! Wallets in the browser's IndexedDB.

use std::rc::Rc;

use amplet_protocol::page::WalletError;
use amplet_storage::{IndexedDbBackend, SharedBackend};

/// Opens the backend of a wallet.
pub(super) async fn open_backend(name: &str) -> Result<SharedBackend, WalletError> {
    let backend = IndexedDbBackend::open(name).await?;
    Ok(Rc::new(backend))
}
