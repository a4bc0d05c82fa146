//! The wasm artifacts of `crates/bindings`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::cache::Cache;
use crate::once::once;
use crate::tools::wasm::{self, TARGET, WasmToolchain};
use crate::tools::{self, Tool, npm};
use crate::ui::Step;
use crate::{kin, proc, root, stamp, target_dir};

const LIMIT: Duration = Duration::from_secs(45 * 60);

/// Purpose of an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be shipped: size first, over a std built for size where its sources are there.
    Release,
    /// For a demo whose user waits for the compiler: not optimised, and several times the bytes.
    Demo,
}

impl Purpose {
    /// Cargo's profile.
    fn profile(self) -> &'static str {
        match self {
            Self::Release => "wasm",
            Self::Demo => "wasm-demo",
        }
    }

    fn of(self, what: &str) -> String {
        match self {
            Self::Release => what.to_owned(),
            Self::Demo => format!("{what} (demo)"),
        }
    }
}

/// Features that rustc emits by default, and exceptions, with which wasm-bindgen's abort handler catches what JavaScript throws;
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
    /// True if the npm package has it.
    shipped: bool,
    /// True if it refuses calls after a trap by itself: Node 20 does not know the types that this takes.
    guarded: bool,
    usual: Duration,
}

impl Artifact {
    /// Folder that it is built to.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        let generated =
            if self.shipped { root().join("pkg/generated") } else { target_dir().join("generated") };
        generated.join(self.name)
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

/// Builds wasm artifacts into their folders.
///
/// # Errors
/// Names the step that failed, with the end of its log.
pub fn build(cache: &Cache, purpose: Purpose, artifacts: &[Artifact]) -> Result<()> {
    artifacts.iter().try_for_each(|artifact| {
        once(&purpose.of(&format!("wasm: {}", artifact.name)), || one(cache, purpose, *artifact))
    })
}

fn one(cache: &Cache, purpose: Purpose, artifact: Artifact) -> Result<()> {
    tools::ensure(cache, &[Tool::Clang, Tool::WasmTarget])?;
    let toolchain = wasm::ensure(cache)?;
    let own_std = purpose == Purpose::Release && wasm::ensure_sources(cache, &toolchain).is_some();
    let compile = compile(&toolchain, own_std, purpose, artifact);
    // All artifacts come from one crate and share its folder, where cargo links one again after each other one; so it is asked
    // only when something has changed.
    let out = artifact.folder();
    let mark = target_dir().join("stamps").join(format!("wasm-{}", artifact.name));
    let hash = inputs(&compile)?;
    if out.is_dir() && stamp::current(&mark, hash) {
        return Ok(());
    }
    let step = Step::begin(&purpose.of(&format!("wasm: {}", artifact.name)), artifact.usual);
    proc::run(compile, &step, &cache.log(&format!("build-wasm-{}", artifact.name)), LIMIT)?;
    let folder = target_dir().join(purpose.profile()).join(TARGET).join(purpose.profile());
    // Made beside and renamed into place: whoever reads it meanwhile sees the old one whole.
    let fresh = out.with_extension("new");
    step.note("bindings");
    bind(cache, &step, &folder.join("amplet_bindings.wasm"), &fresh, artifact)?;
    if purpose == Purpose::Release {
        step.note("wasm-opt");
        optimise(cache, &step, &fresh.join(format!("{}_bg.wasm", artifact.name)))?;
    }
    crate::cache::remove(&out)?;
    std::fs::rename(&fresh, &out).with_context(|| format!("cannot move into {}", out.display()))?;
    stamp::set(&mark, hash)?;
    step.done();
    Ok(())
}

/// A hash of everything that decides what comes out: sources, dependencies, the compiler, and what it and the
/// tools after it are told, which stands here.
fn inputs(compile: &Command) -> Result<u64> {
    let crates = root().join("crates");
    let entries = std::fs::read_dir(&crates).with_context(|| format!("cannot list {}", crates.display()))?;
    let mut files: Vec<PathBuf> =
        ["Cargo.toml", "Cargo.lock", "crates/xtask/src/artifacts.rs", "crates/xtask/src/kin.rs"]
            .map(|file| root().join(file))
            .into();
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot list {}", crates.display()))?;
        if entry.file_name() != "gateway" && entry.file_name() != "xtask" {
            files.push(entry.path());
        }
    }
    let compiler = proc::output(Command::new("rustc").arg("-vV").current_dir(root()))?;
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    stamp::hash_with(&files, &format!("{compiler} {compile:?}"))
}

fn compile(toolchain: &WasmToolchain, own_std: bool, purpose: Purpose, artifact: Artifact) -> Command {
    let mut cargo = toolchain.cargo(purpose.profile());
    cargo.args(["build", "--locked", "--package", "amplet-bindings", "--target", TARGET]);
    cargo.args(["--profile", purpose.profile(), "--no-default-features", "--features", artifact.name]);
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
