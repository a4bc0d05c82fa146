//! Storage that saves nothing.

use serde::{Deserialize, Serialize};

/// Storage that saves nothing: meanwhile payments and requests that need it are refused, claims of on-chain money go out, and it
/// is tried again until it works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct StorageTrouble {
    /// The reason, with the remedy: `storageFull` or `storage`.
    pub error: super::WalletError,
    /// Time since which nothing was saved (seconds since the UNIX epoch).
    pub since: u64,
}
