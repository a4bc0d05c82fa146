//! What chain sources say is checked, bounded and told: refusals, fee rates, old tips.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use amplet_node::bitcoin::{Address, Transaction};
use amplet_node::{Authorization, Node, PayError, PaymentId, SendOnchain};
use amplet_protocol::page::{Payment, PaymentStatus, TipAge};
use amplet_transport::Platform;

use crate::world::{Net, Taking, World, net, open, slow};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

fn wallet() -> (World, Node) {
    let world = World::new();
    let wallet = world.open("wallet");
    world.fund(&wallet, 1_000_000);
    (world, wallet)
}

fn address(world: &World, node: &Node) -> Address {
    let node = node.clone();
    world.platform.run(async move { node.onchain().new_address().await.unwrap() })
}

/// Sends 250,000 sat to an address of another; returns what was sent and the payment's id.
fn send(world: &World, from: &Node) -> (Transaction, PaymentId) {
    let other = world.open("payee");
    let address = address(world, &other);
    let signed = from.onchain().build(&address, Some(250_000), None).unwrap();
    let (tx, from) = (signed.tx.clone(), from.clone());
    let order = SendOnchain { signed, address };
    let id = world
        .platform
        .run(async move { from.payments().begin(order, &Authorization::user()).await })
        .expect("a refusal to relay is no refusal of the payment");
    (tx, id)
}

fn status(world: &World, node: &Node, id: PaymentId) -> PaymentStatus {
    let pays = |payment: Payment| payment.status;
    pays(world.payment(node, id).unwrap())
}

/// A block each ten minutes.
fn hours_pass(world: &World, blocks: u32) {
    for _ in 0..blocks {
        world.platform.advance(10 * MINUTE);
        world.server.chain.borrow_mut().mine_empty(1);
        world.read_blocks();
    }
}

#[test]
fn a_payment_that_a_source_refuses_and_relays_is_never_called_failed() {
    let (world, wallet) = wallet();
    *world.taking.borrow_mut() = Taking::RefusesAndRelays("dust");
    let (tx, id) = send(&world, &wallet);
    assert_eq!(*world.mempool.borrow(), vec![tx]);
    assert_eq!(status(&world, &wallet, id), PaymentStatus::Pending);
    // The blocks of a whole day have no room for it.
    hours_pass(&world, 144);
    assert_eq!(status(&world, &wallet, id), PaymentStatus::Pending, "it is seen waiting");
    world.mine(0);
    assert_eq!(status(&world, &wallet, id), PaymentStatus::Succeeded);
}

#[test]
fn a_payment_that_all_sources_refuse_and_nobody_shows_ends_after_an_hour_of_blocks() {
    let (world, wallet) = wallet();
    *world.taking.borrow_mut() = Taking::Refuses("min relay fee not met");
    let (_, id) = send(&world, &wallet);
    let other = wallet.onchain().balance().0;
    assert_eq!(other, 0, "its coin is spent as long as it may be out");
    hours_pass(&world, 5);
    assert_eq!(status(&world, &wallet, id), PaymentStatus::Pending);
    hours_pass(&world, 2);
    let PaymentStatus::Failed { error } = status(&world, &wallet, id) else { panic!("it is given up") };
    assert!(error.message.contains("min relay fee not met"), "{}", error.message);
    assert_eq!(wallet.onchain().balance().0, 1_000_000, "and the coin is free");
}

#[test]
fn a_source_that_is_silent_for_once_begins_the_wait_anew() {
    let (world, wallet) = wallet();
    *world.taking.borrow_mut() = Taking::Refuses("dust");
    let (_, id) = send(&world, &wallet);
    hours_pass(&world, 4);
    *world.taking.borrow_mut() = Taking::Honest;
    hours_pass(&world, 1);
    world.mempool.borrow_mut().clear();
    *world.taking.borrow_mut() = Taking::Refuses("dust");
    hours_pass(&world, 6);
    assert_eq!(status(&world, &wallet, id), PaymentStatus::Pending);
}

/// A block comes while the step with the payment is being written.
#[test]
fn no_transaction_is_sent_before_the_commit_that_holds_it() {
    let world = World::new();
    let delay = Rc::new(Cell::new(Duration::ZERO));
    let (platform, slowness) = (world.platform.clone(), Rc::clone(&delay));
    let wallet =
        world.open_with("wallet", world.disk("wallet"), move |inner| slow(inner, platform, slowness));
    world.fund(&wallet, 1_000_000);
    let other = world.open("payee");
    let to = address(&world, &other);
    world.platform.advance(MINUTE);
    delay.set(Duration::from_secs(10));
    let signed = wallet.onchain().build(&to, Some(250_000), None).unwrap();
    let (from, order) = (wallet.clone(), SendOnchain { signed, address: to });
    world.platform.spawn(Box::pin(async move {
        from.payments().begin(order, &Authorization::user()).await.unwrap();
    }));
    world.platform.advance(Duration::from_secs(1));
    world.server.chain.borrow_mut().mine_empty(1);
    let reader = wallet.clone();
    world.platform.spawn(Box::pin(async move { reader.sync().now().await.unwrap() }));
    world.platform.advance(Duration::from_secs(2));
    assert!(world.mempool.borrow().is_empty(), "a crash now would forget it");
    world.platform.advance(MINUTE);
    assert_eq!(world.mempool.borrow().len(), 1);
}

fn offer(world: &World, sat_per_vb: u64) {
    let rates = [1, 6, 144, 1008].map(|target| format!(r#""{target}":{sat_per_vb}"#));
    *world.server.fees.borrow_mut() = Some(format!("{{{}}}", rates.join(",")));
}

fn urgent(node: &Node) -> u64 {
    node.onchain().fee_rate(2).to_sat_per_vb_ceil()
}

#[test]
fn fee_estimates_are_known_when_a_node_is_opened_again() {
    let world = World::new();
    offer(&world, 60);
    let gateway = world.open("gateway");
    world.platform.advance(MINUTE);
    assert_eq!(urgent(&gateway), 60);
    world.close("gateway", gateway);
    // Its bitcoind has just started as well, and estimates nothing yet.
    *world.server.fees.borrow_mut() = Some("{}".into());
    let gateway = world.open("gateway");
    assert_eq!(urgent(&gateway), 60);
    world.platform.advance(10 * MINUTE);
    assert_eq!(urgent(&gateway), 60);
    world.kill("gateway", gateway);
    world.server.down.set(true);
    assert_eq!(urgent(&world.open("gateway")), 60);
}

/// The gateway funds the channel, and its fees have risen to 60 sat/vB (15,000 sat per 1000 weight units) while the wallet has no
/// estimate at all.
#[test]
fn a_gateway_that_raises_the_fee_rate_is_not_answered_by_closing() {
    let world = World::new();
    let (gateway, wallet) = (world.open("gateway"), world.open("wallet"));
    world.fund(&gateway, 10_000_000);
    world.fund(&wallet, 1_000_000);
    world.connect(&gateway, &wallet, "wallet");
    world.channel(&gateway, &wallet, open(1_000_000, 300_000_000, false));
    offer(&world, 60);
    let teller = gateway.clone();
    world.platform.run(async move { teller.sync().now().await }).unwrap();
    *world.server.fees.borrow_mut() = None;
    assert_eq!((urgent(&gateway), urgent(&wallet)), (60, 2));
    world.platform.advance(3 * MINUTE);
    let rate = |node: &Node| node.channels().list().first().and_then(|c| c.feerate_sat_per_1000_weight);
    assert_eq!((rate(&gateway), rate(&wallet)), (Some(15_000), Some(15_000)));
    assert_eq!(world.pay(&wallet, &world.ask(&gateway, 1_000_000)).status, PaymentStatus::Succeeded);
}

#[test]
fn a_hundred_small_parts_are_not_too_much_dust_at_a_low_fee_rate() {
    let Net { world, wallet, gateway, .. } = net();
    let ids: Vec<PaymentId> =
        (0..100).map(|_| world.begin(&wallet, &world.ask(&gateway, 300_000), 0).unwrap()).collect();
    world.platform.advance(MINUTE);
    let succeeded = |id: &&PaymentId| status(&world, &wallet, **id) == PaymentStatus::Succeeded;
    assert_eq!(ids.iter().filter(succeeded).count(), 100);
}

/// 900 sat/vB, from the only source, when the delay of a closed channel is over.
#[test]
fn a_sweep_takes_a_quarter_of_what_it_brings_home_at_most() {
    let world = World::new();
    let (gateway, wallet) = (world.open("gateway"), world.open("wallet"));
    world.fund(&wallet, 1_000_000);
    world.connect(&wallet, &gateway, "gateway");
    world.channel(&wallet, &gateway, open(200_000, 0, false));
    let id = wallet.channels().list()[0].channel_id;
    wallet.channels().close(id, true).unwrap();
    world.platform.advance(Duration::from_secs(5));
    world.mine(1);
    let before = wallet.onchain().balance().0;
    world.mine(2000);
    offer(&world, 900);
    // Its estimates are read after the blocks.
    world.mine(0);
    world.platform.advance(MINUTE);
    world.mine(15);
    world.platform.advance(2 * MINUTE);
    let swept: u64 = world.mempool.borrow().iter().flat_map(|tx| &tx.output).map(|o| o.value.to_sat()).sum();
    assert!((145_000..155_000).contains(&swept), "three quarters of almost 200,000: {swept}");
    world.mine(0);
    assert_eq!(wallet.onchain().balance().0 - before, swept);
}

#[test]
fn a_tip_of_a_day_ago_is_not_synced_and_nothing_is_paid_by_it() {
    // The newest block of the chain is of this moment.
    let now = Duration::from_secs(1_700_000_000 + 600 * 120);
    let world = World::at(now);
    world.expects_blocks.set(true);
    let (wallet, other) = (world.open("wallet"), world.open("payee"));
    let invoice = world.ask(&other, 1_000);
    let state = |wallet: &Node| {
        let state = wallet.sync().state();
        (state.synced, state.tip_age, state.error)
    };
    let refused = || world.begin(&wallet, &invoice, 0).unwrap_err();
    assert_eq!(state(&wallet), (true, TipAge::Recent, None));
    world.platform.advance(3 * HOUR - MINUTE);
    assert_eq!(state(&wallet), (true, TipAge::Recent, None));
    world.platform.advance(2 * MINUTE);
    assert_eq!(state(&wallet), (true, TipAge::Old, None), "the source answers, and has nothing new");
    assert!(!matches!(refused(), PayError::StaleTip { .. }), "paying is still possible");
    world.platform.advance(21 * HOUR);
    assert_eq!(state(&wallet), (false, TipAge::Stale, None));
    assert_eq!(world.begin(&wallet, &world.ask(&other, 1_000), 0), Err(PayError::StaleTip { hours: 24 }));
    // It was set back to the time of the block; but nothing new has come for a day.
    world.platform.set_clock(now);
    assert_eq!(state(&wallet), (false, TipAge::Stale, None));
    world.server.chain.borrow_mut().mine_empty(1);
    world.read_blocks();
    assert_eq!(state(&wallet), (true, TipAge::Recent, None));
    // Blocks that are mined by hand may be of any age.
    world.expects_blocks.set(false);
    world.close("wallet", wallet);
    let wallet = world.open("wallet");
    world.platform.advance(48 * HOUR);
    assert_eq!(state(&wallet), (true, TipAge::Recent, None));
}

#[test]
fn an_invoice_that_was_paid_is_a_duplicate_whatever_is_missing_now() {
    let Net { world, wallet, payee, .. } = net();
    let invoice = world.ask(&payee, 1_000_000);
    assert_eq!(world.pay(&wallet, &invoice).status, PaymentStatus::Succeeded);
    world.close("wallet", wallet);
    world.expects_blocks.set(true);
    let wallet = world.open("wallet");
    assert_eq!(wallet.sync().state().tip_age, TipAge::Stale, "the chain is of years ago");
    assert_eq!(world.begin(&wallet, &invoice, 10_000), Err(PayError::Duplicate));
    let other = world.ask(&payee, 1_000_000);
    assert!(matches!(world.begin(&wallet, &other, 10_000), Err(PayError::StaleTip { .. })));
    world.platform.advance(2 * HOUR);
    assert_eq!(world.begin(&wallet, &invoice, 10_000), Err(PayError::Duplicate), "although it has expired");
    assert_eq!(world.begin(&wallet, &other, 10_000), Err(PayError::Expired));
    world.disk("wallet").set_quota(Some(1));
    let node = wallet.clone();
    world.platform.run(async move { node.onchain().new_address().await }).unwrap_err();
    assert_eq!(world.begin(&wallet, &invoice, 10_000), Err(PayError::Duplicate));
}

#[test]
fn money_that_arrives_at_a_wallet_with_a_stale_tip_goes_back() {
    let Net { world, wallet, gateway, .. } = net();
    world.pay(&wallet, &world.ask(&gateway, 200_000_000));
    world.close("wallet", wallet);
    world.expects_blocks.set(true);
    let wallet = world.open("wallet");
    world.connect(&wallet, &gateway, "gateway");
    world.platform.advance(MINUTE);
    assert_eq!(wallet.sync().state().tip_age, TipAge::Stale, "the chain is of years ago");
    let paid = world.pay(&gateway, &world.ask(&wallet, 1_000));
    assert!(matches!(paid.status, PaymentStatus::Failed { .. }), "{:?}", paid.status);
}

#[test]
fn a_deposit_says_how_many_operators_show_it() {
    let (world, wallet) = wallet();
    world.deposit(&wallet, 70_000);
    world.platform.advance(Duration::from_secs(5));
    let tx = world.mempool.borrow()[0].compute_txid();
    let line = world.payment(&wallet, PaymentId::from_hex(&tx.to_string()).unwrap()).unwrap();
    assert_eq!((line.status, line.seen_by), (PaymentStatus::Pending, Some(1)));
}
