//! Backups of wallets: stores of the Versioned Storage Service, one or a few for each key that a wallet proves. What is in them
//! is the wallets' ciphertext. Runs on the threads of the edge, beside the node.

mod newcomers;
mod operations;
mod postgres;
mod sqlite;
mod store;
mod watches;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use amplet_protocol::gateway::BackupTerms;
use amplet_vss::Refusal;
use amplet_vss::rules::{Device, Quota};
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use self::newcomers::Newcomers;
pub use self::postgres::PostgresStore;
pub use self::sqlite::SqliteStore;
pub use self::store::{BackupStore, Room, StoreId, Usage};
use self::watches::Watches;
use crate::config::{BackupSection, Config};

/// Name of the SQLite file in the data folder.
pub const FILE: &str = "backup.sqlite";

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

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The public key that the wallet proves, compressed.
    pub owner: [u8; 33],
    /// The device that the request is of, if it says so.
    pub device: Option<Device>,
    /// Where it comes from.
    pub address: IpAddr,
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
    watches: Watches,
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
            watches: Watches::default(),
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

    /// Carries out an operation, and returns the response's body. What waits for a change is answered at once; see
    /// [`wait`](Self::wait).
    ///
    /// # Errors
    /// [`Refusal`]: nothing was written.
    pub async fn answer(&self, caller: Caller, operation: &str, body: &[u8]) -> Result<Vec<u8>, Refusal> {
        let answer = self.operate(caller, operation, body).await;
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
                warn!(address = %caller.address, "a new backup was refused: [backup] max_total_mib or max_new_per_day_per_address");
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
