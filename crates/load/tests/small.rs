//! The benchmark itself, small and with unoptimised programs. No bound of time or memory decides here.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;

use serde_json::Value;
use xtask::bench::load::{Options, Programs, Report, measure};

/// The programs of the network that tests run in, and the one that loads.
fn programs() -> Programs {
    let file = std::env::var("AMPLET_REGTEST_ENV")
        .expect("AMPLET_REGTEST_ENV names the network's description: run `cargo xtask test --only native`");
    let network: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let program = |name: &str| PathBuf::from(network[name].as_str().unwrap());
    let load = PathBuf::from(env!("CARGO_BIN_EXE_amplet-load"));
    Programs { bitcoind: program("bitcoindBinary"), gateway: program("gatewayBinary"), load }
}

fn measured(soak_seconds: u64) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let options =
        Options { wallets: 3, idle: 12, hostile: 20, seconds: 3, pause_ms: 300, ..Options::default() };
    measure(&programs(), folder.path(), &options, soak_seconds).unwrap()
}

/// All payments ended the same on both sides, and no millisatoshi is missing.
fn nothing_is_lost(report: &Report) {
    let audit = report.audit.as_ref().unwrap();
    let number = |name: &str| audit.numbers[name].as_i64().unwrap();
    assert_eq!(audit.differing, Vec::<String>::new());
    assert!(number("succeeded") > 0 && number("feesMsat") > 0, "{}", audit.numbers);
    assert_eq!((number("missingMsat"), number("earnedMsat")), (0, number("feesMsat")));
    assert!(number("writtenBytes") > 0 && report.written().unwrap() > 0.0);
}

#[test]
fn phases_are_measured() {
    let report = measured(0);
    nothing_is_lost(&report);
    let names: Vec<&str> = report.phases.iter().map(|phase| &*phase.name).collect();
    assert_eq!(names, ["wallets alone", "with idle WebSockets", "and under attack"]);
    let (_, idle) = report.idle.unwrap();
    assert!(idle > 0.0, "none was open");
    let attacked = report.phases.last().unwrap();
    assert!(attacked.numbers["hostile"].as_f64().unwrap() > 0.0, "{}", attacked.numbers);
}

#[test]
fn a_soak_is_measured() {
    let report = measured(6);
    nothing_is_lost(&report);
    assert!(report.soak.len() > 1 && report.soak.iter().all(|(_, bytes)| *bytes > 0.0), "{:?}", report.soak);
}
