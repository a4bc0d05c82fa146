//! Blocks and filters that were fetched to learn their headers and will be wanted again soon.

use std::collections::VecDeque;

use bitcoin::{Block, BlockHash};

/// Blocks kept at most (up to 4 MB each).
const MAX_BLOCKS: usize = 10;
/// Filters kept at most (tens of kB each).
const MAX_FILTERS: usize = 32;

/// A few blocks and filters; the oldest go first.
#[derive(Default)]
pub(crate) struct Cache {
    blocks: VecDeque<(BlockHash, Block)>,
    filters: VecDeque<(BlockHash, Vec<u8>)>,
}

impl Cache {
    pub(crate) fn put_block(&mut self, block: Block) {
        self.blocks.push_back((block.block_hash(), block));
        if self.blocks.len() > MAX_BLOCKS {
            self.blocks.pop_front();
        }
    }

    pub(crate) fn block(&self, hash: &BlockHash) -> Option<Block> {
        self.blocks.iter().find(|(h, _)| h == hash).map(|(_, block)| block.clone())
    }

    pub(crate) fn put_filter(&mut self, hash: BlockHash, filter: Vec<u8>) {
        self.filters.push_back((hash, filter));
        if self.filters.len() > MAX_FILTERS {
            self.filters.pop_front();
        }
    }

    pub(crate) fn filter(&self, hash: &BlockHash) -> Option<Vec<u8>> {
        self.filters.iter().find(|(h, _)| h == hash).map(|(_, filter)| filter.clone())
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
