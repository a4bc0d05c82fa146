//! The chain API: block-dn's endpoints, and the few additions that a gateway makes.
//!
//! Heights are decimal, hashes in the usual reversed hex. Files start at multiples of the entries per file that the
//! status names; the newest file ends at the tip.
//!
//! | request | response |
//! |---|---|
//! | `GET /status` | [`Status`] as JSON |
//! | `GET /headers/<start>` | headers, 80 bytes each |
//! | `GET /filter-headers/<start>` | BIP 157 filter headers, 32 bytes each in internal byte order |
//! | `GET /filters/<start>` | BIP 158 basic filters, each after its length as a CompactSize |
//! | `GET /filters/single/<height>` | one filter, bare |
//! | `GET /block/<hash>` | one block, consensus encoding |
//! | `POST /tx` | body: a transaction in hex; response: its txid (Esplora) |
//! | `POST /txs/package` | body: JSON array of transactions in hex, parents first; response: `submitpackage`'s result (Esplora) |
//! | `GET /fee-estimates` | JSON object: target in blocks to sat/vB (Esplora) |
//!
//! Additions, each announced in [`Status::extensions`] and ignored by servers without it:
//! - [`EXT_RANGE`]: `?from=<height>&count=<n>` on the three kinds of files leaves out the entries before `from` and those
//!   after `count`.
//! - [`EXT_MEMPOOL`]: `GET /mempool/<4 hex digits>`: the unconfirmed transactions that pay to a script whose SHA-256 begins
//!   with these 16 bits, in consensus encoding one after the other, at most [`MAX_MEMPOOL_TXS`]. A wallet asks for many
//!   scripts of the world at once, and looks for its own in the response.
//! - [`EXT_WAIT`]: `GET /status?after=<hash>` gets its response once the tip is another block than `hash`, or after
//!   [`WAIT_SECS`] seconds.

use serde::{Deserialize, Serialize};

/// Bytes of a block header.
pub const HEADER_BYTES: usize = 80;
/// Bytes of a filter header.
pub const FILTER_HEADER_BYTES: usize = 32;
/// Headers (and filter headers) per file on all networks but regtest.
pub const HEADERS_PER_FILE: u32 = 100_000;
/// Filters per file on all networks but regtest.
pub const FILTERS_PER_FILE: u32 = 2_000;
/// Name of the extension that serves parts of files.
pub const EXT_RANGE: &str = "range";
/// Name of the extension that responds to a status request when the tip changes.
pub const EXT_WAIT: &str = "wait";
/// Name of the extension that shows unconfirmed transactions by script hash prefix.
pub const EXT_MEMPOOL: &str = "mempool";
/// Maximum number of transactions in one response.
pub const MAX_MEMPOOL_TXS: usize = 100;
/// Maximum size of one response, in bytes.
pub const MAX_MEMPOOL_BYTES: usize = 1 << 20;
/// Maximum time for which a server holds a status request, in seconds.
pub const WAIT_SECS: u64 = 25;
/// Maximum body of `POST /tx`, in bytes: twice the largest standard transaction in hex.
pub const MAX_TX_BODY: usize = 2 * 2 * 400_000;
/// Maximum body of `POST /txs/package`, in bytes: 25 transactions within a package's weight limit, in hex.
pub const MAX_PACKAGE_BODY: usize = 2 * 404_000 + 25 * 8;
/// Maximum number of transactions in one package.
pub const MAX_PACKAGE: usize = 25;

/// The response to `GET /status`. Fields that the wallet does not need may be missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Hash of the genesis block: identifies the network.
    pub chain_genesis_hash: String,
    /// `mainnet`, `testnet3`, `testnet4`, `signet` or `regtest`.
    #[serde(default)]
    pub chain_name: String,
    /// Height of the newest block.
    pub best_block_height: u32,
    /// Its hash.
    pub best_block_hash: String,
    /// Its filter header.
    pub best_filter_header: String,
    /// Height up to which filters are served.
    pub best_filter_height: u32,
    /// True if headers and filters reach equally far.
    #[serde(default)]
    pub all_files_synced: bool,
    /// Headers per file.
    pub entries_per_header_file: u32,
    /// Filters per file.
    pub entries_per_filter_file: u32,
    /// Additions to block-dn's API that this server has.
    #[serde(default)]
    pub extensions: Vec<String>,
}

/// Returns the path of the unconfirmed transactions for a script, of which this is the SHA-256.
pub fn mempool_path(script_hash: [u8; 32]) -> String {
    let [first, second, ..] = script_hash;
    format!("/mempool/{first:02x}{second:02x}")
}

impl Status {
    /// Returns true if the server has the extension of that name.
    pub fn has(&self, extension: &str) -> bool {
        self.extensions.iter().any(|e| e == extension)
    }
}
