//! Payments without an invoice.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use amplet_node::{Authorization, Keysend, Msat, Node, PayError, PaymentId};
use amplet_protocol::page::{Direction, ErrorCode, EventKind, Payment, PaymentKind, PaymentStatus};
use amplet_storage::Store;

use crate::world::{Killable, Net, World, msat, net};

fn begin(world: &World, from: &Node, to: &Node, records: &[(u64, &[u8])]) -> Result<PaymentId, PayError> {
    give(world, from, to, msat(50_000_000), records)
}

fn give(
    world: &World,
    from: &Node,
    to: &Node,
    amount_msat: Msat,
    records: &[(u64, &[u8])],
) -> Result<PaymentId, PayError> {
    let records = records.iter().map(|(kind, value)| (*kind, value.to_vec())).collect();
    let new = Keysend { payee: to.node_id(), amount_msat, max_fee_msat: msat(100_000), records };
    let from = from.clone();
    world.platform.run(async move { from.payments().begin(new, &Authorization::user()).await })
}

fn end(world: &World, from: &Node, id: PaymentId) -> Payment {
    let from = from.clone();
    world.platform.run(async move { from.payments().outcome(id, Duration::from_secs(60)).await }).unwrap()
}

#[test]
fn a_keysend_arrives_two_hops_away_with_its_records() {
    let Net { world, wallet, gateway, payee } = net();
    let id = begin(&world, &wallet, &payee, &[(7_629_169, b"hello"), (65_537, b"")]).unwrap();
    let paid = end(&world, &wallet, id);
    assert_eq!(paid.status, PaymentStatus::Succeeded, "{paid:?}");
    assert_eq!((paid.kind, paid.direction), (PaymentKind::Keysend, Direction::Outbound));
    assert_eq!((paid.amount_msat, paid.fee_msat), (Some(msat(50_000_000)), Some(msat(6_000))));
    assert_eq!(paid.parts.len(), 1);
    world.platform.run_until_stalled();
    let got = world.payment(&payee, id).unwrap();
    assert_eq!((got.status, got.kind), (PaymentStatus::Succeeded, PaymentKind::Keysend));
    assert_eq!((got.amount_msat, got.preimage), (Some(msat(50_000_000)), paid.preimage));
    let records: Vec<_> = got.records.iter().map(|record| (record.record_type, &*record.value)).collect();
    assert_eq!(records, [(65_537, ""), (7_629_169, "68656c6c6f")]);
    let told = |event: &amplet_protocol::page::Event| matches!(&event.kind, EventKind::PaymentReceived { payment } if payment.id == id);
    assert!(payee.ledger().events().iter().any(told));
    // A wallet gets some, too; only its peers know of its channel.
    let id = give(&world, &gateway, &wallet, msat(7_000_000), &[]).unwrap();
    assert_eq!(end(&world, &gateway, id).status, PaymentStatus::Succeeded);
    world.platform.run_until_stalled();
    assert_eq!(world.payment(&wallet, id).unwrap().amount_msat, Some(msat(7_000_000)));
}

#[test]
fn what_the_payee_does_not_want_or_know_comes_back() {
    let Net { world, wallet, payee, .. } = net();
    let before = wallet.channels().balance();
    let refused = |records: &[(u64, &[u8])]| {
        let id = begin(&world, &wallet, &payee, records).unwrap();
        let line = end(&world, &wallet, id);
        let PaymentStatus::Failed { error } = line.status else { panic!("{line:?}") };
        assert_eq!(error.code, ErrorCode::PayeeRefused);
        world.platform.run_until_stalled();
        assert!(world.payment(&payee, id).is_none(), "refused, and in the payee's history");
    };
    // Even: to be understood or refused.
    refused(&[(65_536, b"x")]);
    world.refuse_keysends.set(true);
    refused(&[]);
    world.platform.advance(Duration::from_secs(1));
    assert_eq!(wallet.channels().balance().lightning_msat, before.lightning_msat);
}

#[test]
fn wrong_keysends_are_refused_before_anything_leaves() {
    let Net { world, wallet, gateway, payee } = net();
    for wrong in [&[(65_535, &b""[..])][..], &[(65_537, b"a"), (65_537, b"b")], &[(5_482_373_484, b"")]] {
        assert_eq!(begin(&world, &wallet, &payee, wrong), Err(PayError::Records));
    }
    assert_eq!(begin(&world, &wallet, &wallet, &[]), Err(PayError::Own));
    let much = vec![0; 1_300];
    assert_eq!(begin(&world, &wallet, &payee, &[(65_537, &much)]), Err(PayError::TooLarge));
    let new = Keysend {
        payee: gateway.node_id(),
        amount_msat: msat(0),
        max_fee_msat: msat(0),
        records: Vec::new(),
    };
    let paid = world.platform.run(async move { wallet.payments().begin(new, &Authorization::user()).await });
    assert_eq!(paid, Err(PayError::Amount));
}

/// The wallet is killed after so many commits of a payment, before or after it could speak.
#[test]
fn a_keysend_survives_the_wallets_death_at_every_step() {
    for commits in 0..=4 {
        let Net { world, wallet, gateway, payee } = net();
        world.platform.run_until_stalled();
        world.kill("wallet", wallet);
        let dead = Rc::new(Cell::new(false));
        let flag = Rc::clone(&dead);
        let wrap =
            move |store: Rc<dyn Store>| -> Rc<dyn Store> { Rc::new(Killable::new(store, 3 + commits, flag)) };
        let wallet = world.open_with("wallet", world.disk("wallet"), wrap);
        world.connect(&wallet, &gateway, "gateway");
        world.platform.advance(Duration::from_secs(1));
        let id = begin(&world, &wallet, &payee, &[(65_537, b"once")]).unwrap();
        world.platform.advance(Duration::from_secs(2));
        world.kill("wallet", wallet);
        let wallet = world.open("wallet");
        world.connect(&wallet, &gateway, "gateway");
        world.platform.advance(Duration::from_secs(30));
        let sent = world.payment(&wallet, id).map(|payment| payment.status);
        let got = world.payment(&payee, id).map(|payment| payment.status);
        match sent {
            Some(PaymentStatus::Succeeded) => assert_eq!(got, Some(PaymentStatus::Succeeded)),
            None => assert_eq!(got, None, "after {commits} commits"),
            other => panic!("after {commits} commits: {other:?}"),
        }
    }
}
