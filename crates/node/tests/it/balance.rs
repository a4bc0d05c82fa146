//! Balances are true to the millisatoshi, whatever is in flight, and what can be spent can be paid.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use amplet_node::lightning_invoice::Bolt11Invoice;
use amplet_node::{ChannelBalance, Node, PayError, PaymentId};
use amplet_protocol::Msat;
use amplet_protocol::page::PaymentStatus;
use amplet_storage::Store;
use amplet_transport::Platform;
use amplet_transport::testing::TestPlatform;

use crate::world::{World, open, through};

/// A store whose commits wait while the gate is shut: the node says nothing more.
fn gated(inner: Rc<dyn Store>, platform: TestPlatform, shut: Rc<Cell<bool>>) -> Rc<dyn Store> {
    through(inner, move |store, batch| {
        let (platform, shut) = (platform.clone(), Rc::clone(&shut));
        async move {
            while shut.get() {
                platform.sleep(Duration::from_millis(10)).await;
            }
            store.commit(batch).await
        }
    })
}

/// xorshift64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// A channel between the gateway and another node, as it must be.
struct Expected {
    other: &'static str,
    capacity_msat: u64,
    gateways_msat: u64,
    others_msat: u64,
    /// In flight to the other node, and from it.
    to_other_msat: u64,
    from_other_msat: u64,
}

/// A payment that does not end: the payer's channel, the payee's, and what is in flight there.
struct Stuck {
    id: PaymentId,
    payer: &'static str,
    payee: &'static str,
    amount_msat: u64,
    fee_msat: u64,
}

/// An invoice of a node.
struct Asked {
    payee: &'static str,
    amount_msat: u64,
    invoice: Bolt11Invoice,
}

/// A gateway in the middle of four channels, some funded by it; one gives the other node nothing, so that it is below its reserve.
struct Star {
    world: World,
    shut: Vec<(&'static str, Rc<Cell<bool>>)>,
    channels: Vec<Expected>,
    stuck: Vec<Stuck>,
}

impl Star {
    fn new() -> Self {
        let world = World::new();
        let gateway = world.open("gateway");
        world.fund(&gateway, 20_000_000);
        let mut star = Self { world, shut: Vec::new(), channels: Vec::new(), stuck: Vec::new() };
        for (other, sat, push_msat) in [("wallet", 500_000, 100_000_000), ("payee", 1_000_000, 400_000_123)] {
            star.join(&gateway, other, sat, push_msat);
        }
        star.join(&gateway, "island", 800_000, 100_000_000);
        star.join(&gateway, "second", 1_000_000, 0);
        star.world.platform.advance(Duration::from_secs(180));
        star
    }

    fn join(&mut self, gateway: &Node, other: &'static str, sat: u64, push_msat: u64) {
        let (world, shut) = (&self.world, Rc::new(Cell::new(false)));
        let (platform, gate) = (world.platform.clone(), Rc::clone(&shut));
        let node = world.open_with(other, world.disk(other), move |inner| gated(inner, platform, gate));
        // The wallet funds its own channel, the others' are the gateway's.
        let capacity_msat = sat * 1000;
        let (gateways_msat, others_msat) = if other == "wallet" {
            world.fund(&node, 2_000_000);
            world.connect(&node, gateway, "gateway");
            world.channel(&node, gateway, open(sat, push_msat, false));
            (push_msat, capacity_msat - push_msat)
        } else {
            world.connect(gateway, &node, other);
            world.channel(gateway, &node, open(sat, push_msat, true));
            (capacity_msat - push_msat, push_msat)
        };
        self.shut.push((other, shut));
        let (to_other_msat, from_other_msat) = (0, 0);
        let channel =
            Expected { other, capacity_msat, gateways_msat, others_msat, to_other_msat, from_other_msat };
        self.channels.push(channel);
    }

    fn expected(&mut self, other: &str) -> &mut Expected {
        self.channels.iter_mut().find(|channel| channel.other == other).unwrap()
    }

    fn shut(&self, name: &str, shut: bool) {
        self.shut.iter().find(|(known, _)| *known == name).unwrap().1.set(shut);
    }

    /// Pays, and moves what must move.
    fn pay(&mut self, payer: &'static str, payee: &'static str, amount_msat: u64) -> bool {
        let (from, to) = (self.world.node(payer), self.world.node(payee));
        let invoice = self.world.ask(&to, amount_msat);
        let id = match self.world.begin(&from, &invoice, 1_000_000) {
            Ok(id) => id,
            Err(error) => {
                println!("{payer} pays {payee} {amount_msat}: {error}");
                return false;
            }
        };
        self.world.platform.advance(Duration::from_secs(1));
        let paid = self.world.payment(&from, id).unwrap();
        match paid.status {
            PaymentStatus::Succeeded => {
                let fee_msat = paid.fee_msat.unwrap().get();
                self.moved(payer, payee, amount_msat, fee_msat);
                true
            }
            PaymentStatus::Failed { .. } => false,
            PaymentStatus::Pending => panic!("{paid:?}"),
        }
    }

    fn moved(&mut self, payer: &str, payee: &str, amount_msat: u64, fee_msat: u64) {
        if payer != "gateway" {
            let channel = self.expected(payer);
            channel.others_msat -= amount_msat + fee_msat;
            channel.gateways_msat += amount_msat + fee_msat;
        }
        if payee != "gateway" {
            let channel = self.expected(payee);
            channel.gateways_msat -= amount_msat;
            channel.others_msat += amount_msat;
        }
    }

    fn ask(&self, payee: &'static str, amount_msat: u64) -> Asked {
        let invoice = self.world.ask(&self.world.node(payee), amount_msat);
        self.world.platform.advance(Duration::from_secs(1));
        Asked { payee, amount_msat, invoice }
    }

    /// Begins a payment to a node and shuts that node, so that the payment stays in flight.
    fn begin(&mut self, payer: &'static str, asked: Asked) {
        let Asked { payee, amount_msat, invoice } = asked;
        self.shut(payee, true);
        let from = self.world.node(payer);
        let id = self.world.begin(&from, &invoice, 1_000_000).unwrap();
        self.world.platform.advance(Duration::from_secs(1));
        let payment = self.world.payment(&from, id).unwrap();
        assert_eq!(payment.status, PaymentStatus::Pending, "{payment:?}");
        let fee_msat = payment.parts.iter().map(|part| part.fee_msat.get()).sum();
        let channel = self.expected(payer);
        channel.others_msat -= amount_msat + fee_msat;
        channel.from_other_msat += amount_msat + fee_msat;
        let channel = self.expected(payee);
        channel.gateways_msat -= amount_msat;
        channel.to_other_msat += amount_msat;
        self.stuck.push(Stuck { id, payer, payee, amount_msat, fee_msat });
    }

    /// Opens all gates: what was in flight arrives.
    fn release(&mut self) {
        for (_, shut) in &self.shut {
            shut.set(false);
        }
        self.world.platform.advance(Duration::from_secs(2));
        for Stuck { id, payer, payee, amount_msat, fee_msat } in std::mem::take(&mut self.stuck) {
            let ended = self.world.payment(&self.world.node(payer), id).unwrap();
            assert_eq!(ended.status, PaymentStatus::Succeeded, "{ended:?}");
            let channel = self.expected(payer);
            channel.from_other_msat -= amount_msat + fee_msat;
            channel.gateways_msat += amount_msat + fee_msat;
            let channel = self.expected(payee);
            channel.to_other_msat -= amount_msat;
            channel.others_msat += amount_msat;
        }
    }

    /// Compares each channel, seen from both ends, with what it must be.
    fn check(&self, when: &str) {
        let gateway = self.world.node("gateway");
        for expected in &self.channels {
            let node = self.world.node(expected.other);
            let seen = only_channel(&node, &gateway);
            let from_gateway = only_channel(&gateway, &node);
            let figures = |b: &ChannelBalance| {
                [b.ours_msat, b.theirs_msat, b.pending_outbound_msat, b.pending_inbound_msat].map(Msat::get)
            };
            let (ours, theirs) = (expected.others_msat, expected.gateways_msat);
            let (out, back) = (expected.from_other_msat, expected.to_other_msat);
            assert_eq!(figures(&seen), [ours, theirs, out, back], "{when}: {}", expected.other);
            assert_eq!(
                figures(&from_gateway),
                [theirs, ours, back, out],
                "{when}: gateway, {}",
                expected.other
            );
            assert_eq!(ours + theirs + out + back, expected.capacity_msat, "{when}: {}", expected.other);
            let balance = node.channels().balance();
            assert_eq!(balance.lightning_msat.get(), ours, "{when}: {}", expected.other);
            assert_eq!(
                (balance.pending_outbound_msat.get(), balance.pending_inbound_msat.get()),
                (out, back)
            );
        }
    }
}

fn only_channel(node: &Node, peer: &Node) -> ChannelBalance {
    let channels = node.channels().list();
    let channel = channels.iter().find(|channel| channel.counterparty.node_id == peer.node_id()).unwrap();
    node.channels().balance_of(channel)
}

/// Dust, a fraction of a satoshi, or up to 30,000 sat.
fn amount(dice: &mut Dice) -> u64 {
    match dice.below(4) {
        0 => 1 + dice.below(999),
        1 => 1_000 + dice.below(400_000),
        2 => 1_000 * (1 + dice.below(2_000)),
        _ => 1 + dice.below(30_000_000),
    }
}

#[test]
fn both_sides_and_what_is_in_flight_are_the_capacity_to_the_millisatoshi() {
    const NAMES: [&str; 5] = ["wallet", "payee", "island", "second", "gateway"];
    let mut star = Star::new();
    star.check("opened");
    let (mut dice, mut paid) = (Dice(0x9e37_79b9_7f4a_7c15), 0);
    for round in 0..6 {
        for step in 0..6 {
            let payer = NAMES[dice.below(4) as usize];
            let payee = NAMES[dice.below(5) as usize];
            if payer != payee && star.pay(payer, payee, amount(&mut dice)) {
                paid += 1;
            }
            star.check(&format!("round {round}, step {step}"));
        }
        // HTLCs in both directions of the payee's channel, and in the wallet's; large and dust.
        let [one, two, three] = ["island", "second", "payee"].map(|payee| star.ask(payee, amount(&mut dice)));
        star.begin("payee", one);
        star.begin("wallet", two);
        star.check(&format!("round {round}, in flight to others"));
        star.begin("wallet", three);
        star.check(&format!("round {round}, in flight both ways"));
        star.release();
        star.check(&format!("round {round}, released"));
    }
    assert!(paid > 15, "{paid}");
}

#[test]
fn the_balance_moves_by_what_was_paid_from_the_first_satoshi_on() {
    let world = World::new();
    let gateway = world.open("gateway");
    let wallet = world.open("wallet");
    world.fund(&wallet, 2_000_000);
    world.connect(&wallet, &gateway, "gateway");
    world.channel(&wallet, &gateway, open(500_000, 0, false));
    let mut expected = 500_000_000;
    assert_eq!(wallet.channels().balance().lightning_msat.get(), expected, "all that was moved");
    for sat in [100, 200, 100, 1, 5_000] {
        assert_eq!(world.pay(&wallet, &world.ask(&gateway, sat * 1000)).status, PaymentStatus::Succeeded);
        world.platform.advance(Duration::from_secs(1));
        expected -= sat * 1000;
        assert_eq!(wallet.channels().balance().lightning_msat.get(), expected, "{sat}");
    }
    let balance = wallet.channels().balance();
    assert_eq!(balance.channel_reserve_msat.get(), 5_000_000, "one percent");
    // Two anchors of 330 sat, and a commitment of 1,124 weight without HTLCs (BOLT 3).
    let channel = wallet.channels().list().remove(0);
    let fee_sat = u64::from(channel.feerate_sat_per_1000_weight.unwrap()) * 1124 / 1000;
    assert_eq!(balance.close_cost_msat.get(), 660_000 + fee_sat * 1000, "{balance:?}");
    wallet.channels().close(channel.channel_id, true).unwrap();
    world.platform.advance(Duration::from_secs(5));
    let closing = wallet.channels().balance();
    assert_eq!(
        (closing.lightning_msat.get(), closing.closing_sat * 1000),
        (0, expected - balance.close_cost_msat.get())
    );
}

#[test]
fn what_can_be_spent_can_be_paid_in_one_press() {
    let mut star = Star::new();
    let wallet = star.world.node("wallet");
    let gateway = star.world.node("gateway");
    // To somebody behind the gateway, whose fee comes on top.
    let spendable = wallet.channels().balance().spendable_msat.get();
    assert!(star.pay("wallet", "payee", spendable), "{spendable}");
    star.check("paid all");
    assert!(star.pay("payee", "wallet", 200_000_000));
    let spendable = wallet.channels().balance().spendable_msat.get();
    let more = star.world.ask(&star.world.node("payee"), spendable + 1000);
    let Err(PayError::NoRoute(refused)) = star.world.begin(&wallet, &more, 1_000_000) else { panic!() };
    let largest = refused.no_route.unwrap().largest_msat.unwrap().get();
    assert!((spendable - 100_000..=spendable).contains(&largest), "{refused}, {spendable}");
    // To the gateway itself, which takes no fee.
    let direct = wallet.channels().spendable_to(&gateway.node_id()).get();
    assert!(direct > spendable && direct < spendable + 100_000, "{direct} {spendable}");
    let more = star.world.ask(&gateway, direct + 1000);
    let refused = star.world.begin(&wallet, &more, 0).unwrap_err().to_string();
    assert!(refused.contains(&format!("{} sat", direct / 1000)), "{refused}, {direct}");
    assert!(star.pay("wallet", "gateway", direct), "{direct}");
    star.check("paid all to the gateway");
}

#[test]
fn a_third_payment_leaves_beside_two_in_flight_over_the_payees_only_channel() {
    for amount_msat in [40_000, 90_000_000] {
        let mut star = Star::new();
        let asked: Vec<Asked> = (0..4).map(|_| star.ask("island", amount_msat)).collect();
        for asked in asked {
            star.begin("wallet", asked);
        }
        star.release();
        star.check("all four arrived");
    }
}
