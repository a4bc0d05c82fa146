//! Licences, bans, sources and advisories of what we depend on (cargo-deny, rules in deny.toml).

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::cache::Cache;
use crate::tools::{self, Tool};
use crate::ui::Step;
use crate::{proc, root};

/// Runs every check. Advisories come from a git repository, so this one needs the open internet; the test run
/// leaves them out, because a test must not turn red by what happens elsewhere.
///
/// # Errors
/// When a check fails; the message has its report.
pub fn all(cache: &Cache) -> Result<()> {
    tools::ensure(cache, &[Tool::CargoDeny])?;
    let step = Step::begin("cargo-deny", Duration::from_secs(20));
    let command = command(cache, &["advisories", "bans", "licenses", "sources"])?;
    proc::run(command, &step, &cache.log("deny"), Duration::from_secs(900))?;
    step.done();
    Ok(())
}

/// The command for some checks.
///
/// # Errors
/// When cargo-deny cannot be had.
pub fn command(cache: &Cache, checks: &[&str]) -> Result<Command> {
    let mut deny = Command::new(tools::crates::CARGO_DENY.ensure(cache, 2).context("cargo-deny")?);
    deny.args(["--locked", "--all-features", "check", "--hide-inclusion-graph"])
        .args(checks)
        .current_dir(root());
    Ok(deny)
}
