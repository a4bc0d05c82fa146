//! Tests in browsers and in Node.js, of what is built for them.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{
    CHECKED, Counts, DEV_WASM_DIR, Failure, StepSpec, check, in_network, in_networks, npm_script, suite, sum,
};
use crate::artifacts::{self, Purpose};
use crate::cache::Cache;
use crate::chaos::{self, browser};
use crate::regtest::package;
use crate::regtest::session::{ENV_FILE, Options, Session};
use crate::test::peer::Peer;
use crate::tools::wasm::{self, TARGET};
use crate::tools::{self, Tool, npm};
use crate::ui::Step;
use crate::{build, docs, proc, root, size, target_dir};

/// Compiles what the wasm tests are made of. Two of them have addresses compiled in, which are known only when their servers
/// run: those compile again then, which takes seconds.
pub(super) fn build_wasm_tests(cache: &Cache, spec: &StepSpec) -> Result<()> {
    let needed =
        [Tool::WasmBindgen, Tool::WasmPack, Tool::Browser, Tool::Clang, Tool::WasmTarget, Tool::Bitcoind];
    tools::ensure(cache, &needed)?;
    Peer::build(cache)?;
    build::gateway(cache, false)?;
    let nowhere = target_dir().join(DEV_WASM_DIR).join("nowhere.json");
    std::fs::create_dir_all(target_dir().join(DEV_WASM_DIR))
        .and_then(|()| std::fs::write(&nowhere, "{}"))
        .with_context(|| format!("cannot write {}", nowhere.display()))?;
    let step = Step::begin("wasm (build)", spec.usual);
    let mut cargo = wasm::ensure(cache)?.cargo(DEV_WASM_DIR);
    // As wasm-pack will.
    cargo.args(["build", "--locked", "--tests", "--target", TARGET]).current_dir(root().join("wasm-tests"));
    cargo.env(ENV_FILE, &nowhere);
    proc::run(cargo, &step, &cache.log("test-wasm-build"), spec.limit)?;
    step.done();
    Ok(())
}

pub(super) fn wasm_pack(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    let folder = root().join("wasm-tests");
    let driver = proc::which("chromedriver").context("chromedriver is not in PATH")?;
    let bindgen = tools::crates::WASM_BINDGEN.ensure(cache, 1)?;
    let mut pack = Command::new(tools::crates::WASM_PACK.ensure(cache, 1)?);
    pack.args(["test", "--headless", "--chrome", "--mode", "no-install", "--chromedriver"]).arg(driver);
    pack.arg(&folder).current_dir(root()).env("WASM_BINDGEN_TEST_TIMEOUT", "600");
    wasm::ensure(cache)?.environment(&mut pack, DEV_WASM_DIR);
    before_path(&mut pack, bindgen.parent().context("wasm-bindgen has no folder")?)?;
    let peer = Peer::start()?;
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

pub(super) fn build_pkg(cache: &Cache, _: &StepSpec) -> Result<()> {
    tools::ensure(cache, &[Tool::Bitcoind, Tool::Node, Tool::Browser])?;
    artifacts::build(cache, Purpose::Release, &[artifacts::SUITE])?;
    build::whole_package(cache)?;
    package::build(cache, false).map(drop)
}

pub(super) fn pkg(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    let scripts = ["test", "test:browser", "test:package"];
    let alone = scripts.into_iter().map(|script| {
        let mut npm = npm_script("pkg", script)?;
        npm.env("AMPLET_NPM_FOLDER", package::folder());
        suite(cache, spec, &script.replace(':', "-"), npm)
    });
    let in_network = std::iter::once_with(|| {
        in_network(cache, Options::default(), |session| {
            let mut npm = npm_script("pkg", "test:node")?;
            session.tell(&mut npm);
            npm.env("AMPLET_STORAGE_SUITE", artifacts::SUITE.folder());
            suite(cache, spec, "test-node", npm)
        })
    });
    // The guides that run are of `test:node`.
    let guides = std::iter::once_with(|| check(cache, spec, npm_script("docs/site", "check")?));
    let site = std::iter::once_with(|| {
        docs::site(cache)?;
        Ok(CHECKED)
    });
    sum(alone.chain(in_network).chain(guides).chain(site))
}

pub(super) fn build_page(cache: &Cache, _: &StepSpec) -> Result<()> {
    tools::ensure(cache, &[Tool::Node])?;
    build::page(cache, Purpose::Release)
}

/// The linter and the formatter of everything in TypeScript, and the types of e2e. Types of one package come from what another
/// has built.
pub(super) fn lint(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    npm::install(cache)?;
    let scripts = [("", "lint"), ("", "format:check"), ("e2e", "check")];
    sum(scripts.into_iter().map(|(folder, script)| check(cache, spec, npm_script(folder, script)?)))
}

pub(super) fn www(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    sum([
        check(cache, spec, npm_script("ui", "check")?),
        suite(cache, spec, "test", npm_script("ui", "test")?),
        check(cache, spec, npm_script("www", "check")?),
    ]
    .into_iter())
}

pub(super) fn build_extension(cache: &Cache, spec: &StepSpec) -> Result<()> {
    build_page(cache, spec)?;
    build::extension(cache)
}

pub(super) fn extension(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    let mut total = check(cache, spec, npm_script("extension", "check")?)?;
    total += suite(cache, spec, "test", npm_script("extension", "test")?)?;
    Ok(total)
}

pub(super) fn build_examples(cache: &Cache, _: &StepSpec) -> Result<()> {
    tools::ensure(cache, &[Tool::Bitcoind, Tool::Node])?;
    npm::install(cache)?;
    build::gateway(cache, false).map(drop)
}

pub(super) fn examples(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    let mut total = check(cache, spec, npm_script("examples", "check")?)?;
    let options = Options { examples: true, ..Options::default() };
    total += in_network(cache, options, |session| {
        let mut npm = npm_script("examples", "test")?;
        session.tell(&mut npm);
        suite(cache, spec, "test", npm)
    })?;
    Ok(total)
}

pub(super) fn size_gate(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    let step = Step::begin(spec.name, spec.usual);
    size::run(cache)?;
    step.done();
    Ok(CHECKED)
}

/// Builds what is clicked, the page on a pretended engine included: not when the tests begin, while the package that it is made
/// of may be built anew beside them.
pub(super) fn build_e2e(cache: &Cache, spec: &StepSpec) -> Result<()> {
    build_extension(cache, spec)?;
    let step = Step::begin("www on a pretended engine (build)", Duration::from_secs(20));
    proc::run(npm_script("www", "build:fake")?, &step, &cache.log("build-www-fake"), spec.limit)?;
    step.done();
    Ok(())
}

/// Networks of e2e's tests: so many files of them run side by side.
const E2E_NETWORKS: usize = 2;

pub(super) fn e2e(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    clicked(cache, spec, "test", E2E_NETWORKS, true)
}

/// The page of chaotic lives, of the package that the other pages are made of.
pub(super) fn build_chaos(cache: &Cache, _: &StepSpec) -> Result<()> {
    browser::page(cache, Purpose::Release).map(drop)
}

/// Number of chaotic lives in a browser, and of each one's acts.
const LIVES: (u64, u64) = (15, 8);

pub(super) fn chaos(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    let (runs, acts) = LIVES;
    let options = chaos::Options { runs, acts, ..chaos::Options::default() };
    in_network(cache, browser::network(browser::folder()), |session| {
        suite(cache, spec, "", browser::script(session, &options))
    })
}

pub(super) fn firefox(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    tools::ensure(cache, &[Tool::Firefox])?;
    clicked(cache, spec, "test:firefox", 1, false)
}

/// A script of e2e's, in so many networks. Playwright's settings name Chromium, whichever browser the script is about.
fn clicked(
    cache: &Cache,
    spec: &StepSpec,
    script: &str,
    networks: usize,
    examples: bool,
) -> Result<Counts, Failure> {
    tools::ensure(cache, &[Tool::Bitcoind, Tool::Node, Tool::Browser])?;
    npm::install(cache)?;
    let options = Options { www: Some(root().join("www/dist")), examples, ..Options::default() };
    in_networks(cache, networks, &options, |sessions| {
        let mut npm = npm_script("e2e", script)?;
        // What npm would run before it is built already.
        npm.arg("--ignore-scripts");
        Session::tell_all(sessions, &mut npm)?;
        suite(cache, spec, &script.replace(':', "-"), npm)
    })
}
