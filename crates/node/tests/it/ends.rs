//! On-chain payments end: by a confirmation, or when another transaction has spent the same money for good.

use std::time::Duration;

use amplet_node::bitcoin::{Address, Transaction};
use amplet_node::{Authorization, Node, PaymentId, SendOnchain};
use amplet_protocol::page::{Direction, ErrorCode, EventKind, Payment, PaymentKind, PaymentStatus};

use crate::world::{World, open};

fn address(world: &World, node: &Node) -> Address {
    let node = node.clone();
    world.platform.run(async move { node.onchain().new_address().await.unwrap() })
}

fn send(world: &World, node: &Node, to: &Address, sat: u64) -> Transaction {
    let signed = node.onchain().build(to, Some(sat), None).unwrap();
    let (node, tx, address) = (node.clone(), signed.tx.clone(), to.clone());
    let order = SendOnchain { signed, address };
    world.platform.run(async move { node.payments().begin(order, &Authorization::user()).await }).unwrap();
    tx
}

fn record(world: &World, node: &Node, tx: &Transaction) -> Payment {
    world.payment(node, PaymentId::from_hex(&tx.compute_txid().to_string()).unwrap()).expect("a record")
}

fn has_failed(payment: &Payment) -> bool {
    matches!(&payment.status, PaymentStatus::Failed { error } if error.code == ErrorCode::BroadcastRejected)
}

fn reserved(node: &Node) -> usize {
    node.budgets().policy().all_reserved().count()
}

fn history(world: &World, node: &Node) -> Vec<Payment> {
    let node = node.clone();
    world.platform.run(async move { node.ledger().history(None, 100).await }).unwrap()
}

/// Two devices with the same words, and a payee. Both know of 500,000 sat, in one coin.
fn two_devices() -> (World, Node, Node, Node) {
    let world = World::new();
    let payee = world.open("payee");
    let first = world.open("wallet");
    let second = world.open("wallet-2");
    world.fund(&first, 500_000);
    assert_eq!(second.onchain().balance(), (500_000, 0));
    (world, first, second, payee)
}

#[test]
fn of_two_devices_that_spend_one_coin_the_losers_payment_fails_and_frees_its_reservation() {
    let (world, first, second, payee) = two_devices();
    let to = address(&world, &payee);
    let lost = send(&world, &first, &to, 200_000);
    world.mempool.borrow_mut().clear();
    let won = send(&world, &second, &to, 300_000);
    world.mine(4);
    assert_eq!(record(&world, &first, &lost).status, PaymentStatus::Pending, "5 confirmations may be undone");
    assert_eq!(reserved(&first), 1);
    world.mine(0);
    assert!(has_failed(&record(&world, &first, &lost)));
    assert_eq!(reserved(&first), 0);
    assert_eq!(record(&world, &second, &won).status, PaymentStatus::Succeeded);
    // The other device's payment is in this one's history too, as what it is.
    let theirs = record(&world, &first, &won);
    assert_eq!((theirs.direction, theirs.status), (Direction::Outbound, PaymentStatus::Succeeded));
    assert_eq!(first.onchain().balance(), second.onchain().balance());
    // Never sent again, also after a restart.
    world.close("wallet", first);
    let first = world.open("wallet");
    world.mine(1);
    world.platform.advance(Duration::from_secs(130));
    assert!(world.mempool.borrow().is_empty());
    assert!(has_failed(&record(&world, &first, &lost)));
}

#[test]
fn a_conflict_that_confirmed_while_the_wallet_was_closed_ends_the_payment_when_it_opens() {
    let (world, first, second, payee) = two_devices();
    let to = address(&world, &payee);
    let lost = send(&world, &first, &to, 200_000);
    world.mempool.borrow_mut().clear();
    world.close("wallet", first);
    send(&world, &second, &to, 300_000);
    world.mine(5);
    let first = world.open("wallet");
    assert!(has_failed(&record(&world, &first, &lost)));
}

#[test]
fn what_confirmed_while_the_wallet_was_closed_is_recorded_when_it_opens() {
    let (world, first, _second, payee) = two_devices();
    let sent = send(&world, &first, &address(&world, &payee), 200_000);
    world.close("wallet", first);
    let deposit = {
        let payee = world.node("payee");
        world.deposit(&payee, 70_000);
        let tx = world.mempool.borrow().last().unwrap().clone();
        world.close("payee", payee);
        tx
    };
    world.mine(0);
    let first = world.open("wallet");
    let payee = world.open("payee");
    assert_eq!(record(&world, &first, &sent).status, PaymentStatus::Succeeded);
    assert_eq!(record(&world, &payee, &deposit).status, PaymentStatus::Succeeded);
    assert_eq!(record(&world, &payee, &sent).direction, Direction::Inbound);
}

#[test]
fn a_payment_whose_block_is_replaced_is_pending_again_and_told_once() {
    let (world, first, _second, payee) = two_devices();
    let to = address(&world, &payee);
    let sent = send(&world, &first, &to, 200_000);
    world.mine(0);
    assert_eq!(record(&world, &payee, &sent).status, PaymentStatus::Succeeded);
    world.server.chain.borrow_mut().cut(1);
    world.server.chain.borrow_mut().mine_empty(2);
    world.read_blocks();
    assert_eq!(record(&world, &first, &sent).status, PaymentStatus::Pending);
    assert_eq!(record(&world, &payee, &sent).status, PaymentStatus::Pending);
    assert!(world.mempool.borrow().contains(&sent), "broadcast again");
    world.mine(0);
    assert_eq!(record(&world, &first, &sent).status, PaymentStatus::Succeeded);
    assert_eq!(record(&world, &payee, &sent).status, PaymentStatus::Succeeded);
    let events = payee.ledger().events();
    let told = events.iter().filter(|event| matches!(event.kind, EventKind::DepositConfirmed { .. }));
    assert_eq!(told.count(), 1);
}

#[test]
fn a_payment_that_another_one_replaces_in_a_reorganisation_fails_after_all() {
    let (world, first, second, payee) = two_devices();
    let to = address(&world, &payee);
    let lost = send(&world, &first, &to, 200_000);
    let confirmed = world.mempool.borrow_mut().pop().unwrap();
    send(&world, &second, &to, 300_000);
    let rival = world.mempool.borrow_mut().pop().unwrap();
    world.mempool.borrow_mut().push(confirmed);
    world.mine(0);
    assert_eq!(record(&world, &first, &lost).status, PaymentStatus::Succeeded);
    world.server.chain.borrow_mut().cut(1);
    world.mempool.borrow_mut().push(rival);
    world.mine(6);
    assert!(has_failed(&record(&world, &first, &lost)));
}

#[test]
fn a_channels_funding_that_was_double_spent_ends_with_its_channel_and_leaves_nothing() {
    let (world, first, second, payee) = two_devices();
    let gateway = world.open("gateway");
    world.connect(&first, &gateway, "gateway");
    world.try_channel(&first, &gateway, open(300_000, 0, false));
    assert_eq!(first.onchain().reserve_sat(0), 10_000);
    world.mempool.borrow_mut().clear();
    send(&world, &second, &address(&world, &payee), 400_000);
    world.mine(5);
    world.platform.advance(Duration::from_secs(5));
    let opened =
        history(&world, &first).into_iter().find(|line| line.kind == PaymentKind::ChannelOpen).unwrap();
    assert!(has_failed(&opened), "{:?}", opened.status);
    assert!(first.channels().list().is_empty());
    assert_eq!(first.channels().balance().closing_sat, 0, "nothing comes home from it");
    assert_eq!(first.onchain().reserve_sat(0), 0);
    // And nothing is broadcast for it, now or later.
    for _ in 0..2 {
        world.platform.advance(Duration::from_secs(130));
        world.mine(0);
    }
    assert!(world.mempool.borrow().is_empty());
    assert_eq!(first.onchain().balance(), second.onchain().balance());
    assert_eq!(first.onchain().deposit_needed_sat(), 0);
}
