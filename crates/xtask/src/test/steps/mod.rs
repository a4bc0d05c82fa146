//! The steps, in the order in which a mistake shows soonest.

mod lint;
mod native;
mod web;

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use super::{Counts, Failure};
use crate::cache::Cache;
use crate::regtest::session::{Options, Session};
use crate::ui::Step;
use crate::{proc, root};

type Run = fn(&Cache, &StepSpec) -> Result<Counts, Failure>;

/// A step of the test run.
pub struct StepSpec {
    /// For `--only`.
    pub name: &'static str,
    /// What it shows.
    pub what: &'static str,
    /// Usual time on 2 cores, nothing built before.
    pub usual: Duration,
    /// After this it is ended and counts as failed.
    pub limit: Duration,
    pub(super) run: Run,
}

const fn step(name: &'static str, what: &'static str, usual: u64, limit: u64, run: Run) -> StepSpec {
    StepSpec { name, what, usual: Duration::from_secs(usual), limit: Duration::from_secs(limit), run }
}

/// All steps.
pub const STEPS: &[StepSpec] = &[
    step("house", "imports run downward between rooms; no long files", 1, 60, lint::house),
    step("fmt", "formatting", 5, 120, lint::fmt),
    step("clippy", "lints of the native code, warnings denied", 240, 1800, lint::clippy),
    step("clippy-wasm", "lints of the code for browsers, warnings denied", 120, 1800, lint::clippy_wasm),
    step("features", "the browser's LDK is built without std", 5, 300, lint::features),
    step("deny", "licences, bans and sources of all dependencies", 10, 600, lint::deny_gate),
    step("core", "native tests of what browsers run too, LDK without std", 360, 2400, native::core),
    step(
        "fuzz",
        "the router's loaders, solver and protocol on random and damaged input",
        100,
        900,
        native::fuzz,
    ),
    step("native", "gateway and harness; node and wallet again with std", 360, 2400, native::native),
    step("wasm", "the flows in headless Chromium (wasm-pack)", 300, 2400, web::wasm_pack),
    step(
        "pkg",
        "the npm package: types, unit, in browsers, bundlers and Node.js, as installed",
        240,
        2400,
        web::pkg,
    ),
    step("www", "the page's sources: types, unit tests", 30, 600, web::www),
    step("extension", "the extension's sources, its sizes, Firefox' linter", 60, 900, web::extension),
    step("examples", "the example sites: types, and each of them paid", 30, 900, web::examples),
    step("size", "what a page loads, against its limit", 300, 1800, web::size_gate),
    step("e2e", "the page and the extension, clicked (Playwright)", 300, 2400, web::e2e),
    step("firefox", "the extension in Firefox, clicked (Playwright)", 120, 1200, web::firefox),
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
    let text = outcome.text()?;
    let mut counts = Counts::read(&text);
    if outcome.success {
        step.done();
        return Ok(counts);
    }
    counts.failed = counts.failed.max(1);
    let lines: Vec<&str> = text.lines().collect();
    let end = lines.get(lines.len().saturating_sub(120)..).unwrap_or_default().join("\n    ");
    let how = if outcome.timed_out { "did not end in time" } else { "failed" };
    Err(Failure { counts, error: anyhow!("{name} {how}; the end of {}:\n    {end}", outcome.log.display()) })
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
    match result {
        Ok(counts) if counts.failed == 0 => {
            session.finish()?;
            Ok(counts)
        }
        other => {
            crate::ui::line(&format!("  the network's logs: {}", session.folder().display()));
            other
        }
    }
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
