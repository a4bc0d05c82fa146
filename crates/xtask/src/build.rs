//! What people get: the wasm artifacts, the npm package, the page, the gateway.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::cache::Cache;
use crate::tools::wasm::{self, TARGET, WasmToolchain};
use crate::tools::{self, Tool, cargo_command, npm};
use crate::ui::Step;
use crate::{kin, proc, root, stamp, target_dir};

/// Cargo's folder for the size-tuned engine, below `target/`.
const WASM_DIR: &str = "wasm";
/// The same for the artifacts beside the engine.
const SMALL_WASM_DIR: &str = "wasm-small";
/// The same for the engine of Node.js.
const NODE_WASM_DIR: &str = "wasm-node";
const PROFILE: &str = "wasm";
const LIMIT: Duration = Duration::from_secs(45 * 60);

/// What rustc emits by default, and exceptions, with which wasm-bindgen's abort handler catches what JavaScript throws;
/// Binaryen must know it all to accept the module.
const WASM_FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-exception-handling",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// For the size-tuned wasm. A panic traps at once: no formatting of messages that nobody would see, no places. Derived
/// `Debug` prints names of types and variants only: all fields of all of LDK's messages are 6 % of what travels. LLVM at
/// "z" inlines too little for LDK's readers and writers: 15 is the best of 0, 5 (its own), 15 and 40.
const SIZE_FLAGS: [&str; 5] = [
    "-Zunstable-options",
    "-Cpanic=immediate-abort",
    "-Zfmt-debug=shallow",
    "-Zlocation-detail=none",
    "-Cllvm-args=-inline-threshold=15",
];

/// Binaryen's passes that make smaller what travels (docs/size.md has those that only make the module smaller).
const PASSES: [&str; 6] = [
    "--reorder-functions-by-name",
    "--strip-debug",
    "--remove-unused-module-elements",
    "--duplicate-function-elimination",
    "--code-folding",
    "--reorder-locals",
];

/// One wasm artifact of `crates/bindings`, chosen by its feature.
#[derive(Clone, Copy)]
pub struct Artifact {
    /// Feature of the crate, name of its folder and files.
    pub name: &'static str,
    /// Whether the npm package has it.
    shipped: bool,
    /// Whether it refuses calls after a trap by itself: Node 20 does not know the types that this takes.
    guarded: bool,
    usual: Duration,
}

impl Artifact {
    /// Where it is built to.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        let generated =
            if self.shipped { root().join("pkg/generated") } else { target_dir().join("generated") };
        generated.join(self.name)
    }

    /// Cargo's folder for it, below `target/`. Artifacts come from one crate, so one in the folder of another has to be linked
    /// again each time: half a minute for the engine, a second for the others.
    fn cargo_dir(&self) -> &'static str {
        match self.name {
            "engine" => WASM_DIR,
            "node" => NODE_WASM_DIR,
            _ => SMALL_WASM_DIR,
        }
    }
}

/// The wallet engine (runs in a worker).
pub const ENGINE: Artifact =
    Artifact { name: "engine", shipped: true, guarded: true, usual: Duration::from_secs(300) };
/// The same for Node.js, with what a page has in [`PAGE`] and [`WORDS`].
pub const NODE: Artifact =
    Artifact { name: "node", shipped: true, guarded: false, usual: Duration::from_secs(300) };
/// The page's small helpers.
pub const PAGE: Artifact =
    Artifact { name: "page", shipped: true, guarded: true, usual: Duration::from_secs(40) };
/// Mnemonics, for the screens that make or take one.
pub const WORDS: Artifact =
    Artifact { name: "words", shipped: true, guarded: true, usual: Duration::from_secs(20) };
/// Storage's conformance suite, for the package's tests.
pub const SUITE: Artifact =
    Artifact { name: "suite", shipped: false, guarded: false, usual: Duration::from_secs(40) };
/// The router's evaluation program, for benchmarks.
pub const ROUTER: Artifact =
    Artifact { name: "router", shipped: false, guarded: false, usual: Duration::from_secs(240) };

/// Builds everything, `release` choosing the gateway's profile.
///
/// # Errors
/// Names the step that failed, with the end of its log.
pub fn all(cache: &Cache) -> Result<()> {
    artifacts(cache, &[NODE])?;
    page(cache)?;
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
pub fn page(cache: &Cache) -> Result<()> {
    wasm(cache)?;
    package(cache)?;
    www(cache)
}

/// Builds `amplet-gateway` natively and returns its path. Tests and the demo share the unoptimised one.
///
/// # Errors
/// As [`all`].
pub fn gateway(cache: &Cache, release: bool) -> Result<PathBuf> {
    let profile = if release { "release" } else { "debug" };
    let step = Step::begin(&format!("gateway ({profile})"), Duration::from_secs(180));
    let mut cargo = cargo_command();
    cargo.args(["build", "--locked", "--package", "amplet-gateway", "--bin", "amplet-gateway"]);
    cargo.args(release.then_some("--release"));
    proc::run(cargo, &step, &cache.log("build-gateway"), LIMIT)?;
    step.done();
    Ok(target_dir().join(profile).join("amplet-gateway"))
}

/// Builds the package's wasm artifacts, size first, into `pkg/generated/`.
///
/// # Errors
/// As [`all`].
pub fn wasm(cache: &Cache) -> Result<()> {
    artifacts(cache, &[ENGINE, PAGE, WORDS])
}

/// Builds wasm artifacts into their folders.
///
/// # Errors
/// As [`all`].
pub fn artifacts(cache: &Cache, artifacts: &[Artifact]) -> Result<()> {
    tools::ensure(cache, &[Tool::WasmBindgen, Tool::Clang, Tool::WasmTarget, Tool::WasmOpt])?;
    let toolchain = wasm::ensure(cache)?;
    let own_std = wasm::ensure_sources(cache, &toolchain).is_some();
    artifacts.iter().try_for_each(|artifact| one(cache, &toolchain, own_std, *artifact))
}

fn one(cache: &Cache, toolchain: &WasmToolchain, own_std: bool, artifact: Artifact) -> Result<()> {
    let step = Step::begin(&format!("wasm: {}", artifact.name), artifact.usual);
    let log = cache.log(&format!("build-wasm-{}", artifact.name));
    proc::run(compile(toolchain, own_std, artifact), &step, &log, LIMIT)?;
    let built =
        target_dir().join(artifact.cargo_dir()).join(TARGET).join(PROFILE).join("amplet_bindings.wasm");
    let out = artifact.folder();
    let mark = mark(&format!("wasm-{}", artifact.name));
    let hash = stamp::hash(&[&built])?;
    if !(out.is_dir() && stamp::current(&mark, hash)) {
        // Made beside and renamed into place: whoever reads it meanwhile sees the old one whole.
        let fresh = out.with_extension("new");
        step.note("bindings");
        bind(cache, &step, &built, &fresh, artifact)?;
        step.note("wasm-opt");
        optimise(cache, &step, &fresh.join(format!("{}_bg.wasm", artifact.name)))?;
        crate::cache::remove(&out)?;
        std::fs::rename(&fresh, &out).with_context(|| format!("cannot move into {}", out.display()))?;
        stamp::set(&mark, hash)?;
    }
    step.done();
    Ok(())
}

fn compile(toolchain: &WasmToolchain, own_std: bool, artifact: Artifact) -> Command {
    let mut cargo = toolchain.cargo(artifact.cargo_dir());
    cargo.args([
        "build",
        "--locked",
        "--package",
        "amplet-bindings",
        "--target",
        TARGET,
        "--profile",
        PROFILE,
    ]);
    cargo.args(["--no-default-features", "--features", artifact.name]);
    if own_std {
        cargo
            .args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"])
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_ENCODED_RUSTFLAGS", SIZE_FLAGS.join("\u{1f}"));
    }
    cargo
}

/// Generates the JavaScript glue. The abort handler makes a trapped engine refuse further calls; without the
/// default module path bundlers do not emit the module a second time.
fn bind(cache: &Cache, step: &Step, built: &Path, out: &Path, artifact: Artifact) -> Result<()> {
    crate::cache::remove(out)?;
    let mut bindgen = Command::new(tools::crates::WASM_BINDGEN.ensure(cache, 1)?);
    bindgen
        .args(["--target", "web", "--omit-default-module-path"])
        .args(artifact.guarded.then_some("--force-enable-abort-handler"))
        .args(["--out-name", artifact.name, "--out-dir"])
        .arg(out)
        .arg(built);
    proc::run(bindgen, step, &cache.log("wasm-bindgen"), LIMIT)
}

fn optimise(cache: &Cache, step: &Step, module: &Path) -> Result<()> {
    kin::rename(module)?;
    let smaller = module.with_extension("opt");
    let mut optimiser = Command::new(npm::ensure_wasm_opt(cache)?);
    optimiser.args(PASSES).args(WASM_FEATURES).arg(module).arg("-o").arg(&smaller);
    proc::run(optimiser, step, &cache.log("wasm-opt"), LIMIT)?;
    std::fs::rename(&smaller, module).with_context(|| format!("cannot replace {}", module.display()))
}

/// Builds the npm package into `pkg/dist/`.
///
/// # Errors
/// As [`all`].
pub fn package(cache: &Cache) -> Result<()> {
    let folder = root().join("pkg");
    script(cache, &folder, &[&folder], Duration::from_secs(15))
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
    npm::install(cache)?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mark = mark(&name);
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

/// Where the hash of a step's inputs is kept: not among its outputs, which are shipped.
fn mark(name: &str) -> PathBuf {
    target_dir().join("stamps").join(name)
}
