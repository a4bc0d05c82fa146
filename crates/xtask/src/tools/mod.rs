//! The tools that building and testing need, each brought into the cache when the machine lacks it.

pub mod apt;
pub mod bitcoind;
pub mod crates;
pub mod go;
pub mod lnd;
pub mod npm;
pub mod python;
pub mod wasm;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, anyhow};

use crate::cache::Cache;
use crate::{proc, root};

/// The cargo that runs us, else the one in `PATH`.
#[must_use]
pub fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// The native cargo, in the workspace.
#[must_use]
pub fn cargo_command() -> Command {
    let mut command = Command::new(cargo());
    command.current_dir(root());
    with_progress(&mut command);
    // What `cargo run` sets for us is not meant for what we start.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CARGO_PKG_"))
    {
        command.env_remove(name);
    }
    command
}

/// Makes cargo count what it compiles even where nobody sees its own bar.
fn with_progress(command: &mut Command) {
    command.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", "100");
}

/// Chromium and its driver, of one version.
pub const BROWSER: [apt::Need; 2] =
    [apt::need("chromium", "chromium"), apt::need("chromedriver", "chromium-driver")];

/// PostgreSQL's server, of Debian 12's version. Tests start clusters of their own.
pub const POSTGRES: [apt::Need; 1] = [apt::need("/usr/lib/postgresql/15/bin/postgres", "postgresql-15")];

/// Debian's name for the Firefox that lasts.
pub const FIREFOX: [apt::Need; 1] = [apt::need("firefox-esr", "firefox-esr")];

/// A tool by its name on the command line, in doctor's report and in error messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tool {
    /// clang and LLVM's archiver, for secp256k1's C in wasm.
    Clang,
    /// The wasm32 target's standard library, or its sources.
    WasmTarget,
    /// wasm-bindgen's command line and test runner.
    WasmBindgen,
    /// wasm-pack.
    WasmPack,
    /// Binaryen's optimiser.
    WasmOpt,
    /// Node.js with npm.
    Node,
    /// Chromium and chromedriver.
    Browser,
    /// Firefox, from 153 on.
    Firefox,
    /// Bitcoin Core's daemon.
    Bitcoind,
    /// lnd, for scenarios with another implementation.
    Lnd,
    /// PostgreSQL's server, for backups of wallets.
    Postgres,
    /// Licences, advisories, sources.
    CargoDeny,
    /// Python with numpy.
    Numpy,
}

impl Tool {
    /// All of them, the slowest to get first.
    pub const ALL: [Self; 13] = [
        Self::Lnd,
        Self::Bitcoind,
        Self::WasmBindgen,
        Self::WasmPack,
        Self::CargoDeny,
        Self::Browser,
        Self::Firefox,
        Self::Postgres,
        Self::Node,
        Self::Clang,
        Self::WasmTarget,
        Self::WasmOpt,
        Self::Numpy,
    ];

    /// Name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Clang => "clang, llvm-ar, lld",
            Self::WasmTarget => "wasm32 target",
            Self::WasmBindgen => "wasm-bindgen",
            Self::WasmPack => "wasm-pack",
            Self::WasmOpt => "wasm-opt",
            Self::Node => "node, npm",
            Self::Browser => "chromium, chromedriver",
            Self::Firefox => "firefox-esr",
            Self::Bitcoind => "bitcoind",
            Self::Lnd => "lnd",
            Self::Postgres => "postgresql 15",
            Self::CargoDeny => "cargo-deny",
            Self::Numpy => "python3 with numpy",
        }
    }

    /// Way to get it when it is missing, and the time that usually takes on 2 cores.
    #[must_use]
    pub fn way(self) -> &'static str {
        match self {
            Self::Clang => "apt-get install clang lld llvm; 1 min",
            Self::WasmTarget => {
                "rustup target add, else Debian's rustc-web and its std built once; 1 to 3 min"
            }
            Self::WasmBindgen | Self::WasmPack => "cargo install into the cache; 2 to 6 min",
            Self::WasmOpt => "npm binaryen into the cache; 20 s",
            Self::Node => "apt-get install nodejs npm; 1 min",
            Self::Browser => "apt-get install chromium chromium-driver; 1 min",
            Self::Firefox => "apt-get install firefox-esr; 30 s",
            Self::Bitcoind => "built from the sources in libbitcoinkernel-sys; 5 min",
            Self::Lnd => "built from its Go module, with the module proxy's Go if need be; 6 min",
            Self::Postgres => "apt-get install postgresql-15; 1 min",
            Self::CargoDeny => "cargo install into the cache; 4 min",
            Self::Numpy => "python3 -m venv and pip into the cache, else apt-get install python3-numpy; 20 s",
        }
    }

    /// Place where it is, or `None` when it would have to be got.
    #[must_use]
    pub fn find(self, cache: &Cache) -> Option<String> {
        let shown = |p: PathBuf| p.display().to_string();
        match self {
            Self::Clang => wasm::CLANG.iter().all(apt::Need::met).then(|| "in PATH".to_owned()),
            Self::WasmTarget => wasm::find().map(|t| t.describe()),
            Self::WasmBindgen => crates::WASM_BINDGEN.find(cache).map(shown),
            Self::WasmPack => crates::WASM_PACK.find(cache).map(shown),
            Self::WasmOpt => npm::find_wasm_opt(cache).map(shown),
            Self::Node => npm::find_node(),
            Self::Browser => BROWSER.iter().all(apt::Need::met).then(|| "in PATH".to_owned()),
            Self::Firefox => FIREFOX.iter().all(apt::Need::met).then(|| "in PATH".to_owned()),
            Self::Bitcoind => bitcoind::find(cache).map(shown),
            Self::Lnd => lnd::find(cache).map(shown),
            Self::Postgres => {
                POSTGRES.iter().all(apt::Need::met).then(|| "in /usr/lib/postgresql".to_owned())
            }
            Self::CargoDeny => crates::CARGO_DENY.find(cache).map(shown),
            Self::Numpy => python::find(cache).map(shown),
        }
    }

    fn ensure(self, cache: &Cache, jobs: usize) -> Result<()> {
        match self {
            Self::Clang => apt::ensure(cache, &wasm::CLANG),
            Self::WasmTarget => wasm::ensure(cache).map(drop),
            Self::WasmBindgen => crates::WASM_BINDGEN.ensure(cache, jobs).map(drop),
            Self::WasmPack => crates::WASM_PACK.ensure(cache, jobs).map(drop),
            Self::WasmOpt => npm::ensure_wasm_opt(cache).map(drop),
            Self::Node => npm::ensure_node(cache),
            Self::Browser => apt::ensure(cache, &BROWSER),
            Self::Firefox => apt::ensure(cache, &FIREFOX),
            Self::Bitcoind => bitcoind::ensure(cache, jobs).map(drop),
            Self::Lnd => lnd::ensure(cache, jobs).map(drop),
            Self::Postgres => apt::ensure(cache, &POSTGRES),
            Self::CargoDeny => crates::CARGO_DENY.ensure(cache, jobs).map(drop),
            Self::Numpy => python::ensure(cache).map(drop),
        }
    }
}

/// Brings every tool of the list that is missing, two at a time: while one links, the other compiles.
///
/// # Errors
/// Names each tool that could not be had, with its reason and remedy.
pub fn ensure(cache: &Cache, tools: &[Tool]) -> Result<()> {
    let missing: Vec<Tool> = tools.iter().copied().filter(|t| t.find(cache).is_none()).collect();
    let jobs = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let queue = std::sync::Mutex::new(missing.into_iter());
    let next = || queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
    let failures: Vec<String> = std::thread::scope(|scope| {
        let worker = || {
            let mut failed = Vec::new();
            while let Some(tool) = next().filter(|_| !proc::interrupted()) {
                if let Err(error) = tool.ensure(cache, jobs) {
                    failed.push(format!("{}: {error:#}", tool.name()));
                }
            }
            failed
        };
        let handles = [scope.spawn(worker), scope.spawn(worker)];
        handles
            .into_iter()
            .flat_map(|h| h.join().unwrap_or_else(|_| vec!["a builder thread died".into()]))
            .collect()
    });
    if failures.is_empty() { Ok(()) } else { Err(anyhow!("missing tools:\n  {}", failures.join("\n  "))) }
}
