//! A BIP 157/158 light client over the block-dn HTTP API: private (no server learns what is looked for) and without an
//! address index anywhere.
//!
//! [`Chain`] holds verified headers from a [`Checkpoint`] on, compares several sources, and syncs a [`BlockListener`] from
//! its own [`Position`] to the tip: every block, in order, without gaps, whole when its filter matches a [`WatchSet`].
//!
//! ```text
//! open -> poll -> sync(manager), sync(each monitor), sync(BDK) -> stage + commit -> changed -> poll_after -> ...
//! ```
//!
//! Headers are checked against the proof of work, difficulty, time and version rules of their network (`rules`); filters against
//! filter headers, those against the other sources' (`resolve`, `rescan`); blocks against their header's Merkle root and their witness
//! commitment (`wire`). What remains to be trusted is in [`Chain::trust`].
//!
//! Floor: above `protocol`, `storage` and `transport`, of which it imports `Store`, `Batch` and `Platform`; below `node`, and free
//! of LDK. It never acts except when called: no task of its own, no timer, and no write to the store (the caller commits what
//! [`Chain::stage`] stages).

mod ahead;
mod broadcast;
mod cache;
mod checkpoint;
mod client;
mod conflict;
mod error;
mod fees;
mod fetch;
mod filters;
mod gather;
mod headers;
mod listener;
mod marks;
mod mempool;
mod paid;
mod persist;
mod poll;
mod rescan;
mod resolve;
mod rules;
mod source;
mod sync;
#[cfg(feature = "testing")]
pub mod testing;
mod trust;
mod types;
mod wire;

pub use broadcast::Broadcast;
pub use checkpoint::Checkpoint;
pub use client::Chain;
pub use error::{BroadcastError, ChainError, HeaderError, RejectReason, SourceError, SyncError};
pub use fees::FeeEstimates;
pub use listener::{BlockListener, RescanListener, WatchSet};
pub use mempool::{SeenTransaction, Unconfirmed};
pub use source::SourceState;
pub use trust::{SourceReport, Trust, TrustLevel};
pub use types::{BlockId, POSITION_ANCESTORS, Poll, Position, Progress, Tip, TipChange};
