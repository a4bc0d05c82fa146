//! Stored parts of LDK that cannot be read.

use amplet_storage::StoreError;
use lightning::ln::msgs::DecodeError;

/// A stored part could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// LDK cannot read what it wrote.
    #[error("the stored {what} cannot be read ({reason:?})")]
    Corrupt {
        /// Name of the part.
        what: String,
        /// LDK's reason.
        reason: DecodeError,
    },
}
