//! Times of what a user waits for, and a gateway under load: figures to look at, never a test's pass or fail.

mod extension;
pub mod load;
mod page;
mod parts;
mod router;
mod stream;

use std::ffi::OsString;
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

const PARTS: [(&str, Run); 7] = [
    ("router", |cache, _| router::run(cache)),
    ("page", |cache, _| page::run(cache)),
    ("extension", |cache, _| extension::run(cache)),
    ("stream", |cache, _| stream::run(cache)),
    ("amp", |cache, _| parts::run(cache)),
    ("gateway", load::phases),
    ("soak", load::soak),
];

/// Script that counts what an engine writes and says.
const METER: &str = "e2e/bench/meter.js";

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

/// A script of `e2e/`.
struct Script {
    name: &'static str,
    usual: Duration,
    /// Number of gateways of its network.
    gateways: usize,
    /// Variables of its environment.
    env: Vec<(&'static str, OsString)>,
}

impl Script {
    const fn new(name: &'static str, usual: Duration) -> Self {
        Self { name, usual, gateways: 2, env: Vec::new() }
    }
}

/// Runs a script on a network of its own with this page; gateways on loopback and optimised.
fn chromium(cache: &Cache, www: PathBuf, script: &Script) -> Result<()> {
    tools::ensure(cache, &[Tool::Bitcoind, Tool::Node, Tool::Browser])?;
    let folder = root().join("e2e");
    npm::install(cache)?;
    let options = Options { www: Some(www), release: true, gateways: script.gateways, ..Options::default() };
    let session = Session::start(cache, options)?;
    let step = Step::begin(&format!("{} in Chromium", script.name), script.usual);
    let mut npm = Command::new("npm");
    npm.args(["run", "--silent", script.name]).current_dir(&folder);
    npm.envs(script.env.iter().map(|(name, value)| (name, value)));
    session.tell(&mut npm);
    let outcome = proc::watch(npm, &step, &cache.log(&script.name.replace(':', "-")), LIMIT, true)
        .context("cannot run e2e's bench")?;
    if !outcome.success {
        bail!("the benchmark failed, see above; logs: {}", session.folder().display());
    }
    step.done();
    session.finish()
}
