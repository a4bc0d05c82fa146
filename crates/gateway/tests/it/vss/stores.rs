//! SQLite and PostgreSQL pass the suite that the server in memory passes.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use amplet_gateway::config::BackupSection;
use amplet_gateway::desk::backup::{Backup, BackupStore, Caller, PostgresStore, SqliteStore};
use amplet_vss::conformance::{self, Asker, Subject};
use amplet_vss::messages::{GetObjectRequest, PutObjectRequest, RemoveDeviceRequest};
use amplet_vss::{Message, PUT_OBJECTS, REMOVE_DEVICE, Refusal};
use bitcoin::secp256k1::{Secp256k1, SecretKey};

use tokio::task::JoinHandle;
use tokio::time::timeout;

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

/// A client at [`ADDRESS`] that names no device.
pub fn caller(client: u8) -> Caller {
    Caller { owner: key(client), device: None, address: ADDRESS }
}

/// The public key of the client or device with this number.
pub fn key(client: u8) -> [u8; 33] {
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
    async fn ask(&self, asker: Asker, operation: &str, body: Vec<u8>) -> (u16, Vec<u8>) {
        // A wallet has a few stores, and each case has one: each of them is another wallet's.
        let case = u8::try_from(asker.case.len() % 60).unwrap();
        let device = asker.device.map(key);
        let caller = Caller { device, ..caller(asker.client * 64 + case) };
        match self.backup.answer(caller, operation, &body).await {
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
        tasks.spawn(async move { backup.answer(caller(1), PUT_OBJECTS, &body).await.unwrap() });
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
        async move { backup.answer(caller(1), PUT_OBJECTS, &body).await }
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

/// Reading waits for a change of its store and of no other, and is not refused where it has to be answered at once.
async fn reads_wait(place: Place) {
    // The second gateway has the same database.
    let (backup, other) = (place.open().await, place.open().await);
    let write = async |backup: &Backup, client: u8, version: i64| {
        let body = write(Some(version), vec![item("a", "x", -1)]).encode_to_vec();
        backup.answer(caller(client), PUT_OBJECTS, &body).await.unwrap();
    };
    let wait = |caller: Caller, version: i64, wait_ms: u32| {
        let while_version = Some(version);
        let (store_id, key) = ("s".into(), "a".into());
        let body = GetObjectRequest { store_id, key, while_version, wait_ms }.encode_to_vec();
        let backup = backup.clone();
        tokio::spawn(async move { backup.wait(caller, &body).await })
    };
    let soon =
        async |waiting: JoinHandle<()>| timeout(Duration::from_secs(20), waiting).await.unwrap().unwrap();
    write(&backup, 1, 0).await;
    soon(wait(caller(1), 0, 30_000)).await;
    soon(wait(caller(1), 1, 50)).await;
    let (mine, anothers) = (wait(caller(1), 1, 30_000), wait(caller(2), 0, 30_000));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!mine.is_finished() && !anothers.is_finished());
    write(&backup, 1, 1).await;
    soon(mine).await;
    assert!(!anothers.is_finished());
    // Another gateway on the same database does it, and is not heard but by looking.
    write(&other, 2, 0).await;
    if matches!(place, Place::Database(_)) {
        soon(anothers).await;
    }
    let phone = Caller { device: Some(key(9)), ..caller(1) };
    let waiting = wait(phone, 2, 30_000);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!waiting.is_finished());
    let removal = RemoveDeviceRequest { device: key(9).to_vec() }.encode_to_vec();
    backup.answer(caller(1), REMOVE_DEVICE, &removal).await.unwrap();
    soon(waiting).await;
    soon(wait(phone, 2, 30_000)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_wait_at_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    reads_wait(Place::File(folder.path().join("backup.sqlite"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_wait_at_postgresql() {
    let cluster = Cluster::start();
    reads_wait(Place::Database(cluster.url())).await;
}

/// What a release wrote that knew no devices is there, and devices can be removed from then on.
async fn layout_1_is_taken_over(place: Place, make_earlier: impl AsyncFnOnce()) {
    let body = write(Some(0), vec![item("a", "kept", -1)]).encode_to_vec();
    place.open().await.answer(caller(1), PUT_OBJECTS, &body).await.unwrap();
    make_earlier().await;
    let backup = place.open().await;
    let removal = RemoveDeviceRequest { device: key(9).to_vec() }.encode_to_vec();
    backup.answer(caller(1), REMOVE_DEVICE, &removal).await.unwrap();
    let again = place.open().await;
    let refused = again.answer(Caller { device: Some(key(9)), ..caller(1) }, PUT_OBJECTS, &body).await;
    assert_eq!(refused.unwrap_err(), Refusal::DeviceRemoved);
    assert_eq!(again.count().await.keys, 1);
}

#[tokio::test]
async fn a_file_of_layout_1_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup.sqlite");
    let make_earlier = async || {
        let earlier = rusqlite::Connection::open(&file).unwrap();
        earlier.execute_batch("DROP TABLE removed_device; PRAGMA user_version = 1;").unwrap();
    };
    layout_1_is_taken_over(Place::File(file.clone()), make_earlier).await;
}

/// Runs statements as the database's owner.
async fn execute(cluster: &Cluster, statements: &str) {
    let (client, connection) = tokio_postgres::connect(&cluster.url(), tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    client.batch_execute(statements).await.unwrap();
    drop(client);
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_database_of_layout_1_is_taken_over() {
    let cluster = Cluster::start();
    let earlier = "DROP TABLE amplet_backup.removed_device; UPDATE amplet_backup.layout SET version = 1";
    layout_1_is_taken_over(Place::Database(cluster.url()), async || execute(&cluster, earlier).await).await;
}

/// A database of a newer gateway is left alone, and so is another program's schema of our name.
#[tokio::test]
async fn other_databases_are_refused() {
    let cluster = Cluster::start();
    drop(PostgresStore::open(&cluster.url()).await.unwrap());
    for (statements, what) in [
        ("UPDATE amplet_backup.layout SET version = 3", "newer gateway"),
        ("DELETE FROM amplet_backup.layout", "another program"),
    ] {
        execute(&cluster, statements).await;
        let error = PostgresStore::open(&cluster.url()).await.err().unwrap().to_string();
        assert!(error.contains(what), "{error}");
    }
}

/// A file of another program is left alone, and so is one of a newer gateway.
#[test]
fn other_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let foreign = folder.path().join("foreign");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let newer = folder.path().join("newer");
    drop(SqliteStore::open(&newer).unwrap());
    rusqlite::Connection::open(&newer).unwrap().pragma_update(None, "user_version", 3).unwrap();
    for (file, what) in [(foreign, "another program"), (newer, "newer gateway")] {
        let error = SqliteStore::open(&file).err().unwrap().to_string();
        assert!(error.contains(what) && error.contains("move the file away"), "{error}");
    }
}
