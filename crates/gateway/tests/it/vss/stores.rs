//! SQLite and PostgreSQL pass the suite that the server in memory passes.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use amplet_gateway::config::BackupSection;
use amplet_gateway::desk::backup::{Backup, BackupStore, PostgresStore, SqliteStore};
use amplet_vss::conformance::{self, Subject};
use amplet_vss::messages::PutObjectRequest;
use amplet_vss::{Message, PUT_OBJECTS, Refusal};
use bitcoin::secp256k1::{Secp256k1, SecretKey};

use super::client::{item, write};
use super::cluster::Cluster;

/// An address of a client.
pub const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// What the configuration has by default, but for clients: a suite begins many stores.
pub fn section() -> BackupSection {
    BackupSection {
        enabled: true,
        postgres: None,
        max_mib_per_wallet: 64,
        max_keys_per_wallet: 50_000,
        max_total_mib: 4_096,
        max_new_per_day_per_address: 1_000,
    }
}

/// The key of the client with this number.
pub fn owner(client: u8) -> [u8; 33] {
    SecretKey::from_slice(&[client; 32]).unwrap().public_key(&Secp256k1::new()).serialize()
}

/// Where a subject stores.
enum Place {
    File(PathBuf),
    Database(String),
}

impl Place {
    async fn open(&self) -> Backup {
        let store: Box<dyn BackupStore> = match self {
            Self::File(file) => Box::new(SqliteStore::open(file).unwrap()),
            Self::Database(url) => Box::new(PostgresStore::open(url).await.unwrap()),
        };
        let backup = Backup::new(section());
        backup.set_store(store);
        backup
    }
}

struct Service {
    place: Place,
    backup: Backup,
}

impl Subject for Service {
    async fn ask(&self, client: u8, operation: &str, body: Vec<u8>) -> (u16, Vec<u8>) {
        // A wallet has a few stores, and each case has one: each of them is another wallet's.
        let case = body.get(1).copied().unwrap_or_default() % 60;
        match self.backup.answer(owner(client * 64 + case), ADDRESS, operation, &body).await {
            Ok(body) => (200, body),
            Err(refusal) => (refusal.status(), refusal.body()),
        }
    }

    async fn restart(&mut self) {
        self.backup = self.place.open().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_passes_the_suite() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::File(folder.path().join("backup.sqlite"));
    let backup = place.open().await;
    conformance::run(&mut Service { place, backup }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_passes_the_suite() {
    let cluster = Cluster::start();
    let place = Place::Database(cluster.url());
    let backup = place.open().await;
    conformance::run(&mut Service { place, backup }).await;
}

/// Many at once: each sequence is given once, and the sums are right.
async fn at_once(backup: Backup) {
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..40 {
        let backup = backup.clone();
        let request = write(None, vec![item(&format!("k{number}"), [7; 100], 0), item("shared", "x", -1)]);
        let body = request.encode_to_vec();
        tasks.spawn(async move { backup.answer(owner(1), ADDRESS, PUT_OBJECTS, &body).await.unwrap() });
    }
    let answers = tasks.join_all().await;
    let read = |body: Vec<u8>| amplet_vss::messages::PutObjectResponse::decode(body.as_slice()).unwrap();
    let mut sequences: Vec<i64> = answers.into_iter().map(|body| read(body).sequence.unwrap()).collect();
    sequences.sort_unstable();
    assert_eq!(sequences, (1..=40).collect::<Vec<_>>());
    let usage = backup.count().await;
    let bytes: u64 = (0..40).map(|number| format!("k{number}").len() as u64 + 100 + 64).sum();
    assert_eq!((usage.stores, usage.keys, usage.bytes), (1, 41, bytes + 6 + 1 + 64));
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_takes_many_writes_at_once() {
    let folder = tempfile::tempdir().unwrap();
    at_once(Place::File(folder.path().join("backup.sqlite")).open().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_takes_many_writes_at_once() {
    let cluster = Cluster::start();
    at_once(Place::Database(cluster.url()).open().await).await;
}

/// A client that sends its next write before the last was answered: they overtake each other, and each is done in its turn.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_waits_for_those_before_it_if_it_is_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let backup = Place::File(folder.path().join("backup.sqlite")).open().await;
    let ask = |global_version: i64, wait_ms: u32| {
        let items = vec![item("a", global_version.to_string(), global_version)];
        let body = PutObjectRequest { wait_ms, ..write(Some(global_version), items) }.encode_to_vec();
        let backup = backup.clone();
        async move { backup.answer(owner(1), ADDRESS, PUT_OBJECTS, &body).await }
    };
    let conflict =
        |result: Result<_, Refusal>| matches!(result, Err(Refusal::Conflict { global_version: 0, .. }));
    assert!(conflict(ask(2, 0).await), "nobody asked it to wait");
    assert!(conflict(ask(1, 10).await), "what comes before does not come");
    assert!(conflict(ask(1_000, 5_000).await), "nobody is so far ahead");
    let later: Vec<_> = [3, 2, 1].into_iter().map(|version| tokio::spawn(ask(version, 5_000))).collect();
    tokio::time::sleep(Duration::from_millis(20)).await;
    ask(0, 5_000).await.unwrap();
    for task in later {
        task.await.unwrap().unwrap();
    }
    assert!(ask(0, 0).await.is_err() && ask(4, 0).await.is_ok());
}

/// A file of another program is left alone, and so is one of a newer gateway.
#[test]
fn other_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let foreign = folder.path().join("foreign");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let newer = folder.path().join("newer");
    drop(SqliteStore::open(&newer).unwrap());
    rusqlite::Connection::open(&newer).unwrap().pragma_update(None, "user_version", 2).unwrap();
    for (file, what) in [(foreign, "another program"), (newer, "newer gateway")] {
        let error = SqliteStore::open(&file).err().unwrap().to_string();
        assert!(error.contains(what) && error.contains("move the file away"), "{error}");
    }
}
