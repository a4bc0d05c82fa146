//! Connections of wallets and nodes, restarts, and a chain of another network.

use std::time::Duration;

use serde_json::json;

use super::{PATIENCE, RegtestGateway};
use crate::harness::{self, Gateway, close_code, folder};

#[test]
fn connections_have_limits_and_hear_why_they_end() {
    let mut regtest = RegtestGateway::up(
        "max_connections = 4\nmax_connections_per_ip = 3\ntrusted_proxies = [\"127.0.0.1\"]",
    );
    let path = "/lightning/v1";
    let from = |ip: &str| format!("X-Forwarded-For: {ip}");
    let open = |ip: &str| regtest.gateway.upgraded(path, &[&from(ip)]);
    let settle = |regtest: &RegtestGateway, open: u64| {
        let deadline = std::time::Instant::now() + PATIENCE;
        while regtest.ask("GET", "/admin/v1/info", &json!({}))["connections"] != open {
            assert!(std::time::Instant::now() < deadline, "a dropped connection still counts");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let first: Vec<_> = (0..3).map(|_| open("192.0.2.1")).collect();
    assert_eq!(regtest.gateway.websocket(path, &[&from("192.0.2.1")]), 4003, "the client's share");
    let other = open("192.0.2.2");
    assert_eq!(regtest.gateway.websocket(path, &[&from("192.0.2.3")]), 4003, "everybody's");
    drop(other);
    settle(&regtest, 3);
    drop(first);
    settle(&regtest, 0);
    // The node ends connections that say nothing for some seconds: these are there when the gateway is told to stop.
    let mut last: Vec<_> = ["192.0.2.1", "192.0.2.3"].map(open).into();
    regtest.gateway.signal("TERM");
    for stream in &mut last {
        assert_eq!(close_code(stream), 4000);
    }
    assert_eq!(regtest.gateway.wait().code(), Some(0));
    assert!(!regtest.dir.path().join("data/node.sqlite-wal").exists(), "the database was not checkpointed");
}

#[test]
fn it_is_the_same_node_after_a_kill_and_says_how_it_is() {
    let mut regtest = RegtestGateway::up("");
    let node_id = regtest.ask("GET", "/admin/v1/info", &json!({}))["nodeId"].as_str().unwrap().to_owned();
    regtest.gateway.signal("KILL");
    regtest.gateway.wait();
    let www = regtest.dir.path().join("www");
    std::fs::create_dir(&www).unwrap();
    std::fs::write(www.join("index.html"), "").unwrap();
    let file = regtest.dir.path().join("gateway.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let more = "www = \"www\"\npublic_url = \"https://gateway.example/ln/\"\n";
    std::fs::write(&file, config + more).unwrap();
    regtest.gateway = Gateway::start(regtest.dir.path());
    regtest.gateway.wait_for_log("the node is up");
    let health = regtest.gateway.get("/health");
    assert_eq!(health.status, 200);
    let health = health.json();
    assert_eq!(health["nodeId"], node_id.as_str());
    assert_eq!(
        (&health["node"], &health["state"], &health["synced"]),
        (&json!(true), &json!("up"), &json!(true))
    );
    assert_eq!(health["height"].as_u64().unwrap(), regtest.bitcoind.height().unwrap());
    let proposal = regtest.gateway.get("/config.json").json();
    let address = format!("{node_id}@wss://gateway.example/ln/lightning/v1");
    assert_eq!(proposal["gateways"][0]["address"], address.as_str());
    assert_eq!(proposal["gateways"][0]["chainUrl"], "https://gateway.example/ln");
    assert_eq!(proposal["network"], "regtest");
    assert_eq!(regtest.gateway.get("/status").json()["chain_name"], "regtest");
}

#[test]
fn nodes_connect_over_tcp_and_a_failure_is_named() {
    let regtest = RegtestGateway::up("[node]\nlisten = [\"127.0.0.1:0\"]");
    let id = regtest.ask("GET", "/admin/v1/info", &json!({}))["nodeId"].as_str().unwrap().to_owned();
    let dir = folder();
    harness::write_private(&dir.path().join("seed"), harness::OTHER_WORDS);
    let (url, user, password) = regtest.bitcoind.access();
    let chain = format!("url = \"{url}\"\nuser = \"{user}\"\npassword = \"{password}\"");
    let tcp = &regtest.gateway.tcp;
    harness::configure_on(dir.path(), "regtest", &chain, &format!("[node]\npeers = [\"{id}@tcp://{tcp}\"]"));
    let mut other = Gateway::start(dir.path());
    other.wait_for_log("the node is up");
    let deadline = std::time::Instant::now() + PATIENCE;
    while other.admin("GET", "/admin/v1/info", None, None).json()["peers"] != json!([id]) {
        assert!(std::time::Instant::now() < deadline, "the configured peer is not connected");
        std::thread::sleep(Duration::from_millis(50));
    }
    let other_id =
        other.admin("GET", "/admin/v1/info", None, None).json()["nodeId"].as_str().unwrap().to_owned();
    assert_eq!(regtest.ask("GET", "/admin/v1/info", &json!({}))["peers"], json!([other_id]));

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
        let answer = regtest.gateway.admin("POST", "/admin/v1/peers", None, Some(&body));
        assert_eq!(answer.status, status, "{address}: {}", answer.body);
        assert!(answer.body.contains(expected), "{address}: {}", answer.body);
    }
}

#[test]
fn a_chain_of_another_network_ends_it_with_the_remedy() {
    let mut regtest = RegtestGateway::new("signet", "");
    assert_eq!(regtest.gateway.wait().code(), Some(4));
    let log = regtest.gateway.log();
    assert!(log.contains("the chain source is on regtest, the configuration says signet"), "{log}");
}

#[test]
fn a_peer_that_it_was_told_to_keep_is_kept_after_a_restart() {
    let regtest = RegtestGateway::up("[node]\nlisten = [\"127.0.0.1:0\"]");
    let id = regtest.ask("GET", "/admin/v1/info", &json!({}))["nodeId"].as_str().unwrap().to_owned();
    let dir = folder();
    harness::write_private(&dir.path().join("seed"), harness::OTHER_WORDS);
    let (url, user, password) = regtest.bitcoind.access();
    let chain = format!("url = \"{url}\"\nuser = \"{user}\"\npassword = \"{password}\"");
    harness::configure_on(dir.path(), "regtest", &chain, "");
    let start = || {
        let mut other = Gateway::start(dir.path());
        other.wait_for_log("the node is up");
        other
    };
    let mut other = start();
    let address = json!({ "address": format!("{id}@tcp://{}", regtest.gateway.tcp) }).to_string();
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
