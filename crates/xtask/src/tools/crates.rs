//! Tools that are crates: `cargo install` into the cache.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::cargo_command;
use crate::cache::Cache;
use crate::proc;
use crate::ui::Step;

const LIMIT: Duration = Duration::from_secs(40 * 60);

/// A crate whose binary we run.
pub struct CrateTool {
    krate: &'static str,
    version: &'static str,
    binary: &'static str,
    usual: Duration,
}

/// Generates the bindings; must be exactly the version of the `wasm-bindgen` crate in Cargo.lock.
pub const WASM_BINDGEN: CrateTool = CrateTool {
    krate: "wasm-bindgen-cli",
    version: "0.2.130",
    binary: "wasm-bindgen",
    usual: Duration::from_secs(240),
};

/// Runs the wasm tests in a browser.
pub const WASM_PACK: CrateTool =
    CrateTool { krate: "wasm-pack", version: "0.15.1", binary: "wasm-pack", usual: Duration::from_secs(240) };

/// Checks licences, advisories and sources of what we depend on.
pub const CARGO_DENY: CrateTool = CrateTool {
    krate: "cargo-deny",
    version: "0.20.2",
    binary: "cargo-deny",
    usual: Duration::from_secs(300),
};

impl CrateTool {
    /// The version that is used.
    #[must_use]
    pub fn version(&self) -> &'static str {
        self.version
    }

    /// Its binary, if it is there: in the cache, or in `PATH` with this very version.
    #[must_use]
    pub fn find(&self, cache: &Cache) -> Option<PathBuf> {
        if cache.has(self.krate, self.version) {
            return Some(cache.dir(self.krate, self.version).join("bin").join(self.binary));
        }
        let path = proc::which(self.binary)?;
        let shown = proc::output(Command::new(&path).arg("--version")).ok()?;
        (shown.split_whitespace().nth(1) == Some(self.version)).then_some(path)
    }

    /// Its binary; installed first if it must be.
    ///
    /// # Errors
    /// When it cannot be fetched or built.
    pub fn ensure(&self, cache: &Cache, jobs: usize) -> Result<PathBuf> {
        if let Some(found) = self.find(cache) {
            return Ok(found);
        }
        let dir = cache.provide(self.krate, self.version, |shop| {
            let step = Step::begin(&format!("{} {}", self.krate, self.version), self.usual);
            let install = |locked: bool| {
                let mut command = cargo_command();
                command.args(["install", self.krate, "--version", self.version, "--jobs", &jobs.to_string()]);
                command.args(locked.then_some("--locked"));
                command.arg("--root").arg(&shop.out).env("CARGO_TARGET_DIR", &shop.work);
                // The workspace's folder would bring its own .cargo/config.toml and toolchain file.
                command.current_dir(cache.root());
                proc::run(command, &step, &shop.log, LIMIT)
            };
            // A registry mirror may lack a version that the tool's own lock file names.
            install(true)
                .or_else(|error| if proc::interrupted() { Err(error) } else { install(false) })
                .with_context(|| format!("cannot install {}: is the network up?", self.krate))?;
            step.done();
            Ok(())
        })?;
        Ok(dir.join("bin").join(self.binary))
    }
}
