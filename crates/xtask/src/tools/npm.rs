//! Node.js, its packages, and Binaryen's optimiser, which npm carries in a current version.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::apt::{self, need};
use crate::cache::Cache;
use crate::ui::Step;
use crate::{proc, root, stamp};

const OLDEST_NODE: u32 = 20;
const BINARYEN: &str = "132.0.0";
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Node's version, when it is new enough and npm is there.
#[must_use]
pub fn find_node() -> Option<String> {
    proc::which("npm")?;
    let version = proc::output(Command::new("node").arg("--version")).ok()?;
    (major(&version)? >= OLDEST_NODE).then_some(version)
}

fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// Node and npm, from the system's packages when missing.
///
/// # Errors
/// When they cannot be had, or what can be had is too old.
pub fn ensure_node(cache: &Cache) -> Result<()> {
    if find_node().is_some() {
        return Ok(());
    }
    apt::ensure(cache, &[need("node", "nodejs"), need("npm", "npm")])?;
    if find_node().is_none() {
        bail!(
            "Node.js in PATH is older than {OLDEST_NODE}: install {OLDEST_NODE} or newer (nodejs.org) and run this again"
        );
    }
    Ok(())
}

/// `wasm-opt`, if it is in the cache.
#[must_use]
pub fn find_wasm_opt(cache: &Cache) -> Option<PathBuf> {
    cache.has("binaryen", BINARYEN).then(|| wasm_opt(&cache.dir("binaryen", BINARYEN)))
}

/// `wasm-opt`, fetched if it must be.
///
/// # Errors
/// When Node or the package cannot be had.
pub fn ensure_wasm_opt(cache: &Cache) -> Result<PathBuf> {
    ensure_node(cache)?;
    let dir = cache.provide("binaryen", BINARYEN, |shop| {
        let step = Step::begin("wasm-opt (binaryen)", Duration::from_secs(20));
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-save", "--prefix"]);
        npm.arg(&shop.out).arg(format!("binaryen@{BINARYEN}")).current_dir(&shop.out);
        proc::run(npm, &step, &shop.log, LIMIT).context("cannot fetch binaryen: is the network up?")?;
        if !wasm_opt(&shop.out).is_file() {
            bail!("binaryen {BINARYEN} has no wasm-opt");
        }
        step.done();
        Ok(())
    })?;
    Ok(wasm_opt(&dir))
}

fn wasm_opt(dir: &Path) -> PathBuf {
    dir.join("node_modules/binaryen/bin/wasm-opt")
}

/// Installs the packages of all workspaces, as the repository's lock file names them, if it changed since the last time.
///
/// # Errors
/// When the lock file is missing or does not agree with the manifests, or the packages cannot be had.
pub fn install(cache: &Cache) -> Result<()> {
    ensure_node(cache)?;
    let lock = lock_file();
    if !lock.is_file() {
        bail!("{} is missing: run `npm install` there once and commit it", lock.display());
    }
    let mark = root().join("node_modules/.amplet-stamp");
    let hash = manifests()?;
    if stamp::current(&mark, hash) {
        return Ok(());
    }
    let _guard = cache.guard("npm")?;
    // Another process may have done it while this one waited.
    if stamp::current(&mark, hash) {
        return Ok(());
    }
    let step = Step::begin("node packages", Duration::from_secs(60));
    let mut npm = Command::new("npm");
    npm.args(["ci", "--prefer-offline", "--no-audit", "--no-fund"]).current_dir(root());
    // Tests drive the system's Chromium; a download of another one would only fail.
    npm.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    proc::run(npm, &step, &cache.log("npm"), LIMIT)?;
    stamp::set(&mark, hash)?;
    step.done();
    Ok(())
}

/// The one lock file of the repository's npm workspaces.
#[must_use]
pub fn lock_file() -> PathBuf {
    root().join("package-lock.json")
}

/// A hash of the lock file and of all manifests.
fn manifests() -> Result<u64> {
    let manifest = root().join("package.json");
    let text =
        std::fs::read_to_string(&manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
    let parsed: Value = serde_json::from_str(&text).context("package.json is not JSON")?;
    let workspaces =
        parsed.get("workspaces").and_then(Value::as_array).context("package.json has no workspaces")?;
    let mut files = vec![lock_file(), manifest];
    files.extend(
        workspaces.iter().filter_map(Value::as_str).map(|name| root().join(name).join("package.json")),
    );
    stamp::hash(&files.iter().map(PathBuf::as_path).collect::<Vec<_>>())
}
