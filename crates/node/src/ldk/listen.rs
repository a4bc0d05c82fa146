//! Blocks, handed to LDK's parts.

use amplet_chain::{BlockId, BlockListener, Chain, Position};
use bitcoin::Block;
use bitcoin::block::Header;
use lightning::chain::{BlockLocator, Listen};

/// LDK's form of a position.
pub(crate) fn locator(position: &Position) -> BlockLocator {
    let mut locator = BlockLocator::new(position.hash, position.height);
    locator.previous_blocks.iter_mut().zip(&position.previous).for_each(|(slot, hash)| *slot = Some(*hash));
    locator
}

/// The chain client's form of LDK's.
pub(crate) fn position(locator: &BlockLocator) -> Position {
    let previous = locator.previous_blocks.iter().map_while(|hash| *hash).collect();
    Position { hash: locator.block_hash, height: locator.height, previous }
}

/// Hands blocks to one of LDK's parts.
pub(crate) struct ListenAdapter<'a, L: Listen> {
    pub part: &'a L,
    pub chain: &'a Chain,
}

impl<L: Listen> BlockListener for ListenAdapter<'_, L> {
    fn block_connected(&self, block: &Block, height: u32) {
        self.part.block_connected(block, height);
    }

    fn filtered_block_connected(&self, header: &Header, height: u32) {
        self.part.filtered_block_connected(header, &[], height);
    }

    fn blocks_disconnected(&self, fork: BlockId) {
        let known = self.chain.position(&fork.hash);
        let fork = known.unwrap_or(Position { hash: fork.hash, height: fork.height, previous: Vec::new() });
        self.part.blocks_disconnected(locator(&fork));
    }
}
