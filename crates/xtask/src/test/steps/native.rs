//! Native tests: the core crates, the gateway, the router under random input.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, anyhow};

use super::{Counts, Failure, StepSpec, in_network, packages, suite};
use crate::cache::Cache;
use crate::regtest::session::Options;
use crate::tools::{self, Tool, cargo_command};
use crate::ui::Step;
use crate::{proc, target_dir};

/// Crates that a browser runs too: tested without LDK's `std`, so never together with the gateway, whose
/// features cargo would unify with theirs.
pub(super) const CORE: [&str; 8] = [
    "amplet-protocol",
    "amplet-budget",
    "amplet-router",
    "amplet-chain",
    "amplet-storage",
    "amplet-transport",
    "amplet-node",
    "amplet-wallet",
];
/// The gateway switches on `std` in node and wallet, which are tested again that way.
const NATIVE: [&str; 4] = ["amplet-gateway", "amplet-node", "amplet-wallet", "xtask"];

/// Native tests; those that need a network find one, with the gateway program, through the environment.
fn cargo_test(cache: &Cache, spec: &StepSpec, names: &[&str]) -> Result<Counts, Failure> {
    tools::ensure(cache, &[Tool::Bitcoind])?;
    let mut cargo = cargo_command();
    cargo.args(["test", "--locked", "--no-fail-fast"]);
    packages(&mut cargo, names);
    in_network(cache, Options::default(), |session| {
        session.tell(&mut cargo);
        suite(cache, spec, "", cargo)
    })
}

pub(super) fn core(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    cargo_test(cache, spec, &CORE)
}

/// Targets of `crates/router/examples/fuzz`, and how long each runs.
const FUZZ_TARGETS: [&str; 3] = ["loader", "solver", "protocol"];
const FUZZ_SECONDS: &str = "60";

/// All targets at once, from seeds that no run had before; a target that fails prints its seed.
pub(super) fn fuzz(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    let step = Step::begin("fuzz (build)", Duration::from_secs(40));
    let mut cargo = cargo_command();
    cargo.args(["build", "--locked", "--profile", "fuzz", "--package", "amplet-router", "--example", "fuzz"]);
    proc::run(cargo, &step, &cache.log("test-fuzz-build"), spec.limit)?;
    step.done();
    let program = target_dir().join("fuzz/examples/fuzz");
    let one = |target: &'static str| -> Result<()> {
        let step = Step::begin(&format!("fuzz {target}"), Duration::from_secs(62));
        let mut command = Command::new(&program);
        command.args([target, FUZZ_SECONDS]);
        proc::run(command, &step, &cache.log(&format!("test-fuzz-{target}")), spec.limit)?;
        step.done();
        Ok(())
    };
    let results: Vec<Result<()>> = std::thread::scope(|scope| {
        let started = FUZZ_TARGETS.map(|target| scope.spawn(|| one(target)));
        let ended = started.into_iter().map(|thread| thread.join());
        ended.map(|result| result.unwrap_or_else(|_| Err(anyhow!("a thread died")))).collect()
    });
    let (passed, failed): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let counts = Counts { passed: passed.len() as u64, failed: failed.len() as u64, skipped: 0 };
    let reasons: Vec<String> = failed.into_iter().filter_map(Result::err).map(|e| format!("{e:#}")).collect();
    if reasons.is_empty() { Ok(counts) } else { Err(Failure { counts, error: anyhow!(reasons.join("\n")) }) }
}

pub(super) fn native(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    cargo_test(cache, spec, &NATIVE)
}
