//! AMP payments to a wallet: sets of parts that are claimed whole, or go back whole.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use amplet_node::{Node, PaymentId};
use amplet_protocol::page::{Direction, EventKind, Payment, PaymentKind, PaymentStatus};
use amplet_storage::Store;

use crate::world::{AmpPayer, Killable, World, msat, open, pair};

/// A gateway with two channels to a wallet, half of each its own.
pub fn two_channels() -> (World, Node, Node) {
    let (world, wallet, gateway) = pair();
    world.fund(&wallet, 2_000_000);
    world.channel(&wallet, &gateway, open(1_000_000, 500_000_000, false));
    (world, wallet, gateway)
}

pub fn lightning_msat(node: &Node) -> u64 {
    node.channels().balance().lightning_msat.get()
}

/// Inbound AMP payments in the history.
pub fn received(world: &World, node: &Node) -> Vec<Payment> {
    let node = node.clone();
    let all = world.platform.run(async move { node.ledger().history(None, 1000).await.unwrap() });
    all.into_iter()
        .filter(|payment| payment.kind == PaymentKind::Amp && payment.direction == Direction::Inbound)
        .collect()
}

fn events(node: &Node) -> usize {
    let told = node.ledger().events();
    told.iter().filter(|event| matches!(event.kind, EventKind::PaymentReceived { .. })).count()
}

#[test]
fn a_set_of_any_number_of_parts_over_two_channels_is_one_payment() {
    let (world, wallet, gateway) = two_channels();
    let invoice = world.ask_amp(&wallet, Some(60_000_000));
    let address = World::address_of(&invoice);
    for (number, count) in [(1, 1), (2, 3), (3, 10)] {
        let before = lightning_msat(&wallet);
        let mut payer = AmpPayer::new(&gateway, &wallet, number, address, 60_000_000);
        for (at, child) in payer.deal(count).into_iter().enumerate() {
            let (at, count) = (at as u64, u64::from(count));
            // Each part with an amount of its own; the last one with the rest.
            let amount_msat = if at + 1 == count {
                60_000_000 - at * 2_000_000 - at * (at.max(1) - 1) / 2 * 1000
            } else {
                2_000_000 + at * 1000
            };
            assert!(payer.send(at as usize % 2, child, amount_msat));
        }
        world.platform.advance(Duration::from_secs(5));
        let payment = world.payment(&wallet, payer.id()).unwrap();
        assert_eq!((payment.status, payment.kind), (PaymentStatus::Succeeded, PaymentKind::Amp));
        assert_eq!(payment.amount_msat, Some(msat(60_000_000)), "{count} parts");
        assert_eq!((payment.description, payment.invoice), ("tea".into(), Some(invoice.clone())));
        assert_eq!(lightning_msat(&wallet) - before, 60_000_000, "{count} parts");
        assert_eq!(payer.in_flight_msat(), 0);
        // Another payment of the same invoice, each with its event.
        assert_eq!(received(&world, &wallet).len(), usize::from(number));
        assert_eq!(events(&wallet), usize::from(number));
    }
}

#[test]
fn a_set_that_is_not_complete_in_time_goes_back() {
    let (world, wallet, gateway) = two_channels();
    let before = (lightning_msat(&wallet), lightning_msat(&gateway));
    let address = World::address_of(&world.ask_amp(&wallet, None));
    let mut payer = AmpPayer::new(&gateway, &wallet, 1, address, 9_000_000);
    let children = payer.deal(3);
    assert!(payer.send(0, children[0], 3_000_000));
    world.platform.advance(Duration::from_secs(60));
    assert!(payer.send(1, children[1], 3_000_000));
    world.platform.advance(Duration::from_secs(58));
    assert_eq!(payer.in_flight_msat(), 6_000_000);
    world.platform.advance(Duration::from_secs(5));
    assert_eq!(payer.in_flight_msat(), 0);
    assert_eq!((lightning_msat(&wallet), lightning_msat(&gateway)), before);
    assert!(received(&world, &wallet).is_empty() && events(&wallet) == 0);
    // Whoever tries again, with other parts, is served.
    assert!(payer.outgoing.fold_back(children[0].index) && payer.outgoing.fold_back(children[1].index));
    assert!(payer.outgoing.fold_back(children[2].index));
    let again = payer.deal(1);
    assert!(payer.send(0, again[0], 9_000_000));
    world.platform.advance(Duration::from_secs(5));
    assert_eq!(lightning_msat(&wallet), before.0 + 9_000_000);
}

#[test]
fn half_a_set_outlives_the_payee() {
    // The record of a part waits for another commit, for a minute; lost with the process, LDK hands the part over again.
    for (alive, dead, late) in [(5, 5, false), (65, 5, false), (65, 60, true)] {
        let (world, wallet, gateway) = two_channels();
        let before = lightning_msat(&wallet);
        let address = World::address_of(&world.ask_amp(&wallet, Some(8_000_000)));
        let mut payer = AmpPayer::new(&gateway, &wallet, 1, address, 8_000_000);
        let children = payer.deal(2);
        assert!(payer.send(0, children[0], 5_000_000));
        world.platform.advance(Duration::from_secs(alive));
        world.kill("wallet", wallet);
        world.platform.advance(Duration::from_secs(dead));
        let wallet = world.open("wallet");
        world.connect(&wallet, &gateway, "gateway");
        world.platform.advance(Duration::from_secs(5));
        assert_eq!(payer.in_flight_msat(), if late { 0 } else { 5_000_000 });
        if late {
            payer = AmpPayer::new(&gateway, &wallet, 1, address, 8_000_000);
            let child = payer.deal(1)[0];
            assert!(payer.send(1, child, 8_000_000));
        } else {
            payer.to(&wallet);
            assert!(payer.send(1, children[1], 3_000_000));
        }
        world.platform.advance(Duration::from_secs(5));
        assert_eq!(lightning_msat(&wallet) - before, 8_000_000, "{alive} s alive, {dead} s dead");
        assert_eq!((received(&world, &wallet).len(), events(&wallet)), (1, 1));
    }
}

/// The payee is killed after so many commits of a payment, before or after it could speak.
#[test]
fn a_set_is_claimed_whole_whenever_the_payee_dies() {
    for (commits, early) in (0..8).flat_map(|commits| [(commits, false), (commits, true)]) {
        let (world, wallet, gateway) = two_channels();
        let before = lightning_msat(&wallet);
        let address = World::address_of(&world.ask_amp(&wallet, Some(9_000_000)));
        world.kill("wallet", wallet);
        let store: Rc<std::cell::RefCell<Option<Rc<Killable>>>> = Rc::default();
        let kept = Rc::clone(&store);
        let wrap = move |inner: Rc<dyn Store>| -> Rc<dyn Store> {
            let killable = Rc::new(Killable::new(inner, u64::MAX, Rc::new(Cell::new(false))));
            kept.replace(Some(Rc::clone(&killable)));
            killable
        };
        let wallet = world.open_with("wallet", world.disk("wallet"), wrap);
        world.connect(&wallet, &gateway, "gateway");
        world.platform.advance(Duration::from_secs(5));
        let killable = store.borrow().clone().unwrap();
        if early {
            killable.die_before_commit(commits)
        } else {
            killable.die_after(commits + 1)
        }
        let mut payer = AmpPayer::new(&gateway, &wallet, 1, address, 9_000_000);
        for (at, child) in payer.deal(3).into_iter().enumerate() {
            assert!(payer.send(at % 2, child, 3_000_000));
        }
        world.platform.advance(Duration::from_secs(5));
        world.kill("wallet", wallet);
        let wallet = world.open("wallet");
        world.connect(&wallet, &gateway, "gateway");
        world.platform.advance(Duration::from_secs(200));
        let what = format!("{commits} commits, early: {early}");
        assert_eq!(payer.in_flight_msat(), 0, "{what}");
        let gained = lightning_msat(&wallet) - before;
        assert_eq!(gained, 9_000_000, "{what}");
        let payments = received(&world, &wallet);
        assert_eq!((payments.len(), events(&wallet)), (1, 1), "{what}");
        assert_eq!(payments[0].amount_msat, Some(msat(9_000_000)), "{what}");
        assert_eq!(payments[0].id, PaymentId([1; 32]));
    }
}
