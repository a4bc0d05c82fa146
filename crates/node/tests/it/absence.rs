//! A wallet that comes back after an hour, a day, a week, four weeks or three months, with an HTLC on its channel: whatever the
//! gateway did meanwhile, the channel closes only where it must, and every satoshi goes where it belongs.

use std::time::Duration;

use amplet_node::bitcoin::Transaction;
use amplet_node::{Authorization, Node, PayError};
use amplet_protocol::page::PaymentStatus;

use crate::world::{HANGING_SAT, Hanging, Way, World};

/// Blocks of an absence.
pub const HOUR: u32 = 6;
pub const DAY: u32 = 144;
pub const WEEK: u32 = 1008;
pub const FOUR_WEEKS: u32 = 4032;
pub const THREE_MONTHS: u32 = 12_960;
/// Blocks after which every HTLC of these tests has expired, and after which nobody acts any more.
pub const EXPIRED: u32 = 402;
/// Blocks before its expiry at which LDK claims an HTLC on chain, and after it at which it takes one back.
pub const CLAIMS: u32 = 36;
const TAKES_BACK: u32 = 3;
/// Blocks before its expiry from which nothing is held back for an HTLC to us.
const NEAR: u32 = 12;

/// Blocks for which the commitment of a wallet waits for a gateway that has not been heard since the wallet was opened.
pub const AWAY: u32 = 432;

/// The gateway meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gateway {
    /// There all the time; waits for the wallet.
    Honest,
    /// Closed the channel by force an hour after the wallet had gone.
    Closed,
    /// Gone as long as the wallet, and longer.
    Away,
}

fn user(_: &World, _: &Node) -> Authorization {
    Authorization::user()
}

struct Absence {
    hanging: Hanging,
    way: Way,
    gateway: Gateway,
    blocks: u32,
}

impl Absence {
    fn new(way: Way, gateway: Gateway, blocks: u32) -> Self {
        Self::until(way, gateway, |_| blocks)
    }

    /// `blocks`: the length of the absence, from the blocks until the HTLC expires.
    fn until(way: Way, gateway: Gateway, blocks: impl Fn(u32) -> u32) -> Self {
        let hanging = Hanging::new(way, user);
        assert!((DAY..EXPIRED - 20).contains(&hanging.expires_in), "{}", hanging.expires_in);
        let blocks = blocks(hanging.expires_in);
        let world = &hanging.world;
        match gateway {
            Gateway::Honest => {}
            Gateway::Closed => {
                let channel = hanging.gateway.channels().list()[0].channel_id;
                hanging.gateway.channels().close(channel, true).unwrap();
                world.platform.advance(Duration::from_secs(5));
            }
            Gateway::Away => world.kill("gateway", hanging.gateway.clone()),
        }
        // Block by block as long as somebody may act, the rest at once.
        let mut left = blocks;
        for _ in 0..(EXPIRED / 6).min(blocks / 6) {
            world.mine(5);
            world.platform.advance(Duration::from_secs(5));
            left -= 6;
        }
        if left > 0 {
            world.mine(left - 1);
        }
        Self { hanging, way, gateway, blocks }
    }

    fn world(&self) -> &World {
        &self.hanging.world
    }

    /// Blocks until the HTLC expires, when the wallet comes back; negative when it has expired.
    fn left(&self) -> i64 {
        i64::from(self.hanging.expires_in) - i64::from(self.blocks)
    }

    fn what(&self) -> String {
        format!("{:?}, gateway {:?}, {} blocks", self.way, self.gateway, self.blocks)
    }

    /// Opens the wallet, which dials its gateway.
    fn come_back(&self) -> Node {
        let wallet = self.world().open("wallet");
        wallet.peers().connect_persistently(World::address(&self.hanging.gateway, "gateway")).unwrap();
        self.world().platform.advance(Duration::from_secs(1));
        wallet
    }

    fn status(&self, wallet: &Node) -> PaymentStatus {
        self.world().payment(wallet, self.hanging.id).unwrap().status
    }

    /// The channel was never closed, and the HTLC is resolved off chain.
    fn stays(&self, wallet: &Node) {
        self.world().platform.advance(Duration::from_secs(70));
        let what = self.what();
        let channels = wallet.channels().list();
        assert_eq!(channels.len(), 1, "{what}: the channel stays");
        let channel = &channels[0];
        assert!(channel.is_usable, "{what}");
        assert!(
            channel.pending_inbound_htlcs.is_empty() && channel.pending_outbound_htlcs.is_empty(),
            "{what}: resolved"
        );
        assert!(self.world().mempool.borrow().is_empty(), "{what}: nothing is broadcast");
        let state = wallet.sync().state();
        assert!(state.synced && state.error.is_none(), "{what}: {state:?}");
        assert_eq!(wallet.sync().best_block().0, self.world().server.chain.borrow().height(), "{what}");
        let paid = self.world().pay(&self.hanging.gateway, &self.world().ask(wallet, 1_000_000));
        assert_eq!(paid.status, PaymentStatus::Succeeded, "{what}: and works");
    }

    /// Satoshis that come home from the closed channel.
    fn gained(&self, wallet: &Node) -> u64 {
        for _ in 0..4 {
            self.world().platform.advance(Duration::from_secs(120));
            self.world().mine(6);
        }
        // Our own commitment's delay, and the second stage's.
        self.world().mine(2016);
        for _ in 0..4 {
            self.world().platform.advance(Duration::from_secs(120));
            self.world().mine(6);
        }
        assert!(wallet.channels().list().is_empty(), "{}", self.what());
        assert_eq!(wallet.channels().balance().closing_sat, 0, "{}: nothing is waited for", self.what());
        wallet.onchain().balance().0.saturating_sub(self.hanging.savings_sat)
    }

    /// What is the wallet's comes home, less the fees of its own transactions.
    fn comes_home(&self, wallet: &Node, sat: u64) {
        let gained = self.gained(wallet);
        assert!((sat - 25_000..=sat).contains(&gained), "{}: {gained} of {sat}", self.what());
    }
}

/// Transactions that are not the gateway's.
fn broadcast(world: &World) -> Vec<Transaction> {
    world.mempool.borrow().clone()
}

fn honest(blocks: u32) {
    let refused = Absence::new(Way::Refused, Gateway::Honest, blocks);
    let wallet = refused.come_back();
    refused.stays(&wallet);
    assert!(matches!(refused.status(&wallet), PaymentStatus::Failed { .. }), "{}", refused.what());

    // Who holds a preimage goes on chain before the HTLC expires.
    let paid = Absence::new(Way::Out, Gateway::Honest, blocks);
    let wallet = paid.come_back();
    match paid.left() > i64::from(CLAIMS) {
        true => paid.stays(&wallet),
        false => paid.comes_home(&wallet, 500_000 - HANGING_SAT),
    }
    assert_eq!(paid.status(&wallet), PaymentStatus::Succeeded, "{}", paid.what());

    received_from_an_honest_gateway(Absence::new(Way::In, Gateway::Honest, blocks));
}

fn received_from_an_honest_gateway(received: Absence) {
    let wallet = received.come_back();
    match received.left() {
        left if left >= i64::from(NEAR) => received.stays(&wallet),
        // A block counts: what the preimage is worth is claimed on chain at once.
        left if left > -i64::from(TAKES_BACK) => received.comes_home(&wallet, 500_000 + HANGING_SAT),
        // The gateway took it back when it had expired.
        _ => received.comes_home(&wallet, 500_000),
    }
}

fn closed(blocks: u32) {
    let refused = Absence::new(Way::Refused, Gateway::Closed, blocks);
    let wallet = refused.come_back();
    if blocks < EXPIRED {
        refused.world().mine(EXPIRED);
        refused.world().platform.advance(Duration::from_secs(120));
        refused.world().mine(6);
    }
    refused.comes_home(&wallet, 500_000);
    assert!(matches!(refused.status(&wallet), PaymentStatus::Failed { .. }), "{}", refused.what());

    let paid = Absence::new(Way::Out, Gateway::Closed, blocks);
    let wallet = paid.come_back();
    paid.comes_home(&wallet, 500_000 - HANGING_SAT);
    assert_eq!(paid.status(&wallet), PaymentStatus::Succeeded, "{}", paid.what());

    let received = Absence::new(Way::In, Gateway::Closed, blocks);
    let wallet = received.come_back();
    let ours = if blocks < EXPIRED { 500_000 + HANGING_SAT } else { 500_000 };
    received.comes_home(&wallet, ours);
}

fn away(blocks: u32) {
    for way in [Way::Refused, Way::Out] {
        let absence = Absence::new(way, Gateway::Away, blocks);
        let wallet = absence.come_back();
        let world = absence.world();
        world.platform.advance(Duration::from_secs(50));
        assert!(broadcast(world).is_empty(), "{}: the gateway gets its time", absence.what());
        assert_eq!(wallet.channels().list().len(), 1, "{}", absence.what());
        if blocks < EXPIRED {
            world.platform.advance(Duration::from_secs(300));
            assert_eq!(wallet.channels().list().len(), 1, "{}: there is no need", absence.what());
            assert!(wallet.sync().state().synced, "{}", absence.what());
            continue;
        }
        world.platform.advance(Duration::from_secs(300));
        assert!(broadcast(world).is_empty(), "{}: the commitment waits for the gateway", absence.what());
        world.mine(AWAY);
        world.platform.advance(Duration::from_secs(120));
        assert!(!broadcast(world).is_empty(), "{}: and not for ever", absence.what());
        // Nobody claims the HTLC, so that it comes back.
        absence.comes_home(&wallet, 500_000);
        assert!(matches!(absence.status(&wallet), PaymentStatus::Failed { .. }), "{}", absence.what());
    }
    let received = Absence::new(Way::In, Gateway::Away, blocks);
    let wallet = received.come_back();
    match received.left() > i64::from(CLAIMS) {
        true => assert_eq!(wallet.channels().list().len(), 1, "{}: there is no need", received.what()),
        false => {
            assert!(!broadcast(received.world()).is_empty(), "{}: a block counts", received.what());
            received.comes_home(&wallet, 500_000 + HANGING_SAT);
        }
    }
}

macro_rules! absences {
    ($($name:ident: $gateway:ident($blocks:expr);)*) => {
        $(#[test] fn $name() { $gateway($blocks); })*
    };
}

absences! {
    an_hour_with_an_honest_gateway: honest(HOUR);
    a_day_with_an_honest_gateway: honest(DAY);
    a_week_with_an_honest_gateway: honest(WEEK);
    four_weeks_with_an_honest_gateway: honest(FOUR_WEEKS);
    three_months_with_an_honest_gateway: honest(THREE_MONTHS);
    an_hour_with_a_gateway_that_closed: closed(HOUR);
    a_day_with_a_gateway_that_closed: closed(DAY);
    a_week_with_a_gateway_that_closed: closed(WEEK);
    four_weeks_with_a_gateway_that_closed: closed(FOUR_WEEKS);
    three_months_with_a_gateway_that_closed: closed(THREE_MONTHS);
    an_hour_with_the_gateway_away: away(HOUR);
    a_day_with_the_gateway_away: away(DAY);
    a_week_with_the_gateway_away: away(WEEK);
    four_weeks_with_the_gateway_away: away(FOUR_WEEKS);
    three_months_with_the_gateway_away: away(THREE_MONTHS);
}

#[test]
fn an_htlc_to_us_whose_expiry_is_near_waits_for_nobody() {
    let near = |expires_in: u32| expires_in - NEAR + 1;
    received_from_an_honest_gateway(Absence::until(Way::In, Gateway::Honest, near));
}

#[test]
fn an_htlc_to_us_whose_expiry_is_not_near_waits_for_the_gateway() {
    let not_near = |expires_in: u32| expires_in - NEAR - 6;
    received_from_an_honest_gateway(Absence::until(Way::In, Gateway::Honest, not_near));
}

/// While blocks are held back LDK's height is too low to pay by.
#[test]
fn nothing_is_paid_while_blocks_are_held_back() {
    let absence = Absence::new(Way::Refused, Gateway::Away, WEEK);
    let world = &absence.hanging.world;
    let other = world.open("payee");
    let invoice = world.ask(&other, 1_000_000);
    let wallet = absence.come_back();
    let world = &absence.hanging.world;
    let state = wallet.sync().state();
    assert!(!state.synced && state.blocks_left > 0, "{state:?}");
    assert_eq!(world.begin(&wallet, &invoice, 10_000), Err(PayError::NotSynced));
    // Closed and opened again meanwhile, without any chain source: all parts stand at one block.
    world.platform.advance(Duration::from_secs(2));
    world.kill("wallet", wallet);
    world.server.down.set(true);
    let wallet = world.open("wallet");
    assert!(!wallet.sync().state().synced);
    world.server.down.set(false);
    world.platform.advance(Duration::from_secs(90));
    assert!(wallet.sync().state().synced, "{:?}", wallet.sync().state());
    assert_ne!(world.begin(&wallet, &invoice, 10_000), Err(PayError::NotSynced));
}

/// A tab that was frozen: the node never closed, but nothing of it ran.
#[test]
fn a_frozen_wallet_gives_its_gateway_time_as_well() {
    let absence = Absence::new(Way::Refused, Gateway::Honest, HOUR);
    let world = absence.world();
    let wallet = world.open("wallet");
    world.platform.advance(Duration::from_secs(5));
    assert!(wallet.sync().state().synced);
    world.server.down.set(true);
    world.platform.advance(Duration::from_secs(3600));
    world.server.chain.borrow_mut().mine_empty(WEEK);
    world.server.down.set(false);
    world.platform.advance(Duration::from_secs(10));
    assert!(wallet.sync().state().blocks_left > 0, "{:?}", wallet.sync().state());
    wallet.peers().connect_persistently(World::address(&absence.hanging.gateway, "gateway")).unwrap();
    absence.stays(&wallet);
}
