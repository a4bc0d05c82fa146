//! Waiting times of users: `cargo bench -p amplet-storage`. Figures to read, no pass or fail.

use amplet_storage::kdf::{KdfParams, Kek, derive};
use amplet_storage::{Batch, MemoryBackend, SealedStore, SharedBackend, SqliteBackend, Store, StoreError};
use futures::executor::block_on;
use std::rc::Rc;
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let params = KdfParams::generate()?;
    report("derive a key: Argon2id as for a new wallet", 10, || Ok(derive("a passphrase", &params)?))?;
    let folder = tempfile::tempdir()?;
    let file: SharedBackend = Rc::new(SqliteBackend::open(folder.path().join("wallet"))?);
    for (name, backend) in [("memory", Rc::new(MemoryBackend::new()) as SharedBackend), ("SQLite", file)] {
        let store =
            block_on(SealedStore::create(backend, &KdfParams::external_key(), Kek::from_bytes([1; 32])))?;
        report(&format!("{name}: commit 4 x 20 kB, sealed"), 200, || Ok(block_on(commit(&store, step()))?))?;
        report(&format!("{name}: read 20 kB, sealed"), 200, || Ok(block_on(store.get("record/0"))?))?;
        let mut many = Batch::new();
        (0..10_000).for_each(|number| many.put(format!("many/{number:05}"), vec![1]));
        block_on(commit(&store, many))?;
        report(&format!("{name}: list 10,000 names, sealed"), 20, || Ok(block_on(store.list("many/"))?))?;
    }
    Ok(())
}

async fn commit(store: &SealedStore, batch: Batch) -> Result<(), StoreError> {
    store.commit(batch).await?.durable().await
}

/// Roughly the writes of a step of a payment.
fn step() -> Batch {
    let mut batch = Batch::new();
    (0..4_u8).for_each(|number| batch.put(format!("record/{number}"), vec![number; 20_000]));
    batch
}

/// Prints the median and the maximum of some runs.
fn report<T>(what: &str, runs: usize, mut run: impl FnMut() -> Outcome<T>) -> Outcome<()> {
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..runs {
        let start = Instant::now();
        run()?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    if let (Some(median), Some(maximum)) = (times.get(runs / 2), times.last()) {
        println!("{what}: median {median:.2?}, maximum {maximum:.2?} of {runs}");
    }
    Ok(())
}
