//! AMP payments to a wallet: sets of parts that are claimed whole, or go back whole.

use std::time::Duration;

use amplet_node::lightning::ln::channel_state::OutboundHTLCStateDetails;
use amplet_node::{Node, PaymentId};
use amplet_protocol::page::{Direction, ErrorCode, EventKind, Payment, PaymentKind, PaymentStatus};

use super::closed::{gateway_closes, gateway_takes_the_htlc};
use crate::world::{AmpPayer, World, mortal, msat, open, pair};

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

/// The payee dies with both preimages on its disk, and comes back after the payer took both parts back.
#[test]
fn a_payment_whose_parts_were_taken_back_on_chain_is_not_counted() {
    let (world, gateway, payer) =
        (1..9).rev().find_map(claimed_and_never_said).expect("some death leaves it");
    gateway_closes(&world, &gateway);
    gateway_takes_the_htlc(&world);
    let wallet = world.open("wallet");
    for _ in 0..4 {
        world.platform.advance(Duration::from_secs(120));
        world.mine(6);
    }
    let payment = world.payment(&wallet, payer.id()).unwrap();
    let PaymentStatus::Failed { error } = payment.status else { panic!("{payment:?}") };
    assert_eq!(error.code, ErrorCode::Expired);
    assert_eq!(wallet.channels().balance().closing_sat, 0);
}

/// The payee dies after so many commits, the later the better; `None`: the payer has heard of a preimage.
fn claimed_and_never_said(commits: u64) -> Option<(World, Node, AmpPayer)> {
    let world = World::new();
    let gateway = world.open("gateway");
    let (wallet, store) = mortal(&world, "wallet");
    world.fund(&gateway, 5_000_000);
    world.fund(&wallet, 2_000_000);
    world.connect(&wallet, &gateway, "gateway");
    world.channel(&wallet, &gateway, open(1_000_000, 500_000_000, false));
    let address = World::address_of(&world.ask_amp(&wallet, None));
    world.platform.advance(Duration::from_secs(3));
    store.die_after(commits);
    let mut payer = AmpPayer::new(&gateway, &wallet, 1, address, 100_000_000);
    let children = payer.deal(2);
    let left = payer.send(0, children[0], 60_000_000) && payer.send(0, children[1], 40_000_000);
    world.platform.advance(Duration::from_secs(3));
    world.kill("wallet", wallet);
    let htlcs = gateway.channels().list()[0].pending_outbound_htlcs.clone();
    let hang = htlcs.iter().filter(|htlc| htlc.state == Some(OutboundHTLCStateDetails::Committed)).count();
    (left && hang == 2).then_some((world, gateway, payer))
}

/// The payee is killed after so many commits of a payment, before or after it could speak.
#[test]
fn a_set_is_claimed_whole_whenever_the_payee_dies() {
    for (commits, early) in (0..8).flat_map(|commits| [(commits, false), (commits, true)]) {
        let (world, wallet, gateway) = two_channels();
        let before = lightning_msat(&wallet);
        let address = World::address_of(&world.ask_amp(&wallet, Some(9_000_000)));
        world.kill("wallet", wallet);
        let (wallet, killable) = mortal(&world, "wallet");
        world.connect(&wallet, &gateway, "gateway");
        world.platform.advance(Duration::from_secs(5));
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
