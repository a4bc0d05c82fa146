//! A cache of answers of bitcoind, by block, within limits.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bitcoin::BlockHash;
use bytes::Bytes;

/// A cache with a limit of entries and of bytes; the oldest go first. What a block's hash stands for never changes.
pub(super) struct Cache {
    max_entries: usize,
    max_bytes: usize,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    by_hash: HashMap<BlockHash, Bytes>,
    order: VecDeque<BlockHash>,
    bytes: usize,
}

impl Cache {
    pub(super) fn new(max_entries: usize, max_bytes: usize) -> Self {
        Self { max_entries, max_bytes, entries: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The values of all of these, when all are there.
    pub(super) fn all(&self, hashes: &[BlockHash]) -> Option<Vec<Bytes>> {
        let entries = self.lock();
        hashes.iter().map(|hash| entries.by_hash.get(hash).cloned()).collect()
    }

    /// Those that are not there.
    pub(super) fn missing(&self, hashes: &[BlockHash]) -> Vec<BlockHash> {
        let entries = self.lock();
        hashes.iter().copied().filter(|hash| !entries.by_hash.contains_key(hash)).collect()
    }

    /// Keeps what was fetched, and gives the values of `hashes` from it and from the cache.
    pub(super) fn store(&self, hashes: &[BlockHash], fetched: HashMap<BlockHash, Bytes>) -> Vec<Bytes> {
        let mut entries = self.lock();
        let value = |hash| fetched.get(hash).or_else(|| entries.by_hash.get(hash)).cloned();
        let values = hashes.iter().filter_map(value).collect();
        for (hash, bytes) in fetched {
            entries.put(hash, bytes);
        }
        while entries.by_hash.len() > self.max_entries || entries.bytes > self.max_bytes {
            let Some(oldest) = entries.order.pop_front() else { break };
            entries.remove(&oldest);
        }
        values
    }

    pub(super) fn forget(&self, hashes: &[BlockHash]) {
        let mut entries = self.lock();
        hashes.iter().for_each(|hash| entries.remove(hash));
        let Entries { by_hash, order, .. } = &mut *entries;
        order.retain(|hash| by_hash.contains_key(hash));
    }
}

impl Entries {
    fn put(&mut self, hash: BlockHash, value: Bytes) {
        self.bytes = self.bytes.saturating_add(value.len());
        match self.by_hash.insert(hash, value) {
            Some(old) => self.bytes = self.bytes.saturating_sub(old.len()),
            None => self.order.push_back(hash),
        }
    }

    fn remove(&mut self, hash: &BlockHash) {
        if let Some(old) = self.by_hash.remove(hash) {
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
            assert_eq!(cache.lock().bytes, 20);
        }
    }

    #[test]
    fn what_does_not_fit_is_given_all_the_same() {
        let cache = Cache::new(9, 5);
        assert_eq!(cache.store(&[hash(1)], one(1, 10)), [Bytes::from(vec![1; 10])]);
        assert_eq!(cache.all(&[hash(1)]), None);
        assert_eq!(cache.lock().bytes, 0);
    }

    #[test]
    fn storing_again_and_forgetting_keep_count() {
        let cache = Cache::new(9, 100);
        cache.store(&[], one(1, 10));
        cache.store(&[], one(1, 30));
        assert_eq!(cache.lock().bytes, 30);
        cache.forget(&[hash(1), hash(2)]);
        let entries = cache.lock();
        assert_eq!((entries.bytes, entries.order.len()), (0, 0));
    }
}
