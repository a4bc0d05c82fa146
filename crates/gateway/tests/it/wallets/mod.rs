//! A gateway on a real `bitcoind -regtest`, and wallets and nodes that come to it.

mod absence;
mod batch;
mod channels;
mod closing;
mod exit;
mod exit_htlcs;
mod full_disk;
mod giving;
mod health;
mod lost;
mod node;
mod on_demand;
mod operating;
mod routing;
mod strangers;
mod tokens;
mod watchtower;
mod zero_fee;

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use amplet_protocol::page::{ErrorCode, Gateway as Configured, Network, OpenOptions, Request, WalletError};
use amplet_storage::kdf::{KdfParams, Kek};
use amplet_storage::{MemoryBackend, SealedStore, Store};
use amplet_transport::NativePlatform;
use amplet_wallet::{Response, Wallet};
use serde_json::{Value, json};
use tokio::task::LocalSet;
use xtask::regtest::bitcoind::Bitcoind;

use crate::harness::{self, Gateway, folder};

/// Nothing takes longer on a machine that does something else besides.
const PATIENCE: Duration = Duration::from_secs(60);

/// A chain, and a gateway on it.
pub struct RegtestGateway {
    pub gateway: Gateway,
    pub bitcoind: Arc<Bitcoind>,
    dir: tempfile::TempDir,
}

fn bitcoind(dir: &Path) -> Bitcoind {
    let cache = xtask::cache::Cache::open().unwrap();
    let binary = xtask::tools::bitcoind::ensure(&cache, 2).unwrap();
    Bitcoind::start(&binary, &dir.join("bitcoind")).unwrap()
}

impl RegtestGateway {
    fn new(network: &str, more: &str) -> Self {
        Self::spawned(network, more, Gateway::spawn)
    }

    /// With a gateway that is `spawned` in its folder.
    fn spawned(network: &str, more: &str, spawn: impl FnOnce(&Path) -> Gateway) -> Self {
        let dir = folder();
        let bitcoind = Arc::new(bitcoind(dir.path()));
        let (url, user, password) = bitcoind.access();
        let chain = format!("url = \"{url}\"\nuser = \"{user}\"\npassword = \"{password}\"");
        harness::configure_on(dir.path(), network, &chain, more);
        Self { gateway: spawn(dir.path()), bitcoind, dir }
    }

    pub fn up(more: &str) -> Self {
        let mut regtest = Self::new("regtest", more);
        regtest.gateway.listen();
        regtest.gateway.wait_for_log("the node is up");
        regtest
    }

    fn restart(&mut self) {
        // The same ports, as a wallet knows them.
        let file = self.dir.path().join("gateway.toml");
        let config = std::fs::read_to_string(&file).unwrap();
        let mut ports = [self.gateway.admin.clone(), self.gateway.http.clone()].into_iter();
        let fixed: String = config
            .lines()
            .map(|line| match line.strip_suffix("\"127.0.0.1:0\"") {
                Some(start) => format!("{start}\"{}\"\n", ports.next().unwrap()),
                None => format!("{line}\n"),
            })
            .collect();
        std::fs::write(file, fixed).unwrap();
        self.gateway = Gateway::start(self.dir.path());
        self.gateway.wait_for_log("the node is up");
    }

    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.gateway.admin(method, path, None, Some(&body.to_string()));
        assert!(answer.status < 300, "{method} {path}: {}", answer.body);
        answer.json()
    }

    fn node_id(&self) -> String {
        self.ask("GET", "/admin/v1/info", &json!({}))["nodeId"].as_str().unwrap().to_owned()
    }

    /// Transactions that wait for a block, as bitcoind describes them.
    fn mempool(&self) -> Vec<Value> {
        let ids = self.bitcoind.call("getrawmempool", &json!([])).unwrap();
        let describe = |id: &Value| {
            let described = self.bitcoind.call("getrawtransaction", &json!([id, true]));
            // It may have been replaced since.
            described.ok()
        };
        ids.as_array().unwrap().iter().filter_map(describe).collect()
    }

    /// Closes the only channel by force; returns its commitment, once it waits for a block.
    fn close_by_force(&self) -> Value {
        self.close_one_by_force(|_| true)
    }

    /// Closes the first channel that is `wanted` by force; returns its commitment, once it waits for a block.
    fn close_one_by_force(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let channels = self.ask("GET", "/admin/v1/channels", &json!({}));
        let channel = channels["channels"].as_array().unwrap().iter().find(|it| wanted(it)).unwrap();
        let funding = channel["funding"].as_str().unwrap().split(':').next().unwrap();
        let path = format!("/admin/v1/channels/{}?force=true", channel["id"].as_str().unwrap());
        assert_eq!(self.gateway.admin("DELETE", &path, None, None).status, 204);
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(commitment) = self.mempool().into_iter().find(|tx| spends(tx, funding)) {
                return commitment;
            }
            assert!(Instant::now() < end, "no commitment: {}", self.gateway.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn fund(&self, sat: u64) {
        let address = self.ask("POST", "/admin/v1/address", &json!({}));
        self.bitcoind.fund(address["address"].as_str().unwrap(), sat).unwrap();
        let height = self.bitcoind.mine(1).unwrap();
        // The chain API hears of a block within a second.
        for _ in 0..100 {
            if self.ask("POST", "/admin/v1/sync", &json!({}))["height"].as_u64().unwrap() >= height {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the gateway does not see block {height}:\n{}", self.gateway.log());
    }

    /// A fresh wallet of this gateway.
    async fn wallet(&self) -> (Wallet, String) {
        let info = self.ask("GET", "/admin/v1/info", &json!({}));
        let address = info["addresses"][0].as_str().unwrap().to_owned();
        let wallet = self.wallet_at(address, harness::OTHER_WORDS).await;
        (wallet, info["nodeId"].as_str().unwrap().to_owned())
    }

    /// A fresh wallet of these words that reaches the gateway at this address, and its blocks without a detour.
    async fn wallet_at(&self, address: String, words: &str) -> Wallet {
        self.wallet_with(address, words, |_| ()).await
    }

    /// The same with options changed.
    async fn wallet_with(
        &self,
        address: String,
        words: &str,
        change: impl FnOnce(&mut OpenOptions),
    ) -> Wallet {
        self.wallet_on(Rc::new(new_store().await), address, words, change).await
    }

    /// The same in this store.
    async fn wallet_on(
        &self,
        store: Rc<dyn Store>,
        address: String,
        words: &str,
        change: impl FnOnce(&mut OpenOptions),
    ) -> Wallet {
        let chain_url = Some(format!("http://{}", self.gateway.http));
        let mut options = OpenOptions {
            name: "test".into(),
            network: Network::Regtest,
            gateways: vec![Configured { address, chain_url, trust_zero_conf: true }],
            chain_sources: Vec::new(),
            mnemonic: Some(words.into()),
            fresh: true,
            birthday_height: None,
            backup: None,
            file: None,
            move_here: false,
            zero_fee_commitments: false,
        };
        change(&mut options);
        let platform = Rc::new(NativePlatform::new().unwrap());
        Wallet::open(platform, store, options).await.unwrap()
    }
}

/// An empty store.
async fn new_store() -> SealedStore {
    let (backend, kek) = (Rc::new(MemoryBackend::default()), Kek::from_bytes([7; 32]));
    SealedStore::create(backend, &KdfParams::external_key(), kek).await.unwrap()
}

/// Returns whether a transaction as bitcoind describes it spends an output of `txid`.
fn spends(transaction: &Value, txid: &str) -> bool {
    transaction["vin"].as_array().unwrap().iter().any(|input| input["txid"] == txid)
}

/// No block is mined for it: it is used without confirmation.
async fn usable(regtest: &RegtestGateway) {
    until("a usable channel", async || {
        let channels = regtest.ask("GET", "/admin/v1/channels", &json!({}));
        (channels["channels"][0]["usable"] == true).then_some(())
    })
    .await;
}

/// Words of the wallet of this number.
fn words(number: u8) -> String {
    amplet_node::keys::mnemonic_from_entropy(&[number; 16]).unwrap()
}

/// Runs a test's wallets beside the blocking calls to the gateway.
fn on_one_thread(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("never: {what}"))
}

async fn connected(wallet: &Wallet) {
    until("a connection", async || match wallet.request(Request::Status).await.unwrap() {
        Response::Status(status) => {
            serde_json::to_string(&status.gateways).unwrap().contains("\"connected\"").then_some(())
        }
        other => panic!("{other:?}"),
    })
    .await;
}

/// The gateway's refusal of a channel, in its words.
fn refusal(result: Result<Response, WalletError>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.code, ErrorCode::GatewayRefused, "{error}");
    error.message
}
