//! The running network, and the peer.

use std::future::Future;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use amplet_node::bitcoin::Network;
use amplet_node::bitcoin::constants::ChainHash;
use amplet_protocol::NodeId;
use amplet_router::{Direction, Graph, rgs};
use amplet_transport::{HttpRequest, NativePlatform, Platform};
use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};
use xtask::interop::PEER;
use xtask::regtest::client::Admin;
use xtask::regtest::lnd::Lnd;
use xtask::regtest::peer::Peer;
use xtask::regtest::session::ENV_FILE;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(240);
const POLL: Duration = Duration::from_millis(100);
/// Longest wait for the network's control API.
const CONTROL_LIMIT: Duration = Duration::from_secs(120);

/// Network and peer, as `cargo xtask interop` describes them.
pub struct World {
    /// Of the wallets.
    pub platform: Rc<dyn Platform>,
    network: Value,
    peer: Arc<dyn Peer>,
    folder: TempDir,
}

/// One of the network's gateways.
pub struct Gateway {
    /// `<node id>@<WebSocket URL>`.
    pub address: String,
    /// Base URL of its chain API.
    pub chain_url: String,
    /// Its admin API.
    pub admin: Admin,
}

impl World {
    /// Reads the descriptions that the environment names.
    ///
    /// # Errors
    /// Names what is missing.
    pub fn described() -> Result<Self> {
        let by_hand = "start this by `cargo xtask interop`";
        let file = std::env::var(ENV_FILE).with_context(|| format!("no {ENV_FILE}: {by_hand}"))?;
        let network = std::fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
        let peer = std::env::var(PEER).with_context(|| format!("no {PEER}: {by_hand}"))?;
        let peer = serde_json::from_str(&peer).with_context(|| format!("{PEER} is no JSON"))?;
        Ok(Self {
            platform: Rc::new(NativePlatform::new()?),
            network: serde_json::from_str(&network).with_context(|| format!("{file} is no JSON"))?,
            peer: Arc::new(Lnd::from_description(&peer).with_context(|| format!("{PEER} is incomplete"))?),
            folder: tempfile::tempdir().context("no temporary folder")?,
        })
    }

    /// Folder for wallets' files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn text(&self, pointer: &str) -> Result<String> {
        let text = self.network.pointer(pointer).and_then(Value::as_str);
        Ok(text.with_context(|| format!("the network's description has no {pointer}"))?.to_owned())
    }

    /// A gateway by its number.
    ///
    /// # Errors
    /// When it is not described.
    pub fn gateway(&self, number: usize) -> Result<Gateway> {
        let field = |name: &str| self.text(&format!("/gateways/{number}/{name}"));
        Ok(Gateway {
            address: field("address")?,
            chain_url: field("chainUrl")?,
            admin: Admin { url: field("adminUrl")?, token: field("adminToken")? },
        })
    }

    /// Asks the peer, on another thread: wallets go on meanwhile.
    ///
    /// # Errors
    /// The peer's.
    pub async fn peer<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Peer) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let peer = Arc::clone(&self.peer);
        spawn_blocking(move || question(&*peer)).await?
    }

    /// The peer's node id, in hex.
    pub fn peer_id(&self) -> String {
        self.peer.id()
    }

    /// `<node id>@tcp://<host>:<port>` of the peer.
    pub fn peer_address(&self) -> String {
        self.peer.address()
    }

    /// Asks the admin API of a gateway, on another thread: wallets go on meanwhile.
    ///
    /// # Errors
    /// The gateway's.
    pub async fn admin(&self, gateway: &Gateway, path: &'static str, body: Option<Value>) -> Result<Value> {
        let admin = gateway.admin.clone();
        let answer = spawn_blocking(move || match body {
            Some(body) => admin.post(path, &body, CONTROL_LIMIT.as_secs()),
            None => admin.get(path),
        });
        answer.await?
    }

    /// Channels of the peer that a gateway tells wallets of, in both directions.
    ///
    /// # Errors
    /// When the gateway does not answer, or with something else.
    pub async fn peer_channels_told_by(&self, gateway: &Gateway) -> Result<usize> {
        let url = format!("{}/rgs/snapshot/0", gateway.chain_url);
        let answer = self.platform.fetch(HttpRequest::get(url)).await?;
        let chain = ChainHash::using_genesis_block(Network::Regtest).to_bytes();
        let mut graph = Graph::new();
        rgs::apply(&mut graph, &answer.body, &chain).context("not a snapshot of routing data")?;
        let Some(peer) = graph.node(&NodeId::from_hex(&self.peer_id())?) else { return Ok(0) };
        let is_told = |channel: u32| {
            let both = [Direction::Forward, Direction::Backward].map(|way| graph.policy(channel, way));
            both.into_iter().all(|policy| policy.is_some_and(|policy| policy.enabled))
        };
        Ok(graph.incident(peer).iter().filter(|entry| is_told(entry.out / 2)).count())
    }

    async fn control(&self, path: &str, body: Value) -> Result<Value> {
        let url = format!("{}{path}", self.text("/controlUrl")?);
        let request = HttpRequest::post(url, body.to_string().into_bytes()).timeout(CONTROL_LIMIT);
        let answer = self.platform.fetch(request).await.map_err(|error| anyhow!("{path}: {error}"))?;
        let text = String::from_utf8_lossy(&answer.body);
        if answer.status != 200 {
            bail!("{path}: {text}");
        }
        serde_json::from_str(&text).with_context(|| format!("{path}: {text}"))
    }

    /// Mines blocks, once so many transactions wait, until the peer has them; returns the height.
    ///
    /// # Errors
    /// The network's, or when the peer does not follow.
    pub async fn mine(&self, blocks: u64, transactions: u64) -> Result<u64> {
        let body = json!({ "blocks": blocks, "transactions": transactions });
        let mined = self.control("/mine", body).await?;
        let height = mined.get("height").and_then(Value::as_u64).context("/mine answered no height")?;
        self.until("the peer to see the block", || async {
            Ok((self.peer(|peer| peer.height()).await? >= height).then_some(()))
        })
        .await?;
        Ok(height)
    }

    /// Pays to an address and mines a block; returns its height.
    ///
    /// # Errors
    /// As [`mine`](Self::mine).
    pub async fn fund(&self, address: &str, sat: u64) -> Result<u64> {
        self.control("/fund", json!({ "address": address, "sat": sat })).await?;
        self.mine(1, 1).await
    }

    /// Asks again and again until there is an answer.
    ///
    /// # Errors
    /// That of a question, or when no answer came in time.
    pub async fn until<T, F: Future<Output = Result<Option<T>>>>(
        &self,
        what: &str,
        mut question: impl FnMut() -> F,
    ) -> Result<T> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = question().await? {
                return Ok(answer);
            }
            if Instant::now() > end {
                bail!("waited {} s for {what}", PATIENCE.as_secs());
            }
            sleep(POLL).await;
        }
    }
}
