//! Starting from a checkpoint, with and without its filter header.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::rc::Rc;

use crate::common::{Device, Wallet, script};
use amplet_chain::testing::{FakeServer, TestChain, pay_to};
use amplet_chain::{Chain, ChainError, Checkpoint, SourceError, SourceState, TrustLevel};
use bitcoin::OutPoint;

/// A chain with a payment at 2020 that is spent at 2030, and its checkpoint at 2016.
fn source() -> (TestChain, Checkpoint) {
    let mut source = TestChain::new(2019);
    let pay = pay_to(&[], &[script(1)]);
    let coin = OutPoint { txid: pay.compute_txid(), vout: 0 };
    source.mine(vec![pay]);
    source.mine_empty(9);
    source.mine(vec![pay_to(&[coin], &[script(2)])]);
    source.mine_empty(10);
    let device = Device::new(vec![("a", FakeServer::new(source.clone()))]);
    let chain = device.open(&["a"]);
    device.poll(&chain).unwrap();
    let checkpoint = chain.checkpoint_at(4000).unwrap();
    assert_eq!(checkpoint.height, 2016);
    (source, checkpoint)
}

fn bare(checkpoint: &Checkpoint) -> Option<Checkpoint> {
    Some(Checkpoint { filter_header: None, ..checkpoint.clone() })
}

fn found(device: &Device, chain: &Rc<Chain>) -> Vec<u32> {
    let wallet = Wallet::new(chain);
    wallet.watch(script(1));
    device.sync(chain, &wallet);
    assert_eq!(wallet.position.borrow().height, 2040);
    wallet.whole()
}

#[test]
fn a_checkpoint_is_where_it_begins() {
    let (source, checkpoint) = source();
    for given in [Some(checkpoint.clone()), bare(&checkpoint)] {
        for server in [FakeServer::new(source.clone()), FakeServer::block_dn(source.clone())] {
            let device = Device::new(vec![("a", server)]);
            let chain = device.open_from(&["a"], given.clone()).unwrap();
            assert_eq!(chain.base().height, 2016);
            assert_eq!(found(&device, &chain), [2020, 2030]);
            assert_eq!(chain.checkpoint_at(2040), Some(checkpoint.clone()), "learned and verified alike");
            device.save(&chain);
            let chain = device.open(&["a"]);
            assert_eq!(found(&device, &chain), [2020, 2030], "a stored chain keeps its own");
            let wallet = Wallet::new(&chain);
            wallet.position.borrow_mut().height = 2015;
            assert!(matches!(
                device.connect(&chain, &wallet),
                Err(ChainError::BelowCheckpoint { height: 2015, .. })
            ));
        }
    }
}

#[test]
fn a_server_below_the_checkpoint_is_still_synchronising() {
    let (mut short, checkpoint) = source();
    short.cut(40);
    let device = Device::new(vec![("a", FakeServer::new(short))]);
    let chain = device.open_from(&["a"], Some(checkpoint)).unwrap();
    let ChainError::Sources(list) = device.poll(&chain).unwrap_err() else { unreachable!() };
    assert_eq!(list[0].1, SourceError::Syncing { height: 2000, checkpoint: 2016 });
}

#[test]
fn another_chain_below_the_checkpoint_is_refused() {
    let (mut other, checkpoint) = source();
    other.cut(100);
    other.mine_empty(200);
    for server in [FakeServer::new(other.clone()), FakeServer::block_dn(other)] {
        let device = Device::new(vec![("a", server)]);
        let chain = device.open_from(&["a"], Some(checkpoint.clone())).unwrap();
        assert!(device.poll(&chain).unwrap_err().to_string().contains("below the checkpoint"));
        assert_eq!(chain.tip().height, 2016);
    }
}

/// A false filter header for the checkpoint, together with a filter that hides a spend, hides nothing.
#[test]
fn a_false_start_of_the_filter_headers_hides_nothing() {
    let (source, checkpoint) = source();
    let mut forged = source.clone();
    forged.forge_filter(2010, vec![0]);
    forged.forge_filter(2030, source.filter_without(2030, &script(1)));
    for names in [["liar", "honest"], ["honest", "liar"]] {
        for given in [Some(checkpoint.clone()), bare(&checkpoint)] {
            let servers =
                vec![("liar", FakeServer::new(forged.clone())), ("honest", FakeServer::new(source.clone()))];
            let device = Device::new(servers);
            let chain = device.open_from(&names, given).unwrap();
            assert_eq!(found(&device, &chain), [2020, 2030]);
            assert_ne!(chain.trust().level, TrustLevel::Agreed);
        }
    }
}

/// Filter headers that no filter fits are caught by their own server's filter.
#[test]
fn filter_headers_that_fit_no_filter_are_refuted() {
    let (source, checkpoint) = source();
    let mut forged = source.clone();
    forged.forge_filter(2030, vec![0]);
    let real = source.filters()[2030].clone();
    let liar = FakeServer::new(forged);
    liar.tamper(move |path, body| match path {
        "/filters/single/2030" => real.clone(),
        _ if path.starts_with("/filters/2000") => vec![1; body.len()],
        _ => body,
    });
    for names in [["liar", "honest"], ["honest", "liar"]] {
        let device = Device::new(vec![("liar", liar.clone()), ("honest", FakeServer::new(source.clone()))]);
        let chain = device.open_from(&names, Some(checkpoint.clone())).unwrap();
        assert_eq!(found(&device, &chain), [2020, 2030], "{names:?}");
        let caught = chain.trust().sources.into_iter().find(|s| s.url == "http://liar").unwrap();
        assert!(
            matches!(caught.state, SourceState::Misbehaving { .. } | SourceState::Failed { .. }),
            "{:?}",
            caught.state
        );
    }
}
