//! The compiler for wasm32: rustup's target, or on a bare Debian its own compiler with a std built once.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::apt::{self, Need, need};
use crate::cache::{Cache, Workshop};
use crate::ui::{self, Step};
use crate::{proc, root};

/// The target of everything that runs in a browser.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// secp256k1 is C: clang compiles it for wasm, LLVM's archiver packs it.
pub const CLANG: [Need; 3] = [need("clang", "clang"), need("llvm-ar", "llvm"), need("wasm-ld", "lld")];

const DEBIAN: [Need; 4] = [
    need("/usr/bin/rustc", "rustc-web"),
    need("/usr/bin/cargo", "cargo-web"),
    need("/usr/lib/rustlib/src/rust/library/Cargo.lock", "rust-web-src"),
    need("wasm-ld", "lld"),
];
const DEBIAN_STD: &str = "/usr/lib/rustlib/wasm32-unknown-unknown/lib";
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// A compiler that can build for [`TARGET`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WasmToolchain {
    /// The cargo and rustc in `PATH`.
    Path,
    /// Debian's `/usr/bin/cargo` beside another compiler in `PATH`.
    Debian,
}

impl WasmToolchain {
    /// For doctor's report.
    #[must_use]
    pub fn describe(&self) -> String {
        let sources = if self.sources().is_some() { "with" } else { "without" };
        match self {
            Self::Path => format!("the compiler in PATH, {sources} std's sources"),
            Self::Debian => format!("Debian's compiler, {sources} std's sources"),
        }
    }

    /// A cargo command in the workspace for wasm, with its own target folder below `target/`: two
    /// compilers or flag sets in one folder rebuild each other.
    #[must_use]
    pub fn cargo(&self, target_dir: &str) -> Command {
        let program = match self {
            Self::Path => super::cargo(),
            Self::Debian => "/usr/bin/cargo".into(),
        };
        let mut command = Command::new(program);
        command.current_dir(root());
        self.environment(&mut command, target_dir);
        command
    }

    /// Sets what any cargo needs for wasm; wasm-pack hands it on.
    pub fn environment(&self, command: &mut Command, target_dir: &str) {
        super::with_progress(command);
        command
            .env("CARGO_TARGET_DIR", crate::target_dir().join(target_dir))
            .env("CC_wasm32_unknown_unknown", "clang")
            .env("AR_wasm32_unknown_unknown", "llvm-ar");
        if *self == Self::Debian {
            command.env("PATH", debian_path()).env_remove("CARGO").env_remove("RUSTC");
        }
        if self.sysroot().is_some_and(|s| s == Path::new("/usr")) {
            command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld");
        }
    }

    /// The folder of std's sources, for a release that builds std itself.
    #[must_use]
    pub fn sources(&self) -> Option<PathBuf> {
        let library = self.sysroot()?.join("lib/rustlib/src/rust/library");
        library.join("Cargo.lock").is_file().then_some(library)
    }

    fn sysroot(&self) -> Option<PathBuf> {
        let rustc = if *self == Self::Debian { "/usr/bin/rustc" } else { "rustc" };
        proc::output(Command::new(rustc).args(["--print", "sysroot"])).ok().map(PathBuf::from)
    }
}

fn debian_path() -> OsString {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let mut path = OsString::from("/usr/bin:");
    path.push(rest);
    path
}

/// The compiler to use, if one can build for wasm already.
#[must_use]
pub fn find() -> Option<WasmToolchain> {
    let libdir = proc::output(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]));
    if libdir.is_ok_and(|dir| has_std(Path::new(&dir))) {
        return Some(WasmToolchain::Path);
    }
    (has_std(Path::new(DEBIAN_STD)) && Path::new("/usr/bin/cargo").is_file()).then_some(WasmToolchain::Debian)
}

fn has_std(dir: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(dir) else { return false };
    let mut names = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned());
    names.any(|n| n.starts_with("libstd-") && n.ends_with(".rlib"))
}

/// The compiler to use: what is there, else rustup's target, else Debian's compiler.
///
/// # Errors
/// When none of these ways is open, with what to do.
pub fn ensure(cache: &Cache) -> Result<WasmToolchain> {
    if let Some(found) = find() {
        return Ok(found);
    }
    let _guard = cache.guard("wasm-target")?;
    if find().is_none() {
        let by_rustup = rustup(cache, &["target", "add", TARGET]);
        if let Err(rustup) = by_rustup {
            from_debian(cache).with_context(|| {
                format!("no wasm32 target by rustup ({rustup:#}) nor from Debian; by hand: rustup target add {TARGET}")
            })?;
        }
    }
    find().context("the wasm32 target was installed but rustc does not find it")
}

/// Std's sources for the size-tuned release, got from rustup where that works. Without them a release is
/// built over the ready-made std: the same program, about 5 % larger.
pub fn ensure_sources(cache: &Cache, toolchain: &WasmToolchain) -> Option<PathBuf> {
    if toolchain.sources().is_none()
        && let Err(error) = fetch_sources(cache, toolchain)
    {
        ui::line(&format!("  no sources of std ({error:#}): the release will be about 5 % larger"));
    }
    toolchain.sources()
}

/// One program at a time: a second rustup finds the first one's files in its way.
fn fetch_sources(cache: &Cache, toolchain: &WasmToolchain) -> Result<()> {
    let _guard = cache.guard("std-sources")?;
    if toolchain.sources().is_some() {
        return Ok(());
    }
    if toolchain.sysroot().is_some_and(|s| s == Path::new("/usr")) {
        apt::ensure(cache, &DEBIAN)
    } else {
        rustup(cache, &["component", "add", "rust-src"])
    }
}

fn rustup(cache: &Cache, arguments: &[&str]) -> Result<()> {
    if proc::which("rustup").is_none() {
        bail!("rustup is not in PATH");
    }
    let step = Step::begin(&format!("rustup {}", arguments.join(" ")), Duration::from_secs(20));
    let mut command = Command::new("rustup");
    // In the workspace, so that the toolchain this repository uses gets it.
    command.args(arguments).current_dir(root());
    proc::run(command, &step, &cache.log("rustup"), Duration::from_secs(300))?;
    step.done();
    Ok(())
}

/// Debian ships rustc for wasm32 without its std: build that from Debian's sources, once, and put it where
/// the compiler looks.
fn from_debian(cache: &Cache) -> Result<()> {
    apt::ensure(cache, &DEBIAN)?;
    let version = proc::output(Command::new("/usr/bin/rustc").arg("--version"))?;
    let version = version.split_whitespace().nth(1).unwrap_or("unknown").to_owned();
    let built = cache.provide("debian-wasm-std", &version, |shop| {
        let step = Step::begin("std for wasm32 from Debian's sources", Duration::from_secs(90));
        build_std(shop, &step)?;
        step.done();
        Ok(())
    })?;
    std::fs::create_dir_all(DEBIAN_STD)
        .and_then(|()| copy_rlibs(&built, Path::new(DEBIAN_STD)))
        .with_context(|| format!("cannot write {DEBIAN_STD}: run this once as root"))
}

fn build_std(shop: &Workshop, step: &Step) -> Result<()> {
    let package = shop.work.join("std");
    std::fs::create_dir_all(package.join("src")).context("cannot create the scratch package")?;
    std::fs::write(package.join("src/lib.rs"), "").context("cannot write the scratch package")?;
    let manifest = "[package]\nname = \"scratch\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[workspace]\n";
    std::fs::write(package.join("Cargo.toml"), manifest).context("cannot write the scratch manifest")?;
    let mut cargo = Command::new("/usr/bin/cargo");
    super::with_progress(&mut cargo);
    cargo
        .args(["build", "--release", "--target", TARGET, "-Zbuild-std=std,panic_abort,test,proc_macro"])
        .current_dir(&package)
        .env("PATH", debian_path())
        .env("RUSTC_BOOTSTRAP", "1")
        // Without bitcode a later fat LTO fails: "Can't find section .llvmbc".
        .env("RUSTFLAGS", "-Cembed-bitcode=yes")
        .env("CARGO_TARGET_DIR", package.join("target"));
    for inherited in ["CARGO", "RUSTC", "RUSTUP_TOOLCHAIN"] {
        cargo.env_remove(inherited);
    }
    proc::run(cargo, step, &shop.log, LIMIT)?;
    copy_rlibs(&package.join("target").join(TARGET).join("release/deps"), &shop.out)
        .context("cannot collect what was built")
}

fn copy_rlibs(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".rlib") && !name.starts_with("libscratch-") {
            std::fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}
