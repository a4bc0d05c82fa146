//! Builds what people get: the wasm artifacts, the npm package, the page, the gateway.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::artifacts::{self, Purpose};
use crate::cache::Cache;
use crate::once::once;
use crate::tools::{cargo_command, npm};
use crate::ui::Step;
use crate::{proc, root, stamp, target_dir};

const LIMIT: Duration = Duration::from_secs(45 * 60);

/// Builds everything, `release` choosing the gateway's profile.
///
/// # Errors
/// Names the step that failed, with the end of its log.
pub fn all(cache: &Cache) -> Result<()> {
    whole_package(cache)?;
    www(cache)?;
    extension(cache)?;
    let gateway = gateway(cache, true)?;
    println!("engine and page helpers  {}", root().join("pkg/generated").display());
    println!("npm package              {}", root().join("pkg/dist").display());
    println!("web wallet               {}", root().join("www/dist").display());
    println!("extension                {}", root().join("extension/dist").display());
    println!("gateway                  {}", gateway.display());
    Ok(())
}

/// Builds what a browser loads: wasm, package, page.
///
/// # Errors
/// As [`all`].
pub fn page(cache: &Cache, purpose: Purpose) -> Result<()> {
    package(cache, purpose)?;
    www(cache)
}

/// Builds `amplet-gateway` natively and returns its path. Tests and the demo share the unoptimised one.
///
/// # Errors
/// As [`all`].
pub fn gateway(cache: &Cache, release: bool) -> Result<PathBuf> {
    native(cache, "gateway", &["amplet-gateway"], release)?;
    Ok(native_program("amplet-gateway", release))
}

/// Builds `amplet-gateway` and `amplet-load`, which loads it, and returns their paths.
///
/// # Errors
/// As [`all`].
pub fn gateway_and_load(cache: &Cache, release: bool) -> Result<[PathBuf; 2]> {
    let both = ["amplet-gateway", "amplet-load"];
    native(cache, "gateway and load", &both, release)?;
    Ok(both.map(|name| native_program(name, release)))
}

/// Builds the unoptimised `amplet-gateway` and `amplet-interop`, and returns their paths.
///
/// # Errors
/// As [`all`].
pub fn gateway_and_interop(cache: &Cache) -> Result<[PathBuf; 2]> {
    let both = ["amplet-gateway", "amplet-interop"];
    native(cache, "gateway and interop", &both, false)?;
    Ok(both.map(|name| native_program(name, false)))
}

/// Builds `amplet-gateway` and `amplet-regtest`, which runs a network of them, and returns their paths.
///
/// # Errors
/// As [`all`].
pub fn gateway_and_regtest(cache: &Cache, release: bool) -> Result<[PathBuf; 2]> {
    let gateway = gateway(cache, release)?;
    native(cache, "regtest network", &["xtask"], release)?;
    Ok([gateway, native_program("amplet-regtest", release)])
}

fn native_program(name: &str, release: bool) -> PathBuf {
    target_dir().join(profile(release)).join(name)
}

fn profile(release: bool) -> &'static str {
    if release { "release" } else { "debug" }
}

/// Builds the programs of these packages together, so that they share the features of what they depend on.
fn native(cache: &Cache, what: &str, packages: &[&str], release: bool) -> Result<()> {
    let name = format!("{what} ({})", profile(release));
    once(&name, || {
        let step = Step::begin(&name, Duration::from_secs(180));
        let mut cargo = cargo_command();
        cargo.args(["build", "--locked", "--bins"]).args(release.then_some("--release"));
        for package in packages {
            cargo.args(["--package", package]);
        }
        proc::run(cargo, &step, &cache.log("build-gateway"), LIMIT)?;
        step.done();
        Ok(())
    })
}

/// Builds the wasm that a page loads into `pkg/generated/`, and the npm package into `pkg/dist/`.
///
/// # Errors
/// As [`all`].
pub fn package(cache: &Cache, purpose: Purpose) -> Result<()> {
    artifacts::build(cache, purpose, &[artifacts::ENGINE, artifacts::PAGE, artifacts::WORDS])?;
    let folder = root().join("pkg");
    script(cache, &folder, &[&folder], Duration::from_secs(15))
}

/// Builds the npm package whole: with its engine for Node.js, which no page needs and which takes minutes.
///
/// # Errors
/// As [`all`].
pub fn whole_package(cache: &Cache) -> Result<()> {
    package(cache, Purpose::Release)?;
    artifacts::build(cache, Purpose::Release, &[artifacts::NODE])?;
    let folder = root().join("pkg");
    // A build of its own: the one that pages wait for may have been made before there was this engine.
    once("npm run build in pkg/ with Node.js's engine", || {
        run_script(cache, &folder, "pkg", (&[&folder], Duration::from_secs(15)))
    })
}

/// Builds the web wallet into `www/dist/`.
///
/// # Errors
/// As [`all`].
pub fn www(cache: &Cache) -> Result<()> {
    let [folder, ui, package] = ["www", "ui", "pkg"].map(|name| root().join(name));
    // `SKIPPED` in stamp.rs leaves out dist/: the package's sources and the wasm decide.
    script(cache, &folder, &[&folder, &ui, &package], Duration::from_secs(20))
}

/// Builds the extension into `extension/dist/chrome/` and `extension/dist/firefox/`.
///
/// # Errors
/// As [`all`].
pub fn extension(cache: &Cache) -> Result<()> {
    // Of www it has the icons.
    let inputs = ["extension", "ui", "www/public", "pkg"].map(|name| root().join(name));
    script(cache, &inputs[0], &inputs.each_ref().map(PathBuf::as_path), Duration::from_secs(20))
}

/// `npm run build` in a folder, unless its inputs are those of the last time.
fn script(cache: &Cache, folder: &Path, inputs: &[&Path], usual: Duration) -> Result<()> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    once(&format!("npm run build in {name}/"), || run_script(cache, folder, &name, (inputs, usual)))
}

fn run_script(cache: &Cache, folder: &Path, name: &str, (inputs, usual): (&[&Path], Duration)) -> Result<()> {
    npm::install(cache)?;
    let mark = mark(name);
    let lock = npm::lock_file();
    let hash = stamp::hash(&[inputs, &[&lock]].concat())?;
    if folder.join("dist").is_dir() && stamp::current(&mark, hash) {
        return Ok(());
    }
    let step = Step::begin(&format!("npm run build in {name}/"), usual);
    let mut npm = Command::new("npm");
    npm.args(["run", "build"]).current_dir(folder);
    proc::run(npm, &step, &cache.log(&format!("build-{name}")), LIMIT)?;
    if !folder.join("dist").is_dir() {
        bail!("`npm run build` in {name}/ made no dist/");
    }
    stamp::set(&mark, hash)?;
    step.done();
    Ok(())
}

/// File with the hash of a step's inputs: not among its outputs, which are shipped.
fn mark(name: &str) -> PathBuf {
    target_dir().join("stamps").join(name)
}
