//! The watch set grows while blocks are connected: what a channel's closing does.
#![allow(clippy::unwrap_used)]

use std::rc::Rc;

use crate::common::{Device, Wallet, script};
use amplet_chain::testing::{FakeServer, TestChain, pay_to};
use bitcoin::{Block, OutPoint, Transaction};

const FUNDING: u8 = 1;
const HTLC: u8 = 2;

/// A funding transaction, the commitment that spends it, the HTLC transaction that spends that, and what spends that.
fn closing() -> [Transaction; 4] {
    let out = |tx: &Transaction| OutPoint { txid: tx.compute_txid(), vout: 0 };
    let funding = pay_to(&[], &[script(FUNDING)]);
    let commitment = pay_to(&[out(&funding)], &[script(HTLC)]);
    let htlc = pay_to(&[out(&commitment)], &[script(3)]);
    let sweep = pay_to(&[out(&htlc)], &[script(4)]);
    [funding, commitment, htlc, sweep]
}

/// Watches the funding output; each output of a transaction that touches something watched is watched from then on.
fn channel(wallet: &Rc<Wallet>) {
    wallet.watch(script(FUNDING));
    *wallet.on_block.borrow_mut() = Some(Box::new(|wallet, block: &Block| {
        for output in block.txdata.iter().skip(1).flat_map(|tx| &tx.output) {
            if !wallet.scripts.borrow().contains(&output.script_pubkey) {
                wallet.watch(output.script_pubkey.clone());
            }
        }
    }));
}

fn run(source: TestChain, whole: &[u32]) {
    for server in [FakeServer::new(source.clone()), FakeServer::block_dn(source)] {
        let device = Device::new(vec![("a", server)]);
        let chain = device.open(&["a"]);
        let wallet = Wallet::new(&chain);
        channel(&wallet);
        device.sync(&chain, &wallet);
        assert_eq!(wallet.whole(), whole);
    }
}

#[test]
fn commitment_and_htlc_spend_in_one_block() {
    let [funding, commitment, htlc, sweep] = closing();
    let mut source = TestChain::new(10);
    source.mine(vec![funding]);
    source.mine_empty(3);
    source.mine(vec![commitment, htlc]);
    source.mine_empty(3);
    source.mine(vec![sweep]);
    source.mine_empty(3);
    run(source, &[11, 15, 19]);
}

/// All filters are fetched before the first of these blocks is connected; only the growing set finds the later ones.
#[test]
fn commitment_and_htlc_spend_in_adjacent_prefetched_blocks() {
    let [funding, commitment, htlc, sweep] = closing();
    let mut source = TestChain::new(10);
    for tx in [funding, commitment, htlc, sweep] {
        source.mine(vec![tx]);
    }
    source.mine_empty(3);
    run(source, &[11, 12, 13, 14]);
}

/// The same across the borders of files and of requests.
#[test]
fn the_set_that_grew_reaches_the_next_windows() {
    let [funding, commitment, htlc, sweep] = closing();
    let mut source = TestChain::new(198);
    source.mine(vec![funding]);
    source.mine(vec![commitment]);
    source.mine_empty(300);
    source.mine(vec![htlc]);
    source.mine_empty(700);
    source.mine(vec![sweep]);
    run(source, &[199, 200, 501, 1202]);
}

/// A wallet that watches nothing at first downloads no filters; from the block on that made it watch, it does.
#[test]
fn the_first_script_may_come_on_the_way() {
    struct Late(Rc<Wallet>);
    impl amplet_chain::BlockListener for Late {
        fn block_connected(&self, block: &Block, height: u32) {
            self.0.block_connected(block, height);
        }
        fn filtered_block_connected(&self, header: &bitcoin::block::Header, height: u32) {
            self.0.filtered_block_connected(header, height);
            if height == 5 {
                self.0.watch(script(FUNDING));
            }
        }
        fn blocks_disconnected(&self, fork: amplet_chain::BlockId) {
            self.0.blocks_disconnected(fork);
        }
    }
    let [funding, ..] = closing();
    let mut source = TestChain::new(8);
    source.mine(vec![funding]);
    let server = FakeServer::new(source);
    let device = Device::new(vec![("a", server.clone())]);
    let chain = device.open(&["a"]);
    let wallet = Wallet::new(&chain);
    device.poll(&chain).unwrap();
    let (task, listener) = (chain.clone(), wallet.clone());
    device.platform.run(async move {
        let from = listener.position.borrow().clone();
        let late = Late(listener.clone());
        task.sync(&from, &task.tip(), &late, &*listener, &mut |_| {}).await.unwrap();
    });
    assert_eq!(wallet.whole(), [9]);
    assert_eq!(server.requests("/filters"), 1);
}

#[test]
fn progress_is_reported_block_by_block() {
    let server = FakeServer::new(TestChain::new(20));
    let device = Device::new(vec![("a", server)]);
    let chain = device.open(&["a"]);
    let wallet = Wallet::new(&chain);
    device.poll(&chain).unwrap();
    let task = chain.clone();
    let seen = device.platform.run(async move {
        let mut seen = Vec::new();
        let from = task.position_at(5);
        wallet.chain.borrow_mut().clear();
        wallet.chain.borrow_mut().extend((0..=5).map(|h| task.header_at(h).unwrap().block_hash()));
        task.sync(&from, &task.tip(), &*wallet, &*wallet, &mut |p| seen.push(p)).await.unwrap();
        seen
    });
    let heights: Vec<u32> = seen.iter().map(|p| p.height).collect();
    assert_eq!(heights, (6..=20).collect::<Vec<_>>());
    assert!(seen.iter().all(|p| p.from == 5 && p.target == 20));
}
