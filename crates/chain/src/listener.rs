//! The ports of the client: where blocks go, and which scripts matter.

use bitcoin::block::Header;
use bitcoin::{Block, ScriptBuf};

use crate::BlockId;

/// Receives blocks, in the order of the chain and without gaps.
pub trait BlockListener {
    /// A whole block, its header verified and its Merkle root and witness commitment checked.
    fn block_connected(&self, block: &Block, height: u32);
    /// A block that, by its verified filter, touches none of the watched scripts.
    fn filtered_block_connected(&self, header: &Header, height: u32);
    /// All blocks above `fork` have left the best chain; `fork` itself stays. Called once, before the new blocks.
    fn blocks_disconnected(&self, fork: BlockId);
}

/// Receives blocks once more that it has passed already, while it stays where it is.
pub trait RescanListener {
    /// A whole block at or below the listener's position, checked as for [`BlockListener::block_connected`]. It may have been given
    /// whole before.
    fn block_rescanned(&self, block: &Block, height: u32);
}

/// The scripts to look for. The set may grow while blocks are connected: after each block the revision is compared, and the later
/// blocks are matched against the grown set, including those whose filters were fetched before.
pub trait WatchSet {
    /// The output scripts to look for, created or spent. Empty scripts and `OP_RETURN` outputs are in no filter.
    fn scripts(&self) -> Vec<ScriptBuf>;
    /// Changes whenever [`scripts`](Self::scripts) would return something else.
    fn revision(&self) -> u64;
}
