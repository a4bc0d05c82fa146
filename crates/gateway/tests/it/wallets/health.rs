//! Health with a bitcoind that freezes and falls back.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{PATIENCE, RegtestGateway};

impl RegtestGateway {
    /// Sends a signal to bitcoind by name.
    fn signal_bitcoind(&self, name: &str) {
        let file = self.dir.path().join("bitcoind/regtest/bitcoind.pid");
        let pid = std::fs::read_to_string(file).unwrap();
        assert!(Command::new("kill").args(["-s", name, pid.trim()]).status().unwrap().success());
    }

    /// Waits until `/health` has this status; returns its body.
    pub(super) fn health(&self, status: u16) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = self.gateway.get("/health");
            if answer.status == status {
                return answer.json();
            }
            assert!(Instant::now() < end, "health is {}: {}", answer.status, answer.body);
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

#[test]
fn a_frozen_bitcoind_and_a_shorter_chain_are_told() {
    let regtest = RegtestGateway::up("");
    let well = regtest.health(200);
    assert_eq!(well["problems"], json!([]));
    assert_eq!((&well["chain"]["kind"], &well["chain"]["height"]), (&json!("bitcoind"), &well["height"]));
    regtest.signal_bitcoind("STOP");
    let answer = regtest.gateway.admin("POST", "/admin/v1/sync", None, None);
    regtest.signal_bitcoind("CONT");
    assert!(answer.status >= 500, "{}: {}", answer.status, answer.body);
    assert!(answer.body.contains("bitcoind does not answer within 10 s"), "{}", answer.body);
    regtest.ask("POST", "/admin/v1/sync", &json!({}));

    let tip = regtest.bitcoind.call("getbestblockhash", &json!([])).unwrap();
    regtest.bitcoind.call("invalidateblock", &json!([tip])).unwrap();
    let ill = regtest.health(503);
    assert_eq!(ill["node"], true, "wallets reach the node all the same");
    assert_eq!(ill["problems"][0]["code"], "shorterChain", "{ill}");
    let info = regtest.ask("GET", "/admin/v1/info", &json!({}));
    assert_eq!(info["problems"][0]["code"], "shorterChain", "{info}");
    regtest.bitcoind.call("reconsiderblock", &json!([tip])).unwrap();
    regtest.health(200);
}
