//! A wallet that comes back after an absence with HTLCs in both directions on one channel: one of its own, whose preimage the gateway
//! holds, and one to it, whose preimage it holds itself.

use std::time::Duration;

use crate::absence::{DAY, FOUR_WEEKS, HOUR, THREE_MONTHS, WEEK};
use crate::world::{HANGING_SAT, World, mortal, open};
use amplet_node::lightning::ln::channel_state::OutboundHTLCStateDetails;
use amplet_node::{Node, PaymentId};
use amplet_protocol::page::PaymentStatus;

const MINUTE: Duration = Duration::from_secs(60);

/// A wallet that died with both HTLCs, of 100,000 sat each, on both commitments of its channel of 1,000,000 sat, of which half was the
/// gateway's before.
struct Both {
    world: World,
    gateway: Node,
    out: PaymentId,
    to_us: PaymentId,
    savings_sat: u64,
}

impl Both {
    /// As late as possible, so that the wallet has its claim on its disk.
    fn new() -> Self {
        (1..9).rev().find_map(Self::dead_after).expect("some death leaves them")
    }

    fn dead_after(commits: u64) -> Option<Self> {
        let world = World::new();
        let (gateway, payee) = (world.open("gateway"), world.open("payee"));
        let (wallet, store) = mortal(&world, "wallet");
        world.fund(&gateway, 10_000_000);
        world.fund(&wallet, 2_000_000);
        world.connect(&gateway, &payee, "payee");
        world.connect(&wallet, &gateway, "gateway");
        world.channel(&gateway, &payee, open(5_000_000, 2_000_000_000, true));
        world.channel(&wallet, &gateway, open(1_000_000, 500_000_000, false));
        world.platform.advance(3 * MINUTE);
        let invoice = world.ask(&payee, HANGING_SAT * 1000);
        // Its disk is full, so that it hangs.
        world.disk("payee").set_quota(Some(1));
        let out = world.begin(&wallet, &invoice, 100_000).unwrap();
        world.platform.advance(Duration::from_secs(5));
        let invoice = world.ask(&wallet, HANGING_SAT * 1000);
        world.platform.advance(Duration::from_secs(3));
        store.die_after(commits);
        let to_us = world.begin(&gateway, &invoice, 10_000).unwrap();
        world.platform.advance(Duration::from_secs(3));
        let (dead, savings_sat) = (store.is_dead(), wallet.onchain().balance().0);
        let wallet_id = wallet.node_id();
        world.kill("wallet", wallet);
        world.disk("payee").set_quota(None);
        world.platform.advance(MINUTE);
        let channels = gateway.channels().list();
        let channel = channels.iter().find(|channel| channel.counterparty.node_id == wallet_id)?;
        let committed = Some(OutboundHTLCStateDetails::Committed);
        let hangs = channel.pending_outbound_htlcs.iter().any(|htlc| htlc.state == committed)
            && channel.pending_inbound_htlcs.len() == 1
            && world.payment(&gateway, to_us)?.status == PaymentStatus::Pending;
        assert_eq!(
            world.payment(&payee, out)?.status,
            PaymentStatus::Succeeded,
            "the gateway has its preimage"
        );
        (dead && hangs).then_some(Self { world, gateway, out, to_us, savings_sat })
    }

    fn passes(&self, blocks: u32) {
        let mut left = blocks;
        while left > 12 && blocks - left < 480 {
            self.world.mine(11);
            self.world.platform.advance(Duration::from_secs(10));
            left -= 12;
        }
        if left > 0 {
            self.world.mine(left - 1);
        }
    }

    fn come_back(&self) -> Node {
        let wallet = self.world.open("wallet");
        wallet.peers().connect_persistently(World::address(&self.gateway, "gateway")).unwrap();
        self.world.platform.advance(2 * MINUTE);
        wallet
    }

    fn status(&self, wallet: &Node, id: PaymentId) -> PaymentStatus {
        self.world.payment(wallet, id).unwrap().status
    }

    fn comes_home(&self, wallet: &Node, sat: u64) {
        for blocks in [6, 6, 6, 6, 2016, 6, 6, 6, 6] {
            self.world.mine(blocks);
            self.world.platform.advance(2 * MINUTE);
        }
        assert!(wallet.channels().list().is_empty());
        assert_eq!(wallet.channels().balance().closing_sat, 0, "nothing is waited for");
        assert_eq!(wallet.onchain().balance().1, 0, "nor is a claim that the gateway's has overtaken");
        let gained = wallet.onchain().balance().0.saturating_sub(self.savings_sat);
        assert!((sat - 25_000..=sat).contains(&gained), "{gained} of {sat}");
    }
}

fn stays(blocks: u32) {
    let both = Both::new();
    both.passes(blocks);
    let wallet = both.come_back();
    let channels = wallet.channels().list();
    assert!(channels.len() == 1 && channels[0].is_usable, "{blocks} blocks");
    assert!(channels[0].pending_inbound_htlcs.is_empty() && channels[0].pending_outbound_htlcs.is_empty());
    for id in [both.out, both.to_us] {
        assert_eq!(both.status(&wallet, id), PaymentStatus::Succeeded, "{blocks} blocks");
    }
    assert_eq!(both.status(&both.gateway, both.to_us), PaymentStatus::Succeeded);
    assert!(both.world.mempool.borrow().is_empty());
    assert_eq!(wallet.sync().best_block().0, both.world.server.chain.borrow().height());
}

/// The gateway closed the channel, claimed what it has the preimage for, and took back what the wallet did not claim in time.
fn closed(blocks: u32) {
    let both = Both::new();
    both.passes(blocks);
    let wallet = both.come_back();
    both.comes_home(&wallet, 500_000 - HANGING_SAT);
    assert_eq!(both.status(&wallet, both.out), PaymentStatus::Succeeded, "{blocks} blocks");
    assert!(matches!(both.status(&both.gateway, both.to_us), PaymentStatus::Failed { .. }));
    // The preimage was durable, and the money is not ours all the same.
    assert!(matches!(both.status(&wallet, both.to_us), PaymentStatus::Failed { .. }), "{blocks} blocks");
}

macro_rules! absences {
    ($($name:ident: $test:ident($blocks:expr);)*) => {
        $(#[test] fn $name() { $test($blocks); })*
    };
}

absences! {
    an_hour: stays(HOUR);
    a_day: stays(DAY);
    a_week: closed(WEEK);
    four_weeks: closed(FOUR_WEEKS);
    three_months: closed(THREE_MONTHS);
}

/// The gateway is away as long as the wallet: the wallet claims the HTLC to it at once, before it waits for anybody, and takes its own
/// back.
#[test]
fn a_week_with_the_gateway_away() {
    let both = Both::new();
    both.world.kill("gateway", both.gateway.clone());
    both.world.kill("payee", both.world.node("payee"));
    both.world.mine(WEEK);
    let wallet = both.come_back();
    assert!(!both.world.mempool.borrow().is_empty(), "a block counts");
    both.comes_home(&wallet, 500_000 + HANGING_SAT);
    assert!(matches!(both.status(&wallet, both.out), PaymentStatus::Failed { .. }));
    assert_eq!(both.status(&wallet, both.to_us), PaymentStatus::Succeeded);
}
