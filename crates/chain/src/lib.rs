//! A BIP 157/158 light client over the block-dn HTTP API.

mod checkpoint;
mod driver;
mod error;
mod fees;
mod listen;
mod trust;

pub use checkpoint::Checkpoint;
pub use driver::{Broadcast, Chain};
pub use error::{BringError, BroadcastError, ChainError, HeaderError, RejectReason, SourceError};
pub use fees::FeeEstimates;
pub use listen::{BlockId, BlockListener, POSITION_ANCESTORS, Poll, Position, Progress, Tip, WatchSet};
pub use trust::{SourceReport, SourceState, Trust, TrustLevel};
