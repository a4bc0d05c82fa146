//! The wallet's own client on the chain API.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use amplet_chain::{
    BlockId, BlockListener, Broadcast, BroadcastError, Chain, Position, RejectReason, SeenTransaction,
    TrustLevel, Unconfirmed, WatchSet,
};
use amplet_gateway::http::chain_api::{FileSizes, from_upstream};
use amplet_storage::kdf::{KdfParams, Kek};
use amplet_storage::{MemoryBackend, SealedStore};
use amplet_transport::NativePlatform;
use bitcoin::block::Header;
use bitcoin::{Block, Network, ScriptBuf};
use serde_json::json;
use tokio::task::LocalSet;

use super::{ANYBODY, Regtest, SMALL, address_of, get, http, p2wpkh, serve};

/// Watches one script and remembers which blocks came whole and to which heights it was taken back.
#[derive(Default)]
struct Wallet {
    script: ScriptBuf,
    whole: RefCell<Vec<u32>>,
    back: RefCell<Vec<u32>>,
}

impl BlockListener for Wallet {
    fn block_connected(&self, _: &Block, height: u32) {
        self.whole.borrow_mut().push(height);
    }
    fn filtered_block_connected(&self, _: &Header, _: u32) {}
    fn blocks_disconnected(&self, fork: BlockId) {
        self.back.borrow_mut().push(fork.height);
    }
}

impl WatchSet for Wallet {
    fn scripts(&self) -> Vec<ScriptBuf> {
        vec![self.script.clone()]
    }
    fn revision(&self) -> u64 {
        0
    }
}

async fn open(urls: &[&str]) -> Chain {
    let platform = Rc::new(NativePlatform::new().unwrap());
    let (params, kek) = (KdfParams::external_key(), Kek::from_bytes([1; 32]));
    let store = SealedStore::create(Rc::new(MemoryBackend::new()), &params, kek).await.unwrap();
    let urls = urls.iter().map(ToString::to_string).collect();
    Chain::open(platform, Network::Regtest, urls, &store, None).await.unwrap()
}

/// Polls until the tip is at `height`, and syncs the wallet with it.
async fn follow(chain: &Chain, wallet: &Wallet, from: &Position, height: u64) -> Position {
    let height = u32::try_from(height).unwrap();
    while chain.tip().height != height {
        assert!(
            chain.changed(Duration::from_millis(200), Duration::from_secs(30)).await.is_some(),
            "no new block seen"
        );
        chain.poll().await.unwrap();
    }
    chain.sync(from, &chain.tip(), wallet, wallet, &mut |_| {}).await.unwrap()
}

/// Files of every size that matters: several per kind, and one for all.
#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_follows_payments_and_a_reorg() {
    let regtest = Regtest::start();
    for (number, sizes) in [(1, SMALL), (2, FileSizes::default())] {
        let wallet = Wallet { script: p2wpkh(number), ..Wallet::default() };
        let address = address_of(&wallet.script);
        let url = regtest.serve(sizes).await;
        LocalSet::new()
            .run_until(async {
                let chain = open(&[&url]).await;
                let start = regtest.bitcoind.height().unwrap();
                let mut at = follow(&chain, &wallet, &chain.position_at(0), start).await;
                assert!(wallet.whole.borrow().is_empty());
                regtest.bitcoind.fund(&address, 100_000).unwrap();
                let paid = regtest.bitcoind.mine(1).unwrap();
                at = follow(&chain, &wallet, &at, paid).await;
                let paid = u32::try_from(paid).unwrap();
                assert_eq!(*wallet.whole.borrow(), [paid]);
                regtest.bitcoind.mine(2).unwrap();
                at = follow(&chain, &wallet, &at, u64::from(paid) + 2).await;
                // The payment leaves the chain with its block and comes back in the next branch.
                let height = regtest.bitcoind.reorg(3, 4, false).unwrap();
                at = follow(&chain, &wallet, &at, height).await;
                assert_eq!(*wallet.back.borrow(), [paid - 1]);
                assert_eq!(wallet.whole.borrow().len(), 2);
                assert_eq!(at.id(), chain.tip().id());
                assert_eq!(chain.trust().level, TrustLevel::OneOperator);
                let block = chain.block(&at.hash).await.unwrap();
                assert_eq!(Some(block.header), chain.header_at(at.height));
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_are_sent_and_refusals_understood() {
    let regtest = Regtest::start();
    let url = regtest.serve(FileSizes::default()).await;
    let target = address_of(&p2wpkh(9));
    let sending = async {
        let chain = open(&[&url]).await;
        chain.poll().await.unwrap();
        let one = regtest.spend(1, &target);
        assert_eq!(chain.broadcast(std::slice::from_ref(&one), |_| ()).await, Ok(Broadcast::Accepted));
        let parent = regtest.spend(2, ANYBODY);
        let child = regtest.pay(&json!(parent.compute_txid().to_string()), ANYBODY, "49.9998");
        let orphan = chain.broadcast(std::slice::from_ref(&child), |_| ()).await.unwrap_err();
        assert!(
            matches!(orphan, BroadcastError::Rejected { reason: RejectReason::MissingInputs, .. }),
            "{orphan}"
        );
        assert_eq!(chain.broadcast(&[parent.clone(), child.clone()], |_| ()).await, Ok(Broadcast::Accepted));
        assert_eq!(regtest.bitcoind.waiting().unwrap(), 3);
        regtest.bitcoind.mine(1).unwrap();
        assert_eq!(chain.broadcast(std::slice::from_ref(&one), |_| ()).await, Ok(Broadcast::AlreadyKnown));
        let double = regtest.spend(1, ANYBODY);
        let error = chain.broadcast(&[double], |_| ()).await.unwrap_err();
        assert!(
            matches!(error, BroadcastError::Rejected { reason: RejectReason::MissingInputs, .. }),
            "{error}"
        );
        let mut cheap = regtest.spend(3, &target);
        cheap.output[0].value = bitcoin::Amount::from_int_btc(50) - cheap.output[1].value;
        let error = chain.broadcast(&[cheap], |_| ()).await.unwrap_err();
        assert!(matches!(error, BroadcastError::Rejected { reason: RejectReason::FeeTooLow, .. }), "{error}");
        let mut unsigned = regtest.spend(4, &target);
        unsigned.input[0].previous_output.txid = one.compute_txid();
        let error = chain.broadcast(&[unsigned], |_| ()).await.unwrap_err();
        assert!(matches!(error, BroadcastError::Rejected { reason: RejectReason::Invalid, .. }), "{error}");
        assert!(chain.fees().await.unwrap().is_empty(), "a regtest node knows no fees");
    };
    LocalSet::new().run_until(sending).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unconfirmed_transactions_are_found_by_script() {
    let regtest = Regtest::start();
    let url = regtest.serve(FileSizes::default()).await;
    let (mine, other) = (p2wpkh(9), p2wpkh(10));
    let looking = async {
        let chain = open(&[&url]).await;
        chain.poll().await.unwrap();
        let tx = regtest.spend(1, &address_of(&mine));
        let foreign = regtest.spend(2, &address_of(&other));
        for tx in [&tx, &foreign] {
            assert_eq!(chain.broadcast(std::slice::from_ref(tx), |_| ()).await, Ok(Broadcast::Accepted));
        }
        let found = chain.unconfirmed(std::slice::from_ref(&mine)).await.unwrap();
        let seen = SeenTransaction { tx: tx.clone(), operators: 1 };
        let only = Unconfirmed { found: vec![seen], complete: true };
        assert_eq!(found, Some(only), "and not the other's");
        regtest.bitcoind.mine(1).unwrap();
        // What the gateway knows of the mempool may be a second old.
        let none = Unconfirmed { found: Vec::new(), complete: true };
        let scripts = [mine];
        let gone = async {
            while chain.unconfirmed(&scripts).await.unwrap().as_ref() != Some(&none) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), gone).await.expect("a block holds it");
    };
    LocalSet::new().run_until(looking).await;
    for bad in ["12", "12345", "zzzz", "+123"] {
        let answer = get(&format!("{url}/mempool/{bad}")).await;
        assert_eq!(answer.status, 400, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_gateway_is_passed_through() {
    let regtest = Regtest::start();
    let first = regtest.serve(SMALL).await;
    let second = serve(from_upstream(http(), first.clone())).await;
    let wallet = Wallet { script: p2wpkh(3), ..Wallet::default() };
    let height = regtest.bitcoind.height().unwrap();
    LocalSet::new()
        .run_until(async {
            let chain = open(&[&second, &first]).await;
            follow(&chain, &wallet, &chain.position_at(0), height).await;
            assert_eq!(chain.trust().level, TrustLevel::Agreed);
            let tx = regtest.spend(1, &address_of(&wallet.script));
            assert_eq!(chain.broadcast(&[tx], |_| ()).await, Ok(Broadcast::Accepted));
        })
        .await;
    let block = get(&format!("{second}/block/{}", regtest.text("getblockhash", &json!([1])))).await;
    assert!(block.header("cache-control").unwrap().contains("immutable"));
    assert_eq!(get(&format!("{second}/headers/1")).await.status, 400);
    let dead = serve(from_upstream(http(), "http://127.0.0.1:1".to_string())).await;
    assert_eq!(get(&format!("{dead}/status")).await.status, 502);
}
