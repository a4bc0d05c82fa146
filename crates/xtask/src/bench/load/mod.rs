//! One optimised gateway under load: busy wallets, idle WebSockets, strangers who mean harm (`crates/load`).

mod judge;
mod table;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

pub use self::judge::{Audit, Phase, Report};
use crate::cache::{self, Cache};
use crate::proc;
use crate::regtest::bitcoind::Bitcoind;
use crate::regtest::node::Node;
use crate::regtest::random_hex;
use crate::ui::{self, Step};
use crate::{build, tools};

/// How much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Wallets that pay each other.
    pub wallets: u64,
    /// WebSockets that say nothing.
    pub idle: u64,
    /// Connections of strangers who mean harm.
    pub hostile: u64,
    /// Seconds of each phase.
    pub seconds: u64,
    /// Mean pause of a wallet between two payments, in milliseconds.
    pub pause_ms: u64,
    /// Minutes of a soak.
    pub soak: u64,
    /// Unoptimised programs: to try the benchmark itself.
    pub debug: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            wallets: 200,
            idle: 10_000,
            hostile: 2_000,
            seconds: 120,
            pause_ms: 10_000,
            soak: 10,
            debug: false,
        }
    }
}

/// Coin of the gateway's for each channel, in sat.
const COIN_SAT: u64 = 1_100_000;
/// The same for closing channels by force, of which it keeps back some.
const RESERVE_SAT: u64 = 50_000_000;
/// Outputs of one transaction that pays the gateway.
const PER_TRANSACTION: usize = 100;
/// Time between blocks of a soak.
const BLOCK_EVERY: Duration = Duration::from_secs(60);
const LIMIT: Duration = Duration::from_secs(3 * 3600);

/// Payments of wallets with and without idle WebSockets and strangers, and what one that is idle takes of memory.
///
/// # Errors
/// When a bound is missed, or something does not come up.
pub fn phases(cache: &Cache, options: &Options) -> Result<()> {
    run(cache, options, 0)
}

/// All of it at once, for long: memory has to be flat.
///
/// # Errors
/// As [`phases`].
pub fn soak(cache: &Cache, options: &Options) -> Result<()> {
    run(cache, options, options.soak.saturating_mul(60))
}

fn run(cache: &Cache, options: &Options, soak_seconds: u64) -> Result<()> {
    let [gateway, load] = build::gateway_and_load(cache, !options.debug)?;
    let programs = Programs { bitcoind: tools::bitcoind::ensure(cache, 2)?, gateway, load };
    let folder = std::env::temp_dir().join(format!("amplet-load-{}", random_hex(6)?));
    let kept = || format!("kept: {}", folder.display());
    let report = measure(&programs, &folder, options, soak_seconds).with_context(kept)?;
    print!("{}", table::of(options, &report));
    let missed = report.missed(soak_seconds > 0);
    if !missed.is_empty() {
        bail!("{}; {}", missed.join("; "), kept());
    }
    cache::remove(&folder)
}

/// What runs.
pub struct Programs {
    /// The daemon.
    pub bitcoind: PathBuf,
    /// `amplet-gateway`.
    pub gateway: PathBuf,
    /// `amplet-load`.
    pub load: PathBuf,
}

/// Loads a new gateway in `folder`, in phases, or, unless `soak_seconds` is 0, with all of it at once.
///
/// # Errors
/// When something does not come up; nothing is judged.
pub fn measure(programs: &Programs, folder: &Path, options: &Options, soak_seconds: u64) -> Result<Report> {
    let step = Step::begin("gateway to be loaded", Duration::from_secs(10));
    let bitcoind = Bitcoind::start(&programs.bitcoind, &folder.join("bitcoind"))?;
    let home = folder.join("gateway");
    let node = Node::start_with(&programs.gateway, home, "gateway", &bitcoind, &settings(options))?;
    give_coins(&node, &bitcoind, options.wallets)?;
    step.done();
    let mut command = Command::new(&programs.load);
    command.arg("load").arg(arguments(&node, options, soak_seconds)?.to_string());
    let (name, usual) = match soak_seconds {
        0 => ("load", 3 * options.seconds),
        seconds => ("soak", seconds),
    };
    let step = Step::begin(name, Duration::from_secs(120 + usual));
    let over = AtomicBool::new(false);
    let outcome = std::thread::scope(|scope| {
        if soak_seconds > 0 {
            scope.spawn(|| mine(&bitcoind, &over));
        }
        let log = folder.join("load.log");
        let seen = |line: &str| {
            mine_as_wished(&bitcoind, line);
            judge::progress(line)
        };
        let outcome = proc::watch_lines(command, &step, &log, LIMIT, (false, &seen));
        over.store(true, Ordering::SeqCst);
        outcome
    })?;
    let text = outcome.text()?;
    if !outcome.success {
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('{')).collect();
        bail!("the load failed: {}", lines.join("\n"));
    }
    step.done();
    node.end(true)?;
    bitcoind.end();
    Ok(Report::read(&text))
}

/// The gateway's own limits, but for the number of WebSockets in all.
fn settings(options: &Options) -> String {
    let websockets = options.idle + options.hostile + 2 * options.wallets;
    format!("http.max_connections = {websockets}\n")
}

/// A confirmed coin for each channel: what is left of one waits for a block.
fn give_coins(node: &Node, bitcoind: &Bitcoind, wallets: u64) -> Result<()> {
    let address = || -> Result<String> {
        let answer = node.admin.post("/admin/v1/address", &json!({}), 30)?;
        let address = answer.get("address").and_then(Value::as_str);
        Ok(address.context("/admin/v1/address has no address")?.to_owned())
    };
    let addresses = (0..wallets).map(|_| address()).collect::<Result<Vec<_>>>()?;
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    for some in addresses.chunks(PER_TRANSACTION) {
        bitcoind.fund_all(some, COIN_SAT)?;
    }
    bitcoind.fund(&address()?, RESERVE_SAT)?;
    node.synced(bitcoind.mine(1)?)
}

fn arguments(node: &Node, options: &Options, soak_seconds: u64) -> Result<Value> {
    Ok(json!({
        "nodeId": node.id(),
        "door": node.door(),
        "admin": { "adminUrl": node.admin.url, "adminToken": node.admin.token },
        "pid": node.pid().context("the gateway does not run")?,
        "wallets": options.wallets,
        "idle": options.idle,
        "hostile": options.hostile,
        "seconds": options.seconds,
        "pauseMs": options.pause_ms,
        "soakSeconds": soak_seconds,
    }))
}

/// Mines when a line asks for blocks.
fn mine_as_wished(bitcoind: &Bitcoind, line: &str) {
    let mined = judge::wish(line).map_or(Ok(()), |blocks| bitcoind.mine(blocks).map(drop));
    if let Err(error) = mined {
        ui::line(&format!("  no blocks: {error:#}"));
    }
}

/// A block now and then, until it is over.
fn mine(bitcoind: &Bitcoind, over: &AtomicBool) {
    let mut next = Instant::now() + BLOCK_EVERY;
    while !over.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(200));
        if Instant::now() > next {
            next += BLOCK_EVERY;
            if let Err(error) = bitcoind.mine(1) {
                ui::line(&format!("  no block: {error:#}"));
            }
        }
    }
}
