//! Times of what a user waits for, and a gateway under load: figures to look at, never a test's pass or fail.

mod extension;
pub mod load;
mod page;
mod router;
mod stream;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::cache::Cache;
use crate::regtest::session::{Options, Session};
use crate::tools::{self, Tool, npm};
use crate::ui::Step;
use crate::{proc, root};

type Run = fn(&Cache, &load::Options) -> Result<()>;

const PARTS: [(&str, Run); 6] = [
    ("router", |cache, _| router::run(cache)),
    ("page", |cache, _| page::run(cache)),
    ("extension", |cache, _| extension::run(cache)),
    ("stream", |cache, _| stream::run(cache)),
    ("gateway", load::phases),
    ("soak", load::soak),
];

const LIMIT: Duration = Duration::from_secs(60 * 60);

/// All benchmarks, or those named; `load` says how much a gateway is loaded with.
///
/// # Errors
/// When a name is unknown, what is to be measured does not come up, two forms of one program differ, or a gateway misses a bound.
pub fn run(cache: &Cache, only: &[String], load: &load::Options) -> Result<()> {
    let known = PARTS.map(|(part, _)| part);
    if let Some(unknown) = only.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("no benchmark `{unknown}`: there are {}", known.join(", "));
    }
    let wanted = PARTS.iter().filter(|(part, _)| only.is_empty() || only.iter().any(|name| name == part));
    wanted.map(|(_, run)| run).try_for_each(|run| run(cache, load))
}

/// Runs a script of `e2e/` on a network of its own with this page; gateways on loopback and optimised.
fn chromium(cache: &Cache, www: PathBuf, script: &str, usual: Duration) -> Result<()> {
    tools::ensure(cache, &[Tool::Bitcoind, Tool::Node, Tool::Browser])?;
    let folder = root().join("e2e");
    npm::install(cache)?;
    let options = Options { www: Some(www), release: true, ..Options::default() };
    let session = Session::start(cache, options)?;
    let step = Step::begin(&format!("{script} in Chromium"), usual);
    let mut npm = Command::new("npm");
    npm.args(["run", "--silent", script]).current_dir(&folder);
    session.tell(&mut npm);
    let outcome = proc::watch(npm, &step, &cache.log(&script.replace(':', "-")), LIMIT, true)
        .context("cannot run e2e's bench")?;
    if !outcome.success {
        bail!("the benchmark failed, see above; logs: {}", session.folder().display());
    }
    step.done();
    session.finish()
}
