//! A network of its own, whose gateway 0 serves sites and whose payee pays and is paid.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use xtask::cache::Cache;
use xtask::regtest::client::Admin;
use xtask::regtest::{Network, Parts};
use xtask::tools;

use crate::harness::{Answer, request};

pub struct MerchantNetwork {
    pub nodes: Network,
    _dir: tempfile::TempDir,
}

impl MerchantNetwork {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let bitcoind = tools::bitcoind::ensure(&Cache::open().unwrap(), 2).unwrap();
        let gateway = Path::new(env!("CARGO_BIN_EXE_amplet-gateway")).to_path_buf();
        let parts = Parts { bitcoind, gateway, folder: dir.path().join("network"), gateways: 2 };
        Self { nodes: Network::start(&parts).unwrap(), _dir: dir }
    }

    /// The gateway's HTTP side.
    pub fn http(&self) -> String {
        self.nodes.gateways[0].url().trim_start_matches("http://").to_owned()
    }

    /// Makes a key.
    pub fn key(&self, scopes: &[&str], more: Value) -> Key {
        let mut body = json!({ "name": "test", "scopes": scopes });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = self.nodes.gateways[0].admin.post("/admin/v1/keys", &body, 30).unwrap();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        Key { http: self.http(), id: text("id"), token: text("token"), webhook_secret: text("webhookSecret") }
    }

    /// The payee pays.
    pub fn pay(&self, invoice: &Value) -> Value {
        let body = json!({ "invoice": invoice });
        let paid = self.nodes.payee.admin.post("/admin/v1/payments", &body, 120).unwrap();
        assert_eq!(paid["state"], "succeeded", "{paid}");
        paid
    }

    /// An invoice of the payee.
    pub fn invoice(&self, msat: u64) -> Value {
        let body = json!({ "amountMsat": msat.to_string(), "description": "a prize" });
        self.nodes.payee.admin.post("/admin/v1/invoices", &body, 30).unwrap()
    }

    /// Ends the gateway as a power cut would, and starts it again.
    pub fn restart(&self) {
        let gateway = &self.nodes.gateways[0];
        gateway.end(false).unwrap();
        self.nodes.resume(gateway).unwrap();
        let usable = |admin: &Admin| {
            let channels = admin.get("/admin/v1/channels").unwrap()["channels"].as_array().unwrap().clone();
            channels.iter().all(|channel| channel["usable"] == true)
        };
        let deadline = Instant::now() + Duration::from_secs(120);
        while !usable(&gateway.admin) || !usable(&self.nodes.payee.admin) {
            assert!(Instant::now() < deadline, "the channels do not come back");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A site's server with its key.
#[derive(Clone)]
pub struct Key {
    pub http: String,
    pub id: String,
    pub token: String,
    pub webhook_secret: String,
}

impl Key {
    pub fn send(&self, method: &str, path: &str, headers: &[&str], body: Option<&Value>) -> Answer {
        let authorization = format!("Authorization: Bearer {}", self.token);
        let mut all = vec![authorization.as_str(), "Content-Type: application/json"];
        all.extend(headers);
        request(&self.http, method, path, &all, body.map(Value::to_string).as_deref())
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None)
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[], Some(body))
    }

    /// With an idempotency key.
    pub fn post_once(&self, path: &str, once: &str, body: &Value) -> Answer {
        self.send("POST", path, &[&format!("Idempotency-Key: {once}")], Some(body))
    }

    /// An invoice made.
    pub fn invoice(&self, body: &Value) -> Value {
        expect(&self.post("/v1/invoices", body), 201)
    }

    /// An invoice as it is.
    pub fn look(&self, hash: &Value) -> Value {
        expect(&self.get(&format!("/v1/invoices/{}", hash.as_str().unwrap())), 200)
    }
}

/// The answer's JSON when it has this status.
pub fn expect(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.body);
    answer.json()
}

/// Its error code when it has this status; the message has a remedy.
pub fn refused(answer: &Answer, status: u16) -> String {
    let error = expect(answer, status);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains([';', ':']), "no remedy: {message}");
    error["code"].as_str().unwrap().to_owned()
}
