//! A cache of blocks and filters that are read again soon: at start the same ones by the manager, each monitor, the sweeper and
//! the on-chain wallet; at the tip those that were fetched to learn their headers.

use std::collections::{HashMap, VecDeque};

use bitcoin::{Block, BlockHash};

/// Maximum bytes of cached blocks.
const MAX_BLOCK_BYTES: usize = 16 << 20;
/// Maximum bytes of cached filters: a week of mainnet.
const MAX_FILTER_BYTES: usize = 32 << 20;

/// Checked blocks and filters, by block; the oldest are evicted first.
pub(crate) struct Cache {
    blocks: BoundedCache<Block>,
    filters: BoundedCache<Vec<u8>>,
}

struct BoundedCache<T> {
    max_bytes: usize,
    bytes: usize,
    entries: HashMap<BlockHash, (T, usize)>,
    order: VecDeque<BlockHash>,
}

impl Default for Cache {
    fn default() -> Self {
        Self { blocks: BoundedCache::new(MAX_BLOCK_BYTES), filters: BoundedCache::new(MAX_FILTER_BYTES) }
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

impl<T> BoundedCache<T> {
    fn new(max_bytes: usize) -> Self {
        Self { max_bytes, bytes: 0, entries: HashMap::new(), order: VecDeque::new() }
    }

    fn get(&self, hash: &BlockHash) -> Option<&T> {
        self.entries.get(hash).map(|(value, _)| value)
    }

    fn put(&mut self, hash: BlockHash, value: T, size: usize) {
        self.bytes = self.bytes.saturating_add(size);
        match self.entries.insert(hash, (value, size)) {
            // Replaced in place: it keeps its age in `order`.
            Some((_, old)) => self.bytes = self.bytes.saturating_sub(old),
            None => self.order.push_back(hash),
        }
        while self.bytes > self.max_bytes {
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
        let mut cache = BoundedCache::new(25);
        for n in 1..=3 {
            cache.put(hash(n), n, 10);
        }
        assert_eq!([1, 2, 3].map(|n| cache.get(&hash(n)).copied()), [None, Some(2), Some(3)]);
        cache.put(hash(3), 30, 5);
        assert_eq!((cache.bytes, cache.order.len(), cache.get(&hash(3))), (15, 2, Some(&30)));
        cache.put(hash(4), 4, 1000);
        assert_eq!((cache.bytes, cache.entries.len()), (0, 0), "what does not fit is not cached");
    }
}
