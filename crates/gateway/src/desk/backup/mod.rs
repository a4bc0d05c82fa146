//! Backups of wallets: stores of the Versioned Storage Service, one or a few for each key that a wallet proves. What is in them
//! is the wallets' ciphertext. Runs on the threads of the edge, beside the node.

mod newcomers;
mod postgres;
mod sqlite;
mod store;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use amplet_protocol::gateway::BackupTerms;
use amplet_vss::messages::{
    DeleteObjectRequest, DeleteObjectResponse, GetObjectRequest, GetObjectResponse, KeyValue,
    ListKeyVersionsRequest, ListKeyVersionsResponse, PutObjectRequest, PutObjectResponse,
};
use amplet_vss::rules::{self, Quota};
use amplet_vss::{
    DELETE_OBJECT, GET_OBJECT, GLOBAL_VERSION_KEY, LIST_KEY_VERSIONS, MAX_WAIT_MS, Message, PUT_OBJECTS,
    Refusal,
};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};
use tracing::{error, info, warn};

use self::newcomers::Newcomers;
pub use self::postgres::PostgresStore;
pub use self::sqlite::SqliteStore;
pub use self::store::{BackupStore, Room, StoreId, Usage};
use crate::config::{BackupSection, Config};

/// Name of the SQLite file in the data folder.
pub const FILE: &str = "backup.sqlite";

/// Distance that a write may be ahead of its store to be waited for: more are never sent before the first is answered.
const MAX_AHEAD: i64 = 64;

/// Time between two counts of what all wallets have.
const COUNT_EVERY: Duration = Duration::from_secs(3600);

/// Pause between attempts to open the store.
const RETRY: Duration = Duration::from_secs(10);

/// Tenths of the total up to which new wallets are taken; the rest is for those that are there.
const FOR_NEW_WALLETS: u64 = 8;

/// Errors that keep backups from being offered.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The SQLite file.
    #[error(
        "{file}: {what}; move the file away to begin without the backups in it, or set [backup] enabled = false"
    )]
    Sqlite {
        /// The file.
        file: String,
        /// The defect.
        what: String,
    },
    /// PostgreSQL.
    #[error("[backup] postgres: {what}")]
    Postgres {
        /// The defect and its remedy.
        what: String,
    },
}

/// The service. Clones share it.
#[derive(Clone)]
pub struct Backup(Arc<Inner>);

struct Inner {
    /// Set once it is open.
    store: OnceLock<Box<dyn BackupStore>>,
    limits: BackupSection,
    newcomers: Newcomers,
    /// Bytes of all wallets: counted now and then, and kept up to date by this process between.
    bytes: AtomicU64,
    /// Notified after each write.
    written: Notify,
    /// The last attempt's failure.
    trouble: Mutex<Option<String>>,
}

impl Backup {
    /// Starts the service that the configuration describes, which opens its store by itself: SQLite once `data` says that the data
    /// folder is there, and again and again until it succeeds. `None`: backups are switched off.
    pub fn start(config: Arc<Config>, data: oneshot::Receiver<()>) -> Option<Self> {
        let limits = config.backup.clone();
        if !limits.enabled {
            return None;
        }
        let backup = Self::new(limits);
        let opening = backup.clone();
        tokio::spawn(async move {
            // Nothing is written where a disk should be.
            if data.await.is_ok() {
                opening.open(&config).await;
                opening.keep_count().await;
            }
        });
        Some(backup)
    }

    /// A service whose store is not open yet.
    pub fn new(limits: BackupSection) -> Self {
        let newcomers = Newcomers::new(limits.max_new_per_day_per_address);
        Self(Arc::new(Inner {
            store: OnceLock::new(),
            limits,
            newcomers,
            bytes: AtomicU64::new(0),
            written: Notify::new(),
            trouble: Mutex::default(),
        }))
    }

    /// Gives it its store, once.
    pub fn set_store(&self, store: Box<dyn BackupStore>) {
        let _ = self.0.store.set(store);
    }

    async fn open(&self, config: &Config) {
        loop {
            match open_store(config).await {
                Ok(store) => break self.set_store(store),
                Err(failure) => {
                    error!(%failure, "backups of wallets cannot be opened; it is tried again");
                    self.note(Some(failure.to_string()));
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
        let place = if config.backup.postgres.is_some() { "PostgreSQL" } else { FILE };
        let usage = self.count().await;
        info!(
            place,
            stores = usage.stores,
            keys = usage.keys,
            bytes = usage.bytes,
            "wallets can keep backups here"
        );
    }

    async fn keep_count(&self) {
        loop {
            tokio::time::sleep(COUNT_EVERY).await;
            let usage = self.count().await;
            info!(stores = usage.stores, keys = usage.keys, bytes = usage.bytes, "backups of wallets");
        }
    }

    /// The failure of the last attempt to open, read or write; `None` when it succeeded.
    pub fn trouble(&self) -> Option<String> {
        self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, trouble: Option<String>) {
        *self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    fn store(&self) -> Result<&dyn BackupStore, Refusal> {
        self.0.store.get().map(Box::as_ref).ok_or(Refusal::Unavailable)
    }

    /// What is offered to a wallet.
    pub fn terms(&self) -> BackupTerms {
        let quota = self.quota();
        BackupTerms { takes_new: self.takes_new(), max_bytes: quota.max_bytes, max_keys: quota.max_keys }
    }

    /// Counts what there is, for the log and the limits. Where the store fails, nothing.
    pub async fn count(&self) -> Usage {
        let Ok(store) = self.store() else { return Usage::default() };
        let usage = store.usage().await;
        self.note(usage.as_ref().err().map(ToString::to_string));
        match usage {
            Ok(usage) => {
                self.0.bytes.store(usage.bytes, Ordering::Relaxed);
                usage
            }
            Err(failure) => {
                warn!(%failure, "the backups of wallets cannot be counted");
                Usage::default()
            }
        }
    }

    /// Carries out an operation in the name of the wallet with this key, whose request came from `address`. Returns the response's
    /// body.
    ///
    /// # Errors
    /// [`Refusal`]: nothing was written.
    pub async fn answer(
        &self,
        owner: [u8; 33],
        address: IpAddr,
        operation: &str,
        body: &[u8],
    ) -> Result<Vec<u8>, Refusal> {
        let answer = self.operate(owner, address, operation, body).await;
        match answer {
            Err(Refusal::Internal(what)) => {
                if self.trouble().is_none() {
                    error!(%what, "backups of wallets cannot be read or written; wallets that require theirs wait");
                }
                self.note(Some(what));
                // The cause is the operator's to read.
                Err(Refusal::Internal("the server cannot read or write its store".into()))
            }
            Err(Refusal::Full) => {
                warn!(%address, "a new backup was refused: [backup] max_total_mib or max_new_per_day_per_address");
                Err(Refusal::Full)
            }
            answer => {
                if answer.is_ok() && self.trouble().is_some() {
                    info!("backups of wallets work again");
                    self.note(None);
                }
                answer
            }
        }
    }

    async fn operate(
        &self,
        owner: [u8; 33],
        address: IpAddr,
        operation: &str,
        body: &[u8],
    ) -> Result<Vec<u8>, Refusal> {
        match operation {
            GET_OBJECT => Ok(self.get(owner, read(body)?).await?.encode_to_vec()),
            PUT_OBJECTS => Ok(self.put(owner, address, read(body)?).await?.encode_to_vec()),
            DELETE_OBJECT => Ok(self.delete(owner, read(body)?).await?.encode_to_vec()),
            LIST_KEY_VERSIONS => Ok(self.list(owner, read(body)?).await?.encode_to_vec()),
            _ => Err(Refusal::Invalid("there is no such operation".into())),
        }
    }

    async fn get(&self, owner: [u8; 33], request: GetObjectRequest) -> Result<GetObjectResponse, Refusal> {
        rules::check_get(&request)?;
        let id = StoreId { owner, name: request.store_id };
        let key = request.key;
        let found = if key == GLOBAL_VERSION_KEY {
            Some((self.store()?.head(&id).await?.global_version, Vec::new()))
        } else {
            self.store()?.get(&id, &key).await?
        };
        let (version, value) = found.ok_or(Refusal::NoSuchKey)?;
        Ok(GetObjectResponse { value: Some(KeyValue { key, version, value, deleted: false }) })
    }

    async fn put(
        &self,
        owner: [u8; 33],
        address: IpAddr,
        request: PutObjectRequest,
    ) -> Result<PutObjectResponse, Refusal> {
        rules::check_put(&request)?;
        let id = StoreId { owner, name: request.store_id.clone() };
        let wait = Duration::from_millis(request.wait_ms.min(MAX_WAIT_MS).into());
        let until = Instant::now() + wait;
        let (before, after) = loop {
            // Before the attempt, so that no write goes unnoticed between the two.
            let mut written = std::pin::pin!(self.0.written.notified());
            written.as_mut().enable();
            let refusal = match self.store()?.put(&id, request.clone(), self.room(address)).await {
                Ok(heads) => break heads,
                Err(refusal) => refusal,
            };
            let is_ahead = is_ahead(&refusal, request.global_version);
            if !is_ahead || timeout_at(until, written).await.is_err() {
                return Err(refusal);
            }
        };
        if before.sequence == 0 {
            self.0.newcomers.count(address);
        }
        self.adjust(before.bytes, after.bytes);
        self.0.written.notify_waiters();
        Ok(PutObjectResponse { sequence: Some(after.sequence) })
    }

    async fn delete(
        &self,
        owner: [u8; 33],
        request: DeleteObjectRequest,
    ) -> Result<DeleteObjectResponse, Refusal> {
        let item = rules::check_delete(&request)?.clone();
        let id = StoreId { owner, name: request.store_id };
        if let Some((before, after)) = self.store()?.delete(&id, item).await? {
            self.adjust(before.bytes, after.bytes);
        }
        Ok(DeleteObjectResponse {})
    }

    async fn list(
        &self,
        owner: [u8; 33],
        request: ListKeyVersionsRequest,
    ) -> Result<ListKeyVersionsResponse, Refusal> {
        rules::check_store_id(&request.store_id)?;
        let id = StoreId { owner, name: request.store_id.clone() };
        self.store()?.list(&id, request).await
    }

    fn quota(&self) -> Quota {
        let limits = &self.0.limits;
        Quota { max_bytes: mib(limits.max_mib_per_wallet), max_keys: limits.max_keys_per_wallet }
    }

    fn takes_new(&self) -> bool {
        let total = mib(self.0.limits.max_total_mib) / 10;
        self.0.bytes.load(Ordering::Relaxed) < total.saturating_mul(FOR_NEW_WALLETS)
    }

    fn room(&self, address: IpAddr) -> Room {
        let left = mib(self.0.limits.max_total_mib).saturating_sub(self.0.bytes.load(Ordering::Relaxed));
        let takes_new = self.takes_new() && self.0.newcomers.has_room(address);
        Room { quota: self.quota(), left, takes_new }
    }

    fn adjust(&self, before: u64, after: u64) {
        let change = |bytes: u64| Some(bytes.saturating_sub(before).saturating_add(after));
        let _ = self.0.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
    }
}

async fn open_store(config: &Config) -> Result<Box<dyn BackupStore>, BackupError> {
    Ok(match &config.backup.postgres {
        Some(url) => Box::new(PostgresStore::open(url.expose()).await?),
        None => Box::new(SqliteStore::open(&config.data_dir.join(FILE))?),
    })
}

/// Connects to the database that is configured, if one is, and changes nothing there. Waits until that is done.
///
/// # Errors
/// [`BackupError::Postgres`]
pub fn check(config: &Config) -> Result<(), BackupError> {
    let Some(url) = config.backup.postgres.as_ref().filter(|_| config.backup.enabled) else { return Ok(()) };
    let wrong = |error: std::io::Error| BackupError::Postgres { what: error.to_string() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(wrong)?;
    runtime.block_on(PostgresStore::try_connect(url.expose()))
}

fn mib(mib: u64) -> u64 {
    mib.saturating_mul(1 << 20)
}

/// True if other writes of the same client may be on their way that come before this one.
fn is_ahead(refusal: &Refusal, wanted: Option<i64>) -> bool {
    match (refusal, wanted) {
        (Refusal::Conflict { global_version, .. }, Some(wanted)) => {
            (1..=MAX_AHEAD).contains(&wanted.saturating_sub(*global_version))
        }
        _ => false,
    }
}

fn read<M: Message + Default>(body: &[u8]) -> Result<M, Refusal> {
    M::decode(body).map_err(|error| Refusal::Invalid(format!("the body is not the request ({error})")))
}
