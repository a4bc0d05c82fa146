//! The channel manager as it is stored: whole, and beside that what each later step has changed of it. It holds all channels, and is
//! written with every step: whole each time, a gateway with two hundred channels would write 750 kB for each of the eight steps of a
//! forward.

use std::sync::{Mutex, MutexGuard};

use amplet_storage::Store;
use lightning::ln::msgs::DecodeError;

use crate::ldk::difference;
use crate::ldk::error::ReadError;
use crate::ldk::staged::{MAX_LEISURE, StagedWrites, Step, names};

/// Bytes below which the manager is written whole: a wallet's is, with a channel or two in which little moves.
const SMALL: usize = 8_192;
/// Bytes of changes that are stored beside the whole one: four times as much as that, or this.
const MIN_WEIGHT: usize = 65_536;
/// Maximum number of changes: each is a record to be read at the start.
const MAX_CHANGES: u64 = 256;

/// Stored form of the manager.
#[derive(Default)]
struct Stored {
    /// The manager as it was staged last; empty: it was not.
    last: Vec<u8>,
    /// Bytes of the whole one.
    whole: usize,
    /// Changes beside it: numbers 1 to this.
    changes: u64,
    /// Bytes of those.
    weight: usize,
}

/// See the head of this file.
#[derive(Default)]
pub(crate) struct StoredManager(Mutex<Stored>);

impl StoredManager {
    fn stored(&self) -> MutexGuard<'_, Stored> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

fn key(number: u64) -> String {
    // Digits enough that names sort as numbers do.
    format!("{}{number:08x}", names::MANAGER_CHANGES)
}

/// Reads the manager and brings it up to its last change; the staged writes go on from there. `None`: there is none yet.
///
/// # Errors
/// The store's; [`ReadError::Corrupt`] when a change is missing or cannot be applied.
pub(crate) async fn load(store: &dyn Store, staged: &StagedWrites) -> Result<Option<Vec<u8>>, ReadError> {
    let Some(mut last) = store.get(names::MANAGER).await? else { return Ok(None) };
    let (whole, mut changes, mut weight) = (last.len(), 0_u64, 0_usize);
    for name in store.list(names::MANAGER_CHANGES).await? {
        changes = changes.saturating_add(1);
        let change = if name == key(changes) { store.get(&name).await? } else { None };
        let applied = change.as_ref().and_then(|change| difference::apply(&last, change));
        let reason = DecodeError::InvalidValue;
        last = applied.ok_or(ReadError::Corrupt { what: format!("channel manager ({name})"), reason })?;
        weight = weight.saturating_add(change.map_or(0, |change| change.len()));
    }
    *staged.manager.stored() = Stored { last: last.clone(), whole, changes, weight };
    Ok(Some(last))
}

impl StagedWrites {
    /// Stages the manager, which something waits for.
    pub(crate) fn put_manager(&self, bytes: Vec<u8>) {
        let mut step = self.step();
        self.manager.stored().stage(&mut step, bytes);
        step.urgent = true;
    }

    /// Stages the manager, of which a restart would reproduce what has changed.
    pub(crate) fn put_manager_at_leisure(&self, bytes: Vec<u8>) {
        let mut step = self.step();
        let mut stored = self.manager.stored();
        if bytes != stored.last {
            stored.stage(&mut step, bytes);
            step.defer(MAX_LEISURE);
        }
    }
}

impl Stored {
    fn stage(&mut self, step: &mut Step, bytes: Vec<u8>) {
        match self.change(&bytes) {
            Some(change) => {
                self.changes = self.changes.saturating_add(1);
                self.weight = self.weight.saturating_add(change.len());
                step.writes.put(key(self.changes), change);
            }
            None => {
                (1..=self.changes).for_each(|number| step.writes.remove(key(number)));
                *self = Self { whole: bytes.len(), ..Self::default() };
                step.writes.put(names::MANAGER, bytes.clone());
            }
        }
        self.last = bytes;
    }

    /// The change to these bytes, unless they are to be written whole. What would not be read as these bytes is not written.
    fn change(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        if self.last.is_empty() || bytes.len() < SMALL || self.changes >= MAX_CHANGES {
            return None;
        }
        let change = difference::between(&self.last, bytes);
        let weight = self.weight.saturating_add(change.len());
        let is_light =
            change.len() < bytes.len() / 2 && weight <= self.whole.saturating_mul(4).max(MIN_WEIGHT);
        let is_exact = || difference::apply(&self.last, &change).is_some_and(|made| made == bytes);
        (is_light && is_exact()).then_some(change)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use amplet_storage::kdf::{KdfParams, Kek};
    use amplet_storage::{MemoryBackend, SealedStore, SharedBackend, Store};
    use futures::executor::block_on;

    use super::*;

    async fn store() -> SealedStore {
        let backend: SharedBackend = std::rc::Rc::new(MemoryBackend::new());
        SealedStore::create(backend, &KdfParams::external_key(), Kek::from_bytes([7; 32])).await.unwrap()
    }

    /// A manager of this size in which few bytes change with each version.
    fn version(size: usize, version: u64) -> Vec<u8> {
        let mut bytes: Vec<u8> =
            (0..size as u64).map(|at| (at.wrapping_mul(0x9e37_79b9) >> 13) as u8).collect();
        bytes.splice(100..100, vec![version as u8; (version % 50) as usize]);
        bytes[size / 2..size / 2 + 8].copy_from_slice(&version.to_be_bytes());
        bytes
    }

    #[test]
    fn every_version_is_read_as_it_was_staged_and_large_ones_are_written_by_their_changes() {
        block_on(async {
            for (size, is_large) in [(5_000, false), (80_000, true)] {
                let (store, mut staged, mut written) = (store().await, StagedWrites::default(), 0);
                for number in 0..600 {
                    let bytes = version(size, number);
                    staged.put_manager(bytes.clone());
                    // Two of them may be in one step.
                    if number % 7 == 0 {
                        continue;
                    }
                    let step = staged.take();
                    written +=
                        step.writes.iter().map(|(_, value)| value.map_or(0, <[u8]>::len)).sum::<usize>();
                    store.commit(step.writes).await.unwrap().durable().await.unwrap();
                    if number % 5 == 0 {
                        staged = StagedWrites::default();
                        assert_eq!(load(&store, &staged).await.unwrap(), Some(bytes));
                    }
                }
                assert_eq!(written < 10 * size, is_large, "{written}");
                let records = store.list("").await.unwrap().len() as u64;
                assert!(records <= 1 + MAX_CHANGES, "{records}");
            }
        });
    }

    #[test]
    fn a_change_that_is_missing_or_damaged_is_named() {
        block_on(async {
            for number in [1, 3] {
                for damage in [None, Some(vec![1; 40])] {
                    let (store, staged) = (store().await, StagedWrites::default());
                    (0..6).for_each(|number| staged.put_manager(version(80_000, number)));
                    let mut writes = staged.take().writes;
                    match damage {
                        Some(bytes) => writes.put(key(number), bytes),
                        None => writes.remove(key(number)),
                    }
                    store.commit(writes).await.unwrap().durable().await.unwrap();
                    let read = load(&store, &StagedWrites::default()).await;
                    assert!(matches!(read, Err(ReadError::Corrupt { .. })));
                }
            }
        });
    }
}
