//! Versioned Storage Service (VSS, <https://github.com/lightningdevkit/vss-server>): messages, authentication, limits, and what
//! a server does with a request. A store holds keys with versions and values that only the client can read; every write names
//! the versions that it replaces, and fails as a whole where one of them is another.
//!
//! Beside the published protocol there are extensions, all in fields from 1001 on, which other clients and servers pass over:
//! pages of what has changed, with values; the store's sequence; why something does not fit; answers that wait for a change. And
//! requests may name the device that they are of, in a header ([`auth::DEVICE_HEADER`]): one that was removed
//! ([`REMOVE_DEVICE`]) is refused.
//!
//! Pure: no I/O and no clock.

pub mod auth;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod listing;
#[cfg(feature = "memory")]
mod memory;
pub mod messages;
mod refusal;
pub mod rules;

#[cfg(feature = "memory")]
pub use memory::{Answer, MemoryServer, Proof, Snapshot, Unreachable};
pub use prost::Message;
pub use refusal::Refusal;

/// Path of the protocol below a gateway's base URL; the operations' names follow.
pub const PREFIX: &str = "/vss/v1";
/// Name of the operation that reads one value.
pub const GET_OBJECT: &str = "getObject";
/// Name of the operation that writes and deletes, all or nothing.
pub const PUT_OBJECTS: &str = "putObjects";
/// Name of the operation that deletes one key, if it is there.
pub const DELETE_OBJECT: &str = "deleteObject";
/// Name of the operation that lists keys.
pub const LIST_KEY_VERSIONS: &str = "listKeyVersions";
/// Name of the extension that removes a device.
pub const REMOVE_DEVICE: &str = "removeDevice";
/// Content type of requests and responses.
pub const CONTENT_TYPE: &str = "application/octet-stream";
/// Header with the protocol's version in every response; clients from vss-client-ng 0.6 on insist on it.
pub const VERSION_HEADER: &str = "vss-protocol-version";
/// The protocol's version, as vss-client-ng 0.6.0 expects it.
pub const VERSION: &str = "0";

/// Key under which the store's global version can be read; nothing is stored there.
pub const GLOBAL_VERSION_KEY: &str = "vss_global_version";
/// Version in a request that matches every version, and none.
pub const ANY_VERSION: i64 = -1;

/// Maximum length of a request's body, in bytes.
pub const MAX_BODY_BYTES: usize = 16 << 20;
/// Maximum length of a key, in bytes of UTF-8.
pub const MAX_KEY_BYTES: usize = 600;
/// Maximum length of a store's id, in bytes of UTF-8.
pub const MAX_STORE_ID_BYTES: usize = 120;
/// Maximum number of items in a put.
pub const MAX_ITEMS: usize = 1_000;
/// Maximum number of items in a page.
pub const MAX_PAGE_ITEMS: usize = 1_000;
/// Length of values, in bytes, from which on a page takes no more. A page with values is longer by its last value at most.
pub const PAGE_BYTES: usize = 1 << 20;
/// Maximum number of deleted keys that a store remembers.
pub const MAX_TOMBSTONES: u64 = 4_096;
/// Length that a record counts for in a quota beside those of its key and value, in bytes.
pub const RECORD_OVERHEAD: u64 = 64;
/// Maximum time that a put may ask to wait for the ones before it, in milliseconds.
pub const MAX_WAIT_MS: u32 = 5_000;
/// Maximum time that a read may ask to wait for a change, in milliseconds.
pub const MAX_WATCH_MS: u32 = 30_000;
/// Maximum number of removed devices that an account may have.
pub const MAX_REMOVED_DEVICES: u64 = 64;
