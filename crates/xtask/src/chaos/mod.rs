//! Chaos: random lives of a small network, each drawn from a seed and audited at its end (`crates/node/tests/chaos`).

pub mod browser;

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};

use crate::cache::Cache;
use crate::proc;
use crate::tools::cargo_command;
use crate::ui::Step;

/// What to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// First seed.
    pub seed: u64,
    /// Number of seeds.
    pub runs: u64,
    /// Acts of a life.
    pub acts: u64,
    /// Cargo's profile: `fuzz` is optimised and watches arithmetic. In a browser: `wasm`, or `wasm-demo`, which is compiled sooner.
    pub profile: String,
    /// In tabs of Chromium instead of in memory.
    pub browser: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 1, runs: 100, acts: 40, profile: "fuzz".to_owned(), browser: false }
    }
}

/// Longest time for all of it.
const LIMIT: Duration = Duration::from_secs(24 * 3600);

impl Options {
    /// Cargo, about to run the lives' program, or only to build it.
    #[must_use]
    pub fn cargo(&self, build_only: bool) -> Command {
        let mut cargo = cargo_command();
        cargo.args(["test", "--locked", "--profile", &self.profile, "--package", "amplet-node"]);
        cargo.args(["--test", "chaos"]).args(build_only.then_some("--no-run"));
        self.tell(&mut cargo);
        cargo
    }

    /// Tells a program what to live.
    fn tell(&self, program: &mut Command) {
        for (name, value) in [("SEED", self.seed), ("RUNS", self.runs), ("ACTS", self.acts)] {
            program.env(format!("AMPLET_CHAOS_{name}"), value.to_string());
        }
    }

    /// Builds the lives' program.
    ///
    /// # Errors
    /// When it does not compile.
    pub fn build(&self, cache: &Cache) -> Result<()> {
        let step = Step::begin("chaos (build)", Duration::from_secs(240));
        proc::run(self.cargo(true), &step, &cache.log("chaos-build"), LIMIT)?;
        step.done();
        Ok(())
    }
}

/// Builds the lives' program, lives them, and prints what was done, what failed, and how a failed seed is lived again.
///
/// # Errors
/// When it does not compile, or a life fails.
pub fn run(cache: &Cache, options: &Options) -> Result<()> {
    if options.browser {
        return browser::run(cache, options);
    }
    options.build(cache)?;
    let step = Step::begin("chaos", Duration::from_secs(options.runs.saturating_mul(options.acts) / 20));
    let (done, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let seen = |line: &str| {
        proc::test_name(line)?;
        let failures = usize::from(line.ends_with("FAILED"));
        let failed = failed.fetch_add(failures, Ordering::Relaxed).saturating_add(failures);
        let done = done.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let failures = if failed == 0 { String::new() } else { format!(", {failed} failed") };
        Some(format!("{done}/{}{failures}", options.runs))
    };
    let outcome = proc::watch_lines(options.cargo(false), &step, &cache.log("chaos"), LIMIT, (false, &seen))?;
    let text = outcome.text()?;
    let lines = text.lines().skip_while(|line| !line.starts_with("running "));
    let shown = lines.filter(|line| !line.ends_with(" ... ok"));
    shown.for_each(|line| println!("{line}"));
    if !outcome.success {
        bail!("lives failed, see above; all of it: {}", outcome.log.display());
    }
    step.done();
    Ok(())
}
