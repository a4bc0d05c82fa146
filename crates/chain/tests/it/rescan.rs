//! Blocks that were passed over are looked through again where the listener stands: it is never taken back for doubt.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::rc::Rc;

use amplet_chain::testing::{FakeServer, TestChain, pay_to};
use bitcoin::OutPoint;

use crate::common::{Device, Notified, Wallet, script, with_payment};

/// A chain whose block 31 pays script 1, whose block 37 spends that to script 2, and whose block 39 spends that: with a server
/// that leaves script 1 out of its filter of block 37.
fn with_hidden_spend() -> (TestChain, TestChain) {
    let (mut source, pay) = with_payment();
    let spend = pay_to(&[OutPoint { txid: pay.compute_txid(), vout: 0 }], &[script(2)]);
    source.mine(vec![spend.clone()]);
    source.mine_empty(1);
    source.mine(vec![pay_to(&[OutPoint { txid: spend.compute_txid(), vout: 0 }], &[script(3)])]);
    source.mine_empty(1);
    let mut forged = source.clone();
    forged.forge_filter(37, source.filter_without(37, &script(1)));
    (source, forged)
}

/// A wallet that watches script 1, and script 2 from the block on that spends script 1: as a channel does.
fn channel(chain: &Rc<amplet_chain::Chain>) -> Rc<Wallet> {
    let wallet = Wallet::new(chain);
    wallet.watch(script(1));
    *wallet.on_block.borrow_mut() = Some(Box::new(|wallet, block| {
        let pays = block.txdata.iter().flat_map(|tx| &tx.output).any(|o| o.script_pubkey == script(2));
        if pays && !wallet.scripts.borrow().contains(&script(2)) {
            wallet.watch(script(2));
        }
    }));
    wallet
}

fn never_back(wallet: &Wallet) {
    assert!(
        !wallet.notified.borrow().iter().any(|call| matches!(call, Notified::Back(_))),
        "never taken back"
    );
}

/// The false filter was accepted while its server was alone; when another appears, it is refuted.
#[test]
fn what_a_refuted_filter_hid_is_found_without_going_back() {
    let (source, _) = with_payment();
    let honest = FakeServer::new(source.clone());
    honest.down.set(true);
    let mut forged = source.clone();
    let filter = forged.filter_without(31, &script(1));
    forged.forge_filter(31, filter);
    let device = Device::new(vec![("liar", FakeServer::new(forged)), ("honest", honest.clone())]);
    let chain = device.open(&["liar", "honest"]);
    let wallet = Wallet::new(&chain);
    wallet.watch(script(1));
    device.sync(&chain, &wallet);
    assert!(wallet.whole().is_empty(), "one operator alone can hide a payment");
    honest.down.set(false);
    device.sync(&chain, &wallet);
    assert_eq!(chain.rescans_from(), Some(31));
    assert!(device.rescan(&chain, &wallet).unwrap());
    assert_eq!(wallet.again(), [31]);
    assert_eq!(chain.rescans_from(), None, "and no longer");
    never_back(&wallet);
}

#[test]
fn a_hidden_spend_and_what_follows_from_it_are_found_in_either_order_of_servers() {
    let (source, forged) = with_hidden_spend();
    for (first, second) in [(&forged, &source), (&source, &forged)] {
        let later = FakeServer::new(second.clone());
        later.down.set(true);
        let device = Device::new(vec![("a", FakeServer::new(first.clone())), ("b", later.clone())]);
        let chain = device.open(&["a", "b"]);
        let wallet = channel(&chain);
        device.sync(&chain, &wallet);
        later.down.set(false);
        device.sync(&chain, &wallet);
        assert_eq!(chain.rescans_from(), Some(37));
        assert!(device.rescan(&chain, &wallet).unwrap());
        // Block 39 belongs to what block 37 has told.
        assert_eq!(wallet.again(), [37, 39]);
        never_back(&wallet);
    }
}

#[test]
fn a_lasting_dispute_is_looked_through_once_whatever_restarts() {
    let (mut source, mut forged) = with_hidden_spend();
    source.mine_empty(20);
    forged.mine_empty(20);
    let (a, b) = (FakeServer::new(forged), FakeServer::new(source));
    b.down.set(true);
    let device = Device::new(vec![("a", a.clone()), ("b", b.clone())]);
    let mut chain = device.open(&["a", "b"]);
    let wallet = channel(&chain);
    device.sync(&chain, &wallet);
    b.down.set(false);
    device.sync(&chain, &wallet);
    // The process ends before it has looked, then right after.
    device.save(&chain);
    b.down.set(true);
    chain = device.open(&["a", "b"]);
    device.sync(&chain, &wallet);
    assert_eq!(chain.rescans_from(), Some(37), "not forgotten");
    b.down.set(false);
    device.sync(&chain, &wallet);
    assert!(device.rescan(&chain, &wallet).unwrap());
    assert_eq!(wallet.again(), [37, 39]);
    for _ in 0..3 {
        device.save(&chain);
        chain = device.open(&["a", "b"]);
        for server in [&a, &b] {
            server.chain.borrow_mut().mine_empty(1);
        }
        device.sync(&chain, &wallet);
        device.rescan(&chain, &wallet).unwrap();
        assert_eq!(wallet.again(), [37, 39], "not repeated");
    }
    never_back(&wallet);
}

/// The source whose filters took the others' place does not know the newest blocks yet.
#[test]
fn a_chain_cut_short_by_doubt_disconnects_nothing() {
    let (source, _) = with_payment();
    let honest = FakeServer::new(source.clone());
    honest.down.set(true);
    let mut forged = source.clone();
    let filter = forged.filter_without(31, &script(1));
    forged.forge_filter(31, filter);
    let liar = FakeServer::new(forged);
    let device = Device::new(vec![("liar", liar.clone()), ("honest", honest.clone())]);
    let chain = device.open(&["liar", "honest"]);
    let wallet = Wallet::new(&chain);
    wallet.watch(script(1));
    liar.chain.borrow_mut().mine_empty(2);
    device.sync(&chain, &wallet);
    let height = wallet.position.borrow().height;
    honest.down.set(false);
    device.sync(&chain, &wallet);
    assert!(chain.tip().height < height, "cut");
    assert_eq!(wallet.position.borrow().height, height);
    honest.chain.borrow_mut().mine_empty(3);
    device.sync(&chain, &wallet);
    assert!(device.rescan(&chain, &wallet).unwrap());
    assert_eq!((wallet.again(), wallet.position.borrow().height), (vec![31], height + 1));
    never_back(&wallet);
}

#[test]
fn a_rescan_that_was_asked_for_goes_on_after_a_failure_and_a_restart() {
    let (mut source, _) = with_payment();
    for _ in 0..3 {
        source.mine_empty(400);
        source.mine(vec![pay_to(&[], &[script(2)])]);
    }
    let server = FakeServer::new(source);
    let device = Device::new(vec![("a", server.clone())]);
    let mut chain = device.open(&["a"]);
    let wallet = Wallet::new(&chain);
    wallet.watch(script(1));
    device.sync(&chain, &wallet);
    wallet.watch(script(2));
    chain.ask_rescan(20);
    assert!(!device.rescan(&chain, &wallet).unwrap());
    device.save(&chain);
    assert_eq!(wallet.again(), [31, 437]);
    server.tamper(|path, body| if path.starts_with("/block") { vec![1; body.len()] } else { body });
    chain = device.open(&["a"]);
    device.poll(&chain).unwrap();
    assert!(device.rescan(&chain, &wallet).is_err());
    *server.tamper.borrow_mut() = None;
    while !device.rescan(&chain, &wallet).unwrap() {}
    assert_eq!(wallet.again(), [31, 437, 838, 1239]);
}
