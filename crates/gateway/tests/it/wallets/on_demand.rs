//! An invoice that brings the channel about through which it can be paid.

use amplet_protocol::Msat;
use amplet_protocol::page::{ChannelOnDemand, ErrorCode, HistoryQuery, PaymentRequest, Request, WalletError};
use amplet_wallet::{Response, Wallet};
use serde_json::json;

use super::{RegtestGateway, connected, on_one_thread, until};
use crate::harness;

const TERMS: &str = "[channels]\nopens_channels = true\nmin_capacity_sat = 50000\nmax_capacity_sat = 500000";

async fn receive(wallet: &Wallet, sat: u64, channel: ChannelOnDemand) -> Result<PaymentRequest, WalletError> {
    let request = Request::Receive {
        amount_msat: Some(Msat::from_sat(sat).unwrap()),
        description: "in".into(),
        expiry_secs: None,
        amp: false,
        metadata: Default::default(),
        channel,
    };
    match wallet.request(request).await? {
        Response::PaymentRequest(made) => Ok(made),
        other => panic!("{other:?}"),
    }
}

async fn needed(wallet: &Wallet, sat: u64) -> Result<PaymentRequest, WalletError> {
    receive(wallet, sat, ChannelOnDemand::IfNeeded).await
}

async fn history(wallet: &Wallet) -> usize {
    let request = Request::History(HistoryQuery { before: None, limit: 100 });
    let Response::Payments(lines) = wallet.request(request).await.unwrap() else { panic!() };
    lines.len()
}

async fn channels(wallet: &Wallet) -> usize {
    let Response::Channels(channels) = wallet.request(Request::Channels).await.unwrap() else { panic!() };
    channels.len()
}

/// The gateway pays an invoice.
async fn pay(regtest: &RegtestGateway, asked: &PaymentRequest) {
    let admin = (regtest.gateway.admin.clone(), json!({ "invoice": asked.invoice }).to_string());
    let paid = tokio::task::spawn_blocking(move || {
        harness::admin_request(&admin.0, "POST", "/admin/v1/payments", &admin.1)
    });
    let paid = paid.await.unwrap().json();
    assert_eq!(paid["state"], "succeeded", "{paid}");
}

#[test]
fn an_invoice_comes_with_the_channel_that_it_needs() {
    let regtest = RegtestGateway::up(TERMS);
    on_one_thread(async {
        // Right after the start: the gateway is asked once it is connected and has told its terms.
        let (wallet, gateway) = regtest.wallet().await;
        let broke = needed(&wallet, 100_000).await.unwrap_err();
        assert_eq!(broke.code, ErrorCode::GatewayRefused, "{broke}");
        assert!(broke.message.contains("not enough money"), "{broke}");
        regtest.fund(1_000_000);
        let large = needed(&wallet, 490_001).await.unwrap_err();
        assert_eq!(large.code, ErrorCode::GatewayRefused, "{large}");
        assert!(large.message.contains("500000"), "{large}");
        assert_eq!((history(&wallet).await, channels(&wallet).await), (0, 0), "no invoice, no channel");

        // Not asked for, it is said what is missing, as ever.
        let bare = receive(&wallet, 100_000, ChannelOnDemand::Never).await.unwrap();
        assert_eq!(bare.missing.unwrap().code, ErrorCode::InsufficientInbound);
        assert_eq!((bare.channel, channels(&wallet).await), (None, 0));

        // Of two at once, one brings the channel about, and both can be paid.
        let (one, two) = futures::join!(needed(&wallet, 100_000), needed(&wallet, 40_000));
        let (one, two) = (one.unwrap(), two.unwrap());
        let channel = one.channel.clone().unwrap();
        assert_eq!((&channel.gateway, channel.capacity_sat, channel.trusted), (&gateway, 137_500, true));
        assert_eq!((&two.channel, channels(&wallet).await), (&None, 1));
        assert_eq!((&one.missing, &two.missing), (&None, &None));
        pay(&regtest, &one).await;

        // What is left does not suffice for the next, which gets a channel of its own.
        regtest.fund(1_000_000);
        let next = needed(&wallet, 60_000).await.unwrap();
        assert!(next.channel.is_some() && next.missing.is_none(), "{next:?}");
        pay(&regtest, &next).await;
        pay(&regtest, &two).await;
        assert_eq!(channels(&wallet).await, 2);
    });
}

#[test]
fn a_channel_that_has_to_be_confirmed_first_brings_no_invoice_yet() {
    let regtest = RegtestGateway::up(TERMS);
    on_one_thread(async {
        regtest.fund(1_000_000);
        let info = regtest.ask("GET", "/admin/v1/info", &json!({}));
        let address = info["addresses"][0].as_str().unwrap().to_owned();
        let distrustful = |options: &mut amplet_protocol::page::OpenOptions| {
            options.gateways[0].trust_zero_conf = false;
        };
        let wallet = regtest.wallet_with(address, harness::OTHER_WORDS, distrustful).await;
        connected(&wallet).await;
        for _ in 0..2 {
            let waits = needed(&wallet, 100_000).await.unwrap_err();
            assert_eq!(waits.code, ErrorCode::ChannelUnavailable, "{waits}");
            assert_eq!(
                (history(&wallet).await, channels(&wallet).await),
                (0, 1),
                "one channel, however often it is asked"
            );
        }
        // The gateway is there; what the invoice waits for is a block.
        let bare = receive(&wallet, 100_000, ChannelOnDemand::Never).await.unwrap();
        assert_eq!(bare.missing.unwrap().code, ErrorCode::ChannelUnavailable);
        let asked = until("an invoice", async || {
            regtest.bitcoind.mine(1).unwrap();
            needed(&wallet, 100_000).await.ok()
        })
        .await;
        assert_eq!((&asked.channel, &asked.missing, channels(&wallet).await), (&None, &None, 1));
        pay(&regtest, &asked).await;
    });
}
