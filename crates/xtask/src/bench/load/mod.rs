//! One optimised gateway under load: busy wallets, idle WebSockets, strangers who mean harm (`crates/load`).

mod judge;
mod table;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use self::judge::Report;
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
    let folder = std::env::temp_dir().join(format!("amplet-load-{}", random_hex(6)?));
    let step = Step::begin("gateway to be loaded", Duration::from_secs(10));
    let bitcoind = Bitcoind::start(&tools::bitcoind::ensure(cache, 2)?, &folder.join("bitcoind"))?;
    let node = Node::start_with(&gateway, folder.join("gateway"), "gateway", &bitcoind, &settings(options))?;
    give_coins(&node, &bitcoind, options.wallets)?;
    step.done();
    let mut command = std::process::Command::new(load);
    command.arg(arguments(&node, options, soak_seconds)?.to_string());
    let usual = Duration::from_secs(120 + if soak_seconds > 0 { soak_seconds } else { 3 * options.seconds });
    let step = Step::begin(if soak_seconds > 0 { "soak" } else { "load" }, usual);
    let over = AtomicBool::new(false);
    let outcome = std::thread::scope(|scope| {
        if soak_seconds > 0 {
            scope.spawn(|| mine(&bitcoind, &over));
        }
        let outcome =
            proc::watch_lines(command, &step, &cache.log("bench-load"), LIMIT, (false, &judge::progress));
        over.store(true, Ordering::SeqCst);
        outcome
    })?;
    let text = outcome.text()?;
    let report = Report::read(&text);
    print!("{}", table::of(options, &report));
    if !outcome.success {
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('{')).collect();
        bail!("the load failed: {}; kept: {}", lines.join("\n"), folder.display());
    }
    step.done();
    let missed = report.missed(soak_seconds > 0);
    if !missed.is_empty() {
        bail!("{}; kept: {}", missed.join("; "), folder.display());
    }
    node.end(true)?;
    bitcoind.end();
    cache::remove(&folder)
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
        "adminUrl": node.admin.url,
        "adminToken": node.admin.token,
        "pid": node.pid().context("the gateway does not run")?,
        "wallets": options.wallets,
        "idle": options.idle,
        "hostile": options.hostile,
        "seconds": options.seconds,
        "pauseMs": options.pause_ms,
        "soakSeconds": soak_seconds,
    }))
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
