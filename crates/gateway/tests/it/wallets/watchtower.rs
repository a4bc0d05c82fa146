//! A gateway that cheats a wallet of which nothing is left but its recovery phrase, and another gateway that was its watchtower.

use std::path::Path;

use amplet_protocol::Msat;
use amplet_protocol::page::{Gateway as Configured, Request};
use amplet_wallet::{Response, Wallet};
use serde_json::{Value, json};

use super::{RegtestGateway, on_one_thread, spends, until, usable, words};
use crate::harness::{self, Gateway, folder};

const CAPACITY_SAT: u64 = 300_000;

/// Another gateway on the same chain.
struct Tower {
    gateway: Gateway,
    _dir: tempfile::TempDir,
}

impl Tower {
    fn up(regtest: &RegtestGateway) -> Self {
        let dir = folder();
        harness::write_private(&dir.path().join("seed"), &words(9));
        let (url, user, password) = regtest.bitcoind.access();
        let chain = format!("url = \"{url}\"\nuser = \"{user}\"\npassword = \"{password}\"");
        harness::configure_on(dir.path(), "regtest", &chain, "");
        let mut gateway = Gateway::start(dir.path());
        gateway.wait_for_log("the node is up");
        Self { gateway, _dir: dir }
    }

    fn info(&self) -> Value {
        self.gateway.admin("GET", "/admin/v1/info", None, None).json()
    }

    /// As a wallet is told of it.
    fn configured(&self) -> Configured {
        let address = self.info()["addresses"][0].as_str().unwrap().to_owned();
        let chain_url = Some(format!("http://{}", self.gateway.http));
        Configured { address, chain_url, trust_zero_conf: false }
    }
}

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// Gateways that watch the wallet's only channel.
async fn watched_by(wallet: &Wallet) -> Option<u32> {
    match wallet.request(Request::Channels).await.unwrap() {
        Response::Channels(channels) => channels.first().map(|channel| channel.watched_by),
        other => panic!("{other:?}"),
    }
}

async fn balance_sat(wallet: &Wallet) -> u64 {
    match wallet.request(Request::Balance).await.unwrap() {
        Response::Balance(balance) => balance.onchain_sat,
        other => panic!("{other:?}"),
    }
}

async fn invoice(wallet: &Wallet, sat: u64) -> String {
    let receive = Request::Receive {
        amount_msat: Some(Msat::from_sat(sat).unwrap()),
        description: "a prize".into(),
        expiry_secs: None,
        amp: false,
        metadata: Default::default(),
        channel: Default::default(),
    };
    match wallet.request(receive).await.unwrap() {
        Response::PaymentRequest(asked) => asked.invoice,
        other => panic!("{other:?}"),
    }
}

/// The transaction in the mempool that takes an output of a commitment by its revocation key.
fn punishing(regtest: &RegtestGateway, commitment: &str) -> Option<Value> {
    let by_key = |tx: &Value| tx["vin"][0]["txinwitness"][1] == "01";
    regtest.mempool().into_iter().find(|tx| spends(tx, commitment) && by_key(tx))
}

#[test]
fn a_watchtower_punishes_for_a_wallet_of_which_only_the_phrase_is_left() {
    let mut regtest = RegtestGateway::up("[channels]\nopens_channels = true");
    let tower = Tower::up(&regtest);
    regtest.fund(2_000_000);
    let (data, old) = (regtest.dir.path().join("data"), regtest.dir.path().join("old"));
    on_one_thread(async {
        let info = regtest.ask("GET", "/admin/v1/info", &json!({}));
        let gateway = info["nodeId"].as_str().unwrap().to_owned();
        let address = info["addresses"][0].as_str().unwrap().to_owned();
        let both =
            |options: &mut amplet_protocol::page::OpenOptions| options.gateways.push(tower.configured());
        let wallet = regtest.wallet_with(address, &words(3), both).await;
        super::connected(&wallet).await;
        until("the channel", async || {
            let request = Request::RequestChannel { gateway: gateway.clone(), capacity_sat: CAPACITY_SAT };
            wallet.request(request).await.ok()
        })
        .await;
        usable(&regtest).await;
        regtest.bitcoind.mine(6).unwrap();
        until("the watchtower", async || (watched_by(&wallet).await == Some(1)).then_some(())).await;

        // The gateway keeps a copy of a state in which all is its own.
        regtest.gateway.signal("TERM");
        regtest.gateway.wait();
        copy(&data, &old);
        regtest.restart();
        until("the channel again", async || {
            let channels = regtest.ask("GET", "/admin/v1/channels", &json!({}));
            (channels["channels"][0]["usable"] == true).then_some(())
        })
        .await;
        let paid = json!({ "invoice": invoice(&wallet, 200_000).await });
        let admin = xtask::regtest::client::Admin {
            url: format!("http://{}", regtest.gateway.admin),
            token: harness::token(),
        };
        let pay = move || admin.post("/admin/v1/payments", &paid, 60);
        let paid = tokio::task::spawn_blocking(pay).await.unwrap().unwrap();
        assert_eq!(paid["state"], "succeeded", "{paid}");
        until("the watchtower has what was revoked", async || {
            let states = tower.info()["watchtower"]["states"].as_u64().unwrap();
            (states >= 2 && watched_by(&wallet).await == Some(1)).then_some(())
        })
        .await;

        // Nothing is left of the wallet, and the gateway goes back to its copy.
        wallet.abort();
        drop(wallet);
        regtest.gateway.signal("KILL");
        regtest.gateway.wait();
        copy(&old, &data);
        regtest.restart();
        let commitment = regtest.close_by_force()["txid"].as_str().unwrap().to_owned();
        regtest.bitcoind.mine(1).unwrap();
        let justice = until("the punishment", async || punishing(&regtest, &commitment)).await;
        let sat = (justice["vout"][0]["value"].as_f64().unwrap() * 1e8).round() as u64;
        assert!(sat > CAPACITY_SAT * 9 / 10, "{sat}");
        assert_eq!(tower.info()["watchtower"]["punishing"], 1);
        regtest.bitcoind.mine(1).unwrap();

        let chain_url = Some(format!("http://{}", tower.gateway.http));
        let address = tower.configured().address;
        let restored = regtest
            .wallet_with(address.clone(), &words(3), |options| {
                options.fresh = false;
                options.gateways = vec![Configured { address, chain_url, trust_zero_conf: false }];
            })
            .await;
        until("the money", async || (balance_sat(&restored).await == sat).then_some(())).await;
        restored.request(Request::Close).await.unwrap();
    });
}
