//! A wallet's backup: what is set up, stored beside its identity, and the store that is mirrored to it.

use std::rc::Rc;

use amplet_node::keys::{Keys, parse_mnemonic};
use amplet_node::{backup, old_copy_record};
use amplet_protocol::page::{
    BackupMode, BackupOptions, BackupStatus, ErrorCode, FileBytes, OpenOptions, RestoreProgress, WalletError,
};
use amplet_storage::{Batch, MirroredStore, Purpose, Store, StoreError, VssBackend, file};
use amplet_transport::Platform;
use serde::{Deserialize, Serialize};

use crate::convert::network;
use crate::identity::Identity;

/// Name of the record, which stays on the device.
const NAME: &str = "backup/setup";
const FORMAT: u32 = 1;
const MAX_DEVICE_NAME: usize = 64;

#[derive(Serialize, Deserialize)]
struct SetUp {
    v: u32,
    #[serde(flatten)]
    options: BackupOptions,
}

/// The store of an open wallet, and its backup if it has one.
#[derive(Clone)]
pub(crate) struct Backup {
    platform: Rc<dyn Platform>,
    store: Rc<MirroredStore>,
}

impl Backup {
    /// The store alone.
    pub fn new(platform: Rc<dyn Platform>, local: Rc<dyn Store>) -> Self {
        Self { platform, store: MirroredStore::new(local) }
    }

    pub fn store(&self) -> Rc<MirroredStore> {
        Rc::clone(&self.store)
    }

    /// Brings what a mnemonic is to be restored from into the empty store: the backup, or a file.
    pub async fn restore(
        &self,
        options: &OpenOptions,
        progress: &dyn Fn(RestoreProgress),
    ) -> Result<(), WalletError> {
        let Some(mnemonic) = options.mnemonic.as_ref().filter(|_| !options.fresh) else { return Ok(()) };
        if !self.store.list("").await?.is_empty() {
            return Ok(());
        }
        let keys = keys(mnemonic, options)?;
        match (&options.file, &options.backup) {
            (Some(file), backup) => self.import(&keys, file, backup.as_ref()).await,
            (None, Some(backup)) => {
                let purpose = Purpose::Restore { move_here: options.move_here };
                self.set_up(&keys, backup, purpose, progress).await
            }
            (None, None) => Ok(()),
        }
    }

    /// Connects the backup that is set up, or, for a new wallet, the one that it is to have.
    pub async fn open(
        &self,
        identity: &Identity,
        options: &OpenOptions,
        progress: &dyn Fn(RestoreProgress),
    ) -> Result<(), WalletError> {
        if self.store.status().is_some() {
            return Ok(());
        }
        let keys = identity.keys()?;
        match (self.load().await?, &options.backup) {
            (Some(backup), _) => {
                let purpose = Purpose::Open { move_here: options.move_here };
                self.connect(&keys, &backup, purpose, progress).await
            }
            (None, Some(backup)) if options.fresh => {
                self.set_up(&keys, backup, Purpose::SetUp, progress).await
            }
            (None, _) => Ok(()),
        }
    }

    /// Sets a backup up, in place of the one before.
    pub async fn set(&self, options: &BackupOptions) -> Result<BackupStatus, WalletError> {
        check(options)?;
        let keys = Identity::stored(&*self.store).await?.keys()?;
        self.end(false).await?;
        self.set_up(&keys, options, Purpose::SetUp, &|_| ()).await?;
        let gone = || WalletError::new(ErrorCode::Closed, "the backup was ended meanwhile; set it up again");
        self.store.status().ok_or_else(gone)
    }

    /// Ends the backup.
    pub async fn end(&self, abandon: bool) -> Result<(), WalletError> {
        self.store.end(abandon).await?;
        let mut batch = Batch::new();
        batch.remove(NAME);
        Ok(self.store.commit(batch).await?.durable().await?)
    }

    /// The whole wallet as a file that its mnemonic opens.
    pub async fn export(&self) -> Result<FileBytes, WalletError> {
        let keys = Identity::stored(&*self.store).await?.keys()?;
        let (generation, records) = self.store.snapshot().await?;
        let key = keys.backup_file().map_err(|e| WalletError::new(ErrorCode::Internal, e.to_string()))?;
        Ok(FileBytes(file::seal(&key, generation, &records)?))
    }

    async fn import(
        &self,
        keys: &Keys,
        bytes: &FileBytes,
        options: Option<&BackupOptions>,
    ) -> Result<(), WalletError> {
        let key = keys.backup_file().map_err(|e| WalletError::new(ErrorCode::Internal, e.to_string()))?;
        let (generation, records) = file::open(&key, &bytes.0)?;
        if let Some(options) = options
            && let Some(lease) = self.backend(keys, options)?.lease().await?
            && lease.head.records > 0
            && lease.head.generation > generation
        {
            let message = "the backup has a newer state than this file: restore from the backup";
            return Err(WalletError::new(ErrorCode::BackupStale, message));
        }
        let mut batch = Batch::new();
        // Nobody can say that it is the newest state.
        for (name, value) in records.into_iter().chain([old_copy_record(&*self.platform)]) {
            batch.put(name, value);
        }
        Ok(self.store.commit(batch).await?.durable().await?)
    }

    /// Remembers a backup before it has anything: whatever interrupts this, it is never forgotten while it exists.
    async fn set_up(
        &self,
        keys: &Keys,
        options: &BackupOptions,
        purpose: Purpose,
        progress: &dyn Fn(RestoreProgress),
    ) -> Result<(), WalletError> {
        check(options)?;
        let bytes = serde_json::to_vec(&SetUp { v: FORMAT, options: options.clone() }).map_err(|e| {
            WalletError::new(ErrorCode::Internal, "the backup could not be written").caused_by(&e)
        })?;
        let mut batch = Batch::new();
        batch.put(NAME, bytes);
        self.store.commit(batch).await?.durable().await?;
        let connected = self.connect(keys, options, purpose, progress).await;
        if connected.is_err() {
            let mut batch = Batch::new();
            batch.remove(NAME);
            self.store.commit(batch).await?.durable().await?;
        }
        connected
    }

    async fn connect(
        &self,
        keys: &Keys,
        options: &BackupOptions,
        purpose: Purpose,
        progress: &dyn Fn(RestoreProgress),
    ) -> Result<(), WalletError> {
        let backend = self.backend(keys, options)?;
        let lagging = options.mode == BackupMode::Lagging;
        let mark = Some(old_copy_record(&*self.platform));
        let progress = |done, of| progress(RestoreProgress { done, of });
        Ok(self.store.connect(backend, lagging, purpose, mark, &progress).await?)
    }

    fn backend(&self, keys: &Keys, options: &BackupOptions) -> Result<VssBackend, WalletError> {
        let backend = backup(Rc::clone(&self.platform), keys, &options.url, &options.device_name);
        backend.map_err(|e| WalletError::new(ErrorCode::Internal, e.to_string()))
    }

    async fn load(&self) -> Result<Option<BackupOptions>, WalletError> {
        let Some(bytes) = self.store.get(NAME).await? else { return Ok(None) };
        let stored: SetUp = serde_json::from_slice(&bytes).map_err(|e| {
            let what = e.to_string();
            WalletError::from(StoreError::Corrupt { name: NAME.into(), what })
        })?;
        if stored.v > FORMAT {
            let newer = StoreError::NewerFormat { found: stored.v, supported: FORMAT };
            return Err(newer.into());
        }
        Ok(Some(stored.options))
    }
}

fn keys(mnemonic: &str, options: &OpenOptions) -> Result<Keys, WalletError> {
    let mnemonic =
        parse_mnemonic(mnemonic).map_err(|e| WalletError::new(ErrorCode::InvalidMnemonic, e.to_string()))?;
    Keys::new(&mnemonic, network(options.network), 0)
        .map_err(|e| WalletError::new(ErrorCode::Internal, e.to_string()))
}

fn check(options: &BackupOptions) -> Result<(), WalletError> {
    let refuse = |message: &str| Err(WalletError::new(ErrorCode::InvalidInput, message));
    if !options.url.starts_with("https://") && !options.url.starts_with("http://") {
        return refuse("a backup's address begins with https:// (or http://): correct it");
    }
    if !(1..=MAX_DEVICE_NAME).contains(&options.device_name.len()) {
        return refuse("a device's name has 1 to 64 bytes: choose another");
    }
    Ok(())
}
