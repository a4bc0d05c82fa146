//! The steps, in the order in which a mistake shows soonest.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use super::peer::Peer;
use super::{Counts, Failure};
use crate::cache::Cache;
use crate::regtest::session::{Options, Session};
use crate::tools::wasm::{self, TARGET};
use crate::tools::{self, Tool, apt, cargo_command, npm};
use crate::ui::Step;
use crate::{build, deny, proc, root, size, target_dir};

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

/// Crates that a browser runs too: tested without LDK's `std`, so never together with the gateway, whose
/// features cargo would unify with theirs.
const CORE: [&str; 8] = [
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

/// All steps.
pub const STEPS: &[StepSpec] = &[
    step("fmt", "formatting", 5, 120, fmt),
    step("clippy", "lints of the native code, warnings denied", 240, 1800, clippy),
    step("clippy-wasm", "lints of the code for browsers, warnings denied", 120, 1800, clippy_wasm),
    step("features", "the browser's LDK is built without std", 5, 300, features),
    step("deny", "licences, bans and sources of all dependencies", 10, 600, deny_gate),
    step("core", "native tests of what browsers run too, LDK without std", 360, 2400, core),
    step("fuzz", "the router's loaders, solver and protocol on random and damaged input", 100, 900, fuzz),
    step("native", "gateway and harness; node and wallet again with std", 360, 2400, native),
    step("wasm", "the flows in headless Chromium (wasm-pack)", 300, 2400, wasm_pack),
    step(
        "pkg",
        "the npm package: types, unit, in browsers, bundlers and Node.js, as installed",
        240,
        2400,
        pkg,
    ),
    step("www", "the page's sources: types, unit tests", 30, 600, www),
    step("extension", "the extension's sources, its sizes, Firefox' linter", 60, 900, extension),
    step("examples", "the example sites: types, and each of them paid", 30, 900, examples),
    step("size", "what a page loads, against its limit", 300, 1800, size_gate),
    step("e2e", "the page and the extension, clicked (Playwright)", 300, 2400, e2e),
    step("firefox", "the extension in Firefox, clicked (Playwright)", 120, 1200, firefox),
];

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

fn fmt(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    component(cache, "fmt", "rustfmt", Some(apt::need("cargo-fmt", "rustfmt-web")))?;
    let mut cargo = cargo_command();
    cargo.args(["fmt", "--all", "--check"]);
    check(cache, spec, cargo)
}

/// Makes sure of a part of the toolchain that is a component of rustup's, or a package of Debian's.
fn component(cache: &Cache, subcommand: &str, component: &str, package: Option<apt::Need>) -> Result<()> {
    let there = || proc::output(cargo_command().args([subcommand, "--version"]));
    if there().is_ok() {
        return Ok(());
    }
    let mut rustup = Command::new("rustup");
    let added = proc::output(rustup.args(["component", "add", component]).current_dir(root()));
    match (added, package) {
        (Ok(_), _) => {}
        (Err(_), Some(package)) => apt::ensure(cache, &[package])?,
        (Err(error), None) => {
            let advice = format!(
                "`cargo {subcommand}` comes with rustup only: install it, then rustup component add {component}"
            );
            return Err(error.context(advice));
        }
    }
    there().map(drop)
}

fn clippy(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    component(cache, "clippy", "clippy", None)?;
    let mut total = Counts::default();
    for names in [&CORE[..], &["amplet-gateway", "xtask"]] {
        let mut cargo = cargo_command();
        cargo.args(["clippy", "--locked", "--all-targets"]);
        packages(&mut cargo, names);
        cargo.args(["--", "--deny", "warnings"]);
        total += check(cache, spec, cargo)?;
    }
    Ok(total)
}

fn clippy_wasm(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    tools::ensure(cache, &[Tool::Clang, Tool::WasmTarget])?;
    let toolchain = wasm::ensure(cache)?;
    let mut total = Counts::default();
    for artifact in [build::ENGINE, build::NODE, build::PAGE, build::WORDS, build::SUITE, build::ROUTER] {
        let mut cargo = toolchain.cargo(DEV_WASM_DIR);
        cargo.args(["clippy", "--locked", "--target", TARGET, "--package", "amplet-bindings"]);
        cargo.args(["--no-default-features", "--features", artifact.name, "--", "--deny", "warnings"]);
        total += check(cache, spec, cargo)?;
    }
    Ok(total)
}

/// Cargo's folder for unoptimised wasm, below `target/`.
const DEV_WASM_DIR: &str = "wasm-dev";

/// With `std` LDK reads clocks that panic in a browser; one careless dependency would switch it on.
fn features(_: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    let step = Step::begin(spec.name, spec.usual);
    let mut cargo = cargo_command();
    cargo.args([
        "tree",
        "--locked",
        "--package",
        "amplet-bindings",
        "--target",
        TARGET,
        "--edges",
        "normal,features",
    ]);
    cargo.args(["--no-default-features", "--features", "engine", "--prefix", "none", "--format", "{p} {f}"]);
    let tree = proc::output(&mut cargo)?;
    if !tree.lines().any(|line| line.starts_with("lightning v")) {
        return Err(
            anyhow!("the engine's dependencies do not name lightning: is the check still right?").into()
        );
    }
    if let Some(line) = tree.lines().find(|line| has_std(line)) {
        let advice = "find who asks for it with `cargo tree -p amplet-bindings --features engine -i lightning -e features`";
        return Err(anyhow!("lightning is built with std for wasm: {line}; {advice}").into());
    }
    step.done();
    Ok(CHECKED)
}

/// Whether a line of the tree is lightning with its feature `std`.
fn has_std(line: &str) -> bool {
    let mut words = line.split_whitespace();
    if words.next() != Some("lightning") {
        return false;
    }
    // `lightning v0.3.0 default,std` or `lightning feature "std"`.
    words.any(|word| word.split(',').any(|feature| feature.trim_matches('"') == "std"))
}

fn deny_gate(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    tools::ensure(cache, &[Tool::CargoDeny])?;
    check(cache, spec, deny::command(cache, &["bans", "licenses", "sources"])?)
}

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

fn core(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    cargo_test(cache, spec, &CORE)
}

/// Targets of `crates/router/examples/fuzz`, and how long each runs.
const FUZZ_TARGETS: [&str; 3] = ["loader", "solver", "protocol"];
const FUZZ_SECONDS: &str = "60";

/// All targets at once, from seeds that no run had before; a target that fails prints its seed.
fn fuzz(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
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

fn native(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    cargo_test(cache, spec, &NATIVE)
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

fn wasm_pack(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    let needed =
        [Tool::WasmBindgen, Tool::WasmPack, Tool::Browser, Tool::Clang, Tool::WasmTarget, Tool::Bitcoind];
    tools::ensure(cache, &needed)?;
    let folder = root().join("wasm-tests");
    if !folder.join("Cargo.toml").is_file() {
        return Err(anyhow!("{} is missing", folder.display()).into());
    }
    let driver = proc::which("chromedriver").context("chromedriver is not in PATH")?;
    let bindgen = tools::crates::WASM_BINDGEN.ensure(cache, 1)?;
    let mut pack = Command::new(tools::crates::WASM_PACK.ensure(cache, 1)?);
    pack.args(["test", "--headless", "--chrome", "--mode", "no-install", "--chromedriver"]).arg(driver);
    pack.arg(&folder).current_dir(root()).env("WASM_BINDGEN_TEST_TIMEOUT", "600");
    wasm::ensure(cache)?.environment(&mut pack, DEV_WASM_DIR);
    before_path(&mut pack, bindgen.parent().context("wasm-bindgen has no folder")?)?;
    let peer = Peer::start(cache)?;
    peer.tell(&mut pack);
    in_network(cache, Options::default(), |session| {
        session.tell(&mut pack);
        suite(cache, spec, "", pack)
    })
}

/// Puts a folder first in the `PATH` that a command gets.
fn before_path(command: &mut Command, folder: &Path) -> Result<()> {
    let set = command
        .get_envs()
        .find(|(name, _)| *name == "PATH")
        .and_then(|(_, value)| value.map(ToOwned::to_owned));
    let path = set.or_else(|| std::env::var_os("PATH")).unwrap_or_default();
    let all = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(all).context("a folder in PATH has a colon in its name")?);
    Ok(())
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

fn pkg(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    tools::ensure(cache, &[Tool::Bitcoind, Tool::Node, Tool::Browser])?;
    build::artifacts(cache, &[build::NODE, build::SUITE])?;
    build::wasm(cache)?;
    build::package(cache)?;
    let mut total = Counts::default();
    for script in ["test", "test:browser", "test:package"] {
        total += suite(cache, spec, &script.replace(':', "-"), npm_script("pkg", script)?)?;
    }
    total += in_network(cache, Options::default(), |session| {
        let mut npm = npm_script("pkg", "test:node")?;
        session.tell(&mut npm);
        npm.env("AMPLET_STORAGE_SUITE", build::SUITE.folder());
        suite(cache, spec, "test-node", npm)
    })?;
    Ok(total)
}

fn www(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    build::page(cache)?;
    let mut total = check(cache, spec, npm_script("www", "check")?)?;
    total += suite(cache, spec, "test", npm_script("www", "test")?)?;
    Ok(total)
}

fn extension(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    build::page(cache)?;
    build::extension(cache)?;
    let mut total = check(cache, spec, npm_script("extension", "check")?)?;
    total += suite(cache, spec, "test", npm_script("extension", "test")?)?;
    Ok(total)
}

fn examples(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    tools::ensure(cache, &[Tool::Bitcoind, Tool::Node])?;
    npm::install(cache, &root().join("examples"))?;
    let mut total = check(cache, spec, npm_script("examples", "check")?)?;
    let options = Options { examples: true, ..Options::default() };
    total += in_network(cache, options, |session| {
        let mut npm = npm_script("examples", "test")?;
        session.tell(&mut npm);
        suite(cache, spec, "test", npm)
    })?;
    Ok(total)
}

fn size_gate(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    let step = Step::begin(spec.name, spec.usual);
    size::run(cache)?;
    step.done();
    Ok(CHECKED)
}

fn e2e(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    tools::ensure(cache, &[Tool::Node])?;
    build::page(cache)?;
    npm::install(cache, &root().join("e2e"))?;
    let mut total = check(cache, spec, npm_script("e2e", "check")?)?;
    total += clicked(cache, spec, "test", true)?;
    Ok(total)
}

fn firefox(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    tools::ensure(cache, &[Tool::Firefox])?;
    clicked(cache, spec, "test:firefox", false)
}

/// A script of e2e's, in a network. Playwright's settings name Chromium, whichever browser the script is about.
fn clicked(cache: &Cache, spec: &StepSpec, script: &str, examples: bool) -> Result<Counts, Failure> {
    tools::ensure(cache, &[Tool::Bitcoind, Tool::Node, Tool::Browser])?;
    build::page(cache)?;
    build::extension(cache)?;
    npm::install(cache, &root().join("e2e"))?;
    let options = Options { www: Some(root().join("www/dist")), examples, ..Options::default() };
    in_network(cache, options, |session| {
        let mut npm = npm_script("e2e", script)?;
        session.tell(&mut npm);
        suite(cache, spec, &script.replace(':', "-"), npm)
    })
}

#[cfg(test)]
mod tests {
    use super::has_std;

    #[test]
    fn lightning_with_std_is_seen() {
        assert!(has_std("lightning v0.3.0-rc3 dnssec,std"));
        assert!(has_std("lightning feature \"std\""));
        assert!(!has_std("lightning v0.3.0-rc3 dnssec,grind_signatures"));
        assert!(!has_std("lightning-types v0.4.0 std"));
    }
}
