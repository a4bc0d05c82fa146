//! Unconfirmed transactions, as servers show them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::rc::Rc;

use crate::common::{Device, script};
use amplet_chain::testing::{FakeServer, TestChain, pay_to};
use amplet_chain::{Chain, ChainError, SourceError};
use bitcoin::consensus::serialize;
use bitcoin::{ScriptBuf, Transaction};

fn setup() -> (Rc<FakeServer>, Rc<FakeServer>, Device, Rc<Chain>) {
    let (a, b) = (FakeServer::new(TestChain::new(3)), FakeServer::new(TestChain::new(3)));
    let device = Device::new(vec![("a", a.clone()), ("b", b.clone())]);
    let chain = device.open(&["a", "b"]);
    device.poll(&chain).unwrap();
    (a, b, device, chain)
}

fn look(
    device: &Device,
    chain: &Rc<Chain>,
    scripts: Vec<ScriptBuf>,
) -> Result<Option<Vec<Transaction>>, ChainError> {
    let chain = chain.clone();
    device.platform.run(async move { chain.unconfirmed(&scripts).await })
}

#[test]
fn what_pays_to_us_is_found_once() {
    let (a, _, device, chain) = setup();
    let both = pay_to(&[], &[script(1), script(2)]);
    a.mempool.borrow_mut().extend([both.clone(), pay_to(&[], &[script(3)])]);
    assert_eq!(look(&device, &chain, vec![script(1), script(2)]).unwrap(), Some(vec![both]));
    assert_eq!(look(&device, &chain, vec![script(4)]).unwrap(), Some(Vec::new()));
}

#[test]
fn what_does_not_pay_to_us_is_left_out_and_garbage_refused() {
    let (a, b, device, chain) = setup();
    let ours = pay_to(&[], &[script(1)]);
    b.mempool.borrow_mut().push(ours.clone());
    let foreign = serialize(&pay_to(&[], &[script(9)]));
    a.tamper(move |path, body| if path.starts_with("/mempool") { foreign.clone() } else { body });
    assert_eq!(look(&device, &chain, vec![script(1)]).unwrap(), Some(Vec::new()));
    for garbage in [vec![0; 7], serialize(&ours).repeat(101), [serialize(&ours), vec![1]].concat()] {
        a.tamper(move |path, body| if path.starts_with("/mempool") { garbage.clone() } else { body });
        assert_eq!(
            look(&device, &chain, vec![script(1)]).unwrap(),
            Some(vec![ours.clone()]),
            "the other is asked"
        );
    }
    b.down.set(true);
    let Err(ChainError::Sources(failures)) = look(&device, &chain, vec![script(1)]) else {
        panic!("no error")
    };
    assert!(matches!(failures[0].1, SourceError::Malformed { .. }), "{:?}", failures[0].1);
}

#[test]
fn a_plain_block_dn_server_is_not_asked() {
    let server = FakeServer::block_dn(TestChain::new(3));
    let device = Device::new(vec![("plain", server.clone())]);
    let chain = device.open(&["plain"]);
    device.poll(&chain).unwrap();
    assert_eq!(look(&device, &chain, vec![script(1)]).unwrap(), None);
    assert_eq!(server.requests("/mempool"), 0);
}
