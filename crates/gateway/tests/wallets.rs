//! A gateway on a real `bitcoind -regtest`, and wallets that come to it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use amplet_protocol::page::{ErrorCode, Gateway as Configured, Network, OpenOptions, Request, WalletError};
use amplet_router::{Graph, rgs};
use amplet_storage::kdf::{KdfParams, Kek};
use amplet_storage::{MemoryBackend, SealedStore};
use amplet_transport::NativePlatform;
use amplet_wallet::{Response, Wallet};
use bitcoin::constants::ChainHash;
use common::{Gateway, close_code, folder};
use serde_json::{Value, json};
use tokio::task::LocalSet;
use xtask::regtest::bitcoind::Bitcoind;

/// Nothing takes longer on a machine that does something else besides.
const PATIENCE: Duration = Duration::from_secs(60);

/// A chain, and a gateway on it.
struct Town {
    gateway: Gateway,
    bitcoind: Bitcoind,
    dir: tempfile::TempDir,
}

fn bitcoind(dir: &Path) -> Bitcoind {
    let cache = xtask::cache::Cache::open().unwrap();
    let binary = xtask::tools::bitcoind::ensure(&cache, 2).unwrap();
    Bitcoind::start(&binary, &dir.join("bitcoind")).unwrap()
}

impl Town {
    fn new(network: &str, more: &str) -> Self {
        let dir = folder();
        let bitcoind = bitcoind(dir.path());
        let (url, user, password) = bitcoind.access();
        let chain = format!("url = \"{url}\"\nuser = \"{user}\"\npassword = \"{password}\"");
        common::configure_on(dir.path(), network, &chain, more);
        Self { gateway: Gateway::spawn(dir.path()), bitcoind, dir }
    }

    fn up(more: &str) -> Self {
        let mut town = Self::new("regtest", more);
        town.gateway.listen();
        town.gateway.wait_for_log("the node is up");
        town
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
            mnemonic: Some(common::OTHER_WORDS.into()),
            fresh: true,
            birthday_height: None,
        };
        let platform = Rc::new(NativePlatform::new().unwrap());
        let wallet = Wallet::open(platform, Rc::new(store), options).await.unwrap();
        (wallet, info["nodeId"].as_str().unwrap().to_owned())
    }
}

/// Runs a test's wallet beside the blocking calls to the gateway.
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

/// No block is mined for it: it is used without confirmation.
async fn usable(town: &Town) {
    until("a usable channel", async || {
        let channels = town.ask("GET", "/admin/v1/channels", &json!({}));
        (channels["channels"][0]["usable"] == true).then_some(())
    })
    .await;
}

#[test]
fn a_wallet_gets_channels_within_the_terms_and_no_others() {
    let terms = "[channels]\nopens_channels = true\nmin_capacity_sat = 50000\nmax_capacity_sat = 500000\n\
                 max_channels_per_peer = 1";
    let mut town = Town::up(terms);
    on_one_thread(async {
        let (wallet, gateway) = town.wallet().await;
        connected(&wallet).await;
        let request = async |capacity_sat| {
            wallet.request(Request::RequestChannel { gateway: gateway.clone(), capacity_sat }).await
        };
        let refused = |result: Result<Response, WalletError>| {
            let error = result.unwrap_err();
            assert_eq!(error.code, ErrorCode::GatewayRefused, "{error}");
            error.message
        };
        let no_funds = refused(request(100_000).await);
        town.fund(1_000_000);
        let small = refused(request(49_999).await);
        let large = refused(request(500_001).await);
        assert!(small.contains("50000") && large.contains("500000"), "{small} {large}");
        assert_ne!(no_funds, small);

        // Of two at once, one is too many.
        let (one, two) = futures::join!(request(200_000), request(200_000));
        assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1, "{one:?} {two:?}");
        let too_many = refused(if one.is_ok() { two } else { one });
        assert_ne!(too_many, no_funds);
        usable(&town).await;
        let theirs = town.ask("GET", "/admin/v1/channels", &json!({}));
        assert_eq!(theirs["channels"][0]["capacitySat"], 200_000);
        assert_eq!(theirs["channels"].as_array().unwrap().len(), 1);
        pay_both_ways(&town, &wallet).await;

        town.gateway.signal("TERM");
        assert_eq!(town.gateway.wait().code(), Some(0));
        town.restart();
        usable(&town).await;
        pay_both_ways(&town, &wallet).await;
    });
}

/// 20,000 sat to the wallet, 5,000 back.
async fn pay_both_ways(town: &Town, wallet: &Wallet) {
    let receive =
        Request::Receive { amount_msat: Some(20_000_000), description: "in".into(), expiry_secs: None };
    let Response::PaymentRequest(asked) = wallet.request(receive).await.unwrap() else { panic!() };
    let admin = (town.gateway.admin.clone(), json!({ "invoice": asked.invoice }));
    let paid = tokio::task::spawn_blocking(move || {
        common::admin_request(&admin.0, "POST", "/admin/v1/payments", &admin.1.to_string())
    });
    let paid = paid.await.unwrap().json();
    assert_eq!((&paid["state"], &paid["amountMsat"]), (&json!("succeeded"), &json!("20000000")), "{paid}");

    let made =
        town.ask("POST", "/admin/v1/invoices", &json!({ "amountMsat": "5000000", "description": "out" }));
    assert_eq!(made["state"], "open");
    let invoice = made["invoice"].as_str().unwrap().to_owned();
    let pay = Request::Pay { invoice, amount_msat: None, max_fee_msat: Some(1_000), authorization: None };
    let Response::Payment(payment) = wallet.request(pay).await.unwrap() else { panic!() };
    let hash = made["paymentHash"].as_str().unwrap();
    assert_eq!((&*payment.id.to_string(), payment.preimage.is_some()), (hash, true), "{payment:?}");
    let made = town.ask("GET", &format!("/admin/v1/invoices/{hash}"), &json!({}));
    assert_eq!((&made["state"], &made["receivedMsat"]), (&json!("paid"), &json!("5000000")));
}

#[test]
fn connections_have_limits_and_hear_why_they_end() {
    let mut town =
        Town::up("max_connections = 4\nmax_connections_per_ip = 3\ntrusted_proxies = [\"127.0.0.1\"]");
    let path = "/lightning/v1";
    let from = |ip: &str| format!("X-Forwarded-For: {ip}");
    let open = |ip: &str| town.gateway.upgraded(path, &[&from(ip)]);
    let settle = |town: &Town, open: u64| {
        let deadline = std::time::Instant::now() + PATIENCE;
        while town.ask("GET", "/admin/v1/info", &json!({}))["connections"] != open {
            assert!(std::time::Instant::now() < deadline, "a dropped connection still counts");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let first: Vec<_> = (0..3).map(|_| open("192.0.2.1")).collect();
    assert_eq!(town.gateway.websocket(path, &[&from("192.0.2.1")]), 4003, "the client's share");
    let other = open("192.0.2.2");
    assert_eq!(town.gateway.websocket(path, &[&from("192.0.2.3")]), 4003, "everybody's");
    drop(other);
    settle(&town, 3);
    drop(first);
    settle(&town, 0);
    // The node ends connections that say nothing for some seconds: these are there when the gateway is told to stop.
    let mut last: Vec<_> = ["192.0.2.1", "192.0.2.3"].map(open).into();
    town.gateway.signal("TERM");
    for stream in &mut last {
        assert_eq!(close_code(stream), 4000);
    }
    assert_eq!(town.gateway.wait().code(), Some(0));
    assert!(!town.dir.path().join("data/node.sqlite-wal").exists(), "the database was not checkpointed");
}

#[test]
fn it_is_the_same_node_after_a_kill_and_says_how_it_is() {
    let mut town = Town::up("");
    let node_id = town.ask("GET", "/admin/v1/info", &json!({}))["nodeId"].as_str().unwrap().to_owned();
    town.gateway.signal("KILL");
    town.gateway.wait();
    let www = town.dir.path().join("www");
    std::fs::create_dir(&www).unwrap();
    std::fs::write(www.join("index.html"), "").unwrap();
    let file = town.dir.path().join("gateway.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let more = "www = \"www\"\npublic_url = \"https://gateway.example/ln/\"\n";
    std::fs::write(&file, config + more).unwrap();
    town.gateway = Gateway::start(town.dir.path());
    town.gateway.wait_for_log("the node is up");
    let health = town.gateway.get("/health");
    assert_eq!(health.status, 200);
    let health = health.json();
    assert_eq!(health["nodeId"], node_id.as_str());
    assert_eq!(
        (&health["node"], &health["state"], &health["synced"]),
        (&json!(true), &json!("up"), &json!(true))
    );
    assert_eq!(health["height"].as_u64().unwrap(), town.bitcoind.height().unwrap());
    let proposal = town.gateway.get("/config.json").json();
    let address = format!("{node_id}@wss://gateway.example/ln/lightning/v1");
    assert_eq!(proposal["gateways"][0]["address"], address.as_str());
    assert_eq!(proposal["gateways"][0]["chainUrl"], "https://gateway.example/ln");
    assert_eq!(proposal["network"], "regtest");
    assert_eq!(town.gateway.get("/status").json()["chain_name"], "regtest");
}

#[test]
fn nodes_connect_over_tcp_and_a_failure_is_named() {
    let town = Town::up("[node]\nlisten = [\"127.0.0.1:0\"]");
    let id = town.ask("GET", "/admin/v1/info", &json!({}))["nodeId"].as_str().unwrap().to_owned();
    let dir = folder();
    common::write_private(&dir.path().join("seed"), common::OTHER_WORDS);
    let (url, user, password) = town.bitcoind.access();
    let chain = format!("url = \"{url}\"\nuser = \"{user}\"\npassword = \"{password}\"");
    let tcp = &town.gateway.tcp;
    common::configure_on(dir.path(), "regtest", &chain, &format!("[node]\npeers = [\"{id}@tcp://{tcp}\"]"));
    let mut other = Gateway::start(dir.path());
    other.wait_for_log("the node is up");
    let deadline = std::time::Instant::now() + PATIENCE;
    while other.admin("GET", "/admin/v1/info", None, None).json()["peers"] != json!([id]) {
        assert!(std::time::Instant::now() < deadline, "the configured peer is not connected");
        std::thread::sleep(Duration::from_millis(50));
    }
    let other_id =
        other.admin("GET", "/admin/v1/info", None, None).json()["nodeId"].as_str().unwrap().to_owned();
    assert_eq!(town.ask("GET", "/admin/v1/info", &json!({}))["peers"], json!([other_id]));

    let nobody = "02eec7245d6b7d2ccb30380bfbe2a3648cd7a942653f5aa340edcea1f283686619";
    let cases = [
        (format!("{nobody}@tcp://127.0.0.1:1"), 502, "cannot be reached"),
        (format!("{nobody}@tcp://{tcp}"), 502, "does not hold the key"),
        (format!("{id}@tcp://127.0.0.1:1"), 400, "the node itself"),
        (format!("{nobody}@http://127.0.0.1:1"), 400, "begins with wss://"),
        (format!("02{}@tcp://127.0.0.1:1", "ff".repeat(32)), 400, "is not a public key"),
    ];
    for (address, status, expected) in cases {
        let body = json!({ "address": address }).to_string();
        let answer = town.gateway.admin("POST", "/admin/v1/peers", None, Some(&body));
        assert_eq!(answer.status, status, "{address}: {}", answer.body);
        assert!(answer.body.contains(expected), "{address}: {}", answer.body);
    }
}

#[test]
fn routing_data_are_served_whole_and_as_what_changed() {
    let town = Town::up("[node]\nlisten = [\"127.0.0.1:0\"]");
    let path = "/rgs/snapshot/0";
    let empty = town.gateway.get(path);
    assert_eq!((empty.status, empty.header("access-control-allow-origin")), (200, Some("*")));
    for wrong in ["/rgs/snapshot/", "/rgs/snapshot/yesterday", "/rgs/snapshot/-1", "/rgs/snapshot/4294967296"]
    {
        let answer = town.gateway.get(wrong);
        assert!((400..500).contains(&answer.status), "{wrong}: {}", answer.status);
    }

    let dir = folder();
    common::write_private(&dir.path().join("seed"), common::OTHER_WORDS);
    let (url, user, password) = town.bitcoind.access();
    let chain = format!("url = \"{url}\"\nuser = \"{user}\"\npassword = \"{password}\"");
    let id = town.ask("GET", "/admin/v1/info", &json!({}))["nodeId"].as_str().unwrap().to_owned();
    let peers = format!("[node]\npeers = [\"{id}@tcp://{}\"]", town.gateway.tcp);
    common::configure_on(dir.path(), "regtest", &chain, &peers);
    let mut other = Gateway::start(dir.path());
    other.wait_for_log("the node is up");
    let until = |what: &str, done: &dyn Fn() -> bool| {
        let deadline = std::time::Instant::now() + PATIENCE;
        while !done() {
            assert!(
                std::time::Instant::now() < deadline,
                "waited too long for {what}: {}",
                town.gateway.log()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    let peers = || town.ask("GET", "/admin/v1/info", &json!({}))["peers"].clone();
    until("the other node", &|| peers() != json!([]));
    town.fund(5_000_000);
    let open = json!({ "peer": peers()[0], "capacitySat": 1_000_000, "announce": true });
    town.ask("POST", "/admin/v1/channels", &open);
    // The answer comes before the broadcast.
    until("the funding transaction", &|| town.bitcoind.waiting().unwrap() > 0);
    town.bitcoind.mine(7).unwrap();
    let chain = ChainHash::using_genesis_block(bitcoin::Network::Regtest).to_bytes();
    let read = |path: &str| {
        let (answer, mut graph) = (town.gateway.get(path), Graph::new());
        let applied = rgs::apply(&mut graph, &answer.bytes, &chain).unwrap();
        (answer, graph, applied)
    };
    until("the announcement", &|| read(path).2.policies == 2);
    let (answer, graph, applied) = read(path);
    assert_eq!((applied.channels, graph.channels().len(), graph.nodes().len()), (1, 1, 2));
    assert!(graph.nodes().iter().any(|node| node.to_string() == id));

    let etag = answer.header("etag").unwrap();
    assert_eq!(town.gateway.get_with(path, &[&format!("If-None-Match: {etag}")]).status, 304);
    assert_eq!(answer.header("cache-control"), Some("public, no-cache"));
    // Times are rounded down to ten seconds, so that wallets share answers.
    let later = format!("/rgs/snapshot/{}", graph.timestamp + 20);
    let (.., applied) = read(&later);
    assert_eq!((applied.channels, applied.policies), (0, 0));
}

#[test]
fn a_chain_of_another_network_ends_it_with_the_remedy() {
    let mut town = Town::new("signet", "");
    assert_eq!(town.gateway.wait().code(), Some(1));
    let log = town.gateway.log();
    assert!(log.contains("bitcoind is on regtest, the configuration says signet"), "{log}");
}

#[test]
fn a_peer_that_it_was_told_to_keep_is_kept_after_a_restart() {
    let town = Town::up("[node]\nlisten = [\"127.0.0.1:0\"]");
    let id = town.ask("GET", "/admin/v1/info", &json!({}))["nodeId"].as_str().unwrap().to_owned();
    let dir = folder();
    common::write_private(&dir.path().join("seed"), common::OTHER_WORDS);
    let (url, user, password) = town.bitcoind.access();
    let chain = format!("url = \"{url}\"\nuser = \"{user}\"\npassword = \"{password}\"");
    common::configure_on(dir.path(), "regtest", &chain, "");
    let start = || {
        let mut other = Gateway::start(dir.path());
        other.wait_for_log("the node is up");
        other
    };
    let mut other = start();
    let address = json!({ "address": format!("{id}@tcp://{}", town.gateway.tcp) }).to_string();
    let told = other.admin("POST", "/admin/v1/peers", None, Some(&address));
    assert_eq!((told.status, &told.json()["nodeId"]), (200, &json!(id)));
    other.signal("TERM");
    assert!(other.wait().success());

    let other = start();
    let deadline = std::time::Instant::now() + PATIENCE;
    while other.admin("GET", "/admin/v1/info", None, None).json()["peers"] != json!([id]) {
        assert!(std::time::Instant::now() < deadline, "it is not connected again: {}", other.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}
