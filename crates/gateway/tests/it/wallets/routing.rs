//! Rapid Gossip Sync snapshots.

use std::time::Duration;

use amplet_router::{Graph, rgs};
use bitcoin::constants::ChainHash;
use serde_json::json;

use super::{PATIENCE, RegtestGateway};
use crate::harness::{self, Gateway, folder};

#[test]
fn routing_data_are_served_whole_and_as_what_changed() {
    let regtest = RegtestGateway::up("[node]\nlisten = [\"127.0.0.1:0\"]");
    let path = "/rgs/snapshot/0";
    let empty = regtest.gateway.get(path);
    assert_eq!((empty.status, empty.header("access-control-allow-origin")), (200, Some("*")));
    for wrong in ["/rgs/snapshot/", "/rgs/snapshot/yesterday", "/rgs/snapshot/-1", "/rgs/snapshot/4294967296"]
    {
        let answer = regtest.gateway.get(wrong);
        assert!((400..500).contains(&answer.status), "{wrong}: {}", answer.status);
    }

    let dir = folder();
    harness::write_private(&dir.path().join("seed"), harness::OTHER_WORDS);
    let (url, user, password) = regtest.bitcoind.access();
    let chain = format!("url = \"{url}\"\nuser = \"{user}\"\npassword = \"{password}\"");
    let id = regtest.ask("GET", "/admin/v1/info", &json!({}))["nodeId"].as_str().unwrap().to_owned();
    let peers = format!("[node]\npeers = [\"{id}@tcp://{}\"]", regtest.gateway.tcp);
    harness::configure_on(dir.path(), "regtest", &chain, &peers);
    let mut other = Gateway::start(dir.path());
    other.wait_for_log("the node is up");
    let until = |what: &str, done: &dyn Fn() -> bool| {
        let deadline = std::time::Instant::now() + PATIENCE;
        while !done() {
            assert!(
                std::time::Instant::now() < deadline,
                "waited too long for {what}: {}",
                regtest.gateway.log()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    let peers = || regtest.ask("GET", "/admin/v1/info", &json!({}))["peers"].clone();
    until("the other node", &|| peers() != json!([]));
    regtest.fund(5_000_000);
    let open = json!({ "peer": peers()[0], "capacitySat": 1_000_000, "announce": true });
    regtest.ask("POST", "/admin/v1/channels", &open);
    // The answer comes before the broadcast.
    until("the funding transaction", &|| regtest.bitcoind.waiting().unwrap() > 0);
    regtest.bitcoind.mine(7).unwrap();
    let chain = ChainHash::using_genesis_block(bitcoin::Network::Regtest).to_bytes();
    let read = |path: &str| {
        let (answer, mut graph) = (regtest.gateway.get(path), Graph::new());
        let applied = rgs::apply(&mut graph, &answer.bytes, &chain).unwrap();
        (answer, graph, applied)
    };
    until("the announcement", &|| read(path).2.policies == 2);
    let (answer, graph, applied) = read(path);
    assert_eq!((applied.channels, graph.channels().len(), graph.nodes().len()), (1, 1, 2));
    assert!(graph.nodes().iter().any(|node| node.to_string() == id));

    let etag = answer.header("etag").unwrap();
    assert_eq!(regtest.gateway.get_with(path, &[&format!("If-None-Match: {etag}")]).status, 304);
    assert_eq!(answer.header("cache-control"), Some("public, no-cache"));
    // Times are rounded down to ten seconds, so that wallets share answers.
    let later = format!("/rgs/snapshot/{}", graph.timestamp + 20);
    let (.., applied) = read(&later);
    assert_eq!((applied.channels, applied.policies), (0, 0));
}
