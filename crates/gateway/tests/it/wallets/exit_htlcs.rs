//! The exit program with a kit that was written while a payment was in flight, or before blocks were replaced.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::rc::Rc;

use amplet_exit::ExitError;
use amplet_node::bitcoin;
use amplet_node::keys::{Keys, parse_mnemonic};
use amplet_protocol::Msat;
use amplet_protocol::page::Request;
use amplet_storage::testing::Killable;
use amplet_storage::{SealedStore, Store, file};
use serde_json::json;

use super::exit::{
    ANCHOR_SAT, SAVINGS_SAT, destination, exit, exit_by_esplora, exported, fees, save, value_at, waiting,
};
use super::lost::{GIVEN_SAT, balance, give_money, mine};
use super::operating::ask;
use super::{RegtestGateway, new_store, on_one_thread, until, words};
use crate::harness;

/// Forwards cost nothing: what is in flight is what is paid.
const TERMS: &str = "[channels]\nopens_channels = true\nfee_base_msat = 0\nfee_ppm = 0";
/// In flight, in sat.
const HTLC_SAT: u64 = 30_000;
const HTLC_MSAT: u32 = 30_000_000;

/// Server that the program asks.
#[derive(Clone, Copy)]
enum By {
    Core,
    Esplora,
}

/// A gateway, and what is left of a wallet: its kit.
struct Left {
    regtest: RegtestGateway,
    kit: PathBuf,
    by: By,
    /// Fees of what the program has sent, in sat.
    paid: u64,
}

impl Left {
    async fn run(&self, more: &[&str]) -> Result<String, ExitError> {
        match self.by {
            By::Core => exit(&self.regtest, &self.kit, more).await,
            By::Esplora => exit_by_esplora(&self.regtest, &self.kit, more).await,
        }
    }

    /// Lists.
    async fn list(&self) -> String {
        self.run(&[]).await.unwrap()
    }

    /// Sends what there is to send, and mines it; `transactions` of them.
    async fn send(&mut self, transactions: usize, more: &[&str]) -> String {
        let (address, _) = destination();
        let shown = self.run(&[&["--to", &address, "--send"], more].concat()).await.unwrap();
        assert_eq!(waiting(&self.regtest).len(), transactions, "{shown}");
        assert!(!shown.contains("not sent"), "{shown}");
        self.paid += fees(&self.regtest);
        self.regtest.bitcoind.mine(1).unwrap();
        shown
    }

    /// Mines up to a height.
    fn mine_to(&self, height: u64) {
        let now = self.regtest.bitcoind.height().unwrap();
        self.regtest.bitcoind.mine(height - now).unwrap();
    }

    /// Closes by force; the commitment's own fee is the gateway's.
    async fn close_by_force(&mut self) {
        let before = self.paid;
        let (address, _) = destination();
        let closed = self.run(&["--to", &address, "--send", "--force-close"]).await.unwrap();
        assert!(closed.contains("closed by force") && waiting(&self.regtest).len() == 2, "{closed}");
        let commitment = self.regtest.mempool().into_iter().find(|tx| {
            let lock_time = tx["locktime"].as_u64().unwrap();
            lock_time >> 24 == 0x20
        });
        let txid = commitment.unwrap()["txid"].clone();
        let entry = self.regtest.bitcoind.call("getmempoolentry", &json!([txid])).unwrap();
        let own_sat = (entry["fees"]["base"].as_f64().unwrap() * 1e8).round() as u64;
        self.paid = before + fees(&self.regtest) - own_sat;
        self.regtest.bitcoind.mine(1).unwrap();
    }

    /// Mines until both the commitment's output and its HTLC's can be spent. What is free meanwhile is not looked at.
    async fn all_waits_for_its_delay(&self) {
        let listed = self.list().await;
        let delay = u64::from(amplet_node::TO_SELF_DELAY);
        assert!(listed.contains(&format!("{HTLC_SAT} sat  ours from block")), "{listed}");
        self.regtest.bitcoind.mine(delay).unwrap();
    }

    /// All of it is at the destination, but for the fees.
    async fn all_is_home(&mut self, all_sat: u64) {
        let (_, script) = destination();
        assert_eq!(value_at(&self.regtest, &script), all_sat - self.paid);
        let nothing = self.list().await;
        assert!(nothing.contains("total  0 sat"), "{nothing}");
    }
}

/// The height in `text` after `words`.
fn height_after(text: &str, words: &str) -> u64 {
    let (_, rest) = text.split_once(words).unwrap_or_else(|| panic!("no `{words}` in {text}"));
    rest.trim_start().split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

/// A wallet's payment to another, which is closed: the gateway holds it.
async fn paying(by: By) -> Left {
    let regtest = RegtestGateway::up(TERMS);
    regtest.fund(2_000_000);
    let info = regtest.ask("GET", "/admin/v1/info", &json!({}));
    let (gateway, address) =
        (info["nodeId"].as_str().unwrap().to_owned(), info["addresses"][0].as_str().unwrap().to_owned());
    let payee = regtest.wallet_at(address.clone(), &words(9)).await;
    give_money(&regtest, &payee, gateway.clone()).await;
    let invoice = ask(&payee, HTLC_MSAT).await;
    let payer = regtest.wallet_at(address, harness::OTHER_WORDS).await;
    give_money(&regtest, &payer, gateway).await;
    save(&regtest, &payer).await;
    payee.request(Request::Close).await.unwrap();
    until("the payee's absence", async || {
        let channels = regtest.ask("GET", "/admin/v1/channels", &json!({}));
        channels["channels"].as_array().unwrap().iter().any(|it| it["usable"] == false).then_some(())
    })
    .await;
    let pay = Request::Pay {
        invoice,
        amount_msat: None,
        max_fee_msat: Some(Msat::ZERO),
        parts: None,
        authorization: None,
    };
    let paying = payer.clone();
    tokio::task::spawn_local(async move { paying.request(pay).await });
    until("the forward", async || regtest.gateway.log().contains("to come back").then_some(())).await;
    let kit = exported(&regtest, &payer, "kit").await;
    assert_eq!(balance(&payer).await.pending_outbound_msat.get(), HTLC_SAT * 1000);
    payer.abort();
    Left { regtest, kit, by, paid: 0 }
}

/// What a wallet would have exported.
async fn sealed(store: &SealedStore) -> Vec<u8> {
    let mut records = Vec::new();
    for name in store.list("").await.unwrap() {
        let value = store.get(&name).await.unwrap().unwrap();
        records.push((name, value));
    }
    let keys =
        Keys::new(&parse_mnemonic(harness::OTHER_WORDS).unwrap(), bitcoin::Network::Regtest, 0).unwrap();
    file::seal(&keys.backup_file().unwrap(), 0, &records).unwrap()
}

/// A wallet that died with the preimage of a payment to it, which the gateway has not learnt.
async fn paid(by: By) -> Left {
    for commits in [2, 3, 4] {
        let left = paid_and_dead_after(commits, by).await;
        let channels = left.regtest.ask("GET", "/admin/v1/channels", &json!({}));
        let in_flight = channels["channels"][0]["pendingOutboundMsat"].as_str().unwrap().parse();
        let hangs = in_flight == Ok(HTLC_SAT * 1000);
        // What has a known preimage counts as ours.
        let ours = format!("{} sat  ours after a close", u64::from(GIVEN_SAT) + HTLC_SAT);
        if hangs && left.list().await.contains(&ours) {
            return left;
        }
    }
    panic!("no death leaves the payment in flight");
}

async fn paid_and_dead_after(commits: u64, by: By) -> Left {
    let regtest = RegtestGateway::up(TERMS);
    regtest.fund(1_000_000);
    let info = regtest.ask("GET", "/admin/v1/info", &json!({}));
    let (gateway, address) =
        (info["nodeId"].as_str().unwrap().to_owned(), info["addresses"][0].as_str().unwrap().to_owned());
    let inner = Rc::new(new_store().await);
    let store = Killable::living(Rc::<SealedStore>::clone(&inner));
    let shared: Rc<dyn Store> = Rc::<Killable>::clone(&store);
    let wallet = regtest.wallet_on(shared, address, harness::OTHER_WORDS, |_| ()).await;
    give_money(&regtest, &wallet, gateway).await;
    save(&regtest, &wallet).await;
    let invoice = ask(&wallet, HTLC_MSAT).await;
    store.die_after(commits);
    let (admin, body) = (regtest.gateway.admin.clone(), json!({ "invoice": invoice }).to_string());
    // It ends with the gateway.
    std::thread::spawn(move || {
        std::panic::catch_unwind(|| harness::admin_request(&admin, "POST", "/admin/v1/payments", &body))
    });
    until("the wallet's death", async || store.is_dead().then_some(())).await;
    wallet.abort();
    let kit = regtest.dir.path().join("kit");
    std::fs::write(&kit, sealed(&inner).await).unwrap();
    Left { regtest, kit, by, paid: 0 }
}

fn kill_gateway(left: &mut Left) {
    left.regtest.gateway.signal("KILL");
    left.regtest.gateway.wait();
}

/// The savings pay for the HTLC's transaction when it has expired: until then they stay.
#[test]
fn a_payment_that_nobody_took_comes_home_from_our_own_commitment() {
    on_one_thread(async {
        let mut left = paying(By::Core).await;
        kill_gateway(&mut left);
        left.close_by_force().await;
        let waits = left.send(0, &[]).await;
        assert!(waits.contains(&format!("{HTLC_SAT} sat  of a payment of ours")), "{waits}");
        assert!(waits.contains("The savings stay"), "{waits}");
        left.mine_to(height_after(&waits, "comes back from block"));
        left.send(1, &[]).await;
        left.all_waits_for_its_delay().await;
        left.send(1, &[]).await;
        left.all_is_home(u64::from(GIVEN_SAT) + SAVINGS_SAT + ANCHOR_SAT).await;
    });
}

#[test]
fn a_payment_that_nobody_took_comes_home_from_the_peers_commitment() {
    on_one_thread(async {
        let mut left = paying(By::Core).await;
        left.regtest.close_one_by_force(|channel| channel["pendingInboundMsat"] != "0");
        kill_gateway(&mut left);
        left.regtest.bitcoind.mine(6).unwrap();
        let waits = left.send(1, &[]).await;
        assert!(waits.contains(&format!("{HTLC_SAT} sat  of a payment of ours")), "{waits}");
        left.mine_to(height_after(&waits, "comes back from block"));
        left.send(1, &[]).await;
        // The claim has paid to the savings.
        left.send(1, &[]).await;
        left.all_is_home(u64::from(GIVEN_SAT) + SAVINGS_SAT).await;
    });
}

#[test]
fn a_payment_to_us_is_claimed_from_our_own_commitment_by_esplora() {
    on_one_thread(async {
        let mut left = paid(By::Esplora).await;
        kill_gateway(&mut left);
        left.close_by_force().await;
        let claimed = left.send(1, &[]).await;
        assert!(claimed.contains(&format!("{HTLC_SAT} sat  paid to us")), "{claimed}");
        left.all_waits_for_its_delay().await;
        left.send(1, &[]).await;
        left.all_is_home(u64::from(GIVEN_SAT) + HTLC_SAT + SAVINGS_SAT + ANCHOR_SAT).await;
    });
}

#[test]
fn a_payment_to_us_is_claimed_from_the_peers_commitment() {
    on_one_thread(async {
        let mut left = paid(By::Core).await;
        left.regtest.close_by_force();
        kill_gateway(&mut left);
        left.regtest.bitcoind.mine(1).unwrap();
        // Savings, the peer's payment to our key, and the claim.
        left.send(2, &[]).await;
        left.send(1, &[]).await;
        left.all_is_home(u64::from(GIVEN_SAT) + HTLC_SAT + SAVINGS_SAT).await;
    });
}

/// The claim waits again, is not made anew, and what it pays comes home from its next block.
#[test]
fn a_claim_in_a_block_that_was_replaced_is_followed() {
    for by in [By::Core, By::Esplora] {
        on_one_thread(async {
            let mut left = paid(by).await;
            left.regtest.close_by_force();
            kill_gateway(&mut left);
            left.regtest.bitcoind.mine(1).unwrap();
            left.send(2, &[]).await;
            left.regtest.bitcoind.reorg(1, 2, true).unwrap();
            let waits = || BTreeSet::from_iter(waiting(&left.regtest));
            let again = waits();
            assert_eq!(again.len(), 2);
            let (address, _) = destination();
            let shown = left.run(&["--to", &address, "--send"]).await.unwrap();
            assert_eq!(waits(), again, "{shown}");
            left.regtest.bitcoind.mine(1).unwrap();
            left.send(1, &[]).await;
            left.all_is_home(u64::from(GIVEN_SAT) + HTLC_SAT + SAVINGS_SAT).await;
        });
    }
}

/// The wallet had seen the peer's commitment in a block that was replaced since: it waits again, and comes home when it is in another.
#[test]
fn a_kit_follows_blocks_that_were_replaced() {
    for by in [By::Core, By::Esplora] {
        on_one_thread(async {
            let regtest = RegtestGateway::up(TERMS);
            regtest.fund(1_000_000);
            let (wallet, gateway) = regtest.wallet().await;
            give_money(&regtest, &wallet, gateway).await;
            save(&regtest, &wallet).await;
            regtest.close_by_force();
            mine(&regtest, 2).await;
            until("the close", async || {
                (balance(&wallet).await.closing_sat == u64::from(GIVEN_SAT)).then_some(())
            })
            .await;
            let kit = exported(&regtest, &wallet, "kit").await;
            wallet.abort();
            let mut left = Left { regtest, kit, by, paid: 0 };
            kill_gateway(&mut left);
            assert!(left.list().await.contains("closed  with "));
            left.regtest.bitcoind.reorg(2, 3, true).unwrap();
            assert!(!waiting(&left.regtest).is_empty(), "the commitment waits again");
            let waits = left.list().await;
            assert!(waits.contains("being closed, waits for a block"), "{waits}");
            assert!(waits.contains(&format!("{GIVEN_SAT} sat  ours after a close")), "{waits}");
            left.regtest.bitcoind.mine(6).unwrap();
            left.send(1, &[]).await;
            left.all_is_home(u64::from(GIVEN_SAT) + SAVINGS_SAT).await;
        });
    }
}
