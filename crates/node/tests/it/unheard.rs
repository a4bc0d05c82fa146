//! A commitment of a wallet whose peer has not been heard since it was opened may be a revoked one, of an old copy: it waits for the
//! peer, unless an HTLC to us is at stake, and not for ever.

use std::time::Duration;

use crate::absence::{AWAY, CLAIMS, EXPIRED};
use crate::world::{HANGING_SAT, Hanging, Net, Way, World, net, pair, with_a_hanging_htlc};
use amplet_node::{Authorization, Node};
use amplet_protocol::page::{EventKind, PaymentStatus};

const MINUTE: Duration = Duration::from_secs(60);

fn is_silent(world: &World) -> bool {
    world.mempool.borrow().is_empty()
}

/// Some hours pass block by block, and nodes act.
fn blocks(world: &World, count: u32) {
    for _ in 0..count.div_ceil(12) {
        world.mine(11);
        world.platform.advance(2 * MINUTE);
    }
}

/// A payment of the wallet hangs, and is in a copy of its storage; then it arrives, and the gateway goes away. Also the number of blocks
/// until it would expire.
fn an_old_copy_without_its_gateway() -> (World, amplet_storage::MemoryBackend, u32) {
    let Net { world, wallet, gateway, payee } = net();
    assert_eq!(world.pay(&wallet, &world.ask(&payee, 50_000_000)).status, PaymentStatus::Succeeded);
    let invoice = world.ask(&payee, 50_000_000);
    // The payee's disk is full: the payment hangs.
    world.disk("payee").set_quota(Some(1));
    let id = world.begin(&wallet, &invoice, 100_000).unwrap();
    world.platform.advance(Duration::from_secs(5));
    let old = world.snapshot("wallet");
    let expiry = wallet.channels().list()[0].pending_outbound_htlcs[0].cltv_expiry;
    let expires_in = expiry - world.server.chain.borrow().height();
    world.disk("payee").set_quota(None);
    world.platform.advance(Duration::from_secs(30));
    assert_eq!(world.payment(&wallet, id).unwrap().status, PaymentStatus::Succeeded);
    world.close("wallet", wallet);
    world.close("gateway", gateway);
    (world, old, expires_in)
}

/// The gateway is there again, and the wallet meets it.
fn meet(world: &World, wallet: &Node) -> Node {
    let gateway = world.open("gateway");
    wallet.peers().connect_persistently(World::address(&gateway, "gateway")).unwrap();
    world.platform.advance(3 * MINUTE);
    gateway
}

#[test]
fn an_old_copy_whose_gateway_is_away_broadcasts_nothing_and_is_recognised_later() {
    let (world, old, expires_in) = an_old_copy_without_its_gateway();
    world.mine(expires_in + 6);
    let wallet = world.open_on("wallet", old.clone());
    world.platform.advance(5 * MINUTE);
    assert!(wallet.channels().list().is_empty(), "LDK has closed it");
    let said = wallet.ledger().events().into_iter().find_map(|event| match event.kind {
        EventKind::ChannelClosed { reason, .. } => Some(reason),
        _ => None,
    });
    assert!(said.unwrap().contains("in three days"), "the user is told");
    blocks(&world, 144);
    assert!(is_silent(&world), "what it would broadcast was revoked");
    world.close("wallet", wallet);
    let wallet = world.open("wallet");
    blocks(&world, 144);
    assert!(is_silent(&world), "nor after a restart");

    let gateway = meet(&world, &wallet);
    assert!(wallet.old_copy().is_some(), "the gateway has proved it");
    assert_eq!(gateway.channels().list().len(), 2, "which has no reason to close");
    blocks(&world, AWAY);
    assert!(is_silent(&world));
}

#[test]
fn an_old_copy_whose_payment_expires_while_it_is_open_broadcasts_nothing() {
    let (world, old, expires_in) = an_old_copy_without_its_gateway();
    let wallet = world.open_on("wallet", old);
    world.platform.advance(5 * MINUTE);
    assert_eq!(wallet.channels().list().len(), 1);
    blocks(&world, expires_in + 144);
    assert!(wallet.channels().list().is_empty() && is_silent(&world));
    meet(&world, &wallet);
    assert!(wallet.old_copy().is_some() && is_silent(&world));
}

fn user(_: &World, _: &Node) -> Authorization {
    Authorization::user()
}

/// A wallet that is right, with an HTLC of its own that has expired, while the gateway is away: it has closed the channel.
fn without_its_gateway() -> (Hanging, Node) {
    let hanging = Hanging::new(Way::Refused, user);
    let world = &hanging.world;
    world.close("gateway", hanging.gateway.clone());
    world.mine(EXPIRED);
    let wallet = world.open("wallet");
    world.platform.advance(3 * MINUTE);
    assert!(wallet.channels().list().is_empty() && is_silent(world));
    (hanging, wallet)
}

/// Mines until nothing is left to do, and asserts what has come home.
fn comes_home(hanging: &Hanging, wallet: &Node, sat: u64) {
    let world = &hanging.world;
    blocks(world, 48);
    world.mine(2016);
    blocks(world, 48);
    assert_eq!(wallet.channels().balance().closing_sat, 0, "nothing is waited for");
    let gained = wallet.onchain().balance().0.saturating_sub(hanging.savings_sat);
    assert!((sat - 25_000..=sat).contains(&gained), "{gained} of {sat}");
}

#[test]
fn a_gateway_that_stays_away_is_waited_for_three_days_across_restarts() {
    let (hanging, wallet) = without_its_gateway();
    let world = &hanging.world;
    assert_eq!(wallet.onchain().deposit_needed_sat(), 0, "no deposit is asked for");
    world.mine(AWAY - 2);
    world.platform.advance(3 * MINUTE);
    world.close("wallet", wallet);
    let wallet = world.open("wallet");
    world.platform.advance(3 * MINUTE);
    assert!(is_silent(world));
    world.mine(2);
    world.platform.advance(2 * MINUTE);
    assert!(!is_silent(world), "and not longer");
    comes_home(&hanging, &wallet, 500_000);
    let paid = world.payment(&wallet, hanging.id).unwrap();
    assert!(matches!(paid.status, PaymentStatus::Failed { .. }), "{:?}", paid.status);
}

#[test]
fn a_gateway_that_comes_back_and_has_nothing_newer_ends_the_wait() {
    let (hanging, wallet) = without_its_gateway();
    let world = &hanging.world;
    meet(world, &wallet);
    assert_eq!(wallet.old_copy(), None);
    assert!(!is_silent(world));
    comes_home(&hanging, &wallet, 500_000);
}

#[test]
fn an_htlc_to_us_is_claimed_before_it_expires_while_the_gateway_is_away() {
    let (world, wallet) = with_a_hanging_htlc();
    let expiry = wallet.channels().list()[0].pending_inbound_htlcs[0].cltv_expiry;
    let savings = wallet.onchain().balance().0;
    world.close("wallet", wallet);
    let wallet = world.open("wallet");
    world.platform.advance(3 * MINUTE);
    let left = expiry - CLAIMS - world.server.chain.borrow().height();
    world.mine(left - 2);
    world.platform.advance(3 * MINUTE);
    assert!(is_silent(&world) && wallet.channels().list().len() == 1);
    world.mine(1);
    world.platform.advance(10 * Duration::from_secs(1));
    assert!(!is_silent(&world), "at once");
    for _ in 0..4 {
        world.mine(6);
        world.platform.advance(2 * MINUTE);
    }
    world.mine(2016);
    blocks(&world, 48);
    let gained = wallet.onchain().balance().0 - savings;
    assert!((575_000..=500_000 + HANGING_SAT).contains(&gained), "{gained}");
}

#[test]
fn a_user_who_closes_by_force_waits_for_nobody() {
    let (world, wallet, gateway) = pair();
    world.close("gateway", gateway);
    world.close("wallet", wallet);
    let wallet = world.open("wallet");
    world.platform.advance(MINUTE);
    let channel = wallet.channels().list()[0].channel_id;
    wallet.channels().close(channel, true).unwrap();
    world.platform.advance(Duration::from_secs(10));
    assert!(!is_silent(&world));
}
