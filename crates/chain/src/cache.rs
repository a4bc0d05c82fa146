//! Blocks and filters that will be wanted again soon: at start the same ones by the manager, each monitor, the sweeper and
//! the on-chain wallet; at the tip those that were fetched to learn their headers.

use std::collections::{HashMap, VecDeque};

use bitcoin::{Block, BlockHash};

/// Bytes of blocks kept at most.
const MAX_BLOCK_BYTES: usize = 16 << 20;
/// Bytes of filters kept at most: a week of mainnet.
const MAX_FILTER_BYTES: usize = 32 << 20;

/// Checked blocks and filters, by block; the oldest go first.
pub(crate) struct Cache {
    blocks: Kept<Block>,
    filters: Kept<Vec<u8>>,
}

struct Kept<T> {
    most: usize,
    bytes: usize,
    entries: HashMap<BlockHash, (T, usize)>,
    order: VecDeque<BlockHash>,
}

impl Default for Cache {
    fn default() -> Self {
        Self { blocks: Kept::new(MAX_BLOCK_BYTES), filters: Kept::new(MAX_FILTER_BYTES) }
    }
}

impl Cache {
    pub(crate) fn put_block(&mut self, block: Block) {
        let size = block.total_size();
        self.blocks.put(block.block_hash(), block, size);
    }

    pub(crate) fn block(&self, hash: &BlockHash) -> Option<&Block> {
        self.blocks.get(hash)
    }

    pub(crate) fn put_filter(&mut self, hash: BlockHash, filter: Vec<u8>) {
        let size = filter.len();
        self.filters.put(hash, filter, size);
    }

    pub(crate) fn filter(&self, hash: &BlockHash) -> Option<&Vec<u8>> {
        self.filters.get(hash)
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl<T> Kept<T> {
    fn new(most: usize) -> Self {
        Self { most, bytes: 0, entries: HashMap::new(), order: VecDeque::new() }
    }

    fn get(&self, hash: &BlockHash) -> Option<&T> {
        self.entries.get(hash).map(|(value, _)| value)
    }

    fn put(&mut self, hash: BlockHash, value: T, size: usize) {
        self.bytes = self.bytes.saturating_add(size);
        match self.entries.insert(hash, (value, size)) {
            Some((_, old)) => self.bytes = self.bytes.saturating_sub(old),
            None => self.order.push_back(hash),
        }
        while self.bytes > self.most {
            let Some(oldest) = self.order.pop_front() else { return };
            let gone = self.entries.remove(&oldest).map_or(0, |(_, size)| size);
            self.bytes = self.bytes.saturating_sub(gone);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcoin::hashes::Hash;

    #[test]
    fn the_oldest_go_first_and_the_count_is_right() {
        let hash = |n: u8| BlockHash::from_byte_array([n; 32]);
        let mut kept = Kept::new(25);
        for n in 1..=3 {
            kept.put(hash(n), n, 10);
        }
        assert_eq!([1, 2, 3].map(|n| kept.get(&hash(n)).copied()), [None, Some(2), Some(3)]);
        kept.put(hash(3), 30, 5);
        assert_eq!((kept.bytes, kept.order.len(), kept.get(&hash(3))), (15, 2, Some(&30)));
        kept.put(hash(4), 4, 1000);
        assert_eq!((kept.bytes, kept.entries.len()), (0, 0), "what does not fit is not kept");
    }
}
