//! The same for a wallet in a tab of Chromium, on the regtest network (`e2e/chaos`): tab, browser, gateways, bitcoind, network and
//! backup die or fail at random instants, also inside commits.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use super::{LIMIT, Options};
use crate::artifacts::Purpose;
use crate::cache::Cache;
use crate::regtest::session::{self, Session};
use crate::tools::{self, Tool, npm};
use crate::ui::Step;
use crate::{bare, build, proc, root};

/// What a life usually takes, with what comes before and after its acts, and each of these.
const USUAL: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(3));

/// Name of the page.
const NAME: &str = "chaos";

/// Folder of the page.
#[must_use]
pub fn folder() -> PathBuf {
    bare::folder(NAME)
}

/// Makes the page that the lives are lived in. Its engine is told, before a commit, to have the browser killed there.
///
/// # Errors
/// When the package cannot be built.
pub fn page(cache: &Cache, purpose: Purpose) -> Result<PathBuf> {
    tools::ensure(cache, &[Tool::Bitcoind, Tool::Node, Tool::Browser])?;
    npm::install(cache)?;
    build::gateway(cache, false)?;
    bare::page(cache, purpose, NAME, "e2e/chaos/trap.js")
}

/// Options of the network of lives in this page.
#[must_use]
pub fn network(page: PathBuf) -> session::Options {
    session::Options { www: Some(page), ..session::Options::default() }
}

/// The lives' script, about to run in this network.
#[must_use]
pub fn script(session: &Session, options: &Options) -> Command {
    let mut node = Command::new("node");
    node.arg("chaos/main.mjs").current_dir(root().join("e2e"));
    session.tell(&mut node);
    options.tell(&mut node);
    node
}

/// Lives them, and prints each, what was done, and all of those that failed.
///
/// # Errors
/// When the network does not come up, or a life fails.
pub fn run(cache: &Cache, options: &Options) -> Result<()> {
    let purpose = if options.profile == "wasm-demo" { Purpose::Demo } else { Purpose::Release };
    let session = Session::start(cache, network(page(cache, purpose)?))?;
    let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let one = USUAL.1.saturating_mul(count(options.acts)).saturating_add(USUAL.0);
    let step = Step::begin("chaos in Chromium", one.saturating_mul(count(options.runs)));
    let outcome = proc::watch(script(&session, options), &step, &cache.log("chaos-browser"), LIMIT, true)?;
    if !outcome.success {
        bail!("lives failed, see above; logs: {}", session.folder().display());
    }
    step.done();
    session.finish()
}
