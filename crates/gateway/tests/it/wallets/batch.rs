//! Channels with several wallets, opened by one transaction: all of them, or none.

use std::process::{Command, Output};
use std::time::Duration;

use amplet_protocol::page::Request;
use amplet_wallet::{Response, Wallet};
use serde_json::{Value, json};
use tokio::task::{JoinHandle, spawn_blocking};

use super::operating::up;
use super::{RegtestGateway, connected, on_one_thread, until, words};
use crate::harness::{Answer, admin_request};

const BATCH: &str = "/admin/v1/channels/batch";

/// Two wallets that are connected, and their node ids.
async fn two_wallets(regtest: &RegtestGateway) -> [(Wallet, String); 2] {
    let info = regtest.ask("GET", "/admin/v1/info", &json!({}));
    let mut wallets = Vec::new();
    for number in [1, 2] {
        let address = info["addresses"][0].as_str().unwrap().to_owned();
        let wallet = regtest.wallet_at(address, &words(number)).await;
        connected(&wallet).await;
        let Response::Status(status) = wallet.request(Request::Status).await.unwrap() else { panic!() };
        wallets.push((wallet, status.node_id.to_string()));
    }
    wallets.try_into().unwrap_or_else(|_| panic!())
}

/// Asks for the channels, beside the wallets.
fn open(regtest: &RegtestGateway, channels: &Value) -> JoinHandle<Answer> {
    let (admin, body) = (regtest.gateway.admin.clone(), json!({ "channels": channels }).to_string());
    spawn_blocking(move || admin_request(&admin, "POST", BATCH, &body))
}

fn channels(regtest: &RegtestGateway) -> Vec<Value> {
    regtest.ask("GET", "/admin/v1/channels", &json!({}))["channels"].as_array().unwrap().clone()
}

/// Number of channels that the gateway has with each wallet, and each wallet with it, once all are usable and both sides agree: with
/// a block, since LDK says no sooner that a channel of several is ready, although these wallets would use it without.
async fn settled(regtest: &RegtestGateway, wallets: &[(Wallet, String); 2]) -> usize {
    regtest.bitcoind.mine(1).unwrap();
    until("both sides agree", async || {
        let all = channels(regtest);
        let mut counts = Vec::new();
        for (wallet, id) in wallets {
            let Response::Channels(own) = wallet.request(Request::Channels).await.unwrap() else { panic!() };
            counts.push(own.len());
            counts.push(all.iter().filter(|it| it["peer"] == *id).count());
        }
        let usable = all.iter().all(|channel| channel["usable"] == true);
        let peers = regtest.ask("GET", "/admin/v1/info", &json!({}))["peers"].as_array().unwrap().len();
        (usable && peers == 2 && counts.iter().all(|count| *count == counts[0])).then_some(counts[0])
    })
    .await
}

#[test]
fn the_command_opens_channels_with_several_peers_by_one_transaction() {
    let regtest = up("");
    on_one_thread(async {
        regtest.fund(2_000_000);
        let wallets = two_wallets(&regtest).await;
        let [one, two] = wallets.each_ref().map(|(_, id)| id.clone());
        let mut command = Command::new(env!("CARGO_BIN_EXE_amplet-gateway"));
        command.args(["channels", "open", "--config"]).arg(regtest.dir.path().join("gateway.toml"));
        command.args([
            "--fee-rate",
            "5000",
            &format!("{one}:400000"),
            &format!("{two}:300000:push=50000000"),
        ]);
        let Output { status, stdout, stderr } =
            spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let [out, err] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(status.code(), Some(0), "{err}");
        let all = channels(&regtest);
        for (id, sat, pushed) in [(&one, 400_000, 0), (&two, 300_000, 50_000_000)] {
            let channel = all.iter().find(|it| it["peer"] == *id).unwrap();
            assert_eq!(channel["capacitySat"], sat);
            assert!(out.contains(&format!("{}  {sat} sat  {id}", channel["id"].as_str().unwrap())), "{out}");
            let given_msat = sat * 1_000 - channel["balanceMsat"].as_str().unwrap().parse::<i64>().unwrap();
            // What the gateway pays for the commitment is not the peer's.
            assert!((pushed..pushed + 2_000_000).contains(&given_msat), "{channel}");
        }
        let waiting = regtest.mempool();
        let [funding] = &waiting[..] else { panic!("{waiting:?}") };
        let txid = funding["txid"].as_str().unwrap();
        assert!(all.iter().all(|it| it["funding"].as_str().unwrap().starts_with(txid)), "{all:?}");
        let entry = regtest.bitcoind.call("getmempoolentry", &json!([txid])).unwrap();
        let fee_sat = entry["fees"]["base"].as_f64().unwrap() * 1e8;
        let rate = fee_sat / entry["vsize"].as_f64().unwrap();
        assert!((5.0..5.3).contains(&rate), "{rate} sat/vB");
        assert_eq!(settled(&regtest, &wallets).await, 1);
    });
}

#[test]
fn wrong_batches_are_refused_by_place_and_nothing_is_bound() {
    let regtest = up("");
    on_one_thread(async {
        regtest.fund(1_000_000);
        let wallets = two_wallets(&regtest).await;
        let [one, two] = wallets.each_ref().map(|(_, id)| id.clone());
        let stranger = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
        let of = |peer: &str, sat: u64| json!({ "peer": peer, "capacitySat": sat });
        for (request, status, says) in [
            (json!({ "channels": [] }), 400, "give 1 to 50"),
            (json!({ "channels": [of(&one, 100_000), of("02ab", 100_000)] }), 400, "channels[1].peer"),
            (
                json!({ "channels": [of(&one, 100_000), { "peer": two, "capacitySat": 1, "pushMsat": "1001" }] }),
                400,
                "channels[1].pushMsat",
            ),
            (json!({ "channels": [of(&one, 100_000), of(&two, u64::MAX)] }), 400, "channels[1].capacitySat"),
            (json!({ "channels": [of(&one, 100_000)], "feeRate": 999 }), 400, "feeRate"),
            (json!({ "channels": [of(&one, 100_000)], "fee": 1 }), 400, "README"),
            (json!({ "channels": [of(&one, 100_000), of(stranger, 100_000)] }), 409, stranger),
            (json!({ "channels": [of(&one, 600_000), of(&two, 600_000)] }), 409, "are needed"),
            (json!({ "channels": [of(&one, 100_000), of(&two, 1_000)] }), 400, &*two),
            // What a wallet refuses.
            (
                json!({ "channels": [of(&one, 100_000), { "peer": two, "capacitySat": 100_000, "announce": true }] }),
                502,
                &*two,
            ),
        ] {
            let (admin, body) = (regtest.gateway.admin.clone(), request.to_string());
            let answer = spawn_blocking(move || admin_request(&admin, "POST", BATCH, &body)).await.unwrap();
            let message = answer.json()["message"].as_str().unwrap().to_owned();
            assert!(answer.status == status && message.contains(says), "{request}: {}", answer.body);
        }
        assert_eq!(settled(&regtest, &wallets).await, 0);
        assert!(regtest.mempool().is_empty());
        let opened = open(&regtest, &json!([of(&one, 500_000), of(&two, 400_000)])).await.unwrap();
        assert_eq!(opened.status, 200, "no coin is held: {}", opened.body);
    });
}

/// The node's own tests cut it at every commit and message; this is the process, its database and its bitcoind.
#[test]
fn a_gateway_killed_while_it_opens_several_channels_has_all_or_none_of_them() {
    let mut regtest = up("");
    on_one_thread(async {
        regtest.fund(5_000_000);
        let wallets = two_wallets(&regtest).await;
        let [one, two] = wallets.each_ref().map(|(_, id)| id.clone());
        let both =
            |sat: u64| json!([{ "peer": one, "capacitySat": sat }, { "peer": two, "capacitySat": sat }]);
        let mut had = 0;
        for delay_ms in [5, 20, 40, 80, 160, 320] {
            let opening = open(&regtest, &both(100_000));
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
            regtest.gateway.signal("KILL");
            regtest.gateway.wait();
            // Without an answer the request fails.
            let acknowledged = opening.await.is_ok_and(|answer| answer.status == 200);
            regtest.restart();
            let has = settled(&regtest, &wallets).await;
            println!("killed after {delay_ms} ms: {had} channels, then {has}; acknowledged: {acknowledged}");
            assert!(has == had + 1 || (has == had && !acknowledged), "{had}, then {has}, {acknowledged}");
            had = has;
            let info = regtest.ask("GET", "/admin/v1/info", &json!({}));
            assert_eq!(info["channels"], 2 * has);
        }
        // No coin is held by what came to nothing.
        let opened = open(&regtest, &both(1_600_000)).await.unwrap();
        assert_eq!(opened.status, 200, "{}", opened.body);
        assert_eq!(settled(&regtest, &wallets).await, had + 1);
    });
}
