//! Data as each released format wrote it still opens. The files are frozen: never regenerate one of a released format.

#![allow(clippy::unwrap_used)]

use amplet_storage::kdf::{KdfParams, Kek, derive};
use amplet_storage::{
    Batch, KeySource, MemoryBackend, SealedStore, SharedBackend, SqliteBackend, Store, StoreError, Write,
};
use futures::executor::block_on;
use std::rc::Rc;

const FORMAT_1: &str = include_str!("../fixtures/format-1.txt");
const FORMAT_1_SQLITE: &[u8] = include_bytes!("../fixtures/format-1.sqlite");
const FORMAT_2: &str = include_str!("../fixtures/format-2.txt");
const FORMAT_2_SQLITE: &[u8] = include_bytes!("../fixtures/format-2.sqlite");

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn params() -> KdfParams {
    KdfParams::argon2id(64, 2, 2, *b"a salt, 16 bytes").unwrap()
}

/// The passkey of the fixtures from format 2 on.
fn passkey() -> (KeySource, Kek) {
    (KeySource::Passkey(b"the page's own words".to_vec()), Kek::from_bytes([42; 32]))
}

/// Decomposed here, composed when the fixtures were written.
fn passphrase() -> Kek {
    derive("cafe\u{301} au lait", &params()).unwrap()
}

async fn check(backend: SharedBackend, sources: &[KeySource], kek: Kek) {
    assert_eq!(SealedStore::key_sources(&backend).await.unwrap().unwrap(), sources);
    let wrong = derive("cafe au lait", &params()).unwrap();
    let wrong = SealedStore::open(backend.clone(), wrong).await.err().unwrap();
    assert!(matches!(wrong, StoreError::WrongPassphrase));
    let store = SealedStore::open(backend, kek).await.unwrap();
    assert_eq!(store.list("").await.unwrap(), ["ldk/manager", "wallet/empty", "支払い/⚡"]);
    assert_eq!(store.get("wallet/empty").await.unwrap().unwrap(), b"");
    assert_eq!(store.get("支払い/⚡").await.unwrap().unwrap(), b"unicode");
    let manager = store.get("ldk/manager").await.unwrap().unwrap();
    assert!(manager == (0..=255).collect::<Vec<u8>>() || manager == b"next");
    let mut batch = Batch::new();
    batch.put("ldk/manager", b"next".to_vec());
    store.commit(batch).await.unwrap().durable().await.unwrap();
    assert_eq!(store.list("").await.unwrap().len(), 3, "the name was found again, not added");
}

/// Opens what format 1 wrote, and changes what opens it: from then on it has the present format.
async fn check_format_1(backend: SharedBackend) {
    let header = backend.read(b"header").await.unwrap().unwrap();
    check(backend.clone(), &[(&params()).into()], passphrase()).await;
    let unchanged = backend.read(b"header").await.unwrap().unwrap();
    assert_eq!(unchanged, header, "opening and writing leave the header as it was");
    let store = SealedStore::open(backend.clone(), passphrase()).await.unwrap();
    let (source, kek) = passkey();
    store.put_key(source.clone(), kek.clone()).await.unwrap();
    let sources = [(&params()).into(), source];
    for kek in [passphrase(), kek] {
        check(backend.clone(), &sources, kek).await;
    }
}

async fn check_format_2(backend: SharedBackend) {
    let (source, kek) = passkey();
    let sources = [(&params()).into(), source];
    for kek in [passphrase(), kek] {
        check(backend.clone(), &sources, kek).await;
    }
}

/// The records of a fixture, in memory.
async fn records(fixture: &str) -> SharedBackend {
    records_on(fixture, MemoryBackend::new()).await
}

async fn records_on(fixture: &str, disk: MemoryBackend) -> SharedBackend {
    let backend: SharedBackend = Rc::new(disk);
    let epoch = backend.take_over().await.unwrap();
    let records = fixture.lines().map(|line| {
        let (name, value) = line.split_once(' ').unwrap();
        Write { name: bytes(name), value: Some(bytes(value)) }
    });
    backend.commit(records.collect(), epoch).await.unwrap();
    backend
}

/// The file of a fixture, in a folder of its own.
fn file(fixture: &[u8]) -> (tempfile::TempDir, SharedBackend) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wallet");
    std::fs::write(&path, fixture).unwrap();
    (folder, Rc::new(SqliteBackend::open(path).unwrap()))
}

#[test]
fn records_of_format_1() {
    block_on(async { check_format_1(records(FORMAT_1).await).await });
}

/// The disk refuses the new header: what was there opens as before, and is upgraded once there is room.
#[test]
fn an_upgrade_that_is_interrupted_changes_nothing() {
    let disk = MemoryBackend::new();
    block_on(async {
        let backend = records_on(FORMAT_1, disk.clone()).await;
        let header = backend.read(b"header").await.unwrap().unwrap();
        let store = SealedStore::open(backend.clone(), passphrase()).await.unwrap();
        let (source, kek) = passkey();
        disk.set_quota(Some(1));
        store.put_key(source, kek).await.unwrap_err();
        disk.set_quota(None);
        assert_eq!(backend.read(b"header").await.unwrap().unwrap(), header);
        check_format_1(backend).await;
    });
}

#[test]
fn a_file_of_format_1() {
    let (_folder, backend) = file(FORMAT_1_SQLITE);
    block_on(check_format_1(backend));
}

#[test]
fn records_of_format_2() {
    block_on(async { check_format_2(records(FORMAT_2).await).await });
}

#[test]
fn a_file_of_format_2() {
    let (_folder, backend) = file(FORMAT_2_SQLITE);
    block_on(check_format_2(backend));
}
