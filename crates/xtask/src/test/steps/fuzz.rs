//! What reads strangers' texts, and the router, on random and damaged input: all targets side by side.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};

use super::native::{CORE, NATIVE};
use super::{Counts, Failure, StepSpec, packages};
use crate::cache::Cache;
use crate::tools::{cargo_command, npm};
use crate::ui::Step;
use crate::{background, proc, root, target_dir};

/// Crates with an example `fuzz_<crate>`, which names its targets when it is run without arguments. These are built optimised.
const SMALL: [&str; 6] = ["protocol", "instructions", "amp", "budget", "router", "vss"];
/// Crates whose examples are made as their tests are, of what is compiled for those: LDK and the gateway optimised once more would take
/// longer than what they find then is worth.
const LARGE: [(&[&str], &[&str]); 2] = [(&CORE, &["storage", "transport", "node"]), (&NATIVE, &["gateway"])];
/// Folder of the package's targets, one in each file.
const SCRIPTS: &str = "pkg/test/fuzz";
/// How long each target runs, in seconds, unless [`SECONDS_VARIABLE`] says otherwise.
const SECONDS: u64 = 60;
const SECONDS_VARIABLE: &str = "AMPLET_FUZZ_SECONDS";

/// A target, and the command that runs it for so many seconds.
struct Target {
    name: String,
    command: Command,
}

pub(super) fn build(cache: &Cache, spec: &StepSpec) -> Result<()> {
    let step = Step::begin("fuzz (build)", Duration::from_secs(60));
    let small = SMALL.map(|name| format!("amplet-{name}"));
    let small: Vec<&str> = small.iter().map(String::as_str).collect();
    let parts = [(&small[..], &SMALL[..], "fuzz")].into_iter();
    for (all, names, profile) in parts.chain(LARGE.map(|(all, names)| (all, names, "dev"))) {
        let mut cargo = cargo_command();
        cargo.args(["build", "--locked", "--profile", profile]);
        packages(&mut cargo, all);
        for name in names {
            cargo.args(["--example", &format!("fuzz_{name}")]);
        }
        proc::run(cargo, &step, &cache.log("test-fuzz-build"), spec.limit)?;
    }
    step.done();
    npm::install(cache)
}

/// From seeds that no run had before; a target that fails prints its seed.
pub(super) fn run(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    let seconds = seconds()?;
    let limit = spec.limit + Duration::from_secs(seconds);
    let one = |target: Target| -> Result<()> {
        let name = format!("fuzz {}", target.name);
        let step = Step::begin(&name, Duration::from_secs(seconds + 2));
        // There are more of them than processors, and whoever compiles beside them is waited for.
        let log = cache.log(&format!("test-fuzz-{}", target.name));
        background::work(19, || proc::run(target.command, &step, &log, limit))?;
        step.done();
        Ok(())
    };
    let targets = targets(seconds)?;
    let results: Vec<Result<()>> = std::thread::scope(|scope| {
        let one = &one;
        let started: Vec<_> = targets.into_iter().map(|target| scope.spawn(move || one(target))).collect();
        let ended = started.into_iter().map(|thread| thread.join());
        ended.map(|result| result.unwrap_or_else(|_| Err(anyhow!("a thread died")))).collect()
    });
    let (passed, failed): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let counts = Counts { passed: passed.len() as u64, failed: failed.len() as u64, skipped: 0 };
    let reasons: Vec<String> = failed.into_iter().filter_map(Result::err).map(|e| format!("{e:#}")).collect();
    if reasons.is_empty() { Ok(counts) } else { Err(Failure { counts, error: anyhow!(reasons.join("\n")) }) }
}

fn seconds() -> Result<u64> {
    match std::env::var(SECONDS_VARIABLE) {
        Ok(seconds) => seconds.parse().with_context(|| format!("{SECONDS_VARIABLE}={seconds} is no number")),
        Err(_) => Ok(SECONDS),
    }
}

fn targets(seconds: u64) -> Result<Vec<Target>> {
    let small = SMALL.map(|name| ("fuzz", name));
    let large = LARGE.iter().flat_map(|(_, names)| names.iter().map(|name| ("debug", *name)));
    let mut targets = Vec::new();
    for (profile, name) in small.into_iter().chain(large) {
        let program = target_dir().join(profile).join("examples").join(format!("fuzz_{name}"));
        for name in proc::output(&mut Command::new(&program))?.lines() {
            let mut command = Command::new(&program);
            command.args([name, &seconds.to_string()]);
            targets.push(Target { name: name.to_owned(), command });
        }
    }
    targets.extend(scripts(seconds)?);
    Ok(targets)
}

/// The package's targets: each file in a process of its own.
fn scripts(seconds: u64) -> Result<Vec<Target>> {
    let folder = root().join(SCRIPTS);
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut targets = Vec::new();
    for entry in entries {
        let file = entry.with_context(|| format!("cannot list {}", folder.display()))?.file_name();
        let Some(name) = file.to_string_lossy().strip_suffix(".test.ts").map(ToOwned::to_owned) else {
            continue;
        };
        let mut command = Command::new("npx");
        command.args(["vitest", "run", "--project", "fuzz", &format!("test/fuzz/{}", file.display())]);
        command.current_dir(root().join("pkg")).env(SECONDS_VARIABLE, seconds.to_string());
        targets.push(Target { name, command });
    }
    Ok(targets)
}
