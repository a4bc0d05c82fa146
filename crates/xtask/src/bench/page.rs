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
    tools::ensure(cache, &[Tool::Bitcoind, Tool::Node, Tool::Browser])?;
    build::page(cache)?;
    let folder = root().join("e2e");
    npm::install(cache, &folder)?;
    let options = Options { www: Some(root().join("www/dist")), release: true, ..Options::default() };
    let session = Session::start(cache, options)?;
    let step = Step::begin("bench in Chromium", Duration::from_secs(120));
    let mut npm = Command::new("npm");
    npm.args(["run", "--silent", "bench"]).current_dir(&folder);
    session.tell(&mut npm);
    let outcome =
        proc::watch(npm, &step, &cache.log("bench"), LIMIT, true).context("cannot run e2e's bench")?;
    if !outcome.success {
        bail!("the benchmark failed, see above; logs: {}", session.folder().display());
    }
    step.done();
    session.finish()
}
