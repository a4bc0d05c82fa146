//! Bitcoinds that are of no use, or not up yet.

use std::time::Duration;

use amplet_gateway::http::chain_api::{Auth, StartError, from_bitcoind};
use axum::Router;
use bitcoin::Network;
use serde_json::{Value, json};

use super::{Regtest, SMALL, get, http, serve};

#[tokio::test(flavor = "multi_thread")]
async fn a_bitcoind_of_no_use_is_named() {
    let regtest = Regtest::start();
    let (url, auth) = regtest.login();
    let start = |url: String, auth, network| from_bitcoind(http(), url, auth, network, SMALL);
    let error = start(url.clone(), auth.clone(), Network::Signet).await.unwrap_err();
    assert!(matches!(&error, StartError::WrongNetwork { found, .. } if found == "regtest"), "{error}");
    let wrong = Auth::UserPassword("nobody:wrong".to_string());
    let error = start(url.clone(), wrong, Network::Regtest).await.unwrap_err();
    assert!(error.to_string().contains("refuses the login"), "{error}");
    let error = start(regtest.serve(SMALL).await, auth.clone(), Network::Regtest).await.unwrap_err();
    assert!(error.to_string().contains("no Bitcoin Core RPC"), "{error}");
}

/// A bitcoind without the filter index, as far as it is asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_filter_index_is_named_with_the_remedy() {
    let genesis = bitcoin::blockdata::constants::genesis_block(Network::Regtest).block_hash().to_string();
    let answers = move |calls: Value| {
        let result = |call: &Value| match call["method"].as_str().unwrap() {
            "getblockchaininfo" => json!({ "chain": "regtest", "blocks": 0 }),
            "getindexinfo" => json!({}),
            _ => json!(genesis),
        };
        let replies = calls
            .as_array()
            .unwrap()
            .iter()
            .map(|c| json!({ "id": c["id"], "result": result(c), "error": null }));
        axum::Json(Value::from_iter(replies))
    };
    let rpc = Router::new().route(
        "/",
        axum::routing::post(move |axum::Json(calls): axum::Json<Value>| async move { answers(calls) }),
    );
    let url = serve(rpc).await;
    let auth = Auth::UserPassword("a:b".to_string());
    let error = from_bitcoind(http(), url, auth, Network::Regtest, SMALL).await.unwrap_err();
    assert!(error.to_string().contains("blockfilterindex=1"), "{error}");
}

/// It may be started after the gateway, and its cookie appears only then.
#[tokio::test(flavor = "multi_thread")]
async fn a_bitcoind_that_is_not_up_yet_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let cookie = folder.path().join(".cookie");
    let regtest = Regtest::start();
    let (url, Auth::UserPassword(login)) = regtest.login() else { panic!("by password") };
    let api = from_bitcoind(http(), url, Auth::CookieFile(cookie.clone()), Network::Regtest, SMALL).await;
    let gateway = serve(api.unwrap().router).await;
    let early = get(&format!("{gateway}/status")).await;
    assert_eq!(early.status, 503);
    assert!(String::from_utf8_lossy(&early.body).contains("try again later"));
    std::fs::write(&cookie, format!("{login}\n")).unwrap();
    let mut status = early.status;
    for _ in 0..100 {
        if status == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        status = get(&format!("{gateway}/status")).await.status;
    }
    assert_eq!(status, 200, "it is served once bitcoind answers");
}
