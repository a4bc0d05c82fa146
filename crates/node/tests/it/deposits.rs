//! Deposits before a block holds them.

use std::time::Duration;

use amplet_node::bitcoin::Transaction;
use amplet_node::{Node, PaymentId};
use amplet_protocol::page::{Direction, EventKind, Payment, PaymentStatus};

use crate::world::{World, msat};

/// Long enough for a look while somebody waits at the counter.
const SOON: Duration = Duration::from_secs(5);
/// Long enough for several looks later on.
const LATER: Duration = Duration::from_secs(300);

fn setup() -> (World, Node) {
    let world = World::new();
    let wallet = world.open("wallet");
    world.deposit(&wallet, 70_000);
    world.platform.advance(SOON);
    (world, wallet)
}

fn line(world: &World, node: &Node, tx: &Transaction) -> Payment {
    world
        .payment(node, PaymentId::from_hex(&tx.compute_txid().to_string()).unwrap())
        .expect("a line in the history")
}

#[test]
fn a_deposit_is_seen_at_once_and_counts_when_it_is_confirmed() {
    let (world, wallet) = setup();
    let tx = world.mempool.borrow()[0].clone();
    assert_eq!(wallet.onchain().balance(), (0, 70_000));
    let seen = line(&world, &wallet, &tx);
    assert_eq!((seen.direction, seen.amount_msat), (Direction::Inbound, Some(msat(70_000_000))));
    assert_eq!(seen.status, PaymentStatus::Pending);
    let kinds =
        |wallet: &Node| wallet.ledger().events().into_iter().map(|event| event.kind).collect::<Vec<_>>();
    assert!(matches!(kinds(&wallet).as_slice(), [EventKind::DepositSeen { .. }]), "told once");
    world.platform.advance(LATER);
    assert_eq!(kinds(&wallet).len(), 1, "and not again");
    assert!(
        wallet.onchain().build(&address(&world, &wallet), Some(10_000), None).is_err(),
        "it cannot be spent yet"
    );
    world.mine(0);
    assert_eq!(wallet.onchain().balance(), (70_000, 0));
    assert_eq!(line(&world, &wallet, &tx).status, PaymentStatus::Succeeded);
    assert!(matches!(
        kinds(&wallet).as_slice(),
        [EventKind::DepositSeen { .. }, EventKind::DepositConfirmed { .. }]
    ));
}

fn address(world: &World, node: &Node) -> amplet_node::bitcoin::Address {
    let node = node.clone();
    world.platform.run(async move { node.onchain().new_address().await.unwrap() })
}

#[test]
fn a_deposit_that_was_dropped_is_given_up_and_taken_when_it_comes_after_all() {
    let (world, wallet) = setup();
    let dropped = std::mem::take(&mut *world.mempool.borrow_mut());
    world.platform.advance(LATER);
    assert_eq!(wallet.onchain().balance(), (0, 0));
    assert!(matches!(line(&world, &wallet, &dropped[0]).status, PaymentStatus::Failed { .. }));
    world.close("wallet", wallet);
    let wallet = world.open("wallet");
    *world.mempool.borrow_mut() = dropped.clone();
    world.mine(0);
    world.platform.advance(SOON);
    assert_eq!(wallet.onchain().balance(), (70_000, 0));
    assert_eq!(line(&world, &wallet, &dropped[0]).status, PaymentStatus::Succeeded);
}

#[test]
fn a_known_deposit_survives_a_restart_without_a_source() {
    let (world, wallet) = setup();
    world.close("wallet", wallet);
    world.server.down.set(true);
    let wallet = world.open("wallet");
    world.platform.advance(LATER);
    assert_eq!(wallet.onchain().balance(), (0, 70_000), "no answer is no sign that it is gone");
}

#[test]
fn a_plain_block_dn_server_shows_no_mempool_and_the_block_tells() {
    let world = World::new();
    world.server.ranges.set(false);
    let wallet = world.open("wallet");
    world.deposit(&wallet, 70_000);
    world.platform.advance(LATER);
    assert_eq!(wallet.onchain().balance(), (0, 0));
    assert_eq!(world.server.requests("/mempool"), 0);
    world.mine(0);
    assert_eq!(wallet.onchain().balance(), (70_000, 0));
}
