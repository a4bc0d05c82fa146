//! Channels on request, and payments through them.

use amplet_protocol::Msat;
use amplet_protocol::page::Request;
use amplet_wallet::{Response, Wallet};
use serde_json::json;

use super::{RegtestGateway, connected, on_one_thread, refusal, usable};
use crate::harness;

#[test]
fn a_wallet_gets_channels_within_the_terms_and_no_others() {
    let terms = "[channels]\nopens_channels = true\nmin_capacity_sat = 50000\nmax_capacity_sat = 500000\n\
                 max_channels_per_peer = 1";
    let mut regtest = RegtestGateway::up(terms);
    on_one_thread(async {
        let (wallet, gateway) = regtest.wallet().await;
        connected(&wallet).await;
        let request = async |capacity_sat| {
            wallet.request(Request::RequestChannel { gateway: gateway.clone(), capacity_sat }).await
        };
        let no_funds = refusal(request(100_000).await);
        regtest.fund(1_000_000);
        let small = refusal(request(49_999).await);
        let large = refusal(request(500_001).await);
        assert!(small.contains("50000") && large.contains("500000"), "{small} {large}");
        assert_ne!(no_funds, small);

        // Of two at once, one is too many.
        let (one, two) = futures::join!(request(200_000), request(200_000));
        assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1, "{one:?} {two:?}");
        let too_many = refusal(if one.is_ok() { two } else { one });
        assert_ne!(too_many, no_funds);
        usable(&regtest).await;
        let theirs = regtest.ask("GET", "/admin/v1/channels", &json!({}));
        assert_eq!(theirs["channels"][0]["capacitySat"], 200_000);
        assert_eq!(theirs["channels"].as_array().unwrap().len(), 1);
        pay_both_ways(&regtest, &wallet).await;

        regtest.gateway.signal("TERM");
        assert_eq!(regtest.gateway.wait().code(), Some(0));
        regtest.restart();
        usable(&regtest).await;
        pay_both_ways(&regtest, &wallet).await;
    });
}

/// 20,000 sat to the wallet, 5,000 back.
async fn pay_both_ways(regtest: &RegtestGateway, wallet: &Wallet) {
    let receive = Request::Receive {
        amount_msat: Some(Msat::from(20_000_000)),
        description: "in".into(),
        expiry_secs: None,
        amp: false,
        metadata: Default::default(),
        channel: Default::default(),
    };
    let Response::PaymentRequest(asked) = wallet.request(receive).await.unwrap() else { panic!() };
    let admin = (regtest.gateway.admin.clone(), json!({ "invoice": asked.invoice }));
    let paid = tokio::task::spawn_blocking(move || {
        harness::admin_request(&admin.0, "POST", "/admin/v1/payments", &admin.1.to_string())
    });
    let paid = paid.await.unwrap().json();
    assert_eq!((&paid["state"], &paid["amountMsat"]), (&json!("succeeded"), &json!("20000000")), "{paid}");

    let made =
        regtest.ask("POST", "/admin/v1/invoices", &json!({ "amountMsat": "5000000", "description": "out" }));
    assert_eq!(made["state"], "open");
    let invoice = made["invoice"].as_str().unwrap().to_owned();
    let pay = Request::Pay {
        invoice,
        amount_msat: None,
        max_fee_msat: Some(Msat::from(1_000)),
        parts: None,
        authorization: None,
    };
    let Response::Payment(payment) = wallet.request(pay).await.unwrap() else { panic!() };
    let hash = made["paymentHash"].as_str().unwrap();
    assert_eq!((&*payment.id.to_string(), payment.preimage.is_some()), (hash, true), "{payment:?}");
    let made = regtest.ask("GET", &format!("/admin/v1/invoices/{hash}"), &json!({}));
    assert_eq!((&made["state"], &made["receivedMsat"]), (&json!("paid"), &json!("5000000")));
}
