//! Streaming sessions: credit that comes by keysend, counted once.

use bitcoin::hex::DisplayHex;
use serde_json::{Value, json};

use super::network::{Key, MerchantNetwork, expect, refused};

/// The record that names the session.
const RECORD: u64 = 4_279_633;

#[test]
fn sessions_are_paid_bit_by_bit() {
    let network = MerchantNetwork::new();
    let key = network.key(&["sessions:create", "sessions:read"], json!({ "account": "video" }));
    let request = json!({ "metadata": { "film": "7" }, "expirySecs": 600 });
    let session = expect(&key.post("/v1/sessions", &request), 201);
    assert_eq!((&session["state"], &session["receivedMsat"]), (&json!("open"), &json!("0")));
    assert_eq!(session["nodeId"], network.nodes.gateways[0].id().as_str());
    assert_eq!(look(&key, &session, ""), session);
    credit_is_counted_and_waited_for(&network, &key, &session);
    credit_survives(&network, &key, &session);
    what_is_closed_is_not_paid(&network, &key, &session);
    bad_requests(&network, &key, &session);
}

fn path(session: &Value) -> String {
    format!("/v1/sessions/{}", session["id"].as_str().unwrap())
}

fn look(key: &Key, session: &Value, query: &str) -> Value {
    expect(&key.get(&format!("{}{query}", path(session))), 200)
}

/// The payee pays a session; the state of that payment.
fn pay(network: &MerchantNetwork, session: &str, msat: u64) -> String {
    let record = json!({ "type": RECORD, "value": session.as_bytes().to_lower_hex_string() });
    let payee = network.nodes.gateways[0].id();
    let body = json!({ "payee": payee, "amountMsat": msat.to_string(), "records": [record] });
    let paid = network.nodes.payee.admin.post("/admin/v1/keysend", &body, 120).unwrap();
    paid["state"].as_str().unwrap().to_owned()
}

fn credit_is_counted_and_waited_for(network: &MerchantNetwork, key: &Key, session: &Value) {
    let id = session["id"].as_str().unwrap();
    let waited = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| look(key, session, "?aboveMsat=2000&waitSecs=60"));
        for msat in [1001, 999, 1] {
            assert_eq!(pay(network, id, msat), "succeeded");
        }
        waiting.join().unwrap()
    });
    assert_eq!((&waited["receivedMsat"], &waited["payments"]), (&json!("2001"), &json!(3)));
    assert_eq!(
        look(key, session, "?aboveMsat=2001&waitSecs=1")["receivedMsat"],
        "2001",
        "nothing more comes"
    );
}

fn credit_survives(network: &MerchantNetwork, key: &Key, session: &Value) {
    let before = look(key, session, "");
    network.restart();
    assert_eq!(look(key, session, ""), before);
    assert_eq!(pay(network, session["id"].as_str().unwrap(), 500), "succeeded");
    let after = look(key, session, "?aboveMsat=2001&waitSecs=60");
    assert_eq!((&after["receivedMsat"], &after["metadata"]["film"]), (&json!("2501"), &json!("7")));
}

fn what_is_closed_is_not_paid(network: &MerchantNetwork, key: &Key, session: &Value) {
    let closed = expect(&key.send("DELETE", &path(session), &[], None), 200);
    assert_eq!((&closed["state"], &closed["receivedMsat"]), (&json!("closed"), &json!("2501")));
    assert_eq!(pay(network, session["id"].as_str().unwrap(), 500), "failed");
    assert_eq!(pay(network, "no such session", 500), "failed");
    network.restart();
    assert_eq!(pay(network, session["id"].as_str().unwrap(), 500), "failed");
    assert_eq!(look(key, session, "?aboveMsat=5000&waitSecs=60"), closed, "what is closed is not waited for");
    assert_eq!(expect(&key.send("DELETE", &path(session), &[], None), 200), closed);
}

fn bad_requests(network: &MerchantNetwork, key: &Key, session: &Value) {
    for body in [json!({ "expirySecs": 0 }), json!({ "expirySecs": 604_801 }), json!({ "rate": 1 })] {
        assert_eq!(refused(&key.post("/v1/sessions", &body), 400), "invalidInput", "{body}");
    }
    assert_eq!(refused(&key.get("/v1/sessions/none"), 404), "notFound");
    assert_eq!(refused(&key.get(&format!("/v1/sessions/{}", "x".repeat(600))), 404), "notFound");
    assert_eq!(refused(&key.get(&format!("{}?aboveMsat=x", path(session))), 400), "invalidInput");
    let stranger = network.key(&["sessions:read"], json!({ "account": "other" }));
    assert_eq!(refused(&stranger.get(&path(session)), 404), "notFound");
    assert_eq!(refused(&stranger.post("/v1/sessions", &json!({})), 403), "forbidden");
}
