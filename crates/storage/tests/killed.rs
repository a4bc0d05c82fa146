//! A writer that is killed (SIGKILL) at any instant leaves the last commit that it reported, or the one after it, whole.
//!
//! Run as `killed <file>` it is that writer.

#![allow(clippy::unwrap_used)]

use amplet_storage::kdf::{KdfParams, Kek};
use amplet_storage::{Batch, SealedStore, SharedBackend, SqliteBackend, Store};
use futures::executor::block_on;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;

const NAMES: [&str; 4] = ["ldk/manager", "ldk/monitor/1", "ldk/monitor/2", "wallet/payment/1"];

fn main() {
    match std::env::args_os().nth(1) {
        Some(file) if Path::new(&file).exists() => block_on(write_forever(Path::new(&file))),
        _ => block_on(kill_writers()),
    }
}

async fn open(file: &Path) -> SealedStore {
    let backend: SharedBackend = Rc::new(SqliteBackend::open(file).unwrap());
    SealedStore::open(backend, Kek::from_bytes([7; 32])).await.unwrap()
}

async fn generation(store: &SealedStore) -> u64 {
    let mut seen = Vec::new();
    for name in NAMES {
        let value = store.get(name).await.unwrap().unwrap();
        assert_eq!(value.len(), 20_000);
        seen.push(u64::from_be_bytes(*value.first_chunk().unwrap()));
    }
    assert!(seen.iter().all(|number| *number == seen[0]), "half a commit is there: {seen:?}");
    seen[0]
}

fn batch(number: u64) -> Batch {
    let mut value = number.to_be_bytes().to_vec();
    value.resize(20_000, 0);
    let mut batch = Batch::new();
    NAMES.into_iter().for_each(|name| batch.put(name, value.clone()));
    batch
}

async fn write_forever(file: &Path) {
    let store = open(file).await;
    let mut number = generation(&store).await;
    loop {
        number += 1;
        store.commit(batch(number)).await.unwrap().durable().await.unwrap();
        println!("{number}");
        std::io::stdout().flush().unwrap();
    }
}

async fn kill_writers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wallet");
    let backend: SharedBackend = Rc::new(SqliteBackend::open(&file).unwrap());
    let kdf = KdfParams::external_key();
    let store = SealedStore::create(backend, &kdf, Kek::from_bytes([7; 32])).await.unwrap();
    store.commit(batch(0)).await.unwrap().durable().await.unwrap();
    store.close().await;
    for round in 1..=10_usize {
        let program = std::env::current_exe().unwrap();
        let mut writer = Command::new(program).arg(&file).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let reported = lines.nth(round % 7).unwrap().unwrap();
        std::thread::sleep(std::time::Duration::from_micros(u64::try_from(round).unwrap() * 853));
        writer.kill().unwrap();
        writer.wait().unwrap();
        let reported = lines.map_while(Result::ok).last().unwrap_or(reported).parse().unwrap();
        let store = open(&file).await;
        let found = generation(&store).await;
        assert!(found == reported || found == reported + 1, "{reported} was reported, {found} is there");
        store.close().await;
    }
    println!("10 writers killed, every reported commit there and whole");
}
