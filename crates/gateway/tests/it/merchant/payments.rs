//! Payments that sites make: once, and never beyond the key's limits.

use serde_json::{Value, json};

use super::network::{Key, MerchantNetwork, expect, refused};

#[test]
fn sites_pay_within_their_limits() {
    let network = MerchantNetwork::new();
    let spending = json!({ "spending": { "perPaymentMsat": "2000000", "totalMsat": "5000000" } });
    let key = network.key(&["payments:send"], spending);
    paid_once(&network, &key);
    refusals(&network, &key);
    never_beyond_the_limit(&network, &key);
    keys_have_sensible_limits(&network);
}

fn path(paid: &Value) -> String {
    format!("/v1/payments/{}", paid["paymentHash"].as_str().unwrap())
}

fn paid_once(network: &MerchantNetwork, key: &Key) {
    let prize = network.invoice(100_000);
    let body = json!({ "invoice": prize["invoice"], "maxAmountMsat": "100000" });
    let answers = std::thread::scope(|scope| {
        let racers: Vec<_> =
            (0..4).map(|_| scope.spawn(|| key.post_once("/v1/payments", "win 1", &body))).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect::<Vec<_>>()
    });
    for answer in &answers {
        let paid = answer.json();
        assert_eq!((&paid["state"], &paid["amountMsat"]), (&json!("succeeded"), &json!("100000")), "{paid}");
        assert!(paid["preimage"].is_string() && paid["error"].is_null());
    }
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    let paid = answers[0].json();
    assert_eq!(expect(&key.get(&path(&paid)), 200), paid);
    let hash = prize["paymentHash"].as_str().unwrap();
    let line = network.nodes.payee.admin.get(&format!("/admin/v1/invoices/{hash}")).unwrap();
    assert_eq!((&line["state"], &line["receivedMsat"]), (&json!("paid"), &json!("100000")));
    assert_eq!(
        refused(&key.post("/v1/payments", &body), 409),
        "invoiceUnusable",
        "without its key it is another"
    );
    network.restart();
    assert_eq!(expect(&key.post_once("/v1/payments", "win 1", &body), 200), paid);
    assert_eq!(refused(&key.post("/v1/payments", &body), 409), "invoiceUnusable");
    let stranger =
        network.key(&["payments:send"], json!({ "account": "o", "spending": { "perDayMsat": "1000" } }));
    assert_eq!(refused(&stranger.get(&path(&paid)), 404), "notFound");
}

fn refusals(network: &MerchantNetwork, key: &Key) {
    let pay = |body: Value| key.post("/v1/payments", &body);
    assert_eq!(refused(&pay(json!({ "invoice": "lnbcrt1x" })), 400), "invalidInput");
    assert_eq!(refused(&pay(json!({})), 400), "invalidInput");
    let invoice = network.invoice(50_000)["invoice"].clone();
    let more = json!({ "invoice": invoice, "maxAmountMsat": "49999" });
    assert_eq!(refused(&pay(more), 409), "limitExceeded");
    let given = json!({ "invoice": invoice, "amountMsat": "50000" });
    assert_eq!(refused(&pay(given), 400), "invalidInput", "the invoice has its amount");
    assert_eq!(refused(&key.get(&format!("/v1/payments/{}", "ab".repeat(32))), 404), "notFound");
    let maker = network.key(&["invoices:create"], json!({}));
    let own = maker.invoice(&json!({ "amountMsat": "1000" }))["invoice"].clone();
    assert_eq!(refused(&pay(json!({ "invoice": own })), 409), "invoiceUnusable");
    let large = network.invoice(2_000_001)["invoice"].clone();
    assert_eq!(refused(&pay(json!({ "invoice": large, "maxFeeMsat": "0" })), 409), "limitExceeded");
}

/// 4,900,000 msat are left: of ten payments of 1,000,000 at once four succeed.
fn never_beyond_the_limit(network: &MerchantNetwork, key: &Key) {
    let invoices: Vec<Value> = (0..10).map(|_| network.invoice(1_000_000)["invoice"].clone()).collect();
    let answers = std::thread::scope(|scope| {
        let racers: Vec<_> = invoices
            .iter()
            .map(|invoice| {
                let body = json!({ "invoice": invoice, "maxFeeMsat": "0" });
                scope.spawn(move || key.post("/v1/payments", &body))
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect::<Vec<_>>()
    });
    let paid = answers.iter().filter(|answer| answer.status == 201 && answer.json()["state"] == "succeeded");
    assert_eq!(paid.count(), 4);
    let others: Vec<String> =
        answers.iter().filter(|answer| answer.status != 201).map(|answer| refused(answer, 409)).collect();
    assert_eq!(others, ["limitExceeded"; 6]);
    network.restart();
    let body = json!({ "invoice": network.invoice(1_000_000)["invoice"], "maxFeeMsat": "0" });
    assert_eq!(refused(&key.post("/v1/payments", &body), 409), "limitExceeded");
    let admin = &network.nodes.gateways[0].admin;
    let keys = admin.get("/admin/v1/keys").unwrap();
    assert!(keys["keys"].as_array().unwrap().iter().any(|known| known["id"] == key.id.as_str()));
}

fn keys_have_sensible_limits(network: &MerchantNetwork) {
    let admin = &network.nodes.gateways[0].admin;
    for (body, what) in [
        (json!({ "name": "x", "scopes": [] }), "scopes"),
        (json!({ "name": "", "scopes": ["webhooks"] }), "name"),
        (json!({ "name": "x", "account": "A", "scopes": ["webhooks"] }), "account"),
        (json!({ "name": "x", "scopes": ["money:print"] }), "money:print"),
        (json!({ "name": "x", "scopes": ["payments:send"] }), "perDayMsat"),
        (json!({ "name": "x", "scopes": ["webhooks"], "spending": { "totalMsat": "1" } }), "payments:send"),
        (
            json!({ "name": "x", "scopes": ["payments:send"], "spending": { "perPaymentMsat": "1" } }),
            "perDayMsat",
        ),
        (json!({ "name": "x", "scopes": ["payments:send"], "spending": { "totalMsat": "0" } }), "0"),
    ] {
        let error = format!("{:#}", admin.post("/admin/v1/keys", &body, 30).unwrap_err());
        assert!(error.contains("400") && error.contains(what), "{body}: {error}");
    }
}
