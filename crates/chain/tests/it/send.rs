//! Broadcast and fee estimates over several servers, and over servers that cannot do all of it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::common::{Device, script};
use amplet_chain::testing::{FakeServer, TestChain, pay_to};
use amplet_chain::{Broadcast, BroadcastError, Chain, ChainError, FeeEstimates, RejectReason, SourceError};
use amplet_transport::{HttpResponse, Platform};
use bitcoin::{Amount, FeeRate, ScriptBuf, Transaction, TxOut};
use futures::FutureExt;

const CONFLICT: &str = r#"sendrawtransaction RPC error: {"code":-26,"message":"txn-mempool-conflict"}"#;
const KNOWN: &str =
    r#"sendrawtransaction RPC error: {"code":-27,"message":"Transaction outputs already in utxo set"}"#;

fn servers() -> (Rc<FakeServer>, Rc<FakeServer>, Device, Rc<Chain>) {
    let (a, b) = (FakeServer::new(TestChain::new(3)), FakeServer::new(TestChain::new(3)));
    let device = Device::new(vec![("a", a.clone()), ("b", b.clone())]);
    let chain = device.open(&["a", "b"]);
    (a, b, device, chain)
}

fn tx(number: u8) -> Transaction {
    pay_to(&[], &[script(number)])
}

fn send(device: &Device, chain: &Rc<Chain>, txs: Vec<Transaction>) -> Result<Broadcast, BroadcastError> {
    let chain = chain.clone();
    device.platform.run(async move { chain.broadcast(&txs, |_| ()).await })
}

#[test]
fn one_server_that_takes_it_is_enough_and_only_all_of_them_refuse() {
    let (a, b, device, chain) = servers();
    *a.post.borrow_mut() = (400, CONFLICT.to_string());
    assert_eq!(send(&device, &chain, vec![tx(1)]), Ok(Broadcast::Accepted));
    b.down.set(true);
    let error = send(&device, &chain, vec![tx(1)]).unwrap_err();
    let BroadcastError::Unknown(list) = &error else { panic!("one of them is silent: {error}") };
    assert!(matches!(list[0].1, SourceError::Rejected { reason: RejectReason::Conflict, .. }));
    b.down.set(false);
    *b.post.borrow_mut() = (503, "busy".to_string());
    let error = send(&device, &chain, vec![tx(1)]).unwrap_err();
    assert!(matches!(error, BroadcastError::Unknown(_)), "one of them cannot say: {error}");
    *b.post.borrow_mut() = (400, CONFLICT.to_string());
    let error = send(&device, &chain, vec![tx(1)]).unwrap_err();
    assert!(matches!(error, BroadcastError::Rejected { reason: RejectReason::Conflict, .. }), "{error}");
    *a.post.borrow_mut() = (400, KNOWN.to_string());
    assert_eq!(send(&device, &chain, vec![tx(1)]), Ok(Broadcast::AlreadyKnown));
    *a.post.borrow_mut() = (503, "busy".to_string());
    b.down.set(true);
    let error = send(&device, &chain, vec![tx(1)]).unwrap_err();
    let BroadcastError::Unknown(list) = &error else { panic!("{error}") };
    let status = |error: &SourceError| matches!(error, SourceError::Status { status: 503, .. });
    assert!(list.iter().any(|(_, error)| status(error)));
    assert!(list.iter().any(|(_, error)| matches!(error, SourceError::Fetch(_))));
    assert_eq!(send(&device, &chain, Vec::new()), Err(BroadcastError::Empty));
}

/// The first to take it may be the one that it is against, and drop it.
#[test]
fn a_slow_server_gets_the_transaction_although_another_took_it_at_once() {
    let (_a, b, device, chain) = servers();
    let platform = device.platform.clone();
    let (at, slow) = (Rc::new(Cell::new(None)), Duration::from_secs(15));
    let (seen, b) = (at.clone(), b.clone());
    device.platform.on_fetch(move |request| {
        let (platform, seen, b) = (platform.clone(), seen.clone(), b.clone());
        async move {
            if request.url.starts_with("http://b/") {
                platform.sleep(slow).await;
                seen.set(Some(platform.monotonic()));
                return b.respond("/tx", &request);
            }
            Ok(HttpResponse { status: 200, headers: Vec::new(), body: Vec::new() })
        }
        .boxed_local()
    });
    let taken = Rc::new(Cell::new(None));
    let (chain, platform, first) = (chain.clone(), device.platform.clone(), taken.clone());
    let sent = device.platform.run(async move {
        let note = |outcome| first.set(Some((outcome, platform.monotonic())));
        chain.broadcast(&[tx(1)], note).await
    });
    assert_eq!(sent, Ok(Broadcast::Accepted));
    assert_eq!(taken.get(), Some((Broadcast::Accepted, Duration::ZERO)), "told at once");
    assert_eq!(at.get(), Some(slow), "and the other one has it too");
}

#[test]
fn what_is_posted_is_the_transaction_in_hex() {
    let (a, _, device, chain) = servers();
    let hex = bitcoin::consensus::encode::serialize_hex(&tx(1));
    *a.on_post.borrow_mut() = Some(Box::new(move |path, body| {
        assert_eq!((path, body), ("/tx", hex.as_str()));
        (200, String::new())
    }));
    send(&device, &chain, vec![tx(1)]).unwrap();
    let both = [tx(1), tx(2)].map(|t| bitcoin::consensus::encode::serialize_hex(&t));
    *a.on_post.borrow_mut() = Some(Box::new(move |path, body| {
        assert_eq!((path, body), ("/txs/package", format!(r#"["{}","{}"]"#, both[0], both[1]).as_str()));
        (200, r#"{"package_msg":"success","tx-results":{}}"#.to_string())
    }));
    assert_eq!(send(&device, &chain, vec![tx(1), tx(2)]), Ok(Broadcast::Accepted));
}

/// Servers without the package endpoint, and packages of which a part is in the chain already.
#[test]
fn a_package_that_is_not_taken_is_sent_one_by_one() {
    let refused = r#"{"package_msg":"transaction failed","tx-results":{"x":{"txid":"y","error":"bad-txns-inputs-missingorspent"}}}"#;
    for (status, answer) in [(404, "no such page"), (200, refused), (400, "package-not-child-with-parents")] {
        let (a, b, device, chain) = servers();
        b.down.set(true);
        *a.on_post.borrow_mut() = Some(Box::new(move |path, _| match path {
            "/txs/package" => (status, answer.to_string()),
            _ => (200, String::new()),
        }));
        assert_eq!(send(&device, &chain, vec![tx(1), tx(2)]), Ok(Broadcast::Accepted), "{answer}");
        assert_eq!(a.requests("/tx"), 3, "the package, then each");
        *a.on_post.borrow_mut() = Some(Box::new(move |path, _| match path {
            "/txs/package" => (status, answer.to_string()),
            _ => (400, CONFLICT.to_string()),
        }));
        let error = send(&device, &chain, vec![tx(1), tx(2)]).unwrap_err();
        let BroadcastError::Unknown(list) = &error else { panic!("{error}") };
        let conflict =
            |e: &SourceError| matches!(e, SourceError::Rejected { reason: RejectReason::Conflict, .. });
        assert!(list.iter().any(|(_, e)| conflict(e)), "{error}");
    }
}

fn fees(device: &Device, chain: &Rc<Chain>) -> Result<FeeEstimates, ChainError> {
    let chain = chain.clone();
    device.platform.run(async move { chain.fees().await })
}

#[test]
fn fees_come_from_esplora_or_block_dn_endpoints() {
    let (a, b, device, chain) = servers();
    *a.fees.borrow_mut() = Some(r#"{"1":20.5,"6":10.0,"1008":1,"x":3,"2":-1,"3":1e300}"#.to_string());
    b.down.set(true);
    let rate = |sat_per_kwu| Some(FeeRate::from_sat_per_kwu(sat_per_kwu));
    let known = fees(&device, &chain).unwrap();
    assert_eq!(
        [known.within(1), known.within(5), known.within(7), known.within(2000)],
        [rate(5125), rate(5125), rate(2500), rate(250)]
    );
    *a.fees.borrow_mut() = None;
    *a.fees_block_dn.borrow_mut() =
        Some(r#"{"fee_sat_per_kvbyte":3000,"fee_sat_per_kweight":750}"#.to_string());
    assert_eq!(fees(&device, &chain).unwrap().within(6), rate(750));
    *a.fees_block_dn.borrow_mut() = None;
    assert!(matches!(fees(&device, &chain), Err(ChainError::Sources(list)) if list.len() == 2));
}

fn offer(server: &FakeServer, sat_per_vb: f64) {
    *server.fees.borrow_mut() = Some(format!(r#"{{"1":{sat_per_vb},"6":{sat_per_vb}}}"#));
}

#[test]
fn of_two_servers_the_lower_rate_is_taken() {
    let (a, b, device, chain) = servers();
    offer(&a, 10.0);
    offer(&b, 9_999.0);
    assert_eq!(fees(&device, &chain).unwrap().within(1), Some(FeeRate::from_sat_per_kwu(2_500)));
}

/// Half a block of ballast.
fn bulky() -> Transaction {
    let ballast = ScriptBuf::from_bytes([vec![0x6a], vec![0; 500_000]].concat());
    let mut tx = tx(1);
    tx.output = vec![TxOut { value: Amount::ZERO, script_pubkey: ballast }];
    tx
}

#[test]
fn a_rate_that_no_block_bears_out_is_cut_by_a_look_at_the_newest_one() {
    let mut source = TestChain::new(30);
    // 10 sat/vB over 500,000 vB.
    source.mine_with_fees(vec![bulky()], 5_000_000);
    let (a, b) = (FakeServer::new(source.clone()), FakeServer::new(source));
    let device = Device::new(vec![("a", a.clone()), ("b", b.clone())]);
    let chain = device.open(&["a"]);
    device.poll(&chain).unwrap();
    offer(&a, 9_999.0);
    let rate = fees(&device, &chain).unwrap().within(1).unwrap().to_sat_per_vb_ceil();
    assert!((99..=100).contains(&rate), "ten times what the block paid: {rate}");
    assert_eq!(a.requests("/block/"), 1);
    fees(&device, &chain).unwrap();
    assert_eq!(a.requests("/block/"), 1, "one look is enough");
    let chain = device.open(&["b"]);
    device.poll(&chain).unwrap();
    offer(&b, 15.0);
    let rate = fees(&device, &chain).unwrap().within(1).unwrap().to_sat_per_vb_ceil();
    assert_eq!((rate, b.requests("/block/")), (15, 0), "an ordinary rate needs no look");
}
