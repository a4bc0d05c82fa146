//! What the other side does on chain while the wallet is closed: each spend is seen when it opens.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use amplet_node::budget::{
    BudgetError, BudgetId, Clock, Holder, Kind, Name, Period, Rules, Utc, Window, WindowLimit,
};
use amplet_node::{Authorization, Node};
use amplet_protocol::page::PaymentStatus;
use amplet_storage::Store;

use crate::world::{HANGING_SAT, Hanging, Way, World, msat};

/// A budget of 200,000 sat a day.
fn budget(world: &World, wallet: &Node) -> Authorization {
    let id = Rc::new(Cell::new(None));
    let (made, node) = (Rc::clone(&id), wallet.clone());
    let window = Window { kind: Kind::Calendar, period: Period::Day };
    let limit = msat(2 * HANGING_SAT * 1000);
    let rules = Rules { windows: vec![WindowLimit { window, limit }], ..Rules::default() };
    let opened = async move {
        let change = move |policy: &mut amplet_node::budget::Policy, _: &Clock<'_>| {
            let holder = Holder::App { id: Name::parse("game").unwrap() };
            let (budget, changes) = policy.open(holder, None, rules)?;
            made.set(Some(budget));
            Ok::<_, BudgetError>(changes)
        };
        node.budgets().change(change).await
    };
    world.platform.run(opened).unwrap();
    Authorization { budget: id.get().unwrap(), ..Authorization::user() }
}

fn user(_: &World, _: &Node) -> Authorization {
    Authorization::user()
}

/// The gateway closes by force, and its commitment is mined; the wallet is closed.
pub fn gateway_closes(world: &World, gateway: &Node) {
    let channel = gateway.channels().list()[0].channel_id;
    gateway.channels().close(channel, true).unwrap();
    world.platform.advance(Duration::from_secs(5));
    assert!(!world.mempool.borrow().is_empty(), "the commitment is broadcast");
    world.mine(0);
    world.platform.advance(Duration::from_secs(5));
}

/// Mines until the gateway, whose commitment is in a block, spends an HTLC of it, and then that.
pub fn gateway_takes_the_htlc(world: &World) {
    for _ in 0..60 {
        if !world.mempool.borrow().is_empty() {
            world.mine(6);
            return;
        }
        world.mine(9);
        world.platform.advance(Duration::from_secs(5));
    }
    panic!("the gateway leaves the HTLC alone");
}

/// Satoshis that came home from a closed channel in the end.
fn gained(world: &World, wallet: &Node, before: u64) -> u64 {
    for _ in 0..4 {
        world.platform.advance(Duration::from_secs(120));
        world.mine(6);
    }
    wallet.onchain().balance().0.saturating_sub(before)
}

#[test]
fn an_htlc_claimed_with_the_preimage_while_the_wallet_was_closed_is_paid() {
    let authorization = Rc::new(Cell::new(None::<BudgetId>));
    let made = Rc::clone(&authorization);
    let Hanging { world, gateway, id, .. } = Hanging::new(Way::Out, move |world, wallet| {
        let authorization = budget(world, wallet);
        made.set(Some(authorization.budget));
        authorization
    });
    gateway_closes(&world, &gateway);
    gateway_takes_the_htlc(&world);

    let wallet = world.open("wallet");
    let before = wallet.onchain().balance().0;
    world.platform.advance(Duration::from_secs(5));
    let paid = world.payment(&wallet, id).unwrap();
    assert_eq!(paid.status, PaymentStatus::Succeeded);
    assert!(paid.preimage.is_some(), "with proof: {paid:?}");
    let closing = wallet.channels().balance().closing_sat;
    assert!(closing <= 400_000, "{closing}: the HTLC does not come home");
    let usage = wallet.budgets().policy().usage(authorization.get().unwrap(), &Clock::new(0, &Utc))[0];
    assert_eq!((usage.spent.get(), usage.reserved.get()), (HANGING_SAT * 1000, 0), "{usage:?}");
    let gained = gained(&world, &wallet, before);
    assert!((390_000..=400_000).contains(&gained), "{gained}");
    assert_eq!(wallet.channels().balance().closing_sat, 0);
}

#[test]
fn an_htlc_taken_back_after_its_expiry_while_the_wallet_was_closed_is_not_counted() {
    let Hanging { world, gateway, .. } = Hanging::new(Way::In, user);
    gateway_closes(&world, &gateway);
    gateway_takes_the_htlc(&world);

    let wallet = world.open("wallet");
    let before = wallet.onchain().balance().0;
    world.platform.advance(Duration::from_secs(5));
    let closing = wallet.channels().balance().closing_sat;
    assert!(closing <= 500_000, "{closing}: the HTLC is the gateway's");
    let gained = gained(&world, &wallet, before);
    assert!((490_000..=500_000).contains(&gained), "{gained}");
    assert_eq!(wallet.channels().balance().closing_sat, 0, "nothing is waited for");
}

/// A gateway's disk with an HTLC to the wallet on its commitment; the HTLC has since been resolved, and the commitment revoked.
fn revoked_with_an_htlc() -> (World, amplet_storage::MemoryBackend) {
    let Hanging { world, gateway, id, .. } = Hanging::new(Way::In, user);
    let earlier = world.snapshot("gateway");
    let wallet = world.open("wallet");
    world.connect(&wallet, &gateway, "gateway");
    world.platform.advance(Duration::from_secs(10));
    assert_eq!(world.payment(&gateway, id).unwrap().status, PaymentStatus::Succeeded);
    assert_eq!(world.pay(&gateway, &world.ask(&wallet, 1_000_000)).status, PaymentStatus::Succeeded);
    world.platform.advance(Duration::from_secs(5));
    world.kill("gateway", gateway);
    world.kill("wallet", wallet);
    (world, earlier)
}

/// The cheat's second stage is in a block as well before the wallet opens: that output is taken, and so is the rest, although LDK
/// would claim both together.
#[test]
fn a_cheat_and_its_second_stage_while_the_wallet_was_closed_are_punished() {
    let (world, earlier) = revoked_with_an_htlc();
    let cheat = world.open_on("gateway", earlier);
    gateway_closes(&world, &cheat);
    gateway_takes_the_htlc(&world);
    world.kill("gateway", cheat);

    let wallet = world.open("wallet");
    let before = wallet.onchain().balance().0;
    let gained = gained(&world, &wallet, before);
    assert!(gained > 980_000, "{gained} of a channel of 1000000 sat: its own part and all of the cheat's");
    assert_eq!(wallet.channels().balance().closing_sat, 0);
}

/// An earlier version passed over the block in which the gateway claims the HTLC: it is found, once, where the wallet stands.
#[test]
fn a_spend_that_an_earlier_version_missed_is_found_once() {
    let Hanging { world, gateway, id, .. } = Hanging::new(Way::Out, user);
    gateway_closes(&world, &gateway);
    assert_eq!(world.mempool.borrow().len(), 1, "the gateway's claim");
    world.mine(6);
    let height = world.server.chain.borrow().height() - 6;
    // The wallet misses it, as that version did, because this filter names nothing.
    let true_filter = world.server.chain.borrow().filters()[height as usize].clone();
    world.kill("gateway", gateway);
    world.server.chain.borrow_mut().forge_filter(height, vec![0]);
    let wallet = world.open("wallet");
    world.platform.advance(Duration::from_secs(60));
    assert_eq!(world.payment(&wallet, id).unwrap().status, PaymentStatus::Pending, "missed");
    let stands = wallet.sync().best_block();
    world.kill("wallet", wallet);

    world.server.chain.borrow_mut().forge_filter(height, true_filter);
    let earlier = |store| -> Rc<dyn Store> {
        let meter = crate::world::WriteMeter::new(store);
        // That version had no such record; and its headers are fetched again, with the true filter headers.
        meter.lost.borrow_mut().extend(["ldk/missed_spends", "chain/meta"].map(str::to_owned));
        Rc::new(meter)
    };
    let wallet = world.open_with("wallet", world.disk("wallet"), earlier);
    world.platform.advance(Duration::from_secs(60));
    let paid = world.payment(&wallet, id).unwrap();
    assert_eq!((paid.status, paid.preimage.is_some()), (PaymentStatus::Succeeded, true));
    assert!(wallet.channels().balance().closing_sat <= 400_000);
    assert_eq!(wallet.sync().best_block(), stands);
    world.kill("wallet", wallet);
    let asked = world.server.requests("/block/");
    let wallet = world.open("wallet");
    world.platform.advance(Duration::from_secs(60));
    assert_eq!((wallet.chain().rescans_from(), world.server.requests("/block/")), (None, asked), "once");
}

/// All that is shown of the wallet's on-chain money, in sat: savings, and what comes from closed channels.
fn shown(wallet: &Node) -> u64 {
    let (sure, not_yet) = wallet.onchain().balance();
    sure + not_yet + wallet.channels().balance().closing_sat
}

/// Passes so many blocks one by one, and what is broadcast in between; each time the wallet shows between so much and so much more than
/// before.
fn shows_once(
    world: &World,
    wallet: &Node,
    before: u64,
    expected: std::ops::RangeInclusive<u64>,
    blocks: u32,
) {
    for block in 0..blocks {
        world.platform.advance(Duration::from_secs(65));
        let gained = shown(wallet) - before;
        assert!(expected.contains(&gained), "{gained} sat after {block} blocks, not {expected:?}");
        world.mine(0);
    }
}

/// What claims straight from the gateway's commitment pay is in the savings at once, and not on its way as well (found by chaos,
/// seed 902).
#[test]
fn an_htlc_claimed_from_the_peers_commitment_is_shown_once() {
    // With the preimage; the wallet's half, and the HTLC.
    let Hanging { world, gateway, savings_sat, .. } = Hanging::new(Way::In, user);
    gateway_closes(&world, &gateway);
    let wallet = world.open("wallet");
    shows_once(&world, &wallet, savings_sat, 590_000..=600_000, 12);

    // After the expiry: of its half nothing was spent.
    let Hanging { world, gateway, savings_sat, expires_in, .. } = Hanging::new(Way::Refused, user);
    gateway_closes(&world, &gateway);
    let wallet = world.open("wallet");
    world.kill("gateway", gateway);
    world.mine(expires_in - 3);
    shows_once(&world, &wallet, savings_sat, 490_000..=500_000, 20);
}

#[test]
fn what_is_taken_from_a_cheat_is_shown_once() {
    let (world, earlier) = revoked_with_an_htlc();
    let cheat = world.open_on("gateway", earlier);
    gateway_closes(&world, &cheat);
    world.kill("gateway", cheat);
    let wallet = world.open("wallet");
    let before = wallet.onchain().balance().0;
    shows_once(&world, &wallet, before, 980_000..=1_000_000, 12);
}
