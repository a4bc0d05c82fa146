//! What the driver and its caller say to each other about blocks.

use bitcoin::block::Header;
use bitcoin::{Block, BlockHash, ScriptBuf};

/// How many ancestors a [`Position`] names at most, besides its own block (as LDK's `BestBlock` keeps).
pub const POSITION_ANCESTORS: usize = 12;

/// A block of the best chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockId {
    /// Its hash.
    pub hash: BlockHash,
    /// Its height; the genesis block has 0.
    pub height: u32,
}

/// The newest block of the best chain for which the filter header is known as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Its hash.
    pub hash: BlockHash,
    /// Its height.
    pub height: u32,
    /// Its header's time, in seconds since the UNIX epoch.
    pub time: u32,
}

impl Tip {
    /// The block alone.
    pub fn id(&self) -> BlockId {
        BlockId { hash: self.hash, height: self.height }
    }
}

/// How far somebody has come: a block, and enough ancestors to find the fork point when that block has left the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The last block that was connected.
    pub hash: BlockHash,
    /// Its height.
    pub height: u32,
    /// Its ancestors, newest first: `previous[0]` is at `height - 1`. At most [`POSITION_ANCESTORS`] are of use.
    pub previous: Vec<BlockHash>,
}

impl Position {
    /// The block alone.
    pub fn id(&self) -> BlockId {
        BlockId { hash: self.hash, height: self.height }
    }

    /// The position after one more block.
    #[must_use]
    pub fn next(&self, hash: BlockHash) -> Self {
        let previous = std::iter::once(self.hash)
            .chain(self.previous.iter().copied())
            .take(POSITION_ANCESTORS)
            .collect();
        Self { hash, height: self.height.saturating_add(1), previous }
    }
}

/// Takes blocks, in the order of the chain and without gaps.
pub trait BlockListener {
    /// A whole block, its header verified and its Merkle root and witness commitment checked.
    fn block_connected(&self, block: &Block, height: u32);
    /// A block that, by its verified filter, touches none of the watched scripts.
    fn filtered_block_connected(&self, header: &Header, height: u32);
    /// All blocks above `fork` have left the best chain; `fork` itself stays. Said once, before the new blocks.
    fn blocks_disconnected(&self, fork: BlockId);
}

/// What to look for. It may grow while blocks are connected: after each block the revision is compared and the later
/// blocks, their filters fetched already or not, are matched against the grown set.
pub trait WatchSet {
    /// The output scripts to look for, created or spent. Empty scripts and `OP_RETURN` outputs are in no filter.
    fn scripts(&self) -> Vec<ScriptBuf>;
    /// Changes whenever [`scripts`](Self::scripts) would answer something else.
    fn revision(&self) -> u64;
}

/// How far [`bring`](crate::Chain::bring) is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Height of the block connected last.
    pub height: u32,
    /// Height at which it started.
    pub from: u32,
    /// Height at which it will end.
    pub target: u32,
}

/// What a poll found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    /// The tip before.
    pub old: Tip,
    /// The tip now; equal to `old` when there is nothing new.
    pub new: Tip,
    /// The last block that both chains share, when `old` has left the best chain.
    pub fork: Option<BlockId>,
    /// Filters that were in use have come into doubt above this block (another source contradicts them, or refuted them):
    /// blocks above it that were connected by their headers alone must be gone through again, see
    /// [`rewind`](crate::Chain::rewind). Said by each poll until then.
    pub rescan: Option<BlockId>,
}
