//! Scenarios of wallets and gateways with a Lightning node of another implementation (`crates/interop`).

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::cache::Cache;
use crate::proc::{self, Outcome};
use crate::regtest::lnd::Daemon;
use crate::regtest::peer::Peer;
use crate::regtest::session::{Options, Session};
use crate::ui::Step;
use crate::{build, tools};

/// The variable with the description of the other node, as JSON.
pub const PEER: &str = "AMPLET_INTEROP_PEER";

const USUAL: Duration = Duration::from_secs(150);
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// What scenarios run with.
pub struct Programs {
    gateway: PathBuf,
    interop: PathBuf,
    lnd: PathBuf,
}

/// Gets and builds what scenarios run with.
///
/// # Errors
/// When something cannot be had, or does not compile.
pub fn programs(cache: &Cache) -> Result<Programs> {
    let lnd = tools::lnd::ensure(cache, 2)?;
    let [gateway, interop] = build::gateway_and_interop(cache)?;
    Ok(Programs { gateway, interop, lnd })
}

/// Runs the scenarios whose names contain one of these words; all if there is none. `show` prints each as it ends.
///
/// # Errors
/// When the network or the other node does not come up.
pub fn scenarios(cache: &Cache, programs: &Programs, words: &[String], show: bool) -> Result<Outcome> {
    let gateway = Some(programs.gateway.clone());
    let session = Session::start(cache, Options { gateway, ..Options::default() })?;
    let step = Step::begin("lnd", Duration::from_secs(10));
    let lnd = Daemon::start(&programs.lnd, &session.folder().join("lnd"), &session.network.bitcoind)?;
    step.note("a gateway relays to it");
    let relaying = session.network.node("0")?;
    relaying.end(true)?;
    relaying.configure(&format!("node.relays = [\"{}\"]", lnd.lnd.address()))?;
    session.network.resume(relaying)?;
    step.done();
    let mut command = Command::new(&programs.interop);
    command.args(words).env(PEER, lnd.lnd.describe().to_string());
    session.tell(&mut command);
    let step = Step::begin("interop with lnd", USUAL);
    let outcome = proc::watch(command, &step, &cache.log("interop-lnd"), LIMIT, show)?;
    if outcome.success {
        step.done();
        drop(lnd);
        session.finish()?;
    } else {
        crate::ui::line(&format!("  the network's and lnd's logs: {}", session.folder().display()));
    }
    Ok(outcome)
}

/// Gets everything, runs the scenarios, and prints what came of each.
///
/// # Errors
/// When something cannot be had or does not come up, or a scenario fails.
pub fn run(cache: &Cache, words: &[String]) -> Result<()> {
    let outcome = scenarios(cache, &programs(cache)?, words, true)?;
    if !outcome.success {
        let how = if outcome.timed_out { "did not end in time" } else { "failed" };
        bail!("scenarios {how}, see above; all of it: {}", outcome.log.display());
    }
    Ok(())
}
