//! Sealed records, damaged: `cargo run -p amplet-storage --example fuzz_storage -- sealed SECONDS [SEED]`. Whatever a backend gives
//! back, a value is what was stored under its name, or an error.

use std::collections::BTreeMap;
use std::rc::Rc;

use amplet_fuzz::{Dice, damage, run};
use amplet_storage::kdf::{KdfParams, Kek};
use amplet_storage::{Batch, MemoryBackend, SealedStore, SharedBackend, Store, StoreError, Write};
use futures::executor::block_on;

const KEY: [u8; 32] = [7; 32];

fn main() {
    run(&[("sealed", |seed| block_on(sealed(&mut Dice(seed))))]);
}

/// All values that a name had.
type Values = BTreeMap<String, Vec<Vec<u8>>>;

async fn made(dice: &mut Dice, backend: &SharedBackend) -> Result<Values, StoreError> {
    let params = KdfParams::external_key();
    let store = SealedStore::create(backend.clone(), &params, Kek::from_bytes(KEY)).await?;
    let mut values = Values::new();
    for _ in 0..=dice.below(3) {
        let mut batch = Batch::new();
        for _ in 0..=dice.below(3) {
            let name = format!("room/{}", dice.below(5));
            let value = vec![u8::try_from(dice.below(256)).unwrap_or_default(); dice.below(40)];
            batch.put(name.clone(), value.clone());
            values.entry(name).or_default().push(value);
        }
        store.commit(batch).await?.durable().await?;
    }
    Ok(values)
}

/// Damages records, exchanges them, or takes them away, as a disk or a stranger may.
async fn spoil(dice: &mut Dice, backend: &SharedBackend) -> Result<(), StoreError> {
    let names = backend.names().await?;
    let epoch = backend.take_over().await?;
    for _ in 0..dice.below(4) {
        let (Some(name), Some(other)) = (dice.pick(&names).cloned(), dice.pick(&names).cloned()) else {
            break;
        };
        let other_value = backend.read(&other).await?.unwrap_or_default();
        let mut value = backend.read(&name).await?.unwrap_or_default();
        let value = match dice.below(4) {
            0 => None,
            1 => Some(other_value),
            _ => {
                damage(dice, &mut value, &other_value);
                Some(value)
            }
        };
        let mut name = name;
        if dice.below(6) == 0 {
            damage(dice, &mut name, &other);
        }
        backend.commit(vec![Write { name, value }], epoch).await?;
    }
    Ok(())
}

async fn sealed(dice: &mut Dice) {
    let backend: SharedBackend = Rc::new(MemoryBackend::new());
    let values = made(dice, &backend).await.unwrap_or_else(|error| panic!("{error}"));
    spoil(dice, &backend).await.unwrap_or_else(|error| panic!("{error}"));
    let _ = SealedStore::key_sources(&backend).await;
    let Ok(store) = SealedStore::open(backend, Kek::from_bytes(KEY)).await else { return };
    if let Ok(names) = store.list("").await {
        assert!(names.iter().all(|name| values.contains_key(name)), "a name that was never stored");
    }
    for (name, had) in &values {
        if let Ok(Some(found)) = store.get(name).await {
            assert_eq!(had.last(), Some(&found), "another value than was stored last as {name}");
        }
    }
}
