//! Start-up and payment times of the page.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::cache::Cache;
use crate::regtest::session::{Options, Session};
use crate::tools::{self, Tool, npm};
use crate::ui::Step;
use crate::{build, proc, root};

const LIMIT: Duration = Duration::from_secs(30 * 60);

/// Start-up and payment times of the page in headless Chromium, gateway on loopback and optimised.
///
/// # Errors
/// When the network or the page do not come up.
pub fn run(cache: &Cache) -> Result<()> {
    in_browser(cache, "bench", |_| Ok(()))
}

/// A script of e2e's in a network of its own, with the page and what else `build` makes.
pub(super) fn in_browser(
    cache: &Cache,
    script: &str,
    build: impl FnOnce(&Cache) -> Result<()>,
) -> Result<()> {
    tools::ensure(cache, &[Tool::Bitcoind, Tool::Node, Tool::Browser])?;
    build::page(cache)?;
    build(cache)?;
    let folder = root().join("e2e");
    npm::install(cache, &folder)?;
    let options = Options { www: Some(root().join("www/dist")), release: true, ..Options::default() };
    let session = Session::start(cache, options)?;
    let step = Step::begin(&format!("{script} in Chromium"), Duration::from_secs(120));
    let mut npm = Command::new("npm");
    npm.args(["run", "--silent", script]).current_dir(&folder);
    session.tell(&mut npm);
    let log = cache.log(&script.replace(':', "-"));
    let outcome = proc::watch(npm, &step, &log, LIMIT, true).context("cannot run e2e's bench")?;
    if !outcome.success {
        bail!("the benchmark failed, see above; logs: {}", session.folder().display());
    }
    step.done();
    session.finish()
}
