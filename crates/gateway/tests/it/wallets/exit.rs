//! The exit program with a wallet's kit, on a real chain: the gateway is gone, and so is the wallet but for its phrase and its file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use amplet_exit::ExitError;
use amplet_exit::cli::Cli;
use amplet_exit::coins::SeedKeys;
use amplet_node::bitcoin::{self, Address, ScriptBuf};
use amplet_node::keys::{Keys, parse_mnemonic};
use amplet_protocol::page::Request;
use amplet_storage::file;
use amplet_wallet::{Response, Wallet};
use clap::Parser;
use serde_json::{Value, json};

use super::lost::{GIVEN_SAT, balance, mine, wallet_with_money};
use super::{RegtestGateway, on_one_thread, until};
use crate::harness;

#[path = "../../../../exit/tests/esplora/mod.rs"]
mod esplora;

/// What the wallet has in its savings, in sat.
pub(super) const SAVINGS_SAT: u64 = 150_000;
/// The value of an anchor (BOLT 3), in sat.
pub(super) const ANCHOR_SAT: u64 = 330;

/// Somebody's address, and its script.
pub(super) fn destination() -> (String, ScriptBuf) {
    let script =
        SeedKeys::new(harness::WORDS, bitcoin::Network::Regtest).unwrap().savings(84, 0, 0).unwrap().0;
    (Address::from_script(&script, bitcoin::Network::Regtest).unwrap().to_string(), script)
}

pub(super) async fn exported(regtest: &RegtestGateway, wallet: &Wallet, name: &str) -> PathBuf {
    let Response::File(bytes) = wallet.request(Request::ExportBackup).await.unwrap() else { panic!() };
    let path = regtest.dir.path().join(name);
    std::fs::write(&path, bytes.0).unwrap();
    path
}

/// Runs the program; returns what it shows.
pub(super) async fn exit(regtest: &RegtestGateway, kit: &Path, more: &[&str]) -> Result<String, ExitError> {
    let (url, user, password) = regtest.bitcoind.access();
    let file = regtest.dir.path().join("password");
    std::fs::write(&file, password).unwrap();
    let server = ["--bitcoind", url, "--rpc-user", user, "--rpc-password-file", file.to_str().unwrap()];
    run(kit, &server, more).await
}

/// The same by an Esplora server.
pub(super) async fn exit_by_esplora(
    regtest: &RegtestGateway,
    kit: &Path,
    more: &[&str],
) -> Result<String, ExitError> {
    let url = esplora::serve(Arc::clone(&regtest.bitcoind));
    run(kit, &["--esplora", &url, "--addresses", "20"], more).await
}

async fn run(kit: &Path, server: &[&str], more: &[&str]) -> Result<String, ExitError> {
    let kit = kit.to_str().unwrap();
    let common =
        ["amplet-exit", "--network", "regtest", "--kit", kit, "--installations", "0", "--fee-rate", "10"];
    let cli = Cli::parse_from([&common[..], server, more].concat());
    Ok(amplet_exit::run(&cli, harness::OTHER_WORDS, &|_| ()).await?.0)
}

pub(super) fn waiting(regtest: &RegtestGateway) -> Vec<String> {
    let ids = regtest.bitcoind.call("getrawmempool", &json!([])).unwrap();
    ids.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

/// Fees of all that waits for a block, in sat.
pub(super) fn fees(regtest: &RegtestGateway) -> u64 {
    let fee = |id: &String| {
        let entry = regtest.bitcoind.call("getmempoolentry", &json!([id])).unwrap();
        sat(&entry["fees"]["base"])
    };
    waiting(regtest).iter().map(fee).sum()
}

fn sat(btc: &Value) -> u64 {
    (btc.as_f64().unwrap() * 1e8).round() as u64
}

/// Value at a script in blocks, in sat.
pub(super) fn value_at(regtest: &RegtestGateway, script: &ScriptBuf) -> u64 {
    let scan = json!(["start", [format!("raw({script:x})")]]);
    sat(&regtest.bitcoind.call("scantxoutset", &scan).unwrap()["total_amount"])
}

/// A gateway, and a wallet with money in its channel and in its savings.
async fn scene() -> (RegtestGateway, Wallet) {
    let regtest = RegtestGateway::up("[channels]\nopens_channels = true");
    regtest.fund(1_000_000);
    let (wallet, _) = wallet_with_money(&regtest).await;
    save(&regtest, &wallet).await;
    (regtest, wallet)
}

/// Gives a wallet its savings.
pub(super) async fn save(regtest: &RegtestGateway, wallet: &Wallet) {
    let Response::Text(address) = wallet.request(Request::NewAddress).await.unwrap() else { panic!() };
    regtest.bitcoind.fund(&address, SAVINGS_SAT).unwrap();
    mine(regtest, 1).await;
    until("the savings", async || (balance(wallet).await.onchain_sat > 0).then_some(())).await;
}

#[test]
fn a_kit_closes_its_channels_and_everything_comes_home_to_the_satoshi() {
    on_one_thread(async {
        let (mut regtest, wallet) = scene().await;
        let kit = exported(&regtest, &wallet, "kit").await;
        wallet.request(Request::Close).await.unwrap();
        regtest.gateway.signal("KILL");
        regtest.gateway.wait();
        let (address, script) = destination();
        let to = ["--to", &address, "--send"];

        // Nothing is closed that was not asked for.
        let listed = exit(&regtest, &kit, &[]).await.unwrap();
        assert!(listed.contains("open  with "), "{listed}");
        assert!(listed.contains(&format!("{GIVEN_SAT} sat  ours after a close")), "{listed}");
        assert!(listed.contains("WARNING") && waiting(&regtest).is_empty(), "{listed}");
        let dry = exit(&regtest, &kit, &["--to", &address, "--force-close"]).await.unwrap();
        assert!(dry.contains("would send") && waiting(&regtest).is_empty(), "{dry}");

        let closed = exit(&regtest, &kit, &[&to[..], &["--force-close"]].concat()).await.unwrap();
        assert!(closed.contains("closed by force") && closed.contains("The savings stay"), "{closed}");
        assert_eq!(waiting(&regtest).len(), 2, "the commitment, and what pays for it: {closed}");
        let channel = regtest.bitcoind.call("getmempoolentry", &json!([commitment(&regtest)])).unwrap();
        let mut paid = fees(&regtest) - sat(&channel["fees"]["base"]);
        let again = exit(&regtest, &kit, &to).await.unwrap();
        assert!(again.contains("being closed") && waiting(&regtest).len() == 2, "{again}");
        let height = regtest.bitcoind.mine(1).unwrap();
        let from = height + u64::from(amplet_node::TO_SELF_DELAY) - 1;
        let early = exit(&regtest, &kit, &[]).await.unwrap();
        assert!(early.contains(&format!("{GIVEN_SAT} sat  ours from block {from} on")), "{early}");
        let by_esplora = exit_by_esplora(&regtest, &kit, &[]).await.unwrap();
        assert_eq!(sorted(&by_esplora), sorted(&early));
        regtest.bitcoind.mine(from - height).unwrap();
        let dry = ["--to", &address];
        let (home, by_esplora) =
            (exit(&regtest, &kit, &dry).await, exit_by_esplora(&regtest, &kit, &dry).await);
        assert_eq!(figures(&home.unwrap()), figures(&by_esplora.unwrap()));
        let home = exit(&regtest, &kit, &to).await.unwrap();
        assert!(home.contains("closed by its kit"), "{home}");
        paid += fees(&regtest);
        regtest.bitcoind.mine(1).unwrap();
        let all = u64::from(GIVEN_SAT) + SAVINGS_SAT + ANCHOR_SAT;
        assert_eq!(value_at(&regtest, &script), all - paid, "{home}");
        let nothing = exit(&regtest, &kit, &to).await.unwrap();
        assert!(nothing.contains("total  0 sat") && waiting(&regtest).is_empty(), "{nothing}");
    });
}

/// Lines of a listing, in an order that is no server's.
fn sorted(shown: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = shown.lines().collect();
    lines.sort_unstable();
    lines
}

/// What would be sent: amount and fee.
fn figures(shown: &str) -> &str {
    shown.lines().find(|line| line.starts_with("would send")).unwrap().split(", in ").next().unwrap()
}

/// The transaction that waits and spends what is in a block; its child does not alone.
fn commitment(regtest: &RegtestGateway) -> String {
    let is_parent = |id: &String| {
        let entry = regtest.bitcoind.call("getmempoolentry", &json!([id])).unwrap();
        entry["depends"].as_array().unwrap().is_empty()
    };
    waiting(regtest).into_iter().find(is_parent).unwrap()
}

/// The wallet has been used since: whatever the old file says, the newest state is brought home, which the gateway has closed with.
#[test]
fn an_old_kit_closes_nothing_and_does_not_disturb_what_a_peers_close_pays() {
    on_one_thread(async {
        let (regtest, wallet) = scene().await;
        let old = exported(&regtest, &wallet, "old").await;
        let spent = 40_000;
        let asked = json!({ "amountMsat": (spent * 1000).to_string(), "description": "out" });
        let invoice =
            regtest.ask("POST", "/admin/v1/invoices", &asked)["invoice"].as_str().unwrap().to_owned();
        let pay =
            Request::Pay { invoice, amount_msat: None, max_fee_msat: None, parts: None, authorization: None };
        wallet.request(pay).await.unwrap();
        wallet.request(Request::Close).await.unwrap();
        let (address, script) = destination();
        let to = ["--to", &address, "--send"];
        let refused = exit(&regtest, &proved_old(&old), &[&to[..], &["--force-close"]].concat()).await;
        assert!(matches!(refused, Err(ExitError::OldKit)), "{refused:?}");
        assert!(waiting(&regtest).is_empty());

        regtest.close_by_force();
        regtest.bitcoind.mine(6).unwrap();
        let closed = exit(&regtest, &old, &to).await.unwrap();
        assert!(closed.contains("closed  with "), "{closed}");
        let paid = fees(&regtest);
        assert_eq!(waiting(&regtest).len(), 1, "{closed}");
        regtest.bitcoind.mine(1).unwrap();
        assert_eq!(
            value_at(&regtest, &script),
            u64::from(GIVEN_SAT) - spent + SAVINGS_SAT - paid,
            "{closed}"
        );
    });
}

/// The same file of a wallet to which a peer has proved that it is old.
fn proved_old(old: &Path) -> PathBuf {
    let keys =
        Keys::new(&parse_mnemonic(harness::OTHER_WORDS).unwrap(), bitcoin::Network::Regtest, 0).unwrap();
    let key = keys.backup_file().unwrap();
    let (generation, mut records) = file::open(&key, &std::fs::read(old).unwrap()).unwrap();
    let mark = json!({
        "v": 1, "found_at": 1, "channel": "01".repeat(32), "peer": format!("02{}", "01".repeat(32)), "stored": 3, "revoked": 4,
    });
    records.push(("node/old_copy".into(), serde_json::to_vec(&mark).unwrap()));
    let path = old.with_extension("proved");
    std::fs::write(&path, file::seal(&key, generation, &records).unwrap()).unwrap();
    path
}
