//! A Lightning network on one machine: `bitcoind -regtest`, two gateways or more, and a payee to whom each has a channel.
//!
//! One harness for the demo, the benchmarks and every integration test: native tests start a [`Network`] in-process or
//! use one that runs; tests in a browser speak to [`control`]'s HTTP API, which is the same thing as JSON.

pub mod bitcoind;
pub mod client;
pub mod control;
pub mod examples;
pub mod lnd;
pub mod node;
pub mod package;
pub mod peer;
pub mod session;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use self::bitcoind::Bitcoind;
use self::node::Node;
use crate::proc;
use crate::ui::Step;

/// Capacity of the channels between gateways and payee, in sat.
const CAPACITY_SAT: u64 = 10_000_000;
/// A channel announcement is believed from so many confirmations on (BOLT 7).
const CONFIRMATIONS: u64 = 6;
const POLL: Duration = Duration::from_millis(100);

/// Parts of a network.
pub struct Parts {
    /// The daemon.
    pub bitcoind: PathBuf,
    /// The `amplet-gateway` program.
    pub gateway: PathBuf,
    /// A folder for it all; it must be empty or not exist yet.
    pub folder: PathBuf,
    /// Number of gateways: two or more.
    pub gateways: usize,
}

/// A running network. It ends when this is dropped.
pub struct Network {
    // Dropped in this order: the nodes before what they depend on.
    /// The gateways.
    pub gateways: Vec<Node>,
    /// The last node, which sells and buys.
    pub payee: Node,
    /// The chain.
    pub bitcoind: Bitcoind,
    /// Addresses of the example sites, once they run.
    pub examples: OnceLock<Value>,
}

impl Network {
    /// Starts everything; returns when payments can flow.
    ///
    /// # Errors
    /// Names the process that did not come up, with the end of its log.
    pub fn start(parts: &Parts) -> Result<Self> {
        let step = Step::begin("regtest network", Duration::from_secs(10));
        step.note("bitcoind");
        let bitcoind = Bitcoind::start(&parts.bitcoind, &parts.folder.join("bitcoind"))?;
        step.note("nodes");
        let gateways = (0..parts.gateways).map(|number| format!("gateway-{number}"));
        let names: Vec<String> = gateways.chain(["payee".to_owned()]).collect();
        let mut nodes = std::thread::scope(|scope| -> Result<Vec<Node>> {
            let start = |name| Node::start(&parts.gateway, parts.folder.join(name), name, &bitcoind);
            let started: Vec<_> = names.iter().map(|name| scope.spawn(move || start(name))).collect();
            started
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|_| bail!("a thread died")))
                .collect()
        })?;
        let payee = nodes.pop().context("no payee")?;
        let network = Self { gateways: nodes, payee, bitcoind, examples: OnceLock::new() };
        step.note("channels");
        network.fund_nodes()?;
        network.open_channels()?;
        step.done();
        Ok(network)
    }

    /// Several coins each, so that channels can be opened one after the other without waiting for change.
    fn fund_nodes(&self) -> Result<()> {
        for node in self.nodes() {
            for _ in 0..4 {
                let answer = node.admin.post("/admin/v1/address", &json!({}), 30)?;
                let address = answer.get("address").and_then(Value::as_str);
                self.bitcoind.fund(address.context("/admin/v1/address has no address")?, 5 * CAPACITY_SAT)?;
            }
        }
        let height = self.bitcoind.mine(1)?;
        self.nodes().try_for_each(|node| node.synced(height))
    }

    /// Each gateway to the payee, half of the capacity on either side, and each gateway to the next.
    fn open_channels(&self) -> Result<()> {
        let to_payee = self.gateways.iter().map(|gateway| (gateway, &self.payee));
        let to_next = self.gateways.iter().zip(self.gateways.iter().skip(1));
        let pairs: Vec<(&Node, &Node)> = to_payee.chain(to_next).collect();
        for (from, to) in pairs.iter().copied() {
            connect(from, to)?;
            let half_msat = (CAPACITY_SAT / 2 * 1000).to_string();
            let channel = json!({
                "peer": to.id(), "capacitySat": CAPACITY_SAT, "pushMsat": half_msat, "announce": true,
            });
            from.admin
                .post("/admin/v1/channels", &channel, 60)
                .with_context(|| format!("no channel from {} to {}", from.name, to.name))?;
            // The funding transaction is made while both sides talk: do not mine past it.
            wait_for("a funding transaction", Duration::from_secs(30), || {
                match self.bitcoind.waiting()? {
                    0 => bail!("none in the mempool"),
                    _ => Ok(()),
                }
            })?;
            self.bitcoind.mine(1)?;
        }
        let height = self.bitcoind.mine(CONFIRMATIONS)?;
        self.nodes().try_for_each(|node| node.synced(height))?;
        self.nodes().try_for_each(|node| {
            let ends = pairs.iter().filter(|(from, to)| from.name == node.name || to.name == node.name);
            channels_usable(node, ends.count())
        })
    }

    /// All nodes.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.gateways.iter().chain([&self.payee])
    }

    /// A node by its number, or `payee`.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn node(&self, name: &str) -> Result<&Node> {
        let gateway = name.parse::<usize>().ok().and_then(|at| self.gateways.get(at));
        gateway
            .or((name == "payee").then_some(&self.payee))
            .with_context(|| format!("no node `{name}`: choose a gateway's number or payee"))
    }

    /// Starts a node again and connects it to the other running nodes; returns when its channels to them can be used again.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn resume(&self, node: &Node) -> Result<()> {
        node.resume()?;
        for other in self.nodes().filter(|other| other.name != node.name && other.running()) {
            // Two that are started at once dial each other, and each may refuse the other's connection for its own.
            wait_for("a connection", Duration::from_secs(60), || connect(node, other))?;
            let pair = format!("the channels of {} and {}", node.name, other.name);
            wait_for(&pair, Duration::from_secs(60), || {
                back(node, &other.id())?;
                back(other, &node.id())
            })?;
        }
        Ok(())
    }

    /// Ends every process, the nodes kindly and first. Threads that still serve find nobody any more.
    ///
    /// # Errors
    /// Names a node that did not end on SIGTERM; the rest is ended all the same.
    pub fn end(&self) -> Result<()> {
        let ended: Vec<Result<()>> = self.nodes().map(|node| node.end(true)).collect();
        self.bitcoind.end();
        ended.into_iter().collect()
    }

    /// Everything that a test needs to know, as JSON.
    ///
    /// # Errors
    /// When bitcoind does not answer.
    pub fn describe(&self) -> Result<Value> {
        Ok(json!({
            "network": "regtest",
            "height": self.bitcoind.height()?,
            "bitcoind": self.bitcoind.describe(),
            "gateways": self.gateways.iter().map(Node::describe).collect::<Vec<_>>(),
            "payee": self.payee.describe(),
            "examples": self.examples.get(),
        }))
    }
}

fn connect(from: &Node, to: &Node) -> Result<()> {
    let body = json!({ "address": to.address() });
    from.admin
        .post("/admin/v1/peers", &body, 30)
        .with_context(|| format!("{} cannot reach {}", from.name, to.name))?;
    Ok(())
}

fn channels(node: &Node) -> Result<Vec<Value>> {
    let mut answer = node.admin.get("/admin/v1/channels")?;
    match answer.get_mut("channels").map(Value::take) {
        Some(Value::Array(channels)) => Ok(channels),
        _ => bail!("/admin/v1/channels has no channels: {answer}"),
    }
}

fn is_usable(channel: &Value) -> bool {
    channel.get("usable").and_then(Value::as_bool) == Some(true)
}

fn channels_usable(node: &Node, count: usize) -> Result<()> {
    wait_for(&format!("{} to have {count} usable channels", node.name), Duration::from_secs(60), || {
        let channels = channels(node)?;
        let usable = channels.iter().filter(|channel| is_usable(channel)).count();
        if usable >= count { Ok(()) } else { bail!("{usable} are usable: {channels:?}") }
    })
}

/// An error while a channel with a peer waits for it.
fn back(node: &Node, peer: &str) -> Result<()> {
    let text = |channel: &Value, key| channel.get(key).and_then(Value::as_str).map(str::to_owned);
    let away = channels(node)?.into_iter().find(|channel| {
        text(channel, "peer").as_deref() == Some(peer) && text(channel, "state").as_deref() == Some("offline")
    });
    away.map_or(Ok(()), |channel| bail!("{} waits for its peer: {channel}", node.name))
}

/// Mines while transactions wait, so that a user who watches need not: six blocks, half a second apart.
/// Ends with the returned guard.
#[must_use]
pub fn mine_as_needed(network: &Arc<Network>) -> MiningGuard {
    let stop = Arc::new(AtomicBool::new(false));
    let (network, stopped) = (Arc::clone(network), Arc::clone(&stop));
    std::thread::spawn(move || {
        while !stopped.load(Ordering::SeqCst) && !proc::interrupted() {
            std::thread::sleep(Duration::from_millis(500));
            let waiting = network.bitcoind.waiting().unwrap_or(0);
            for _ in 0..if waiting > 0 { CONFIRMATIONS } else { 0 } {
                // The daemon may be on its way out: then nobody waits for a block any more.
                let _ = network.bitcoind.mine(1);
                std::thread::sleep(Duration::from_millis(500));
            }
        }
    });
    MiningGuard(stop)
}

/// Ends the mining when dropped.
pub struct MiningGuard(Arc<AtomicBool>);

impl Drop for MiningGuard {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Tries again and again until it works; the error of the last attempt names what was wrong.
pub(crate) fn wait_for<T>(what: &str, limit: Duration, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let began = Instant::now();
    loop {
        match attempt() {
            Ok(value) => return Ok(value),
            Err(_) if proc::interrupted() => bail!("interrupted"),
            Err(error) if began.elapsed() > limit => {
                return Err(error.context(format!("waited {} s for {what}", limit.as_secs())));
            }
            Err(_) => std::thread::sleep(POLL),
        }
    }
}

/// The last lines of a log, for an error message.
pub(crate) fn end_of(log: &Path) -> String {
    let text =
        std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let end = lines.get(lines.len().saturating_sub(30)..).unwrap_or_default();
    format!("the end of {}:\n    {}", log.display(), end.join("\n    "))
}

/// Random bytes of the operating system, as hex digits.
pub(crate) fn random_hex(bytes: usize) -> Result<String> {
    use std::io::Read;
    let mut buffer = vec![0_u8; bytes];
    let mut source = std::fs::File::open("/dev/urandom").context("cannot open /dev/urandom")?;
    source.read_exact(&mut buffer).context("cannot read /dev/urandom")?;
    Ok(buffer.iter().map(|byte| format!("{byte:02x}")).collect())
}
