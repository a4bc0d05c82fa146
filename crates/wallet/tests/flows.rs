//! The flows, natively: tokio on one thread, a sealed SQLite file as disk, LDK without `std`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "flows/mod.rs"]
mod flows;

use std::future::Future;
use std::rc::Rc;
use std::sync::Mutex;

use amplet_storage::{SharedBackend, SqliteBackend};
use amplet_transport::NativePlatform;
use flows::{Disk, World};

/// The flows mine, kill gateways and replace blocks of one network: one at a time.
static NETWORK: Mutex<()> = Mutex::new(());

fn run<F: Future<Output = ()>>(flow: impl FnOnce(World, Vec<Disk>) -> F) {
    let _alone = NETWORK.lock().unwrap_or_else(|e| e.into_inner());
    let file = std::env::var("AMPLET_REGTEST_ENV")
        .expect("AMPLET_REGTEST_ENV names the network's description: run `cargo xtask test --only core`");
    let description = std::fs::read_to_string(file).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let world = World::new(Rc::new(NativePlatform::new().unwrap()), &description);
        let disk = |name: &str| -> Disk {
            let path = folder.path().join(name);
            Rc::new(move || {
                let backend: SharedBackend = Rc::new(SqliteBackend::open(&path).unwrap());
                Box::pin(async move { backend })
            })
        };
        flow(world, vec![disk("one"), disk("two")]).await;
    });
}

#[test]
fn the_whole_day() {
    run(|world, mut disks| flows::the_whole_day(world, disks.remove(0)));
}

#[test]
fn reloads() {
    run(|world, mut disks| flows::reloads(world, disks.remove(0)));
}

#[test]
fn bad_input() {
    run(|world, mut disks| flows::bad_input(world, disks.remove(0)));
}

#[test]
fn gateway_restarts() {
    run(|world, mut disks| flows::gateway_restarts(world, disks.remove(0)));
}

#[test]
fn reorganisation() {
    run(|world, mut disks| flows::reorganisation(world, disks.remove(0)));
}

#[test]
fn channel_on_request() {
    run(|world, mut disks| flows::channel_on_request(world, disks.remove(0)));
}

#[test]
fn send_and_restore() {
    run(|world, mut disks| {
        let elsewhere = disks.remove(1);
        flows::send_and_restore(world, disks.remove(0), elsewhere)
    });
}

#[test]
fn wrong_gateways() {
    run(|world, mut disks| flows::wrong_gateways(world, disks.remove(0)));
}

#[test]
fn budgets() {
    run(|world, mut disks| flows::budgets(world, disks.remove(0)));
}

#[test]
fn a_hundred_against_ten() {
    run(|world, mut disks| flows::a_hundred_against_ten(world, disks.remove(0)));
}

#[test]
fn signatures() {
    run(|world, mut disks| flows::signatures(world, disks.remove(0)));
}

#[test]
fn streams() {
    run(|world, mut disks| flows::streams(world, disks.remove(0)));
}
