//! A BIP 157/158 light client over the block-dn HTTP API: private (no server learns what is looked for) and without an
//! address index anywhere.
//!
//! [`Chain`] holds verified headers from a [`Checkpoint`] on, compares several sources, and brings a [`BlockListener`] from
//! its own [`Position`] to the tip: every block, in order, without gaps, whole when its filter matches a [`WatchSet`].
//!
//! ```text
//! open -> poll -> bring(manager), bring(each monitor), bring(BDK) -> stage + commit -> changed -> poll -> ...
//! ```
//!
//! What is checked, and against what: headers against proof of work, difficulty, time and version rules of their network
//! (`rules`); filters against filter headers, those against the other sources' (`dispute`); blocks against their header's
//! Merkle root and their witness commitment (`wire`). What remains to be believed is in [`Chain::trust`].

mod bring;
mod broadcast;
mod cache;
mod checkpoint;
mod dispute;
mod driver;
mod error;
mod fees;
mod fetch;
mod filters;
mod gather;
mod headers;
mod listen;
mod mempool;
mod persist;
mod poll;
mod rules;
mod source;
#[cfg(feature = "testing")]
pub mod testing;
mod trust;
mod wire;

pub use broadcast::Broadcast;
pub use checkpoint::Checkpoint;
pub use driver::Chain;
pub use error::{BringError, BroadcastError, ChainError, HeaderError, RejectReason, SourceError};
pub use fees::FeeEstimates;
pub use listen::{BlockId, BlockListener, POSITION_ANCESTORS, Poll, Position, Progress, Tip, WatchSet};
pub use trust::{SourceReport, SourceState, Trust, TrustLevel};
