//! Native tests: the core crates, the gateway, parsers under random input.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};

use super::{Counts, Failure, StepSpec, in_network, packages, programs, suite, sum};
use crate::cache::Cache;
use crate::regtest::session::Options;
use crate::tools::{self, Tool, cargo_command};
use crate::ui::Step;
use crate::{build, proc, target_dir};

/// Crates that a browser runs too: tested without LDK's `std`, so never together with the gateway, whose
/// features cargo would unify with theirs.
pub(super) const CORE: [&str; 10] = [
    "amplet-protocol",
    "amplet-instructions",
    "amplet-amp",
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

/// Compiles the core crates' tests, and the gateway that their network is made of.
pub(super) fn build_core(cache: &Cache, spec: &StepSpec) -> Result<()> {
    tools::ensure(cache, &[Tool::Bitcoind])?;
    build::gateway(cache, false)?;
    programs::compile(spec, &CORE)
}

pub(super) fn core(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    in_network(cache, Options::default(), |session| programs::run(cache, spec, session))
}

pub(super) fn build_native(cache: &Cache, spec: &StepSpec) -> Result<()> {
    tools::ensure(cache, &[Tool::Bitcoind])?;
    build::gateway(cache, false)?;
    programs::compile(spec, &NATIVE)
}

pub(super) fn native(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    in_network(cache, Options::default(), |session| programs::run(cache, spec, session))
}

/// Examples in documentation; what nobody depends on has its own features, see [`CORE`].
pub(super) fn doc(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    let parts = [("core", &CORE[..]), ("native", &NATIVE)];
    sum(parts.into_iter().map(|(part, names)| {
        let mut cargo = cargo_command();
        cargo.args(["test", "--doc", "--locked", "--no-fail-fast"]);
        packages(&mut cargo, names);
        suite(cache, spec, part, cargo)
    }))
}

/// Crates with an example `fuzz_<crate>`, which names its targets when it is run without arguments.
const FUZZED: [&str; 3] = ["router", "instructions", "amp"];
/// How long each target runs, in seconds, unless [`FUZZ_SECONDS_VARIABLE`] says otherwise.
const FUZZ_SECONDS: u64 = 20;
const FUZZ_SECONDS_VARIABLE: &str = "AMPLET_FUZZ_SECONDS";

/// A target of a crate's fuzz example.
struct FuzzTarget {
    program: PathBuf,
    name: String,
}

fn fuzz_seconds() -> Result<u64> {
    match std::env::var(FUZZ_SECONDS_VARIABLE) {
        Ok(seconds) => {
            seconds.parse().with_context(|| format!("{FUZZ_SECONDS_VARIABLE}={seconds} is no number"))
        }
        Err(_) => Ok(FUZZ_SECONDS),
    }
}

fn fuzz_targets() -> Result<Vec<FuzzTarget>> {
    let mut targets = Vec::new();
    for name in FUZZED {
        let program = target_dir().join(format!("fuzz/examples/fuzz_{name}"));
        let names = proc::output(&mut Command::new(&program))?;
        targets
            .extend(names.lines().map(|name| FuzzTarget { program: program.clone(), name: name.to_owned() }));
    }
    Ok(targets)
}

pub(super) fn build_fuzz(cache: &Cache, spec: &StepSpec) -> Result<()> {
    let step = Step::begin("fuzz (build)", Duration::from_secs(60));
    let mut cargo = cargo_command();
    cargo.args(["build", "--locked", "--profile", "fuzz"]);
    for name in FUZZED {
        cargo.args(["--package", &format!("amplet-{name}"), "--example", &format!("fuzz_{name}")]);
    }
    proc::run(cargo, &step, &cache.log("test-fuzz-build"), spec.limit)?;
    step.done();
    Ok(())
}

/// All targets at once, from seeds that no run had before; a target that fails prints its seed.
pub(super) fn fuzz(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    let seconds = fuzz_seconds()?;
    let targets = fuzz_targets()?;
    let limit = spec.limit + Duration::from_secs(seconds);
    let one = |target: &FuzzTarget| -> Result<()> {
        let name = format!("fuzz {}", target.name);
        let step = Step::begin(&name, Duration::from_secs(seconds + 2));
        let mut command = Command::new(&target.program);
        command.args([&target.name, &seconds.to_string()]);
        proc::run(command, &step, &cache.log(&format!("test-fuzz-{}", target.name)), limit)?;
        step.done();
        Ok(())
    };
    let results: Vec<Result<()>> = std::thread::scope(|scope| {
        let started: Vec<_> = targets.iter().map(|target| scope.spawn(|| one(target))).collect();
        let ended = started.into_iter().map(|thread| thread.join());
        ended.map(|result| result.unwrap_or_else(|_| Err(anyhow!("a thread died")))).collect()
    });
    let (passed, failed): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let counts = Counts { passed: passed.len() as u64, failed: failed.len() as u64, skipped: 0 };
    let reasons: Vec<String> = failed.into_iter().filter_map(Result::err).map(|e| format!("{e:#}")).collect();
    if reasons.is_empty() { Ok(counts) } else { Err(Failure { counts, error: anyhow!(reasons.join("\n")) }) }
}
