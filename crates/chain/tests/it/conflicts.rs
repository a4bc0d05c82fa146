//! Several servers that contradict each other: the proof decides, and no source delays the others.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::rc::Rc;

use amplet_chain::testing::{FakeServer, TestChain, pay_to};
use amplet_chain::{SourceState, TrustLevel};
use bitcoin::OutPoint;

use crate::common::{Device, Wallet, script, with_payment};

#[test]
fn another_server_helps_where_one_fails() {
    let (source, _) = with_payment();
    let (bad, good) = (FakeServer::new(source.clone()), FakeServer::new(source));
    let device = Device::new(vec![("bad", bad.clone()), ("good", good)]);
    let chain = device.open(&["bad", "good"]);
    let wallet = Wallet::new(&chain);
    wallet.watch(script(1));
    device.poll(&chain).unwrap();
    assert_eq!(chain.trust().level, TrustLevel::Agreed);
    bad.tamper(|path, body| if path.starts_with("/status") { body } else { vec![1; body.len()] });
    device.connect(&chain, &wallet).unwrap();
    assert_eq!(wallet.whole(), [31]);
    assert!(matches!(chain.trust().sources[0].state, SourceState::Failed { .. }));
    bad.down.set(true);
    device.poll(&chain).unwrap();
    let trust = chain.trust();
    assert_eq!((trust.operators, trust.agreed, trust.level), (2, 1, TrustLevel::OneOperator));
    assert!(matches!(&trust.sources[0].state, SourceState::Failed { why } if why.contains("down")));
}

/// A server that leaves a script that block 31 creates out of its filter.
fn liar(source: &TestChain) -> Rc<FakeServer> {
    let mut forged = source.clone();
    let filter = forged.filter_without(31, &script(1));
    forged.forge_filter(31, filter);
    FakeServer::new(forged)
}

#[test]
fn a_filter_that_hides_an_output_is_refuted_by_either_order_of_servers() {
    let (source, _) = with_payment();
    for names in [["liar", "honest"], ["honest", "liar"]] {
        let device = Device::new(vec![("liar", liar(&source)), ("honest", FakeServer::new(source.clone()))]);
        let chain = device.open(&names);
        let wallet = Wallet::new(&chain);
        wallet.watch(script(1));
        device.sync(&chain, &wallet);
        assert_eq!(wallet.whole(), [31]);
        let trust = chain.trust();
        let caught = trust.sources.iter().find(|s| s.url == "http://liar").unwrap();
        assert!(
            matches!(&caught.state, SourceState::Misbehaving { what } if what.contains("block 31")),
            "{:?}",
            caught.state
        );
        assert_eq!((trust.agreed, trust.level), (1, TrustLevel::OneOperator));
    }
}

/// A spent script is not in the block: neither filter is proven false, and the block is looked through.
#[test]
fn a_filter_that_hides_a_spend_makes_its_block_be_looked_through() {
    let (mut source, pay) = with_payment();
    source.mine(vec![pay_to(&[OutPoint { txid: pay.compute_txid(), vout: 0 }], &[script(2)])]);
    source.mine_empty(4);
    let mut forged = source.clone();
    forged.forge_filter(37, source.filter_without(37, &script(1)));
    for names in [["liar", "honest"], ["honest", "liar"]] {
        let servers = [FakeServer::new(forged.clone()), FakeServer::new(source.clone())];
        let [liar, honest] = servers;
        let device = Device::new(vec![("liar", liar), ("honest", honest)]);
        let chain = device.open(&names);
        let wallet = Wallet::new(&chain);
        wallet.watch(script(1));
        device.sync(&chain, &wallet);
        assert_eq!(wallet.whole(), [31, 37], "asked first: {}", names[0]);
        assert_eq!(chain.trust().level, TrustLevel::Conflict);
        let conflicting =
            chain.trust().sources.iter().any(|s| s.state == SourceState::FiltersConflict { height: 37 });
        assert!(conflicting);
        assert_eq!(chain.rescans_from(), None, "each block was looked through when it was connected");
    }
}

#[test]
fn the_chain_with_more_work_wins_whoever_shows_it() {
    let source = TestChain::new(30);
    let (mut short, mut long) = (source.clone(), source.fork());
    short.mine_empty(2);
    long.mine_empty(3);
    let tip = long.tip_hash();
    let device = Device::new(vec![("short", FakeServer::new(short)), ("long", FakeServer::new(long))]);
    let chain = device.open(&["short", "long"]);
    device.poll(&chain).unwrap();
    assert_eq!(chain.tip().hash, tip);
    let states: Vec<_> = chain.trust().sources.into_iter().map(|s| s.state).collect();
    assert_eq!(states, [SourceState::OtherChain, SourceState::Agrees]);
    assert_eq!(chain.trust().level, TrustLevel::OneOperator);
}

#[test]
fn one_host_is_one_operator() {
    let (source, _) = with_payment();
    let device = Device::new(vec![("a", FakeServer::new(source))]);
    let chain = device.open(&["a", "a/"]);
    device.poll(&chain).unwrap();
    let trust = chain.trust();
    assert_eq!((trust.operators, trust.agreed, trust.level), (1, 1, TrustLevel::OneOperator));
}

/// It accepts connections and never responds: the others' blocks arrive all the same.
#[test]
fn a_server_that_never_answers_holds_nothing_up() {
    use amplet_transport::Platform;
    use std::time::Duration;
    let source = with_payment().0;
    for (names, mute) in [(["a", "mute"], "/"), (["mute", "a"], "/"), (["mute", "a"], "/headers")] {
        let good = FakeServer::new(source.clone());
        let slow = FakeServer::new(source.clone());
        let device = Device::new(Vec::new());
        let (a, b) = (good.clone(), slow.clone());
        device.platform.on_fetch(move |request| {
            let (a, b) = (a.clone(), b.clone());
            Box::pin(async move {
                match request.url.strip_prefix("http://mute") {
                    Some(path) if path.starts_with(mute) => std::future::pending().await,
                    Some(path) => b.respond(path, &request),
                    None => a.respond(request.url.strip_prefix("http://a").unwrap(), &request),
                }
            })
        });
        let chain = device.open(&names);
        let wallet = Wallet::new(&chain);
        wallet.watch(script(1));
        let started = device.platform.monotonic();
        device.sync(&chain, &wallet);
        assert_eq!(wallet.whole(), [31], "{names:?} {mute}");
        // What hangs in the middle costs its head start and the patience with it once; afterwards the other is asked first.
        let limit = if mute == "/" { 5 } else { 35 };
        assert!(device.platform.monotonic() - started < Duration::from_secs(limit), "{names:?} {mute}");
        let started = device.platform.monotonic();
        good.chain.borrow_mut().mine_empty(1);
        device.sync(&chain, &wallet);
        assert_eq!(wallet.position.borrow().height, 37);
        assert!(device.platform.monotonic() - started < Duration::from_secs(25), "{names:?} {mute}");
    }
}
