//! Data as each released format wrote it still opens. The files are frozen: never regenerate one of a released format.

#![allow(clippy::unwrap_used)]

use amplet_storage::kdf::{KdfParams, derive};
use amplet_storage::{
    Batch, MemoryBackend, SealedStore, SharedBackend, SqliteBackend, Store, StoreError, Write,
};
use futures::executor::block_on;
use std::rc::Rc;

const FORMAT_1: &str = include_str!("../fixtures/format-1.txt");
const FORMAT_1_SQLITE: &[u8] = include_bytes!("../fixtures/format-1.sqlite");

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

async fn check_format_1(backend: SharedBackend) {
    let params = SealedStore::kdf_params(&backend).await.unwrap().unwrap();
    assert_eq!(params, KdfParams::argon2id(64, 2, 2, *b"a salt, 16 bytes").unwrap());
    let wrong = derive("cafe au lait", &params).unwrap();
    let wrong = SealedStore::open(backend.clone(), wrong).await.err().unwrap();
    assert!(matches!(wrong, StoreError::WrongPassphrase));
    // Decomposed here, composed when the fixture was written.
    let kek = derive("cafe\u{301} au lait", &params).unwrap();
    let store = SealedStore::open(backend, kek).await.unwrap();
    assert_eq!(store.list("").await.unwrap(), ["ldk/manager", "wallet/empty", "支払い/⚡"]);
    assert_eq!(store.get("ldk/manager").await.unwrap().unwrap(), (0..=255).collect::<Vec<u8>>());
    assert_eq!(store.get("wallet/empty").await.unwrap().unwrap(), b"");
    assert_eq!(store.get("支払い/⚡").await.unwrap().unwrap(), b"unicode");
    let mut batch = Batch::new();
    batch.put("ldk/manager", b"next".to_vec());
    store.commit(batch).await.unwrap().durable().await.unwrap();
    assert_eq!(store.list("").await.unwrap().len(), 3, "the name was found again, not added");
}

#[test]
fn records_of_format_1() {
    block_on(async {
        let backend: SharedBackend = Rc::new(MemoryBackend::new());
        let epoch = backend.take_over().await.unwrap();
        let records = FORMAT_1.lines().map(|line| {
            let (name, value) = line.split_once(' ').unwrap();
            Write { name: bytes(name), value: Some(bytes(value)) }
        });
        backend.commit(records.collect(), epoch).await.unwrap();
        check_format_1(backend).await;
    });
}

#[test]
fn a_file_of_format_1() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wallet");
    std::fs::write(&path, FORMAT_1_SQLITE).unwrap();
    block_on(check_format_1(Rc::new(SqliteBackend::open(path).unwrap())));
}
