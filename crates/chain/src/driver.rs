//! The driver: sources, headers and filters put together.

use std::rc::Rc;
use std::time::Duration;

use amplet_storage::{Batch, Store};
use amplet_transport::Platform;
use bitcoin::block::Header;
use bitcoin::{Block, BlockHash, Network, Transaction};

use crate::{
    BlockListener, BringError, BroadcastError, ChainError, Checkpoint, FeeEstimates, Poll, Position, Progress,
    Tip, Trust, WatchSet,
};

/// The light client.
pub struct Chain {}

/// What became of a broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broadcast {
    /// At least one source took it.
    Accepted,
    /// It was in the mempool or in a block already.
    AlreadyKnown,
}

#[allow(clippy::todo, unused_variables, missing_docs, clippy::missing_errors_doc, clippy::missing_panics_doc)]
impl Chain {
    /// Loads what was staged before; no network is needed. `sources` are base URLs; the first is preferred. Without a
    /// `checkpoint` the release's own is taken ([`Checkpoint::of`]); a stored chain keeps the one it was begun with.
    pub async fn open(
        platform: Rc<dyn Platform>,
        network: Network,
        sources: Vec<String>,
        store: &dyn Store,
        checkpoint: Option<Checkpoint>,
    ) -> Result<Self, ChainError> {
        todo!()
    }
    /// Fetches and verifies new headers and filter headers from all sources.
    pub async fn poll(&self) -> Result<Poll, ChainError> {
        todo!()
    }
    /// Waits until some source shows another tip than ours, `limit` at most (long poll where the server has it, by asking
    /// every `interval` otherwise). `true`: poll now.
    pub async fn changed(&self, interval: Duration, limit: Duration) -> bool {
        todo!()
    }
    /// Connects every block after `from` up to `to`, in order; says one disconnection first when `from` has left the chain.
    pub async fn bring(
        &self,
        from: &Position,
        to: &Tip,
        listener: &dyn BlockListener,
        watch: &dyn WatchSet,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<Position, BringError> {
        todo!()
    }
    pub fn network(&self) -> Network {
        todo!()
    }
    /// The newest block known, with no request.
    pub fn tip(&self) -> Tip {
        todo!()
    }
    /// The position of a block on the best chain, to start from; `None` when it is not on it.
    pub fn position(&self, hash: &BlockHash) -> Option<Position> {
        todo!()
    }
    /// The position at a height (a birthday): clamped to checkpoint and tip.
    pub fn position_at(&self, height: u32) -> Position {
        todo!()
    }
    pub fn header_at(&self, height: u32) -> Option<Header> {
        todo!()
    }
    /// Stages what changed since the last call; the caller commits the batch (and retries it, the same one, when that fails).
    pub fn stage(&self, batch: &mut Batch) {
        todo!()
    }
    /// Sends to every source; several transactions are one package (parents first).
    pub async fn broadcast(&self, txs: &[Transaction]) -> Result<Broadcast, BroadcastError> {
        todo!()
    }
    pub async fn fees(&self) -> Result<FeeEstimates, ChainError> {
        todo!()
    }
    pub fn trust(&self) -> Trust {
        todo!()
    }
    /// A whole block of the best chain, checked.
    pub async fn block(&self, hash: &BlockHash) -> Result<Block, ChainError> {
        todo!()
    }
}
