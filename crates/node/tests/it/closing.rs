//! What closing a channel costs: the reserve, coins kept apart for it, and a close that nothing can pay for.

use std::time::Duration;

use amplet_node::bitcoin::{Address, OutPoint, Transaction};
use amplet_node::{Authorization, Node, OnchainError, SendOnchain};

use crate::world::{World, open, pair};

/// Fee rates of a busy network, in sat/vB by blocks: a commitment's own fee, made for a week, is far below them.
const BUSY: &str = r#"{"1": 20.0, "2": 20.0, "6": 10.0, "12": 5.0, "144": 2.0, "1008": 1.0}"#;

/// A wallet without savings, to which the gateway has opened a channel and given 400,000 sat.
fn without_savings() -> (World, Node, Node) {
    let world = World::new();
    let gateway = world.open("gateway");
    let wallet = world.open("wallet");
    world.fund(&gateway, 5_000_000);
    world.connect(&gateway, &wallet, "wallet");
    world.channel(&gateway, &wallet, open(1_000_000, 400_000_000, false));
    assert_eq!(wallet.onchain().balance(), (0, 0));
    (world, wallet, gateway)
}

fn address(world: &World, node: &Node) -> Address {
    let node = node.clone();
    world.platform.run(async move { node.onchain().new_address().await.unwrap() })
}

fn send(world: &World, node: &Node, to: &Address, sat: Option<u64>) -> Transaction {
    let signed = node.onchain().build(to, sat, None).unwrap();
    let (node, tx, address) = (node.clone(), signed.tx.clone(), to.clone());
    let order = SendOnchain { signed, address };
    world.platform.run(async move { node.payments().begin(order, &Authorization::user()).await }).unwrap();
    tx
}

fn force_close(world: &World, node: &Node) {
    let id = node.channels().list()[0].channel_id;
    node.channels().close(id, true).unwrap();
    world.platform.advance(Duration::from_secs(5));
}

fn inputs(tx: &Transaction) -> Vec<OutPoint> {
    tx.input.iter().map(|input| input.previous_output).collect()
}

#[test]
fn a_forced_close_without_savings_goes_out_with_its_own_fee_and_asks_for_a_deposit() {
    let (world, wallet, gateway) = without_savings();
    world.server.fees.replace(Some(BUSY.into()));
    world.mine(0);
    world.kill("gateway", gateway);
    force_close(&world, &wallet);
    assert_eq!(world.mempool.borrow().len(), 1, "the commitment alone");
    let needed = wallet.onchain().deposit_needed_sat();
    assert!((5_000..40_000).contains(&needed), "{needed}");
    // The deposit confirms before the commitment, which is then bumped.
    let commitment = world.mempool.borrow_mut().remove(0);
    world.fund(&wallet, needed);
    world.mempool.borrow_mut().push(commitment.clone());
    world.platform.advance(Duration::from_secs(61));
    let child = world.mempool.borrow().iter().find(|tx| tx.input.len() == 2).cloned().expect("a bump");
    assert!(inputs(&child).iter().any(|coin| coin.txid == commitment.compute_txid()));
    assert_eq!(wallet.onchain().deposit_needed_sat(), 0);
    // It stays paid, however often it is raised again from the same coin.
    world.platform.advance(Duration::from_secs(181));
    assert_eq!(wallet.onchain().deposit_needed_sat(), 0);
    comes_home(&world, &wallet, 390_000);
}

fn comes_home(world: &World, wallet: &Node, at_least: u64) {
    world.mine(2020);
    for _ in 0..3 {
        world.platform.advance(Duration::from_secs(121));
        world.mine(6);
    }
    assert!(wallet.onchain().balance().0 > at_least, "{:?}", wallet.onchain().balance());
    assert_eq!(wallet.channels().balance().closing_sat, 0);
    assert_eq!(wallet.onchain().deposit_needed_sat(), 0);
    assert_eq!(wallet.onchain().reserve_sat(0), 0);
}

#[test]
fn a_forced_close_without_savings_comes_home_without_a_deposit_too() {
    let (world, wallet, gateway) = without_savings();
    world.server.fees.replace(Some(BUSY.into()));
    world.mine(0);
    world.kill("gateway", gateway);
    force_close(&world, &wallet);
    comes_home(&world, &wallet, 390_000);
}

#[test]
fn a_wallet_without_savings_closes_together_with_the_gateway() {
    let (world, wallet, _gateway) = without_savings();
    let id = wallet.channels().list()[0].channel_id;
    wallet.channels().close(id, false).unwrap();
    world.platform.advance(Duration::from_secs(5));
    world.mine(6);
    assert_eq!(wallet.onchain().balance(), (400_000, 0));
}

#[test]
fn the_reserve_is_held_until_a_closing_channel_needs_it_no_more() {
    let (world, wallet, gateway) = pair();
    let to = address(&world, &gateway);
    world.server.fees.replace(Some(BUSY.into()));
    world.mine(0);
    assert_eq!(wallet.onchain().reserve_sat(0), 10_000);
    force_close(&world, &wallet);
    assert!(wallet.channels().list().is_empty());
    assert_eq!(wallet.onchain().reserve_sat(0), 10_000, "its bump may have to be raised");
    let all = wallet.onchain().build(&to, None, None);
    assert!(all.is_ok_and(|all| all.amount_sat < 1_000_000 - 10_000), "all but the reserve");
    world.mine(6);
    assert_eq!(wallet.onchain().reserve_sat(0), 0, "only the delay is left");
}

#[test]
fn a_channel_holds_back_no_more_than_it_can_bring_home() {
    let world = World::new();
    let gateway = world.open("gateway");
    let wallet = world.open("wallet");
    world.fund(&gateway, 5_000_000);
    world.fund(&wallet, 50_000);
    world.connect(&gateway, &wallet, "wallet");
    for _ in 0..3 {
        world.channel(&gateway, &wallet, open(200_000, 0, false));
    }
    assert_eq!(wallet.onchain().reserve_sat(0), 0, "empty channels lock nothing");
    assert_eq!(gateway.onchain().reserve_sat(0), 30_000);
    world.pay(&gateway, &world.ask(&wallet, 7_000_000));
    assert_eq!(wallet.onchain().reserve_sat(0), 7_000);
}

#[test]
fn confirmed_coins_of_the_reserve_stay_apart_so_that_a_close_is_bumped_at_once() {
    let (world, wallet, gateway) = pair();
    let to = address(&world, &gateway);
    // The first funding made a coin of the reserve's size.
    let first = send(&world, &wallet, &to, Some(100_000));
    world.server.fees.replace(Some(BUSY.into()));
    world.read_blocks();
    world.platform.advance(Duration::from_secs(65));
    force_close(&world, &wallet);
    let bump = world.mempool.borrow().iter().find(|tx| tx.input.len() == 2).cloned();
    let bump = bump.expect("the close is bumped although the other savings wait for a block");
    assert!(inputs(&bump).iter().all(|coin| !inputs(&first).contains(coin)));
    assert_eq!(wallet.onchain().deposit_needed_sat(), 0);
}

#[test]
fn all_savings_but_the_reserve_are_sent_and_the_rest_is_a_coin_of_its_size() {
    let (world, wallet, gateway) = pair();
    let to = address(&world, &gateway);
    let all = send(&world, &wallet, &to, None);
    assert_eq!(wallet.onchain().free_sat(), 10_000, "confirmed, untouched");
    assert_eq!(all.output.len(), 1);
    world.mine(0);
    assert_eq!(wallet.onchain().balance(), (10_000, 0));
    let more = wallet.onchain().build(&to, Some(1_000), None).unwrap_err();
    assert!(matches!(more, OnchainError::Insufficient { reserve_sat: 10_000, .. }), "{more:?}");
}

#[test]
fn a_single_coin_is_split_when_it_is_first_spent_beside_a_channel() {
    let (world, wallet, gateway) = without_savings();
    world.fund(&wallet, 100_000);
    let to = address(&world, &gateway);
    let tx = send(&world, &wallet, &to, Some(50_000));
    assert!(tx.output.iter().any(|output| output.value.to_sat() == 10_000), "{tx:?}");
    world.mine(0);
    let again = send(&world, &wallet, &to, Some(10_000));
    let reserve = tx.output.iter().position(|output| output.value.to_sat() == 10_000).unwrap();
    let reserve = OutPoint { txid: tx.compute_txid(), vout: u32::try_from(reserve).unwrap() };
    assert!(!inputs(&again).contains(&reserve));
}

/// The same as [`pair`], with commitments that pay no fee.
fn pair_without_commitment_fees() -> (World, Node, Node) {
    let world = World::new();
    world.zero_fee_commitments.set(true);
    let gateway = world.open("gateway");
    let wallet = world.open("wallet");
    world.fund(&gateway, 5_000_000);
    world.fund(&wallet, 2_000_000);
    world.connect(&wallet, &gateway, "gateway");
    world.channel(&wallet, &gateway, open(1_000_000, 500_000_000, false));
    let kind = wallet.channels().list()[0].channel_type.clone().unwrap();
    assert!(kind.supports_anchor_zero_fee_commitments(), "{kind:?}");
    (world, wallet, gateway)
}

#[test]
fn a_commitment_without_a_fee_is_used_closed_and_paid_for_by_its_child() {
    let (world, wallet, gateway) = pair_without_commitment_fees();
    for _ in 0..3 {
        let paid = world.pay(&wallet, &world.ask(&gateway, 10_000_000));
        assert_eq!(paid.status, amplet_protocol::page::PaymentStatus::Succeeded);
    }
    world.kill("gateway", gateway);
    force_close(&world, &wallet);
    let package = world.mempool.borrow().clone();
    assert_eq!(package.len(), 2, "a package: neither is relayed alone");
    let (commitment, child) = (&package[0], &package[1]);
    assert!(package.iter().all(|tx| tx.version.0 == 3), "TRUC");
    assert_eq!(
        commitment.output.iter().map(|output| output.value.to_sat()).sum::<u64>(),
        1_000_000,
        "no fee"
    );
    assert!(inputs(child).iter().any(|coin| coin.txid == commitment.compute_txid()));
    assert_eq!(wallet.onchain().deposit_needed_sat(), 0);
    comes_home(&world, &wallet, 1_400_000);
}

#[test]
fn a_commitment_without_a_fee_waits_for_a_deposit_and_then_goes_out_as_a_package() {
    let world = World::new();
    world.zero_fee_commitments.set(true);
    let gateway = world.open("gateway");
    let wallet = world.open("wallet");
    world.fund(&gateway, 5_000_000);
    world.connect(&gateway, &wallet, "wallet");
    world.channel(&gateway, &wallet, open(1_000_000, 400_000_000, false));
    world.kill("gateway", gateway);
    force_close(&world, &wallet);
    assert!(world.mempool.borrow().is_empty(), "it is not relayed without a fee");
    let needed = wallet.onchain().deposit_needed_sat();
    assert!((1_000..20_000).contains(&needed), "{needed}");
    world.fund(&wallet, needed);
    world.platform.advance(Duration::from_secs(61));
    assert_eq!(world.mempool.borrow().len(), 2);
    comes_home(&world, &wallet, 390_000);
}

#[test]
fn a_peer_without_the_setting_gets_a_channel_of_the_usual_kind() {
    let world = World::new();
    let gateway = world.open("gateway");
    world.zero_fee_commitments.set(true);
    let wallet = world.open("wallet");
    world.fund(&wallet, 2_000_000);
    world.connect(&wallet, &gateway, "gateway");
    world.channel(&wallet, &gateway, open(1_000_000, 0, false));
    let kind = wallet.channels().list()[0].channel_type.clone().unwrap();
    assert!(kind.supports_anchors_zero_fee_htlc_tx() && !kind.supports_anchor_zero_fee_commitments());
}

#[test]
fn a_bump_of_a_commitment_that_lost_to_the_peers_binds_no_coins() {
    let (world, wallet, gateway) = pair();
    world.server.fees.replace(Some(BUSY.into()));
    world.mine(0);
    // Both close before anybody can be told: the wallet, and the gateway because it hears of it.
    world.server.down.set(true);
    force_close(&world, &wallet);
    assert!(gateway.channels().list().is_empty());
    world.server.down.set(false);
    for _ in 0..2 {
        world.platform.advance(Duration::from_secs(65));
        world.mine(6);
    }
    for (who, node) in [("wallet", &wallet), ("gateway", &gateway)] {
        assert_eq!(node.onchain().balance().1, 0, "{who}'s coins wait for nothing");
    }
    let spent = world.mempool.borrow().len();
    assert_eq!(spent, 0, "and nothing is sent again in vain");
}
