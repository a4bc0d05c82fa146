//! Blocks, positions and progress, as the client and its caller exchange them.

use bitcoin::BlockHash;

/// Maximum number of ancestors in a [`Position`], besides its own block (as in LDK's `BestBlock`).
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

/// The point that a listener has reached: a block, and enough ancestors to find the fork point when that block has left the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The last block that was connected.
    pub hash: BlockHash,
    /// Its height.
    pub height: u32,
    /// Its ancestors, newest first: `previous[0]` is at `height - 1`. At most [`POSITION_ANCESTORS`] are used.
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

/// Progress of [`sync`](crate::Chain::sync).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Height of the block connected last.
    pub height: u32,
    /// Height at which it started.
    pub from: u32,
    /// Height at which it ends.
    pub target: u32,
}

/// The result of a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    /// The tip before.
    pub old: Tip,
    /// The tip now; equal to `old` when there is nothing new.
    pub new: Tip,
    /// The last block that both chains share, when `old` has left the best chain.
    pub fork: Option<BlockId>,
}

/// A source's report of another tip than at the last poll, see [`Chain::changed`](crate::Chain::changed).
#[derive(Clone, Debug)]
pub struct TipChange {
    /// The source, whose last status holds the new tip.
    pub(crate) url: String,
}
