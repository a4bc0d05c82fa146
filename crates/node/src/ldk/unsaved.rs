//! What is not durable, and why.

use amplet_protocol::page::{ErrorCode, StorageTrouble, WalletError};

/// What was asked for is not durable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsaved {
    /// Commits fail, and are tried again until one succeeds. What was staged before is saved then; what is asked for meanwhile
    /// is refused, and nothing of it is staged.
    #[error("{}", .0.error.message)]
    Stalled(Box<StorageTrouble>),
    /// The node has stopped, or closes.
    #[error("the wallet was closed before this was saved: open it again and see whether it was")]
    Stopped,
}

impl From<&Unsaved> for WalletError {
    fn from(unsaved: &Unsaved) -> Self {
        match unsaved {
            Unsaved::Stalled(trouble) => trouble.error.clone(),
            Unsaved::Stopped => Self::of(ErrorCode::Closed, unsaved),
        }
    }
}

impl From<Unsaved> for WalletError {
    fn from(unsaved: Unsaved) -> Self {
        Self::from(&unsaved)
    }
}
