//! The steps.

mod fuzz;
mod interop;
mod lint;
mod native;
mod programs;
mod web;

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use super::schedule::Worker::{self, Clicker, FreeBuilder, Native, Wasm};
use super::{Counts, Failure};
use crate::cache::Cache;
use crate::proc::{self, Outcome};
use crate::regtest::session::{Options, Session};
use crate::root;
use crate::ui::Step;

type Build = fn(&Cache, &StepSpec) -> Result<()>;
type Run = fn(&Cache, &StepSpec) -> Result<Counts, Failure>;

/// A step of the test run.
pub struct StepSpec {
    /// For `--only`.
    pub name: &'static str,
    /// Claim that it checks.
    pub what: &'static str,
    /// Usual time on 2 idle cores, what is compiled beside it included.
    pub usual: Duration,
    /// A command that takes longer is ended, and counts as failed.
    pub limit: Duration,
    /// Worker that compiles what it runs, which happens beside other steps.
    pub(super) build: Option<(Worker, Build)>,
    /// Worker that runs it.
    pub(super) by: Worker,
    pub(super) run: Run,
}

impl StepSpec {
    const fn built(self, by: Worker, build: Build) -> Self {
        Self { build: Some((by, build)), ..self }
    }

    const fn by(self, by: Worker) -> Self {
        Self { by, ..self }
    }
}

const fn step(name: &'static str, what: &'static str, usual: u64, limit: u64, run: Run) -> StepSpec {
    let (usual, limit) = (Duration::from_secs(usual), Duration::from_secs(limit));
    StepSpec { name, what, usual, limit, build: None, by: Worker::Tester, run }
}

/// All steps. Each worker begins them in this order, what is not compiled yet left for later: see [`super::schedule`].
pub const STEPS: &[StepSpec] = &[
    step("house", "imports run downward between rooms; no long files", 1, 60, lint::house),
    step("fmt", "formatting", 5, 120, lint::fmt),
    step("features", "the browser's LDK is built without std", 5, 300, lint::features),
    step("deny", "licences, bans and sources of all dependencies", 10, 600, lint::deny_gate),
    step(
        "core",
        "native tests of what browsers run too, LDK without std; 60 chaotic lives",
        120,
        3600,
        native::core,
    )
    .built(Native, native::build_core),
    step("native", "gateway and harness; node and wallet again with std", 150, 3600, native::native)
        .built(Native, native::build_native),
    step("interop", "wallets and gateways with a real lnd, to the millisatoshi", 150, 2400, interop::run)
        .built(Native, interop::build),
    step("examples", "the example sites: types, and each of them paid", 30, 900, web::examples)
        .built(Native, web::build_examples),
    step(
        "fuzz",
        "what reads strangers' texts, and the router, on damaged input; AMPLET_FUZZ_SECONDS: 60",
        75,
        900,
        fuzz::run,
    )
    .built(Native, fuzz::build),
    step("clippy", "lints of the native code, warnings denied", 240, 3600, lint::clippy).by(Native),
    step("doc", "the examples in the documentation", 30, 1800, native::doc).by(Native),
    // Before what only reads sources: clicking takes longest, and begins as soon as the page is built.
    step("e2e", "the page and the extension, clicked (Playwright)", 600, 3600, web::e2e)
        .built(Wasm, web::build_e2e)
        .by(Clicker),
    step("chaos", "15 chaotic lives of a wallet in Chromium, to the millisatoshi", 420, 2400, web::chaos)
        .built(Wasm, web::build_chaos)
        .by(Clicker),
    step("firefox", "the extension in Firefox, clicked (Playwright)", 120, 1200, web::firefox)
        .built(Wasm, web::build_extension)
        .by(Clicker),
    step("wasm", "the flows in headless Chromium (wasm-pack)", 120, 3600, web::wasm_pack)
        .built(Wasm, web::build_wasm_tests)
        .by(FreeBuilder),
    step(
        "pkg",
        "the npm package: types, unit, in browsers, bundlers and Node.js, as installed",
        120,
        3600,
        web::pkg,
    )
    .built(Wasm, web::build_pkg)
    .by(FreeBuilder),
    // What reads types of the package begins when that is built for the last time.
    step("lint", "lints and formatting of the TypeScript, warnings denied; e2e's types", 60, 1800, web::lint)
        .built(Wasm, web::build_extension)
        .by(FreeBuilder),
    step("www", "the page's and the shared components' sources: types, unit tests", 30, 1800, web::www)
        .built(Wasm, web::build_page)
        .by(FreeBuilder),
    step("size", "what a page loads, against its limit", 20, 1800, web::size_gate)
        .built(Wasm, web::build_page)
        .by(FreeBuilder),
    step("extension", "the extension's sources, its sizes, Firefox' linter", 20, 1800, web::extension)
        .built(Wasm, web::build_extension)
        .by(FreeBuilder),
    step("clippy-wasm", "lints of the code for browsers, warnings denied", 120, 3600, lint::clippy_wasm)
        .by(FreeBuilder),
];

/// Cargo's folder for unoptimised wasm, below `target/`.
const DEV_WASM_DIR: &str = "wasm-dev";

const CHECKED: Counts = Counts { passed: 1, failed: 0, skipped: 0 };

/// Runs a check that counts as one test.
fn check(cache: &Cache, spec: &StepSpec, command: Command) -> Result<Counts, Failure> {
    let step = Step::begin(spec.name, spec.usual);
    proc::run(command, &step, &cache.log(&format!("test-{}", spec.name)), spec.limit)?;
    step.done();
    Ok(CHECKED)
}

/// Runs a suite and counts its tests; `part` tells several of one step apart.
fn suite(cache: &Cache, spec: &StepSpec, part: &str, command: Command) -> Result<Counts, Failure> {
    let name = if part.is_empty() { spec.name.to_owned() } else { format!("{}-{part}", spec.name) };
    let step = Step::begin(&name, spec.usual);
    let outcome = proc::watch(command, &step, &cache.log(&format!("test-{name}")), spec.limit, false)?;
    if outcome.success {
        step.done();
    }
    counted(&name, &outcome)
}

/// Counts the tests of a suite that has ended.
fn counted(name: &str, outcome: &Outcome) -> Result<Counts, Failure> {
    let text = outcome.text()?;
    let mut counts = Counts::read(&text);
    if outcome.success {
        return Ok(counts);
    }
    counts.failed = counts.failed.max(1);
    let lines: Vec<&str> = text.lines().collect();
    let end = lines.get(lines.len().saturating_sub(120)..).unwrap_or_default().join("\n    ");
    let how = if outcome.timed_out { "did not end in time" } else { "failed" };
    Err(Failure { counts, error: anyhow!("{name} {how}; the end of {}:\n    {end}", outcome.log.display()) })
}

/// The sum of all parts of a step, each of which runs whether or not another fails; all complaints, if there are any.
fn sum(parts: impl Iterator<Item = Result<Counts, Failure>>) -> Result<Counts, Failure> {
    let mut total = Counts::default();
    let mut complaints = Vec::new();
    for part in parts {
        match part {
            Ok(counts) => total += counts,
            Err(Failure { counts, error }) => {
                total += counts;
                complaints.push(format!("{error:#}"));
            }
        }
    }
    if complaints.is_empty() {
        Ok(total)
    } else {
        Err(Failure { counts: total, error: anyhow!(complaints.join("\n")) })
    }
}

fn packages(command: &mut Command, names: &[&str]) {
    for name in names {
        command.args(["--package", name]);
    }
}

/// Brings a network up for a suite and ends it; a suite that failed keeps the network's logs.
fn in_network(
    cache: &Cache,
    options: Options,
    suite: impl FnOnce(&Session) -> Result<Counts, Failure>,
) -> Result<Counts, Failure> {
    let session = Session::start(cache, options)?;
    let result = suite(&session);
    ended(vec![session], result)
}

/// The same with several networks for one suite.
fn in_networks(
    cache: &Cache,
    count: usize,
    options: &Options,
    suite: impl FnOnce(&[Session]) -> Result<Counts, Failure>,
) -> Result<Counts, Failure> {
    let sessions: Vec<Session> =
        (0..count).map(|_| Session::start(cache, options.clone())).collect::<Result<_>>()?;
    let result = suite(&sessions);
    ended(sessions, result)
}

/// A suite's result, once its networks have ended.
fn ended(sessions: Vec<Session>, result: Result<Counts, Failure>) -> Result<Counts, Failure> {
    let passed = result.as_ref().is_ok_and(|counts| counts.failed == 0);
    for session in sessions {
        if passed {
            session.finish()?;
        } else {
            crate::ui::line(&format!("  the network's logs: {}", session.folder().display()));
        }
    }
    result
}

/// `npm run <script>` in a folder of the repository.
fn npm_script(folder: &str, script: &str) -> Result<Command> {
    let folder = root().join(folder);
    let manifest = std::fs::read_to_string(folder.join("package.json"))
        .with_context(|| format!("{}/package.json is missing", folder.display()))?;
    let manifest: serde_json::Value = serde_json::from_str(&manifest).context("package.json is not JSON")?;
    if manifest.pointer(&format!("/scripts/{script}")).is_none() {
        bail!("{}/package.json has no script `{script}`", folder.display());
    }
    let mut npm = Command::new("npm");
    npm.args(["run", script]).current_dir(folder).env("NO_COLOR", "1");
    Ok(npm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_of_a_step_run_and_every_complaint_is_kept() {
        let mut run = 0;
        let failed =
            || Failure { counts: Counts { passed: 2, failed: 1, skipped: 0 }, error: anyhow!("lint") };
        let parts = [Err(failed()), Ok(CHECKED), Err(failed())].into_iter().inspect(|_| run += 1);
        let result = sum(parts);
        assert!(result.is_err_and(|all| {
            all.counts == Counts { passed: 5, failed: 2, skipped: 0 } && all.error.to_string() == "lint\nlint"
        }));
        assert_eq!(run, 3);
    }
}
