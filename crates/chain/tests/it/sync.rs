//! One honest server: first synchronisation, following the tip, restarts, reorganisations.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::rc::Rc;
use std::time::Duration;

use crate::common::{Device, Notified, Wallet, script};
use amplet_chain::testing::{FakeServer, TestChain, pay_to};
use amplet_chain::{ChainError, TrustLevel};
use bitcoin::OutPoint;

fn both_kinds(chain: &TestChain) -> [Rc<FakeServer>; 2] {
    [FakeServer::new(chain.clone()), FakeServer::block_dn(chain.clone())]
}

#[test]
fn a_new_wallet_comes_to_the_tip() {
    for server in both_kinds(&TestChain::new(450)) {
        server.headers_per_file.set(100);
        server.filters_per_file.set(20);
        let device = Device::new(vec![("a", server.clone())]);
        let chain = device.open(&["a"]);
        let wallet = Wallet::new(&chain);
        wallet.watch(script(1));
        let poll = device.poll(&chain).unwrap();
        assert_eq!((poll.old.height, poll.new.height, poll.fork), (0, 450, None));
        device.connect(&chain, &wallet).unwrap();
        assert_eq!(wallet.position.borrow().hash, server.chain.borrow().tip_hash());
        assert!(wallet.whole().is_empty());
        assert_eq!(wallet.notified.borrow().len(), 450);
        assert_eq!(chain.trust().level, TrustLevel::OneOperator);
        assert_eq!(chain.header_at(17), Some(server.chain.borrow().block(17).header));
    }
}

#[test]
fn blocks_that_matter_come_whole() {
    let mut source = TestChain::new(30);
    let pay = pay_to(&[], &[script(1)]);
    let coin = OutPoint { txid: pay.compute_txid(), vout: 0 };
    source.mine(vec![pay]);
    source.mine_empty(5);
    source.mine(vec![pay_to(&[coin], &[script(2)])]);
    source.mine_empty(2);
    for server in both_kinds(&source) {
        let device = Device::new(vec![("a", server)]);
        let chain = device.open(&["a"]);
        let wallet = Wallet::new(&chain);
        wallet.watch(script(1));
        device.sync(&chain, &wallet);
        assert_eq!(wallet.whole(), [31, 37], "where the script is paid and where it is spent");
    }
}

#[test]
fn who_watches_nothing_downloads_no_filters() {
    let server = FakeServer::new(TestChain::new(50));
    let device = Device::new(vec![("a", server.clone())]);
    let chain = device.open(&["a"]);
    let wallet = Wallet::new(&chain);
    device.sync(&chain, &wallet);
    assert_eq!(wallet.notified.borrow().len(), 50);
    assert_eq!(server.requests("/filters"), 0);
}

#[test]
fn a_birthday_is_where_a_new_wallet_starts() {
    let server = FakeServer::new(TestChain::new(60));
    let device = Device::new(vec![("a", server)]);
    let chain = device.open(&["a"]);
    device.poll(&chain).unwrap();
    let position = chain.position_at(40);
    assert_eq!((position.height, position.previous.len()), (40, 12));
    assert_eq!(chain.position(&position.hash), Some(position));
    assert_eq!(chain.position_at(4_000_000).height, 60);
    let low = chain.position_at(2);
    assert_eq!(
        low.previous,
        [chain.header_at(1).unwrap().block_hash(), chain.header_at(0).unwrap().block_hash()]
    );
}

#[test]
fn following_the_tip_of_a_whole_file_server_costs_no_files() {
    let server = FakeServer::block_dn(TestChain::new(150));
    let device = Device::new(vec![("a", server.clone())]);
    let chain = device.open(&["a"]);
    let wallet = Wallet::new(&chain);
    wallet.watch(script(1));
    device.sync(&chain, &wallet);
    server.log.borrow_mut().clear();
    for _ in 0..3 {
        server.chain.borrow_mut().mine(vec![pay_to(&[], &[script(1)])]);
        device.sync(&chain, &wallet);
    }
    assert_eq!(wallet.whole(), [151, 152, 153]);
    let log = server.log.borrow();
    let files = log.iter().filter(|p| p.starts_with("/headers") || p.starts_with("/filter-headers"));
    assert_eq!(files.count(), 0, "{log:?}");
    assert_eq!(server.requests("/block/"), 3, "each block once");
    assert_eq!(server.requests("/filters/single/"), 3, "each filter once");
}

#[test]
fn an_old_block_dn_without_single_filters_is_served_by_files() {
    let server = FakeServer::block_dn(TestChain::new(150));
    server.singles.set(false);
    let device = Device::new(vec![("a", server.clone())]);
    let chain = device.open(&["a"]);
    let wallet = Wallet::new(&chain);
    wallet.watch(script(1));
    device.sync(&chain, &wallet);
    server.chain.borrow_mut().mine(vec![pay_to(&[], &[script(1)])]);
    device.sync(&chain, &wallet);
    assert_eq!(wallet.whole(), [151]);
}

#[test]
fn a_restart_goes_on_from_the_store() {
    let server = FakeServer::new(TestChain::new(600));
    let device = Device::new(vec![("a", server.clone())]);
    let chain = device.open(&["a"]);
    let wallet = Wallet::new(&chain);
    wallet.watch(script(1));
    device.sync(&chain, &wallet);
    device.save(&chain);
    server.down.set(true);
    let again = device.open(&["a"]);
    assert_eq!(again.tip(), chain.tip());
    assert_eq!(again.header_at(333), chain.header_at(333));
    assert!(matches!(device.poll(&again), Err(ChainError::Sources(list)) if list.len() == 1));
    assert_eq!(again.trust().level, TrustLevel::Offline);
    server.down.set(false);
    server.log.borrow_mut().clear();
    server.chain.borrow_mut().mine_empty(3);
    device.sync(&again, &wallet);
    assert_eq!(wallet.position.borrow().height, 603);
    let asked = server.log.borrow().join(" ");
    assert!(asked.contains("/headers/0?from=594&count=10"), "only what is new, and a little before: {asked}");
}

#[test]
fn what_did_not_change_is_not_staged() {
    let server = FakeServer::new(TestChain::new(700));
    let device = Device::new(vec![("a", server.clone())]);
    let chain = device.open(&["a"]);
    device.poll(&chain).unwrap();
    let staged = |chain: &amplet_chain::Chain| {
        let mut batch = amplet_storage::Batch::default();
        chain.stage(&mut batch);
        batch.len()
    };
    assert_eq!(staged(&chain), 1 + 3, "descriptor and three chunks of 256 blocks");
    assert_eq!(staged(&chain), 0);
    server.chain.borrow_mut().mine_empty(1);
    device.poll(&chain).unwrap();
    assert_eq!(staged(&chain), 1 + 1);
}

#[test]
fn a_reorg_of_three_is_one_disconnection() {
    for server in both_kinds(&TestChain::new(100)) {
        let device = Device::new(vec![("a", server.clone())]);
        let chain = device.open(&["a"]);
        let wallet = Wallet::new(&chain);
        wallet.watch(script(1));
        device.sync(&chain, &wallet);
        server.chain.borrow_mut().cut(3);
        server.chain.borrow_mut().mine_empty(3);
        server.chain.borrow_mut().mine(vec![pay_to(&[], &[script(1)])]);
        let poll = device.poll(&chain).unwrap();
        assert_eq!(poll.fork.unwrap().height, 97);
        wallet.notified.borrow_mut().clear();
        device.connect(&chain, &wallet).unwrap();
        use Notified::{Back, Header, Whole};
        assert_eq!(*wallet.notified.borrow(), [Back(97), Header(98), Header(99), Header(100), Whole(101)]);
    }
}

#[test]
fn a_reorg_across_a_restart_is_found_from_the_position() {
    for saved in [true, false] {
        let server = FakeServer::new(TestChain::new(100));
        let device = Device::new(vec![("a", server.clone())]);
        let chain = device.open(&["a"]);
        let wallet = Wallet::new(&chain);
        wallet.watch(script(1));
        device.sync(&chain, &wallet);
        if saved {
            device.save(&chain);
        }
        drop(chain);
        server.chain.borrow_mut().cut(3);
        server.chain.borrow_mut().mine_empty(5);
        let chain = device.open(&["a"]);
        let poll = device.poll(&chain).unwrap();
        assert_eq!(poll.fork.map(|f| f.height), saved.then_some(97));
        wallet.notified.borrow_mut().clear();
        device.connect(&chain, &wallet).unwrap();
        assert_eq!(wallet.notified.borrow()[0], Notified::Back(97));
        assert_eq!(wallet.position.borrow().hash, server.chain.borrow().tip_hash());
    }
}

/// Deeper than the twelve ancestors that a position names, and with files and checkpoint chunks on the way.
#[test]
fn a_deep_reorg_is_followed_and_remembered_over_restarts() {
    for server in both_kinds(&TestChain::new(400)) {
        server.headers_per_file.set(50);
        server.filters_per_file.set(50);
        let device = Device::new(vec![("a", server.clone())]);
        let chain = device.open(&["a"]);
        let wallet = Wallet::new(&chain);
        wallet.watch(script(1));
        device.sync(&chain, &wallet);
        server.chain.borrow_mut().cut(390);
        server.chain.borrow_mut().mine_empty(400);
        assert_eq!(device.poll(&chain).unwrap().fork.unwrap().height, 10);
        device.save(&chain);
        let chain = device.open(&["a"]);
        device.connect(&chain, &wallet).unwrap();
        assert_eq!(wallet.notified.borrow()[400], Notified::Back(10));
        assert_eq!(wallet.position.borrow().hash, server.chain.borrow().tip_hash());
    }
}

#[test]
fn only_more_work_is_followed() {
    for instead_of_five in [4, 5] {
        let server = FakeServer::new(TestChain::new(100));
        let device = Device::new(vec![("a", server.clone())]);
        let chain = device.open(&["a"]);
        device.poll(&chain).unwrap();
        let tip = chain.tip();
        server.chain.borrow_mut().cut(5);
        server.chain.borrow_mut().mine_empty(instead_of_five);
        let poll = device.poll(&chain).unwrap();
        assert_eq!((poll.new, poll.fork), (tip, None));
        assert_eq!(chain.trust().level, TrustLevel::Offline, "no source confirms the chain in use");
    }
}

#[test]
fn a_tip_without_its_filter_is_not_shown_yet() {
    let server = FakeServer::new(TestChain::new(100));
    let device = Device::new(vec![("a", server.clone())]);
    let chain = device.open(&["a"]);
    let wallet = Wallet::new(&chain);
    wallet.watch(script(1));
    server.filter_lag.set(2);
    device.sync(&chain, &wallet);
    assert_eq!(wallet.position.borrow().height, 98);
    server.filter_lag.set(0);
    device.sync(&chain, &wallet);
    assert_eq!(wallet.position.borrow().height, 100);
}

#[test]
fn a_poll_while_blocks_come_lets_nothing_through() {
    let server = FakeServer::new(TestChain::new(100));
    let device = Device::new(vec![("a", server.clone())]);
    let chain = device.open(&["a"]);
    let wallet = Wallet::new(&chain);
    wallet.watch(script(1));
    device.poll(&chain).unwrap();
    let stale = chain.tip();
    server.chain.borrow_mut().cut(3);
    server.chain.borrow_mut().mine_empty(6);
    device.poll(&chain).unwrap();
    let (task, from, listener) = (chain.clone(), wallet.position.borrow().clone(), wallet.clone());
    let result = device
        .platform
        .run(async move { task.sync(&from, &stale, &*listener, &*listener, &mut |_| {}).await });
    assert!(matches!(result.unwrap_err().error, ChainError::NotOnChain { height: 100, .. }));
    assert!(wallet.notified.borrow().is_empty());
    device.connect(&chain, &wallet).unwrap();
    assert_eq!(wallet.position.borrow().height, 103);
}

#[test]
fn a_new_block_is_noticed() {
    let server = FakeServer::new(TestChain::new(10));
    let device = Device::new(vec![("a", server.clone())]);
    let chain = device.open(&["a"]);
    device.poll(&chain).unwrap();
    let changed = |limit| {
        let task = chain.clone();
        let (interval, limit) = (Duration::from_secs(5), Duration::from_secs(limit));
        device.platform.run(async move { task.changed(interval, limit).await })
    };
    assert!(changed(60).is_none());
    server.chain.borrow_mut().mine_empty(1);
    assert!(changed(60).is_some());
    device.poll(&chain).unwrap();
    assert!(changed(60).is_none());
    assert!(server.requests("/status") < 60, "it asks every interval, no more");
}

/// The status that reported the new tip is the one the poll uses; the other servers' are requested as in every poll.
#[test]
fn a_reported_tip_costs_no_second_status_request() {
    let source = TestChain::new(10);
    let (a, b) = (FakeServer::new(source.clone()), FakeServer::new(source));
    let device = Device::new(vec![("a", a.clone()), ("b", b.clone())]);
    let chain = device.open(&["a", "b"]);
    device.poll(&chain).unwrap();
    let mined = a.chain.borrow_mut().mine(Vec::new());
    *b.chain.borrow_mut() = a.chain.borrow().clone();
    let task = chain.clone();
    let second = Duration::from_secs(1);
    let change = device.platform.run(async move { task.changed(second, second * 60).await });
    let requests = || (a.requests("/status"), b.requests("/status"));
    let before = requests();
    let task = chain.clone();
    let poll = device.platform.run(async move { task.poll_after(change.as_ref()).await }).unwrap();
    assert_eq!((poll.new.hash, poll.new.height), (mined.block_hash(), 11));
    assert_eq!(requests(), (before.0, before.1 + 1));
    assert_eq!(chain.trust().level, TrustLevel::Agreed);
}

#[test]
fn a_position_off_every_known_chain_is_an_error() {
    let server = FakeServer::new(TestChain::new(30));
    let device = Device::new(vec![("a", server)]);
    let chain = device.open(&["a"]);
    device.poll(&chain).unwrap();
    let wallet = Wallet::new(&chain);
    wallet.position.borrow_mut().hash = script(1).wscript_hash().to_string().parse().unwrap();
    wallet.position.borrow_mut().height = 20;
    assert!(matches!(device.connect(&chain, &wallet), Err(ChainError::NoFork { height: 20, .. })));
}

/// At start several listeners need the same blocks: manager, monitors, sweeper, on-chain wallet.
#[test]
fn the_second_listener_costs_no_requests() {
    let mut source = TestChain::new(700);
    source.mine(vec![pay_to(&[], &[script(1)])]);
    for server in both_kinds(&source) {
        let device = Device::new(vec![("a", server.clone())]);
        let chain = device.open(&["a"]);
        device.poll(&chain).unwrap();
        let wallets = [Wallet::new(&chain), Wallet::new(&chain)];
        let mut asked = Vec::new();
        for wallet in wallets {
            wallet.watch(script(1));
            device.connect(&chain, &wallet).unwrap();
            assert_eq!(wallet.whole(), [701]);
            asked.push(server.log.borrow().len());
        }
        assert_eq!(asked[0], asked[1]);
    }
}
