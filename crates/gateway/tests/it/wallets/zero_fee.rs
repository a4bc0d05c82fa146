//! Commitments without a fee, relayed by a real bitcoind: as a package with the child that pays for both, and in no other way.

use amplet_protocol::page::Request;
use serde_json::json;

use super::{RegtestGateway, connected, on_one_thread, spends, usable, words};

#[test]
fn a_commitment_without_a_fee_is_relayed_with_its_child() {
    let regtest = RegtestGateway::up("[channels]\nopens_channels = true\nzero_fee_commitments = true");
    regtest.fund(500_000);
    // A coin apart, which pays for the commitment.
    regtest.fund(100_000);
    let info = regtest.ask("GET", "/admin/v1/info", &json!({}));
    on_one_thread(async {
        let address = info["addresses"][0].as_str().unwrap().to_owned();
        let wallet =
            regtest.wallet_with(address, &words(1), |options| options.zero_fee_commitments = true).await;
        connected(&wallet).await;
        let gateway = info["nodeId"].as_str().unwrap().to_owned();
        wallet.request(Request::RequestChannel { gateway, capacity_sat: 300_000 }).await.unwrap();
        usable(&regtest).await;
    });
    regtest.bitcoind.mine(1).unwrap();
    regtest.ask("POST", "/admin/v1/sync", &json!({}));
    let commitment = regtest.close_by_force();
    let txid = commitment["txid"].as_str().unwrap();
    let fee = |txid: &str| {
        let entry = regtest.bitcoind.call("getmempoolentry", &json!([txid])).unwrap();
        entry["fees"]["base"].as_f64().unwrap()
    };
    assert_eq!((&commitment["version"], fee(txid)), (&json!(3), 0.0), "TRUC, and no fee: {commitment}");
    let waiting = regtest.mempool();
    let child = waiting.iter().find(|waiting| spends(waiting, txid)).expect("a child");
    assert_eq!(child["version"], 3);
    assert!(fee(child["txid"].as_str().unwrap()) > 0.0);
    // An ephemeral anchor (BIP 433): an output of nothing, or of dust, that anybody can spend, and that the child spends.
    let anchor = commitment["vout"]
        .as_array()
        .unwrap()
        .iter()
        .find(|output| output["scriptPubKey"]["hex"] == "51024e73");
    let anchor = anchor.expect("pay to anchor");
    assert!(anchor["value"].as_f64().unwrap() <= 0.000_002_4, "{anchor}");
    assert!(
        child["vin"]
            .as_array()
            .unwrap()
            .iter()
            .any(|input| input["vout"] == anchor["n"] && input["txid"] == txid)
    );

    // bitcoind takes nothing below its least fee rate, unless by `submitpackage`.
    let info = regtest.bitcoind.call("getmempoolinfo", &json!([])).unwrap();
    assert!(info["minrelaytxfee"].as_f64().unwrap() > 0.0, "{info}");
    regtest.bitcoind.mine(1).unwrap();
    assert_eq!(regtest.mempool(), Vec::<serde_json::Value>::new(), "both are in the block");
}
