//! A chain source that gives some of what it is asked for, or another chain: the wallet opens and works as far as it goes, tells it,
//! and goes on when the source does.

use std::rc::Rc;
use std::time::Duration;

use crate::world::{World, pair};
use amplet_chain::testing::TestChain;
use amplet_node::{Node, PayError};
use amplet_protocol::page::{PaymentStatus, TipAge};
use amplet_storage::Store;

const MINUTE: Duration = Duration::from_secs(60);

/// A wallet with a channel, closed, and a deposit of 70,000 sat to it that two blocks bury.
fn with_a_deposit_unread() -> (World, Node) {
    let (world, wallet, gateway) = pair();
    world.deposit(&wallet, 70_000);
    world.platform.advance(Duration::from_secs(5));
    world.close("wallet", wallet);
    world.mine(1);
    (world, gateway)
}

/// The wallet is open and stands `left` blocks below the tip; it pays, and closes and opens without any source.
fn works_as_far_as_it_goes(world: &World, gateway: &Node, left: u32) -> Node {
    let state = world.node("wallet").sync().state();
    assert!(!state.synced && state.blocks_left == left, "{state:?}");
    assert!(state.error.is_some(), "it is told");
    world.kill("wallet", world.node("wallet"));
    world.server.down.set(true);
    let wallet = world.open("wallet");
    world.server.down.set(false);
    world.connect(&wallet, gateway, "gateway");
    world.platform.advance(2 * MINUTE);
    let paid = world.pay(&wallet, &world.ask(gateway, 1_000_000));
    assert_eq!(paid.status, PaymentStatus::Succeeded);
    let paid = world.pay(gateway, &world.ask(&wallet, 1_000_000));
    assert_eq!(paid.status, PaymentStatus::Succeeded);
    let state = wallet.sync().state();
    assert!(!state.synced && state.blocks_left == left && state.error.is_some(), "{state:?}");
    wallet
}

fn is_synced(world: &World, wallet: &Node) {
    let state = wallet.sync().state();
    assert!(state.synced && state.error.is_none() && state.blocks_left == 0, "{state:?}");
    assert_eq!(wallet.sync().best_block().0, world.server.chain.borrow().height());
}

fn refused(prefix: &str) {
    let (world, gateway) = with_a_deposit_unread();
    *world.server.refuses.borrow_mut() = Some(prefix.into());
    let wallet = world.open("wallet");
    let before = wallet.onchain().balance().0;
    let wallet = works_as_far_as_it_goes(&world, &gateway, 2);
    // Fee rates are still learnt.
    *world.server.fees.borrow_mut() = Some(r#"{"1":7,"6":7,"144":7,"1008":7}"#.into());
    world.platform.advance(MINUTE);
    assert_eq!(wallet.onchain().fee_rate(2).to_sat_per_vb_ceil(), 7);
    *world.server.refuses.borrow_mut() = None;
    world.platform.advance(MINUTE);
    is_synced(&world, &wallet);
    assert_eq!(wallet.onchain().balance().0, before + 70_000);
}

#[test]
fn a_wallet_opens_and_pays_on_a_source_without_blocks() {
    refused("/block/");
}

#[test]
fn a_wallet_opens_and_pays_on_a_source_without_filters() {
    refused("/filters/");
}

#[test]
fn a_wallet_opens_and_pays_on_a_source_without_headers() {
    let (world, gateway) = with_a_deposit_unread();
    *world.server.refuses.borrow_mut() = Some("/headers/".into());
    world.open("wallet");
    works_as_far_as_it_goes(&world, &gateway, 0);
}

/// The only source, the gateway that closed the channel, withholds the block in which it did.
#[test]
fn a_block_with_a_closing_that_is_withheld_keeps_nothing_from_opening() {
    let (world, wallet, gateway) = pair();
    let savings = wallet.onchain().balance().0;
    world.close("wallet", wallet);
    let stands = world.server.chain.borrow().height();
    let channel = gateway.channels().list()[0].channel_id;
    gateway.channels().close(channel, true).unwrap();
    world.platform.advance(Duration::from_secs(5));
    world.mine(9);
    let closing = world.server.chain.borrow().block(stands + 1).clone();
    assert_eq!(closing.txdata.len(), 2);
    *world.server.refuses.borrow_mut() = Some(format!("/block/{}", closing.block_hash()));

    let wallet = world.open("wallet");
    let state = wallet.sync().state();
    assert!(!state.synced && state.blocks_left == 10 && state.error.is_some(), "{state:?}");
    assert_eq!(wallet.sync().best_block().0, stands, "up to the block before");
    world.platform.advance(MINUTE);
    assert_eq!(wallet.sync().best_block().0, stands);
    *world.server.refuses.borrow_mut() = None;
    world.platform.advance(MINUTE);
    is_synced(&world, &wallet);
    assert!(wallet.channels().list().is_empty(), "the closing is seen");
    for _ in 0..4 {
        world.mine(6);
        world.platform.advance(2 * MINUTE);
    }
    let home = wallet.onchain().balance().0 - savings;
    assert!((490_000..=500_000).contains(&home), "{home}");
    assert_eq!(wallet.channels().balance().closing_sat, 0);
}

/// It stands weeks below a tip that it knows: the heights of HTLCs say nothing.
#[test]
fn nothing_moves_in_channels_a_day_of_blocks_below_the_tip() {
    let (world, gateway) = with_a_deposit_unread();
    world.expects_blocks.set(true);
    world.server.chain.borrow_mut().mine_empty(144);
    world.platform.set_clock(Duration::from_secs(
        world.server.chain.borrow().blocks().last().unwrap().header.time.into(),
    ));
    *world.server.refuses.borrow_mut() = Some("/block/".into());
    let wallet = world.open("wallet");
    world.connect(&wallet, &gateway, "gateway");
    world.platform.advance(MINUTE);
    assert_eq!(wallet.sync().state().tip_age, TipAge::Stale);
    let begun = world.begin(&wallet, &world.ask(&gateway, 1_000_000), 0);
    assert_eq!(begun, Err(PayError::StaleTip { hours: 24 }));
    *world.server.refuses.borrow_mut() = None;
    world.platform.advance(MINUTE);
    is_synced(&world, &wallet);
    assert_eq!(world.pay(&wallet, &world.ask(&gateway, 1_000_000)).status, PaymentStatus::Succeeded);
}

/// The stored headers are lost, and the source serves a chain on which nothing of this wallet stands.
#[test]
fn a_source_of_another_chain_is_named_and_the_wallet_goes_on_with_the_right_one() {
    let (world, gateway) = with_a_deposit_unread();
    world.close("gateway", gateway);
    let right = world.server.chain.borrow().clone();
    let mut other = TestChain::new(0).fork();
    other.mine_empty(150);
    *world.server.chain.borrow_mut() = other;
    let lose = |store| -> Rc<dyn Store> {
        let meter = crate::world::WriteMeter::new(store);
        meter.lost.borrow_mut().push("chain/meta".to_owned());
        Rc::new(meter)
    };
    let wallet = world.open_with("wallet", world.disk("wallet"), lose);
    let state = wallet.sync().state();
    let error = state.error.unwrap_or_default();
    assert!(!state.synced && error.contains("another chain") && error.contains("configure"), "{error}");
    assert_eq!(wallet.channels().list().len(), 1);
    world.platform.advance(MINUTE);
    assert!(wallet.sync().state().error.unwrap().contains("another chain"));
    let before = wallet.onchain().balance().0;

    *world.server.chain.borrow_mut() = right;
    world.server.chain.borrow_mut().mine_empty(50);
    world.platform.advance(MINUTE);
    is_synced(&world, &wallet);
    assert_eq!(wallet.onchain().balance().0, before + 70_000);
    assert_eq!(wallet.channels().list().len(), 1);
    let gateway = world.open("gateway");
    world.connect(&wallet, &gateway, "gateway");
    world.platform.advance(MINUTE);
    assert_eq!(world.pay(&wallet, &world.ask(&gateway, 1_000_000)).status, PaymentStatus::Succeeded);
}
