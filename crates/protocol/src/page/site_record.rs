//! Records of sites: what an application keeps about them, in the wallet's own store.

use serde::{Deserialize, Serialize};

/// A change of a record of sites: a named text that the wallet keeps sealed with its own records, and does not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct SiteRecord {
    /// Its name: 1 to [`SiteRecord::MAX_KEY`] bytes without control characters.
    pub key: String,
    /// Its text from now on, at most [`SiteRecord::MAX_VALUE`] bytes; null: it is removed.
    pub value: Option<String>,
}

impl SiteRecord {
    /// Maximum length of a key, in bytes: two origins with the longest host names, and what is kept of them.
    pub const MAX_KEY: usize = 700;
    /// Maximum length of a value, in bytes: the longest challenge of a page that costs money, and what is kept beside it.
    pub const MAX_VALUE: usize = 64 * 1024;
    /// Maximum number of records in a wallet.
    pub const MAX_RECORDS: usize = 16_384;
}
