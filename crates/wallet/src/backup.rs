//! A wallet's backup: what is set up, stored beside its identity, and the store that is mirrored to it.

mod devices;

use std::rc::Rc;

use amplet_node::bitcoin::secp256k1::PublicKey;
use amplet_node::keys::{KeyError, Keys};
use amplet_node::{backup, old_copy_record};
use amplet_protocol::page::{
    BackupMode, BackupOptions, BackupStatus, Device, ErrorCode, FileBytes, OpenOptions, RestoreProgress,
    WalletError,
};
use amplet_storage::kdf::{KdfParams, Kek};
use amplet_storage::{
    Batch, MemoryBackend, MirroredStore, Purpose, Record, SealedStore, Store, StoreError, VssBackend, file,
};
use amplet_transport::Platform;
use serde::{Deserialize, Serialize};

use crate::convert::network;
use crate::identity::{self, Identity};

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
        if self.store.list("").await?.iter().any(|name| name != devices::KEY) {
            return Ok(());
        }
        let keys = identity::keys(mnemonic, network(options.network), 0)?;
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
        if self.store.status().is_none() {
            let keys = identity.keys()?;
            match (self.load().await?, &options.backup) {
                (Some(backup), _) => {
                    let purpose = Purpose::Open { move_here: options.move_here };
                    self.connect(&keys, &backup, purpose, progress).await?;
                }
                (None, Some(backup)) if options.fresh => {
                    self.set_up(&keys, backup, Purpose::SetUp, progress).await?;
                }
                (None, _) => {}
            }
        }
        self.arrive(false).await
    }

    /// Enters this device in the list, or notes that it was seen, and reminds the server of those that were removed. With `is_named` it
    /// has a new name.
    async fn arrive(&self, is_named: bool) -> Result<(), WalletError> {
        let Some(mut options) = self.load().await? else { return Ok(()) };
        let (own, now) = (self.own().await?, self.platform.now().as_secs());
        let entry = match devices::entry(&*self.store, &own).await? {
            None => devices::Entry::new(&options.device_name, now),
            // A server that was restored from an older copy of its own may have forgotten it.
            Some(entry) if entry.removed.is_some() => {
                self.store.stop();
                return Err(StoreError::DeviceRemoved.into());
            }
            Some(entry) if is_named => entry.seen(now).named(&options.device_name),
            Some(entry) => entry.seen(now),
        };
        if entry.name != options.device_name {
            // It was renamed on another one.
            options.device_name.clone_from(&entry.name);
            self.remember(&options).await?;
        }
        devices::put(&*self.store, &own, &entry).await?;
        let removed = devices::entries(&*self.store).await?.into_iter();
        let removed: Vec<_> = removed.filter(|(_, entry)| entry.removed.is_some()).collect();
        let store = Rc::clone(&self.store);
        self.platform.spawn(Box::pin(async move {
            for (id, _) in removed {
                if let Err(error) = store.remove_device(&id.serialize()).await {
                    log::warn!("the backup's server was not reminded of a removed device: {error}");
                    return;
                }
            }
        }));
        Ok(())
    }

    async fn own(&self) -> Result<PublicKey, WalletError> {
        Ok(devices::id_of(&devices::key(&*self.platform, &*self.store).await?))
    }

    /// The devices that use this wallet; none without a backup.
    pub async fn devices(&self) -> Result<Vec<Device>, WalletError> {
        match self.load().await? {
            Some(_) => devices::list(&*self.store, &self.own().await?).await,
            None => Ok(Vec::new()),
        }
    }

    /// Names a device.
    pub async fn rename_device(&self, id: &str, name: &str) -> Result<(), WalletError> {
        check_device_name(name)?;
        let (id, entry) = self.device(id).await?;
        devices::put(&*self.store, &id, &entry.named(name)).await?;
        if id == self.own().await?
            && let Some(options) = self.load().await?
        {
            self.remember(&BackupOptions { device_name: name.to_owned(), ..options }).await?;
        }
        Ok(())
    }

    /// Removes another device: the server refuses it from now on, and it ends its session with its next request.
    pub async fn remove_device(&self, id: &str) -> Result<(), WalletError> {
        let (id, mut entry) = self.device(id).await?;
        if id == self.own().await? {
            let message =
                "a device is removed on another one; to leave the wallet here, delete it from this device";
            return Err(WalletError::new(ErrorCode::InvalidInput, message));
        }
        self.store.remove_device(&id.serialize()).await?;
        entry.removed = Some(self.platform.now().as_secs());
        devices::put(&*self.store, &id, &entry).await
    }

    async fn device(&self, id: &str) -> Result<(PublicKey, devices::Entry), WalletError> {
        let id = devices::parse(id)?;
        let entry = devices::entry(&*self.store, &id).await?.filter(|entry| entry.removed.is_none());
        Ok((id, entry.ok_or_else(devices::unknown)?))
    }

    /// Sets a backup up, in place of the one before.
    pub async fn set(&self, options: &BackupOptions) -> Result<BackupStatus, WalletError> {
        check(options)?;
        let keys = Identity::stored(&*self.store).await?.keys()?;
        self.end(false).await?;
        self.set_up(&keys, options, Purpose::SetUp, &|_| ()).await?;
        self.arrive(true).await?;
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
        let key = keys.backup_file().map_err(internal)?;
        Ok(FileBytes(file::seal(&key, generation, &records)?))
    }

    async fn import(
        &self,
        keys: &Keys,
        bytes: &FileBytes,
        options: Option<&BackupOptions>,
    ) -> Result<(), WalletError> {
        let (generation, records) = open_file(keys, &bytes.0)?;
        if let Some(options) = options
            && let Some(lease) = self.backend(keys, options).await?.lease().await?
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
        self.remember(options).await?;
        let connected = self.connect(keys, options, purpose, progress).await;
        if connected.is_err() {
            let mut batch = Batch::new();
            batch.remove(NAME);
            self.store.commit(batch).await?.durable().await?;
        }
        connected
    }

    async fn remember(&self, options: &BackupOptions) -> Result<(), WalletError> {
        let bytes = serde_json::to_vec(&SetUp { v: FORMAT, options: options.clone() }).map_err(|e| {
            WalletError::new(ErrorCode::Internal, "the backup could not be written").caused_by(&e)
        })?;
        let mut batch = Batch::new();
        batch.put(NAME, bytes);
        self.store.set_device_name(&options.device_name);
        Ok(self.store.commit(batch).await?.durable().await?)
    }

    async fn connect(
        &self,
        keys: &Keys,
        options: &BackupOptions,
        purpose: Purpose,
        progress: &dyn Fn(RestoreProgress),
    ) -> Result<(), WalletError> {
        let backend = self.backend(keys, options).await?;
        let lagging = options.mode == BackupMode::Lagging;
        let mark = Some(old_copy_record(&*self.platform));
        let progress = |done, of| progress(RestoreProgress { done, of });
        Ok(self.store.connect(backend, lagging, purpose, mark, &progress).await?)
    }

    async fn backend(&self, keys: &Keys, options: &BackupOptions) -> Result<VssBackend, WalletError> {
        let key = devices::key(&*self.platform, &*self.store).await?;
        let device = amplet_node::Device { name: &options.device_name, key };
        let backend = backup(Rc::clone(&self.platform), keys, &options.url, &device);
        backend.map_err(internal)
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

/// An exported wallet without a node: its keys, and its records in memory.
///
/// # Errors
/// [`ErrorCode::InvalidMnemonic`]; [`ErrorCode::Corrupt`]: the file is none, was damaged, or belongs to another mnemonic;
/// [`ErrorCode::NewerFormat`].
pub async fn read_exported(
    mnemonic: &str,
    network: bitcoin::Network,
    bytes: &[u8],
) -> Result<(Keys, Rc<dyn Store>), WalletError> {
    let keys = identity::keys(mnemonic, network, 0)?;
    let (_, records) = open_file(&keys, bytes)?;
    let kek = Kek::from_bytes(*keys.backup_file().map_err(internal)?);
    let backend = Rc::new(MemoryBackend::new());
    let store = SealedStore::create(backend, &KdfParams::external_key(), kek).await?;
    let mut batch = Batch::new();
    records.into_iter().for_each(|(name, value)| batch.put(name, value));
    store.commit(batch).await?.durable().await?;
    let keys = Identity::stored(&store).await?.keys()?;
    Ok((keys, Rc::new(store)))
}

fn open_file(keys: &Keys, bytes: &[u8]) -> Result<(u64, Vec<Record>), WalletError> {
    Ok(file::open(&*keys.backup_file().map_err(internal)?, bytes)?)
}

fn internal(error: KeyError) -> WalletError {
    WalletError::new(ErrorCode::Internal, error.to_string())
}

fn check(options: &BackupOptions) -> Result<(), WalletError> {
    let refuse = |message: &str| Err(WalletError::new(ErrorCode::InvalidInput, message));
    if !options.url.starts_with("https://") && !options.url.starts_with("http://") {
        return refuse("a backup's address begins with https:// (or http://): correct it");
    }
    check_device_name(&options.device_name)
}

fn check_device_name(name: &str) -> Result<(), WalletError> {
    if (1..=MAX_DEVICE_NAME).contains(&name.len()) {
        return Ok(());
    }
    Err(WalletError::new(ErrorCode::InvalidInput, "a device's name has 1 to 64 bytes: choose another"))
}
