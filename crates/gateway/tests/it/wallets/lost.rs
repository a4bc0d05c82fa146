//! Storages that are gone, on a real chain: the recovery phrase alone brings home what closed channels paid.

use std::fs;
use std::time::Duration;

use amplet_protocol::Msat;
use amplet_protocol::lost::LostState;
use amplet_protocol::page::{Balance, PaymentKind, Request, Status};
use amplet_wallet::{Response, Wallet};
use serde_json::json;

use super::{RegtestGateway, connected, on_one_thread, until, usable};
use crate::harness::{self, Gateway};

/// What the gateway gives the wallet, in sat.
pub const GIVEN_SAT: u32 = 100_000;

pub async fn balance(wallet: &Wallet) -> Balance {
    let Response::Balance(balance) = wallet.request(Request::Balance).await.unwrap() else { panic!() };
    balance
}

async fn status(wallet: &Wallet) -> Status {
    let Response::Status(status) = wallet.request(Request::Status).await.unwrap() else { panic!() };
    *status
}

/// State of the lost channels, as the gateway tells.
async fn told(wallet: &Wallet) -> Option<LostState> {
    let lost = status(wallet).await.lost?;
    Some(lost.gateways.first()?.installations.first()?.state)
}

pub async fn mine(regtest: &RegtestGateway, blocks: u64) {
    regtest.bitcoind.mine(blocks).unwrap();
    regtest.ask("POST", "/admin/v1/sync", &json!({}));
    tokio::time::sleep(Duration::from_millis(500)).await;
}

/// A wallet whose channel is the gateway's, but for what that has paid to it; the funding is in a block.
pub async fn wallet_with_money(regtest: &RegtestGateway) -> (Wallet, String) {
    let (wallet, gateway) = regtest.wallet().await;
    let address = give_money(regtest, &wallet, gateway).await;
    (wallet, address)
}

/// Has the gateway of this node id open a channel to a wallet and pay it; returns the gateway's address.
pub async fn give_money(regtest: &RegtestGateway, wallet: &Wallet, gateway: String) -> String {
    connected(wallet).await;
    wallet.request(Request::RequestChannel { gateway, capacity_sat: 400_000 }).await.unwrap();
    usable(regtest).await;
    until("room", async || (balance(wallet).await.receivable_msat > Msat::ZERO).then_some(())).await;
    let receive = Request::Receive {
        amount_msat: Some(Msat::from(GIVEN_SAT * 1000)),
        description: "in".into(),
        expiry_secs: None,
        amp: false,
        metadata: Default::default(),
        channel: Default::default(),
    };
    let Response::PaymentRequest(asked) = wallet.request(receive).await.unwrap() else { panic!() };
    let (admin, body) = (regtest.gateway.admin.clone(), json!({ "invoice": asked.invoice }).to_string());
    let paid = tokio::task::spawn_blocking(move || {
        harness::admin_request(&admin, "POST", "/admin/v1/payments", &body)
    });
    assert_eq!(paid.await.unwrap().json()["state"], "succeeded");
    mine(regtest, 6).await;
    let info = regtest.ask("GET", "/admin/v1/info", &json!({}));
    info["addresses"][0].as_str().unwrap().to_owned()
}

#[test]
fn a_wallet_is_restored_from_its_phrase_and_its_channels_money_comes_home() {
    let regtest = RegtestGateway::up("[channels]\nopens_channels = true\nclose_lost_after_hours = 0");
    regtest.fund(1_000_000);
    regtest.fund(100_000);
    on_one_thread(async {
        let (wallet, address) = wallet_with_money(&regtest).await;
        // The browser's storage is deleted.
        wallet.abort();
        drop(wallet);
        let wallet = regtest
            .wallet_with(address, harness::OTHER_WORDS, |options| {
                options.fresh = false;
                options.birthday_height = Some(1);
            })
            .await;
        connected(&wallet).await;
        let state = until("an answer", async || told(&wallet).await).await;
        assert!(matches!(state, LostState::Open | LostState::InUse), "{state:?}");
        // The gateway sees the old connection end.
        until("the old wallet's end", async || {
            wallet.request(Request::CloseLostChannels { close: true }).await.unwrap();
            tokio::time::sleep(Duration::from_millis(500)).await;
            told(&wallet).await.filter(|state| *state == LostState::Closed)
        })
        .await;
        until("the commitment", async || (!regtest.mempool().is_empty()).then_some(())).await;
        mine(&regtest, 1).await;
        until("the money on its way", async || {
            (balance(&wallet).await.closing_sat == u64::from(GIVEN_SAT)).then_some(())
        })
        .await;
        mine(&regtest, 5).await;
        let home = until("the money in the savings", async || {
            mine(&regtest, 1).await;
            let balance = balance(&wallet).await;
            (balance.onchain_sat > 0).then_some(balance)
        })
        .await;
        assert!(home.onchain_sat > u64::from(GIVEN_SAT) * 9 / 10 && home.closing_sat == 0, "{home:?}");
        let history = Request::History(amplet_protocol::page::HistoryQuery { before: None, limit: 10 });
        let Response::Payments(payments) = wallet.request(history).await.unwrap() else { panic!() };
        assert_eq!(payments.iter().map(|it| it.kind).collect::<Vec<_>>(), [PaymentKind::ChannelClose]);
    });
}

#[test]
fn a_gateway_whose_data_is_gone_finds_what_its_wallets_closes_pay() {
    let mut regtest = RegtestGateway::up("[channels]\nopens_channels = true");
    regtest.fund(1_000_000);
    on_one_thread(async {
        let (wallet, _) = wallet_with_money(&regtest).await;
        let Response::Channels(channels) = wallet.request(Request::Channels).await.unwrap() else { panic!() };
        let channel_id = channels[0].id;
        // A coin of the wallet's own pays for the close.
        let Response::Text(address) = wallet.request(Request::NewAddress).await.unwrap() else { panic!() };
        regtest.bitcoind.fund(&address, 100_000).unwrap();
        mine(&regtest, 1).await;
        until("the wallet's coin", async || (balance(&wallet).await.onchain_sat > 0).then_some(())).await;
        wallet.request(Request::CloseChannel { channel_id, force: true }).await.unwrap();
        until("the commitment", async || (!regtest.mempool().is_empty()).then_some(())).await;
        wallet.request(Request::Close).await.unwrap();

        regtest.gateway.signal("KILL");
        regtest.gateway.wait();
        fs::remove_dir_all(regtest.dir.path().join("data")).unwrap();
        let file = regtest.dir.path().join("gateway.toml");
        let config = fs::read_to_string(&file).unwrap();
        fs::write(&file, format!("birthday_height = 1\n{config}")).unwrap();
        regtest.bitcoind.mine(6).unwrap();
        regtest.gateway = Gateway::spawn_with(regtest.dir.path(), &["--new"]);
        regtest.gateway.listen();
        regtest.gateway.wait_for_log("the node is up");
        let onchain = || regtest.ask("GET", "/admin/v1/info", &json!({}))["onchainSat"].as_u64().unwrap();
        // Change of the funding, and the channel's part: all but the gift, fees and anchors.
        let home = until("the money in the savings", async || {
            mine(&regtest, 1).await;
            let sat = onchain();
            (sat > 1_000_000 - 400_000).then_some(sat)
        })
        .await;
        assert!(home > 1_000_000 - u64::from(GIVEN_SAT) - 10_000, "{home}");
    });
}
