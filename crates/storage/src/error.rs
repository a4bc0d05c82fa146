//! Errors of the wallet's storage, each with its remedy.

use amplet_protocol::page::{ErrorCode, OtherDevice, WalletError};

/// A failed operation on the storage.
///
/// A failed [`commit`](crate::Store::commit) has changed nothing, with one exception that no store can rule out: a
/// [`Backend`](Self::Backend) failure that arrives while the commit itself is in flight leaves its outcome unknown.
/// Committing the same batch again is right in both cases.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another writer has taken the wallet over. This one must stop permanently: its state in memory is stale.
    #[error(
        "this wallet was taken over by another tab or process (writer {now}, this one is {mine}): \
         close this one and use the other, or open the wallet here again"
    )]
    Fenced {
        /// The epoch that this writer took when it opened the store.
        mine: u64,
        /// The epoch in the store now.
        now: u64,
    },

    /// The browser or the disk has no room. Nothing was written; commit again once there is room.
    #[error("there is no room to save the wallet ({detail}): {remedy}, then try again")]
    QuotaExceeded {
        /// The message of the browser or the database.
        detail: String,
        /// What makes room there, as an imperative.
        remedy: String,
    },

    /// The passphrase (or key) is none of those that open this wallet. The stored data is intact.
    #[error("wrong passphrase: nothing was changed; try again, minding the keyboard layout and capitals")]
    WrongPassphrase,

    /// A record does not authenticate or cannot be read: it was damaged or tampered with.
    #[error(
        "stored data is damaged at {name}: {what}; delete nothing and put no older copy in its place, look after the disk, \
         update, or send the diagnostics to the developers; the recovery phrase brings back what is on-chain"
    )]
    Corrupt {
        /// The record's name, where it is still known.
        name: String,
        /// The defect.
        what: String,
    },

    /// Written by a newer release. Nothing was touched.
    #[error(
        "the stored wallet has format {found}, this release knows formats up to {supported}: \
         update to the newer release"
    )]
    NewerFormat {
        /// The format found.
        found: u32,
        /// The newest format that this release reads.
        supported: u32,
    },

    /// There is no wallet here (and nothing that looks like the rest of one). From a store that was open: the browser has
    /// deleted this site's data (the user cleared it, or the disk was full and storage not persistent).
    #[error("there is no wallet in {place}: create one, or restore one from its backup")]
    NotFound {
        /// The backend's own description of its location.
        place: String,
    },

    /// A wallet exists already where one was to be created. Nothing was touched.
    #[error("there is already a wallet in {place}: open it, or choose another name for the new one")]
    AlreadyExists {
        /// The backend's own description of its location.
        place: String,
    },

    /// A name is empty or longer than [`MAX_NAME_BYTES`](crate::MAX_NAME_BYTES). A mistake of the caller.
    #[error("a record's name has {bytes} bytes of UTF-8; it must have 1 to {}", crate::MAX_NAME_BYTES)]
    InvalidName {
        /// Its length in bytes.
        bytes: usize,
    },

    /// What was to open the wallet, or to open it no more, cannot. Nothing was changed.
    #[error("{what}")]
    InvalidKeySource {
        /// The reason, with the remedy.
        what: &'static str,
    },

    /// The store was closed, or its wallet destroyed.
    #[error("the wallet's storage is closed: open the wallet again")]
    Closed,

    /// The system returned no randomness, without which nothing can be sealed. Nothing was written.
    #[error(
        "the system's random number generator failed ({0}): nothing was saved; reload, or restart the device"
    )]
    Randomness(String),

    /// Another device has taken the wallet over. This one must stop: its state in memory may be stale.
    #[error("this wallet is in use on another device, {name:?}: use it there, or move it here")]
    Moved {
        /// The other device's name.
        name: String,
        /// Time at which it took over (seconds since the UNIX epoch).
        since: u64,
    },

    /// This device was removed from its wallet, on another one. It must stop.
    #[error(
        "this device was removed from the wallet, on another device: nothing is lost, and its copy here can be erased; \
         to use the wallet here again, erase it and pair this device"
    )]
    DeviceRemoved,

    /// The backup has a newer state than this device, which was opened before that could be known.
    #[error("another device has used this wallet since: open it again, then it has the newest state")]
    Stale,

    /// The backup's server did not answer. Whether it did what it was asked is not known.
    #[error(
        "the backup cannot be reached ({detail}): nothing new begins until it answers; check the connection"
    )]
    BackupUnreachable {
        /// The reason.
        detail: String,
    },

    /// The backup's server answered, and did not do what it was asked.
    #[error(
        "the backup takes nothing from this wallet ({reason}): look at its settings, or ask its operator"
    )]
    BackupRefused {
        /// The server's reason.
        reason: String,
    },

    /// The backup's server has an older state than it once confirmed: it was restored from an older copy of its own.
    #[error(
        "the backup has an older state than it had: its operator restored it; open the wallet again to send it everything"
    )]
    OlderBackup,

    /// The server has no whole backup of this wallet.
    #[error(
        "there is no whole backup at {place}: check its address, or restore from the recovery phrase alone"
    )]
    NoBackup {
        /// The server.
        place: String,
    },

    /// The server has a backup of the same recovery phrase that this device did not make.
    #[error(
        "there is a backup of this recovery phrase already, of {name:?}: restore from it, or end it on that device"
    )]
    BackupExists {
        /// Name of the device that has it.
        name: String,
        /// Time at which it took over (seconds since the UNIX epoch).
        since: u64,
    },

    /// The database failed in a way that has no name above.
    #[error("the wallet's storage failed to {action}: {source}; try again, and if it persists restart")]
    Backend {
        /// The action, as an infinitive: "commit", "read a record".
        action: &'static str,
        /// The database's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl From<StoreError> for WalletError {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

impl From<&StoreError> for WalletError {
    fn from(error: &StoreError) -> Self {
        let code = match error {
            StoreError::Fenced { .. } => ErrorCode::Fenced,
            StoreError::QuotaExceeded { .. } => ErrorCode::StorageFull,
            StoreError::WrongPassphrase => ErrorCode::WrongPassphrase,
            StoreError::Corrupt { .. } => ErrorCode::Corrupt,
            StoreError::NewerFormat { .. } => ErrorCode::NewerFormat,
            StoreError::NotFound { .. } => ErrorCode::WalletNotFound,
            StoreError::AlreadyExists { .. } => ErrorCode::WalletExists,
            StoreError::Closed => ErrorCode::Closed,
            StoreError::InvalidName { .. } | StoreError::InvalidKeySource { .. } => ErrorCode::InvalidInput,
            StoreError::Randomness(_) | StoreError::Backend { .. } => ErrorCode::Storage,
            StoreError::Moved { .. } => ErrorCode::MovedToAnotherDevice,
            StoreError::DeviceRemoved => ErrorCode::DeviceRemoved,
            StoreError::Stale | StoreError::OlderBackup => ErrorCode::BackupStale,
            StoreError::BackupUnreachable { .. } => ErrorCode::BackupUnreachable,
            StoreError::BackupRefused { .. } => ErrorCode::BackupRefused,
            StoreError::NoBackup { .. } => ErrorCode::BackupNotFound,
            StoreError::BackupExists { .. } => ErrorCode::BackupExists,
        };
        let device = match error {
            StoreError::Moved { name, since } | StoreError::BackupExists { name, since } => {
                Some(Box::new(OtherDevice { name: name.clone(), since: *since }))
            }
            _ => None,
        };
        Self { device, ..Self::of(code, error) }
    }
}

impl StoreError {
    /// True if the same operation on the same store can succeed later. If not, the store has to be opened again, by a
    /// newer release or with another passphrase, or the call itself is wrong.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::QuotaExceeded { .. }
                | Self::Randomness(_)
                | Self::Backend { .. }
                | Self::BackupUnreachable { .. }
                | Self::BackupRefused { .. }
        )
    }

    /// True if this writer was fenced off, by a tab or by a device, and must stop permanently; also if its device was removed.
    #[must_use]
    pub fn is_fenced(&self) -> bool {
        matches!(self, Self::Fenced { .. } | Self::Moved { .. } | Self::DeviceRemoved)
    }
}
