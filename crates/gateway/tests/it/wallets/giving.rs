//! Limits of what the operator gives to wallets that ask: who gets channels, how many, and when none.

use std::time::Duration;

use amplet_protocol::page::Request;
use amplet_wallet::{Response, Wallet};
use serde_json::json;

use super::{RegtestGateway, connected, on_one_thread, refusal, words};

/// Every channel that is asked for, in sat.
const CAPACITY_SAT: u64 = 200_000;

async fn node_id(wallet: &Wallet) -> String {
    match wallet.request(Request::Status).await.unwrap() {
        Response::Status(status) => status.node_id.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_operator_says_who_gets_channels_how_many_and_when_none() {
    let mut regtest = RegtestGateway::up(
        "[channels]\nopens_channels = true\nmax_channels_per_peer = 10\nmax_channels_per_hour = 2\n\
         max_sat_per_hour = 100000000\nmax_open_channels = 100\nmax_open_sat = 1000000",
    );
    regtest.gateway.signal("TERM");
    regtest.gateway.wait();
    regtest.restart();
    on_one_thread(async {
        for _ in 0..5 {
            let address = regtest.ask("POST", "/admin/v1/address", &json!({}));
            regtest.bitcoind.fund(address["address"].as_str().unwrap(), 500_000).unwrap();
        }
        regtest.fund(500_000);
        let info = regtest.ask("GET", "/admin/v1/info", &json!({}));
        let (address, gateway) = (info["addresses"][0].as_str().unwrap().to_owned(), regtest.node_id());
        let (family, stranger) = (
            regtest.wallet_at(address.clone(), &words(1)).await,
            regtest.wallet_at(address, &words(2)).await,
        );
        connected(&family).await;
        connected(&stranger).await;
        let ask = async |wallet: &Wallet| {
            let gateway = gateway.clone();
            wallet.request(Request::RequestChannel { gateway, capacity_sat: CAPACITY_SAT }).await
        };

        let listed = format!("opens_channels = true\nallowed_wallets = [\"{}\"]", node_id(&family).await);
        assert!(regtest.reload("opens_channels = true", &listed).contains("channels.allowed_wallets"));
        let why = refusal(ask(&stranger).await);
        assert!(why.contains("wallets that its operator has listed; ask the operator"), "{why}");
        let line = regtest.gateway.wait_for_log("a channel was refused to a wallet");
        assert!(line.contains(&node_id(&stranger).await), "{line}");
        ask(&family).await.unwrap();
        regtest.reload(&listed, "opens_channels = true");
        ask(&stranger).await.unwrap();

        // An hour has two, and a restart does not begin another.
        let why = refusal(ask(&family).await);
        assert!(why.contains("no more channels for now; try again in 60 minutes"), "{why}");
        regtest.gateway.signal("TERM");
        assert_eq!(regtest.gateway.wait().code(), Some(0));
        regtest.restart();
        // Until the wallet has seen that it was gone.
        tokio::time::sleep(Duration::from_secs(1)).await;
        connected(&family).await;
        let why = refusal(ask(&family).await);
        assert!(why.contains("minutes, or choose another gateway"), "{why}");

        regtest.reload("max_channels_per_hour = 2", "max_channels_per_hour = 100");
        regtest.reload("max_open_channels = 100", "max_open_channels = 2");
        let why = refusal(ask(&family).await);
        assert!(why.contains("as many channels as its operator allows"), "{why}");
        regtest.reload("max_open_channels = 2", "max_open_channels = 100");
        regtest.reload("max_open_sat = 1000000", "max_open_sat = 599999");
        let why = refusal(ask(&family).await);
        assert!(why.contains("as many channels as its operator allows; choose a smaller amount"), "{why}");
        regtest.reload("max_open_sat = 599999", "max_open_sat = 600000");
        regtest.reload("max_sat_per_hour = 100000000", "max_sat_per_hour = 500000");
        let why = refusal(ask(&family).await);
        assert!(why.contains("no more channels for now"), "{why}");
        regtest.reload("max_sat_per_hour = 500000", "max_sat_per_hour = 600000");

        // The pause.
        regtest.reload("opens_channels = true", "opens_channels = false");
        let why = refusal(ask(&family).await);
        assert!(why.contains("opens no channels to wallets; open one from your savings"), "{why}");
        regtest.reload("opens_channels = false", "opens_channels = true");
        ask(&family).await.unwrap();
    });
}
