//! The flows, natively: tokio on one thread, a sealed SQLite file as disk, LDK without `std`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "flows/mod.rs"]
mod flows;

use std::future::Future;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Mutex;

use amplet_storage::{SharedBackend, SqliteBackend};
use amplet_transport::NativePlatform;
use flows::{Disk, RegtestNetwork};

/// The flows mine, kill gateways and replace blocks of one network: one at a time.
static NETWORK: Mutex<()> = Mutex::new(());

fn run<F: Future<Output = ()>>(flow: impl FnOnce(RegtestNetwork, Vec<Disk>) -> F) {
    run_in(|_, network, disks| flow(network, disks));
}

/// With the folder in which the disks are files.
fn run_in<F: Future<Output = ()>>(flow: impl FnOnce(PathBuf, RegtestNetwork, Vec<Disk>) -> F) {
    let _alone = NETWORK.lock().unwrap_or_else(|e| e.into_inner());
    let file = std::env::var("AMPLET_REGTEST_ENV")
        .expect("AMPLET_REGTEST_ENV names the network's description: run `cargo xtask test --only core`");
    let description = std::fs::read_to_string(file).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let network = RegtestNetwork::new(Rc::new(NativePlatform::new().unwrap()), &description);
        let disk = |name: &str| -> Disk {
            let path = folder.path().join(name);
            Rc::new(move || {
                let backend: SharedBackend = Rc::new(SqliteBackend::open(&path).unwrap());
                Box::pin(async move { backend })
            })
        };
        flow(folder.path().to_owned(), network, vec![disk("one"), disk("two")]).await;
    });
}

#[test]
fn the_whole_day() {
    run(|network, mut disks| flows::the_whole_day(network, disks.remove(0)));
}

#[test]
fn reloads() {
    run(|network, mut disks| flows::reloads(network, disks.remove(0)));
}

#[test]
fn bad_input() {
    run(|network, mut disks| flows::bad_input(network, disks.remove(0)));
}

#[test]
fn gateway_restarts() {
    run(|network, mut disks| flows::gateway_restarts(network, disks.remove(0)));
}

#[test]
fn reorganisation() {
    run(|network, mut disks| flows::reorganisation(network, disks.remove(0)));
}

#[test]
fn channel_on_request() {
    run(|network, mut disks| flows::channel_on_request(network, disks.remove(0)));
}

#[test]
fn send_and_restore() {
    run(|network, mut disks| {
        let elsewhere = disks.remove(1);
        flows::send_and_restore(network, disks.remove(0), elsewhere)
    });
}

#[test]
fn wrong_gateways() {
    run(|network, mut disks| flows::wrong_gateways(network, disks.remove(0)));
}

#[test]
fn budgets() {
    run(|network, mut disks| flows::budgets(network, disks.remove(0)));
}

#[test]
fn a_hundred_against_ten() {
    run(|network, mut disks| flows::a_hundred_against_ten(network, disks.remove(0)));
}

#[test]
fn signatures() {
    run(|network, mut disks| flows::signatures(network, disks.remove(0)));
}

#[test]
fn streams() {
    run(|network, mut disks| flows::streams(network, disks.remove(0)));
}

#[test]
fn old_copy() {
    run_in(|folder, network, mut disks| {
        let copied = disks.remove(1);
        let copy = move || {
            std::fs::copy(folder.join("one"), folder.join("two")).unwrap();
        };
        flows::old_copy(network, disks.remove(0), copied, copy)
    });
}
