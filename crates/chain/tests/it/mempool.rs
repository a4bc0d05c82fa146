//! Unconfirmed transactions, as servers show them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::rc::Rc;

use crate::common::{Device, script};
use amplet_chain::testing::{FakeServer, TestChain, pay_to};
use amplet_chain::{Chain, ChainError, SeenTransaction, SourceError, Unconfirmed};
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
) -> Result<Option<Unconfirmed>, ChainError> {
    let chain = chain.clone();
    device.platform.run(async move { chain.unconfirmed(&scripts).await })
}

fn shown(tx: &Transaction, operators: u32, complete: bool) -> Option<Unconfirmed> {
    Some(Unconfirmed { found: vec![SeenTransaction { tx: tx.clone(), operators }], complete })
}

#[test]
fn what_pays_to_us_is_found_once_with_the_number_of_operators_that_show_it() {
    let (a, b, device, chain) = setup();
    let both = pay_to(&[], &[script(1), script(2)]);
    a.mempool.borrow_mut().extend([both.clone(), pay_to(&[], &[script(3)])]);
    assert_eq!(look(&device, &chain, vec![script(1), script(2)]).unwrap(), shown(&both, 1, true));
    b.mempool.borrow_mut().push(both.clone());
    assert_eq!(look(&device, &chain, vec![script(1), script(2)]).unwrap(), shown(&both, 2, true));
    let nothing = Unconfirmed { found: Vec::new(), complete: true };
    assert_eq!(look(&device, &chain, vec![script(4)]).unwrap(), Some(nothing));
}

#[test]
fn a_server_that_hides_a_payment_hides_it_from_nobody_who_asks_another() {
    let (a, b, device, chain) = setup();
    let ours = pay_to(&[], &[script(1)]);
    b.mempool.borrow_mut().push(ours.clone());
    assert_eq!(look(&device, &chain, vec![script(1)]).unwrap(), shown(&ours, 1, true));
    *a.stalls.borrow_mut() = Some("/mempool".into());
    assert_eq!(look(&device, &chain, vec![script(1)]).unwrap(), shown(&ours, 1, false), "one is silent");
}

#[test]
fn what_does_not_pay_to_us_is_left_out_and_garbage_refused() {
    let (a, b, device, chain) = setup();
    let ours = pay_to(&[], &[script(1)]);
    b.mempool.borrow_mut().push(ours.clone());
    let foreign = serialize(&pay_to(&[], &[script(9)]));
    a.tamper(move |path, body| if path.starts_with("/mempool") { foreign.clone() } else { body });
    assert_eq!(look(&device, &chain, vec![script(1)]).unwrap(), shown(&ours, 1, true));
    for garbage in [vec![0; 7], serialize(&ours).repeat(101), [serialize(&ours), vec![1]].concat()] {
        a.tamper(move |path, body| if path.starts_with("/mempool") { garbage.clone() } else { body });
        let found = look(&device, &chain, vec![script(1)]).unwrap();
        assert_eq!(found, shown(&ours, 1, false), "the other is asked");
    }
    b.down.set(true);
    let Err(ChainError::Sources(failures)) = look(&device, &chain, vec![script(1)]) else {
        panic!("no error")
    };
    assert!(failures.iter().any(|(_, e)| matches!(e, SourceError::Malformed { .. })), "{failures:?}");
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
