//! A gateway on a real `bitcoind -regtest`, and wallets and nodes that come to it.

mod channels;
mod health;
mod node;
mod routing;

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use amplet_protocol::page::{Gateway as Configured, Network, OpenOptions};
use amplet_storage::kdf::{KdfParams, Kek};
use amplet_storage::{MemoryBackend, SealedStore};
use amplet_transport::NativePlatform;
use amplet_wallet::Wallet;
use serde_json::{Value, json};
use xtask::regtest::bitcoind::Bitcoind;

use crate::harness::{self, Gateway, folder};

/// Nothing takes longer on a machine that does something else besides.
const PATIENCE: Duration = Duration::from_secs(60);

/// A chain, and a gateway on it.
struct RegtestGateway {
    gateway: Gateway,
    bitcoind: Bitcoind,
    dir: tempfile::TempDir,
}

fn bitcoind(dir: &Path) -> Bitcoind {
    let cache = xtask::cache::Cache::open().unwrap();
    let binary = xtask::tools::bitcoind::ensure(&cache, 2).unwrap();
    Bitcoind::start(&binary, &dir.join("bitcoind")).unwrap()
}

impl RegtestGateway {
    fn new(network: &str, more: &str) -> Self {
        let dir = folder();
        let bitcoind = bitcoind(dir.path());
        let (url, user, password) = bitcoind.access();
        let chain = format!("url = \"{url}\"\nuser = \"{user}\"\npassword = \"{password}\"");
        harness::configure_on(dir.path(), network, &chain, more);
        Self { gateway: Gateway::spawn(dir.path()), bitcoind, dir }
    }

    fn up(more: &str) -> Self {
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

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.gateway.admin(method, path, None, Some(&body.to_string()));
        assert!(answer.status < 300, "{method} {path}: {}", answer.body);
        answer.json()
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
        let backend = Rc::new(MemoryBackend::default());
        let kek = Kek::from_bytes([7; 32]);
        let store = SealedStore::create(backend, &KdfParams::external_key(), kek).await.unwrap();
        let options = OpenOptions {
            name: "test".into(),
            network: Network::Regtest,
            gateways: vec![Configured { address, chain_url: None, trust_zero_conf: true }],
            chain_sources: Vec::new(),
            mnemonic: Some(harness::OTHER_WORDS.into()),
            fresh: true,
            birthday_height: None,
        };
        let platform = Rc::new(NativePlatform::new().unwrap());
        let wallet = Wallet::open(platform, Rc::new(store), options).await.unwrap();
        (wallet, info["nodeId"].as_str().unwrap().to_owned())
    }
}
