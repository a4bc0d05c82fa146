//! A gateway that is killed in the middle of writes: what was answered is there, and nothing is there by half.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::client::{get, item, put, write};
use super::cluster::Cluster;
use crate::harness::{Gateway, configure, folder};

/// Pairs of keys that are always written together.
const PAIRS: usize = 4;

/// Writes that are answered before the gateway is killed.
const ANSWERED: usize = 12;

/// No test waits longer for them.
const LIMIT: Duration = Duration::from_secs(60);

/// Writes until no answer comes; `versions` has the last version of each pair that was answered.
fn write_until_killed(gateway: &str, versions: &[Mutex<i64>], answered: &AtomicUsize) {
    std::thread::scope(|scope| {
        for (pair, version) in versions.iter().enumerate() {
            scope.spawn(move || {
                let mut version = version.lock().unwrap();
                loop {
                    let value = vec![u8::try_from(pair).unwrap(); 20_000];
                    let keys = [format!("{pair} one"), format!("{pair} two")];
                    let items = keys.map(|key| item(&key, &value, *version)).to_vec();
                    match put(gateway, &write(None, items)) {
                        Some((200, _)) => {
                            *version += 1;
                            answered.fetch_add(1, Ordering::Relaxed);
                        }
                        None => return,
                        Some(other) => panic!("{other:?}"),
                    }
                }
            });
        }
    });
}

fn survive(more: &str) {
    let dir = folder();
    configure(dir.path(), more);
    let versions: Vec<Mutex<i64>> = (0..PAIRS).map(|_| Mutex::new(0)).collect();
    for _ in 0..4 {
        let mut gateway = Gateway::start(dir.path());
        gateway.wait_for_log("wallets can keep backups here");
        let (address, answered) = (gateway.http.clone(), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| write_until_killed(&address, &versions, &answered));
            let end = Instant::now() + LIMIT;
            while answered.load(Ordering::Relaxed) < ANSWERED && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(1));
            }
            gateway.signal("KILL");
            gateway.wait();
        });
        assert!(answered.load(Ordering::Relaxed) >= ANSWERED, "writes are not answered");
        let mut gateway = Gateway::start(dir.path());
        gateway.wait_for_log("wallets can keep backups here");
        for (pair, version) in versions.iter().enumerate() {
            let mut answered = version.lock().unwrap();
            let [one, two] = ["one", "two"].map(|half| get(&gateway.http, 1, &format!("{pair} {half}")).1);
            let [one, two] = [one, two].map(|found| found.map_or(0, |found| found.version));
            assert_eq!(one, two, "half of a write");
            assert!(one == *answered || one == *answered + 1, "{one} where {answered} was answered");
            *answered = one;
        }
        gateway.signal("TERM");
        gateway.wait();
    }
}

#[test]
fn with_sqlite() {
    survive("");
}

#[test]
fn with_postgresql() {
    let cluster = Cluster::start();
    survive(&format!("[backup]\npostgres = \"{}\"\n", cluster.url()));
}
