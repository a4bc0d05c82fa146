//! A chain, a gateway, and a payee with a channel to it.

use std::cell::Cell;
use std::collections::BTreeSet;

use serde_json::{Value, json};
use xtask::regtest::client::Admin;

use super::super::{PATIENCE, RegtestGateway, until};
use crate::harness::{self, Gateway, folder};

/// Coins of the gateway: one for each channel, and more to pay for its claims on chain.
const COINS: u32 = 12;
const COIN_SAT: u64 = 6_000_000;

/// Blocks mined at once while HTLCs expire, and when nobody acts any more.
const FEW: u64 = 36;
const MANY: u64 = 144;

/// See the head of this file.
pub struct Network {
    pub regtest: RegtestGateway,
    payee: Gateway,
    _payee_dir: tempfile::TempDir,
    gateway_is_away: Cell<bool>,
}

impl Network {
    pub async fn new() -> Self {
        let regtest = RegtestGateway::up("max_connections_per_ip = 100\n[node]\nlisten = [\"127.0.0.1:0\"]");
        let dir = folder();
        harness::write_private(&dir.path().join("seed"), harness::OTHER_WORDS);
        let (url, user, password) = regtest.bitcoind.access();
        let chain = format!("url = \"{url}\"\nuser = \"{user}\"\npassword = \"{password}\"");
        let peers = format!("[node]\npeers = [\"{}@tcp://{}\"]", regtest.node_id(), regtest.gateway.tcp);
        harness::configure_on(dir.path(), "regtest", &chain, &peers);
        let mut payee = Gateway::start(dir.path());
        payee.wait_for_log("the node is up");
        let network = Self { regtest, payee, _payee_dir: dir, gateway_is_away: Cell::default() };
        for _ in 0..COINS {
            let address = network.ask("POST", "address", &json!({}));
            network.regtest.bitcoind.fund(address["address"].as_str().unwrap(), COIN_SAT).unwrap();
        }
        network.mine(1).await;
        let payee = network.payee_id();
        until("the payee's connection", async || {
            let info = network.ask("GET", "info", &json!({}));
            info["peers"].as_array().unwrap().iter().any(|peer| *peer == payee).then_some(())
        })
        .await;
        network.open_channel(&payee, 5_000_000).await;
        network
    }

    /// The gateway opens a channel, half of which it gives away; it is usable when this returns.
    pub async fn open_channel(&self, peer: &str, capacity_sat: u64) {
        let push_msat = (capacity_sat * 500).to_string();
        let channel = json!({ "peer": peer, "capacitySat": capacity_sat, "pushMsat": push_msat });
        let admin = self.admin();
        // The peer may live on this thread.
        let open = move || admin.post("/admin/v1/channels", &channel, PATIENCE.as_secs());
        tokio::task::spawn_blocking(open).await.unwrap().unwrap();
        until("the funding", async || (self.regtest.bitcoind.waiting().unwrap() > 0).then_some(())).await;
        self.mine(6).await;
        until("the channel", async || (self.channel(peer)?["usable"] == true).then_some(())).await;
    }

    fn admin(&self) -> Admin {
        Admin { url: format!("http://{}", self.regtest.gateway.admin), token: harness::token() }
    }

    /// The gateway's channel with this peer.
    pub fn channel(&self, peer: &str) -> Option<Value> {
        let channels = self.ask("GET", "channels", &json!({}));
        channels["channels"].as_array().unwrap().iter().find(|channel| channel["peer"] == peer).cloned()
    }

    pub fn payee_id(&self) -> String {
        self.ask_payee("GET", "info", &json!({}))["nodeId"].as_str().unwrap().to_owned()
    }

    /// Asks the gateway's operator.
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        self.regtest.ask(method, &format!("/admin/v1/{path}"), body)
    }

    /// Asks the payee's.
    pub fn ask_payee(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.payee.admin(method, &format!("/admin/v1/{path}"), None, Some(&body.to_string()));
        assert!(answer.status < 300, "{method} {path}: {}", answer.body);
        answer.json()
    }

    /// The gateway begins to pay. Nobody waits for the end.
    pub fn gateway_pays(&self, invoice: String) {
        let admin = self.admin();
        std::thread::spawn(move || {
            admin.post("/admin/v1/payments", &json!({ "invoice": invoice }), 2 * PATIENCE.as_secs())
        });
    }

    /// Freezes the payee's process, which takes HTLCs and does nothing about them, or lets it go on.
    pub fn freeze_payee(&self, frozen: bool) {
        self.payee.signal(if frozen { "STOP" } else { "CONT" });
    }

    pub fn kill_gateway(&mut self) {
        self.gateway_is_away.set(true);
        self.regtest.gateway.signal("KILL");
        self.regtest.gateway.wait();
    }

    /// Chain sources of a wallet: the gateway's, and the payee's.
    pub fn sources(&self) -> [String; 2] {
        [&self.regtest.gateway.http, &self.payee.http].map(|address| format!("http://{address}"))
    }

    pub fn height(&self) -> u64 {
        self.regtest.bitcoind.height().unwrap()
    }

    /// Mines blocks, which gateway and payee read.
    pub async fn mine(&self, blocks: u64) {
        let height = self.regtest.bitcoind.mine(blocks).unwrap();
        // On a busy machine bitcoind's answer may be late, which is an error of this request and of no other.
        let reached = |node: &Gateway| {
            let synced = node.admin("POST", "/admin/v1/sync", None, None);
            synced.status == 200 && synced.json()["height"].as_u64().unwrap() >= height
        };
        until("the gateway's and the payee's reading", async || {
            let gateway = self.gateway_is_away.get() || reached(&self.regtest.gateway);
            (gateway && reached(&self.payee)).then_some(())
        })
        .await;
    }

    /// Mines up to a height: few blocks at a time up to `busy_until`.
    pub async fn mine_to(&self, height: u64, busy_until: u64) {
        let mut at = self.height();
        while at < height {
            let at_once = if at < busy_until { FEW } else { MANY };
            self.mine(at_once.min(height - at)).await;
            at = self.height();
        }
    }

    /// The transaction in a block from `height` on that spends an output, as bitcoind describes it.
    pub fn spender(&self, txid: &str, vout: u64, height: u64) -> Option<Value> {
        let bitcoind = &self.regtest.bitcoind;
        let spent = bitcoind.call("getrawtransaction", &json!([txid, true])).unwrap();
        let script = spent["vout"][vout as usize]["scriptPubKey"]["hex"].as_str().unwrap().to_owned();
        let found =
            bitcoind.call("scanblocks", &json!(["start", [format!("raw({script})")], height])).unwrap();
        let blocks = found["relevant_blocks"].as_array().unwrap().clone();
        let mut transactions = blocks.iter().flat_map(|hash| {
            let block = bitcoind.call("getblock", &json!([hash, 2])).unwrap();
            block["tx"].as_array().unwrap().clone()
        });
        let spends = |tx: &Value| {
            let inputs = tx["vin"].as_array().unwrap();
            inputs.iter().any(|input| input["txid"] == txid && input["vout"] == vout)
        };
        transactions.rfind(|tx| spends(tx))
    }

    /// The fee of a transaction in a block.
    pub fn fee_sat(&self, txid: &str) -> u64 {
        let described = self.regtest.bitcoind.call("getrawtransaction", &json!([txid, 2])).unwrap();
        sat(&described["fee"])
    }

    /// Follows a transaction's outputs, and those of their spenders, through the blocks from `height` on. Returns the amounts of its own
    /// outputs that were spent, and the fees of all transactions after it.
    pub fn follow(&self, transaction: &Value, height: u64) -> (Vec<u64>, u64) {
        let (mut spent, mut spenders) = (Vec::new(), BTreeSet::new());
        let mut left = vec![transaction.clone()];
        while let Some(next) = left.pop() {
            for output in next["vout"].as_array().unwrap() {
                let (txid, vout) = (next["txid"].as_str().unwrap(), output["n"].as_u64().unwrap());
                let Some(spender) = self.spender(txid, vout, height) else { continue };
                if next == *transaction {
                    spent.push(sat(&output["value"]));
                }
                if spenders.insert(spender["txid"].as_str().unwrap().to_owned()) {
                    left.push(spender);
                }
            }
        }
        (spent, spenders.iter().map(|txid| self.fee_sat(txid)).sum())
    }
}

/// An amount as bitcoind writes it, in sat.
pub fn sat(bitcoin: &Value) -> u64 {
    (bitcoin.as_f64().unwrap() * 1e8).round() as u64
}
