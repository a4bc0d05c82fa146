//! Channel monitors are stored whole now and then, and their updates beside them.

use std::rc::Rc;
use std::time::Duration;

use amplet_node::{Authorization, Node, NodeError, PayStream, PaymentId, StreamTo};
use amplet_storage::Store;

use crate::world::{World, WriteMeter, metered, msat, open};

const EACH: u64 = 10_000;

/// A wallet with a channel to its gateway, and a stream to it.
struct Pair {
    world: World,
    stream: PaymentId,
}

fn pair() -> Pair {
    let world = World::new();
    let gateway = world.open("gateway");
    let wallet = world.open("wallet");
    world.fund(&wallet, 2_000_000);
    world.connect(&wallet, &gateway, "gateway");
    world.channel(&wallet, &gateway, open(1_000_000, 0, false));
    // Above dust on both sides.
    world.pay(&wallet, &world.ask(&gateway, 100_000_000));
    let to = StreamTo { payee: gateway.node_id(), session: "film".into() };
    let stream = world.platform.run(async move { wallet.payments().open_stream(&to).await }).unwrap();
    Pair { world, stream }
}

impl Pair {
    fn pay(&self, count: usize) {
        for _ in 0..count {
            let wallet = self.world.node("wallet");
            let next = PayStream { stream: self.stream, amount_msat: msat(EACH), max_fee_msat: msat(10_000) };
            let paid = async move { wallet.payments().begin(next, &Authorization::user()).await.unwrap() };
            self.world.platform.run(paid);
            self.world.platform.advance(Duration::from_millis(100));
        }
        self.world.platform.advance(Duration::from_secs(2));
    }

    /// Kills a node and opens it again from what is on its disk.
    fn again(&self, name: &str) -> Rc<WriteMeter> {
        self.world.kill(name, self.world.node(name));
        let (wrap, meter) = metered();
        self.world.open_with(name, self.world.disk(name), wrap);
        let wallet = self.world.node("wallet");
        self.world.connect(&wallet, &self.world.node("gateway"), "gateway");
        self.world.platform.advance(Duration::from_secs(2));
        meter.take().unwrap()
    }

    fn agree(&self, what: &str) {
        let (wallet, gateway) = (self.world.node("wallet"), self.world.node("gateway"));
        let paid = wallet.payments().stream(self.stream).unwrap();
        let got = gateway.payments().session("film").unwrap();
        assert_eq!(paid.amount_msat, got.amount_msat, "{what}");
        assert_eq!(paid.stream.unwrap().pending_msat, msat(0), "{what}");
    }
}

/// Names of the updates on a node's disk.
fn updates(world: &World, meter: &Rc<WriteMeter>) -> Vec<String> {
    let meter = Rc::clone(meter);
    world.platform.run(async move { meter.list("ldk/monitor_update/").await }).unwrap()
}

#[test]
fn an_old_channels_payments_write_no_more_than_a_young_ones() {
    let pair = pair();
    let meter = pair.again("wallet");
    pair.pay(20);
    let written = |count: usize| {
        let before = meter.monitor_bytes.get();
        pair.pay(count);
        meter.monitor_bytes.get() - before
    };
    let young = written(40);
    pair.pay(120);
    let old = written(40);
    assert!(old < young * 3 / 2, "{young} bytes for 40 payments, {old} bytes for 40 after 180");
    pair.agree("at the end");
}

#[test]
fn a_wallet_killed_after_any_payment_goes_on_where_it_was() {
    let pair = pair();
    let mut kept = Vec::new();
    for round in 0..40 {
        // Now one dies, now the other; two payments, so that updates gather over their lives.
        let who = if round % 4 == 3 { "gateway" } else { "wallet" };
        pair.pay(2);
        let meter = pair.again(who);
        pair.agree(&format!("round {round}"));
        if who == "wallet" {
            kept.push(updates(&pair.world, &meter).len());
        }
    }
    assert!(kept.iter().any(|count| *count > 8), "updates were stored by themselves: {kept:?}");
    assert!(
        kept.windows(2).any(|two| two[1] < two[0]),
        "and went when the monitor was written whole: {kept:?}"
    );
}

#[test]
fn a_new_block_leaves_no_updates_behind() {
    let pair = pair();
    let meter = pair.again("wallet");
    pair.pay(5);
    assert!(!updates(&pair.world, &meter).is_empty());
    pair.world.mine(1);
    pair.pay(1);
    assert!(updates(&pair.world, &meter).len() < 8, "only those of the last payment");
}

#[test]
fn a_gap_in_the_updates_is_refused_by_name() {
    let pair = pair();
    let meter = pair.again("wallet");
    pair.pay(5);
    let lost = updates(&pair.world, &meter).remove(3);
    pair.world.kill("wallet", pair.world.node("wallet"));
    let wrap = move |store| -> Rc<dyn Store> {
        let meter = WriteMeter::new(store);
        meter.lost.borrow_mut().push(lost);
        Rc::new(meter)
    };
    let opened: Result<Node, NodeError> = pair.world.try_open("wallet", pair.world.disk("wallet"), wrap);
    let error = opened.err().unwrap();
    assert!(
        matches!(&error, NodeError::Corrupt { what, .. } if what.starts_with("channel monitor")),
        "{error:?}"
    );
}

/// The gateway comes back with an old disk and broadcasts what it has revoked; a wallet that knows of that only by updates
/// takes all of it.
#[test]
fn what_only_updates_say_was_revoked_is_punished() {
    let pair = pair();
    let world = &pair.world;
    let before = world.node("wallet").onchain().balance().0;
    let earlier = world.snapshot("gateway");
    let meter = pair.again("wallet");
    pair.pay(4);
    world.kill("gateway", world.node("gateway"));
    world.kill("wallet", world.node("wallet"));
    assert!(updates(world, &meter).len() > 12);
    world.cheat(earlier);
    let wallet = world.open("wallet");
    world.mine(1);
    for _ in 0..4 {
        world.platform.advance(Duration::from_secs(120));
        world.mine(6);
    }
    let gained = wallet.onchain().balance().0.saturating_sub(before);
    assert!(gained > 980_000, "{gained} of a channel of 1000000 sat: its own part and the cheat's");
}

#[test]
fn the_monitor_of_a_channel_that_was_closed_long_ago_is_let_go() {
    let pair = pair();
    pair.pay(3);
    let meter = pair.again("wallet");
    let wallet = pair.world.node("wallet");
    let stored = || {
        let meter = Rc::clone(&meter);
        let both = async move { (meter.list("ldk/monitor/").await, meter.list("ldk/monitor_update/").await) };
        let (whole, updates) = pair.world.platform.run(both);
        (whole.unwrap().len(), updates.unwrap().len())
    };
    assert_eq!(stored().0, 1);
    wallet.channels().close(wallet.channels().list()[0].channel_id, false).unwrap();
    pair.world.platform.advance(Duration::from_secs(10));
    pair.world.mine(6);
    pair.world.platform.advance(Duration::from_secs(1_300));
    assert_eq!(stored().0, 1, "kept for four weeks more");
    pair.world.mine(4_032);
    pair.world.platform.advance(Duration::from_secs(1_300));
    assert_eq!(stored(), (0, 0));
    // And the manager is read without it.
    pair.again("wallet");
}
