//! Tests in browsers and in Node.js, of what is built for them.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, anyhow};

use super::{CHECKED, Counts, DEV_WASM_DIR, Failure, StepSpec, check, in_network, npm_script, suite};
use crate::cache::Cache;
use crate::regtest::session::Options;
use crate::test::peer::Peer;
use crate::tools::wasm;
use crate::tools::{self, Tool, npm};
use crate::ui::Step;
use crate::{build, proc, root, size};

pub(super) fn wasm_pack(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
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

pub(super) fn pkg(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
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

pub(super) fn www(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    build::page(cache)?;
    let mut total = check(cache, spec, npm_script("ui", "check")?)?;
    total += suite(cache, spec, "test", npm_script("ui", "test")?)?;
    total += check(cache, spec, npm_script("www", "check")?)?;
    Ok(total)
}

pub(super) fn extension(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    build::page(cache)?;
    build::extension(cache)?;
    let mut total = check(cache, spec, npm_script("extension", "check")?)?;
    total += suite(cache, spec, "test", npm_script("extension", "test")?)?;
    Ok(total)
}

pub(super) fn examples(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    tools::ensure(cache, &[Tool::Bitcoind, Tool::Node])?;
    npm::install(cache)?;
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

pub(super) fn e2e(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    tools::ensure(cache, &[Tool::Node])?;
    build::page(cache)?;
    npm::install(cache)?;
    let mut total = check(cache, spec, npm_script("e2e", "check")?)?;
    total += clicked(cache, spec, "test", true)?;
    Ok(total)
}

pub(super) fn firefox(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    tools::ensure(cache, &[Tool::Firefox])?;
    clicked(cache, spec, "test:firefox", false)
}

/// A script of e2e's, in a network. Playwright's settings name Chromium, whichever browser the script is about.
fn clicked(cache: &Cache, spec: &StepSpec, script: &str, examples: bool) -> Result<Counts, Failure> {
    tools::ensure(cache, &[Tool::Bitcoind, Tool::Node, Tool::Browser])?;
    build::page(cache)?;
    build::extension(cache)?;
    npm::install(cache)?;
    let options = Options { www: Some(root().join("www/dist")), examples, ..Options::default() };
    in_network(cache, options, |session| {
        let mut npm = npm_script("e2e", script)?;
        session.tell(&mut npm);
        suite(cache, spec, &script.replace(':', "-"), npm)
    })
}
