//! What bitcoind was asked for, by block, within limits.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bitcoin::BlockHash;
use bytes::Bytes;

/// A cache with a limit of entries and of bytes; the oldest go first. What a block's hash stands for never changes.
pub(super) struct Cache {
    max_entries: usize,
    max_bytes: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    entries: HashMap<BlockHash, Bytes>,
    order: VecDeque<BlockHash>,
    bytes: usize,
}

impl Cache {
    pub(super) fn new(max_entries: usize, max_bytes: usize) -> Self {
        Self { max_entries, max_bytes, kept: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The values of all of these, when all are there.
    pub(super) fn all(&self, hashes: &[BlockHash]) -> Option<Vec<Bytes>> {
        let kept = self.kept();
        hashes.iter().map(|hash| kept.entries.get(hash).cloned()).collect()
    }

    /// Those that are not there.
    pub(super) fn missing(&self, hashes: &[BlockHash]) -> Vec<BlockHash> {
        let kept = self.kept();
        hashes.iter().copied().filter(|hash| !kept.entries.contains_key(hash)).collect()
    }

    /// Keeps what was fetched, and gives the values of `hashes` from it and from the cache.
    pub(super) fn store(&self, hashes: &[BlockHash], fetched: HashMap<BlockHash, Bytes>) -> Vec<Bytes> {
        let mut kept = self.kept();
        let value = |hash| fetched.get(hash).or_else(|| kept.entries.get(hash)).cloned();
        let values = hashes.iter().filter_map(value).collect();
        for (hash, bytes) in fetched {
            kept.put(hash, bytes);
        }
        while kept.entries.len() > self.max_entries || kept.bytes > self.max_bytes {
            let Some(oldest) = kept.order.pop_front() else { break };
            kept.remove(&oldest);
        }
        values
    }

    pub(super) fn forget(&self, hashes: &[BlockHash]) {
        let mut kept = self.kept();
        hashes.iter().for_each(|hash| kept.remove(hash));
        let Kept { entries, order, .. } = &mut *kept;
        order.retain(|hash| entries.contains_key(hash));
    }
}

impl Kept {
    fn put(&mut self, hash: BlockHash, value: Bytes) {
        self.bytes = self.bytes.saturating_add(value.len());
        match self.entries.insert(hash, value) {
            Some(old) => self.bytes = self.bytes.saturating_sub(old.len()),
            None => self.order.push_back(hash),
        }
    }

    fn remove(&mut self, hash: &BlockHash) {
        if let Some(old) = self.entries.remove(hash) {
            self.bytes = self.bytes.saturating_sub(old.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcoin::hashes::Hash;

    fn hash(number: u8) -> BlockHash {
        BlockHash::from_byte_array([number; 32])
    }

    fn one(number: u8, size: usize) -> HashMap<BlockHash, Bytes> {
        [(hash(number), Bytes::from(vec![number; size]))].into()
    }

    #[test]
    fn the_oldest_go_when_it_is_full() {
        for (max_entries, max_bytes) in [(2, usize::MAX), (usize::MAX, 20)] {
            let cache = Cache::new(max_entries, max_bytes);
            for number in 1..=3 {
                cache.store(&[], one(number, 10));
            }
            assert_eq!(cache.missing(&[hash(1), hash(2), hash(3)]), [hash(1)]);
            assert_eq!(cache.kept().bytes, 20);
        }
    }

    #[test]
    fn what_does_not_fit_is_given_all_the_same() {
        let cache = Cache::new(9, 5);
        assert_eq!(cache.store(&[hash(1)], one(1, 10)), [Bytes::from(vec![1; 10])]);
        assert_eq!(cache.all(&[hash(1)]), None);
        assert_eq!(cache.kept().bytes, 0);
    }

    #[test]
    fn storing_again_and_forgetting_keep_count() {
        let cache = Cache::new(9, 100);
        cache.store(&[], one(1, 10));
        cache.store(&[], one(1, 30));
        assert_eq!(cache.kept().bytes, 30);
        cache.forget(&[hash(1), hash(2)]);
        let kept = cache.kept();
        assert_eq!((kept.bytes, kept.order.len()), (0, 0));
    }
}
