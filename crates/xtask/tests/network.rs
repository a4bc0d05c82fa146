//! The harness's network, with real gateways: money flows both ways, past a killed node and a reorganisation.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use xtask::cache::Cache;
use xtask::regtest::session::ENV_FILE;
use xtask::regtest::{Network, Parts, control};
use xtask::{serve, target_dir, tools};

/// The program that `cargo xtask test` built, else the one of `cargo build -p amplet-gateway`.
fn gateway() -> PathBuf {
    let named = std::env::var(ENV_FILE).ok().map(|file| {
        let description: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        PathBuf::from(description["gatewayBinary"].as_str().unwrap())
    });
    let program = named.unwrap_or_else(|| target_dir().join("debug/amplet-gateway"));
    assert!(program.is_file(), "no {}: run `cargo build -p amplet-gateway` first", program.display());
    program
}

/// Asks the control API and expects `status`.
fn ask(url: &str, path: &str, body: &Value, status: u16) -> Value {
    let answer =
        minreq::post(format!("{url}{path}")).with_body(body.to_string()).with_timeout(120).send().unwrap();
    assert_eq!(answer.status_code, status, "{path}: {}", answer.as_str().unwrap());
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    serde_json::from_str(answer.as_str().unwrap()).unwrap()
}

#[test]
fn money_flows_through_the_control_api() {
    let folder = std::env::temp_dir().join(format!("xtask-network-{}", std::process::id()));
    let bitcoind = tools::bitcoind::ensure(&Cache::open().unwrap(), 2).unwrap();
    let network = Arc::new(
        Network::start(&Parts { bitcoind, gateway: gateway(), folder: folder.clone(), gateways: 2 }).unwrap(),
    );
    let url = control::serve(Arc::clone(&network)).unwrap();
    let pays = |from: usize| {
        let invoice = ask(&url, "/invoice", &json!({ "amountMsat": "21000" }), 200);
        let body = json!({ "invoice": invoice["invoice"] });
        let paid = network.gateways[from].admin.post("/admin/v1/payments", &body, 60).unwrap();
        assert_eq!(
            (paid["state"].as_str(), paid["paymentHash"].as_str()),
            (Some("succeeded"), invoice["paymentHash"].as_str())
        );
    };
    let is_paid = |by: usize| {
        let body = json!({ "amountMsat": "50000", "description": "x" });
        let invoice = network.gateways[by].admin.post("/admin/v1/invoices", &body, 30).unwrap();
        let paid = ask(&url, "/pay", &json!({ "invoice": invoice["invoice"] }), 200);
        assert_eq!(paid["state"], "succeeded", "{paid}");
    };
    pays(0);
    is_paid(1);

    // A power cut of one gateway does not touch the other, and it comes back.
    ask(&url, "/gateway/0/kill", &json!({}), 200);
    assert!(!network.gateways[0].running());
    pays(1);
    assert_eq!(ask(&url, "/gateway/0/start", &json!({}), 200)["running"], true);
    let height = ask(&url, "/mine", &json!({ "blocks": 2 }), 200)["height"].as_u64().unwrap();
    assert_eq!(ask(&url, "/reorg", &json!({ "depth": 2, "blocks": 3 }), 200)["height"], height + 1);
    network.nodes().for_each(|node| node.synced(height + 1).unwrap());
    is_paid(0);
    pays(0);

    // Mistakes of the caller are named.
    for (path, body, status, what) in [
        ("/nothing", json!({}), 400, "no POST /nothing"),
        ("/fund", json!({ "address": "x" }), 400, "`sat` is missing"),
        ("/fund", json!({ "address": "x", "sat": 1000 }), 500, "Invalid Bitcoin address"),
        ("/gateway/7/kill", json!({}), 400, "choose a gateway's number or payee"),
        ("/gateway/0/burn", json!({}), 400, "choose kill, stop, start, freeze or thaw"),
    ] {
        let error = ask(&url, path, &body, status)["error"].to_string();
        assert!(error.contains(what), "{path}: {error}");
    }

    // A page is told of both gateways, and of no token.
    let config = serve::config(&network.describe().unwrap());
    assert_eq!(config["gateways"].as_array().unwrap().len(), 2);
    assert!(!config.to_string().contains(&network.gateways[0].admin.token));

    network.end().unwrap();
    std::fs::remove_dir_all(folder).unwrap();
}
