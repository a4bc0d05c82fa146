//! Parts of AMP sets that are refused: they go back at once, and other sets wait on.

use std::time::Duration;

use amplet_amp::{Amp, Child, Share};
use amplet_node::{AmpLimits, Node, PaymentId};
use amplet_protocol::page::PaymentStatus;

use super::amp::{lightning_msat, received, two_channels};
use crate::world::{AmpPayer, World, msat};

/// A wallet that holds half a set while others come.
struct Scene {
    world: World,
    wallet: Node,
    gateway: Node,
    address: [u8; 32],
    good: AmpPayer,
    last: Child,
    before: u64,
    sets: u8,
}

const GOOD_MSAT: u64 = 8_000_000;

impl Scene {
    fn new() -> Self {
        let (world, wallet, gateway) = two_channels();
        let address = World::address_of(&world.ask_amp(&wallet, None));
        let before = lightning_msat(&wallet);
        let mut good = AmpPayer::new(&gateway, &wallet, 200, address, GOOD_MSAT);
        let children = good.deal(2);
        assert!(good.send(0, children[0], GOOD_MSAT / 2));
        world.platform.advance(Duration::from_secs(2));
        Self { world, wallet, gateway, address, good, last: children[1], before, sets: 0 }
    }

    /// A new set.
    fn payer(&mut self, address: [u8; 32], total_msat: u64) -> AmpPayer {
        self.sets += 1;
        AmpPayer::new(&self.gateway, &self.wallet, self.sets, address, total_msat)
    }

    fn pass(&self) {
        self.world.platform.advance(Duration::from_secs(2));
    }

    /// Money in flight beside the good set.
    fn others_msat(&self) -> u64 {
        self.good.in_flight_msat() - GOOD_MSAT / 2
    }

    /// Nothing but the good set is held, and nothing was taken.
    fn all_back(&self, what: &str) {
        self.pass();
        assert_eq!(self.others_msat(), 0, "{what}: held");
        assert_eq!(lightning_msat(&self.wallet), self.before, "{what}: taken");
    }

    /// The good set completes.
    fn end(self) {
        assert!(self.good.send(1, self.last, GOOD_MSAT / 2));
        self.pass();
        let payment = self.world.payment(&self.wallet, self.good.id()).unwrap();
        assert_eq!((payment.status, payment.amount_msat), (PaymentStatus::Succeeded, Some(msat(GOOD_MSAT))));
        assert_eq!(self.good.in_flight_msat(), 0);
    }
}

#[test]
fn parts_that_contradict_their_set_go_back() {
    let mut scene = Scene::new();
    let address = scene.address;
    // Shares that do not give the hashes: all of the set.
    let mut payer = scene.payer(address, 6_000_000);
    let children = payer.deal(2);
    assert!(payer.send(0, children[0], 3_000_000));
    scene.pass();
    assert_eq!(scene.others_msat(), 3_000_000);
    let wrong = Amp { child: Child { share: Share([3; 32]), index: 1 }, set: payer.outgoing.set() };
    assert!(payer.send_record(1, payer.hash(children[1]), &wrong.write(), 3_000_000));
    scene.all_back("wrong shares");
    // Another total, another address, an index twice: that part alone.
    let mut payer = scene.payer(address, 6_000_000);
    let children = payer.deal(2);
    assert!(payer.send(0, children[0], 3_000_000));
    scene.pass();
    let total = payer.total;
    for (total_msat, at) in [(7_000_000, address), (5_000_000, address), (6_000_000, [1; 32])] {
        (payer.total.total_msat, payer.total.address.0) = (msat(total_msat), at);
        assert!(payer.send(1, children[1], 3_000_000));
        scene.pass();
        assert_eq!(scene.others_msat(), 3_000_000, "{total_msat} to {at:?}");
    }
    payer.total = total;
    let twice = Amp { child: Child { share: Share([3; 32]), index: 0 }, set: payer.outgoing.set() };
    assert!(payer.send_record(1, PaymentId([5; 32]), &twice.write(), 3_000_000));
    scene.pass();
    assert_eq!(scene.others_msat(), 3_000_000, "an index twice");
    // It completes all the same, once.
    assert!(payer.send(1, children[1], 3_000_000));
    scene.pass();
    assert_eq!((scene.others_msat(), lightning_msat(&scene.wallet)), (0, scene.before + 6_000_000));
    scene.before += 6_000_000;
    // After it: a part more, and its id again.
    let late = Amp { child: Child { share: Share([3; 32]), index: 7 }, set: payer.outgoing.set() };
    assert!(payer.send_record(0, PaymentId([6; 32]), &late.write(), 1_000_000));
    scene.all_back("a late part");
    let mut again = AmpPayer::new(&scene.gateway, &scene.wallet, scene.sets, address, 2_000_000);
    again.outgoing = amplet_amp::Outgoing::new(payer.outgoing.set(), Share([77; 32]));
    let child = again.deal(1)[0];
    assert!(again.send(0, child, 2_000_000));
    scene.all_back("a set's id again");
    assert_eq!(received(&scene.world, &scene.wallet).len(), 1);
    scene.end();
}

#[test]
fn payloads_that_are_not_amps_go_back() {
    let mut scene = Scene::new();
    let address = scene.address;
    for length in [0, 31, 63, 70] {
        let mut payer = scene.payer(address, 2_000_000);
        let child = payer.deal(1)[0];
        let mut record = payer.outgoing.record(child).write();
        record.resize(length, 1);
        assert!(payer.send_record(0, payer.hash(child), &record, 2_000_000));
        scene.all_back(&format!("{length} bytes"));
    }
    let beside = [(5_482_373_484, vec![7; 32]), (16, vec![7; 90]), (65_536, vec![1]), (65_537, vec![0; 950])];
    for (record_type, value) in beside {
        let mut payer = scene.payer(address, 2_000_000);
        payer.records.push((record_type, value));
        let child = payer.deal(1)[0];
        assert!(payer.send(0, child, 2_000_000));
        if record_type == 65_537 {
            // Odd, and there is room for it.
            scene.pass();
            assert_eq!(lightning_msat(&scene.wallet), scene.before + 2_000_000);
            scene.before += 2_000_000;
        }
        scene.all_back(&format!("beside {record_type}"));
    }
    // So large that what LDK needs finds no room.
    let mut payer = scene.payer(address, 2_000_000);
    payer.records.push((65_537, vec![0; 1_115]));
    let child = payer.deal(1)[0];
    assert!(payer.send(0, child, 2_000_000));
    scene.all_back("a full onion");
    scene.end();
}

#[test]
fn parts_that_do_not_pay_their_invoice_go_back() {
    let mut scene = Scene::new();
    let address = World::address_of(&scene.world.ask_amp(&scene.wallet, Some(3_000_000)));
    for (total_msat, delta) in [(2_999_999, 147), (6_000_001, 147), (3_000_000, 130)] {
        let mut payer = scene.payer(address, total_msat);
        payer.delta = delta;
        let child = payer.deal(1)[0];
        assert!(payer.send(1, child, total_msat));
        scene.all_back(&format!("{total_msat} msat, {delta} blocks"));
    }
    // The hash of an invoice that others pay: theirs is not in the way.
    let invoice = scene.world.ask(&scene.wallet, 1_000_000);
    let mut payer = scene.payer(address, 3_000_000);
    let child = payer.deal(2)[0];
    let hash = PaymentId(invoice.payment_hash().0);
    assert!(payer.send_record(0, hash, &payer.outgoing.record(child).write(), 1_000_000));
    scene.all_back("an invoice's hash");
    let mut payer = scene.payer(address, 6_000_000);
    let child = payer.deal(1)[0];
    assert!(payer.send(1, child, 6_000_000));
    scene.pass();
    assert_eq!(lightning_msat(&scene.wallet), scene.before + 6_000_000, "twice as much");
    scene.before += 6_000_000;
    scene.world.platform.advance(Duration::from_secs(3_720));
    assert_eq!(scene.good.in_flight_msat(), 0);
    let mut payer = scene.payer(address, 3_000_000);
    let child = payer.deal(1)[0];
    assert!(payer.send(1, child, 3_000_000));
    scene.pass();
    assert_eq!((payer.in_flight_msat(), lightning_msat(&scene.wallet)), (0, scene.before), "expired");
}

#[test]
fn strangers_get_in_within_limits_only() {
    let limits = AmpLimits { parts: 2, sets: 2, msat: msat(10_000_000), secs: 60 };
    let (world, wallet, gateway) = two_channels();
    world.spontaneous_amp.set(limits);
    world.kill("wallet", wallet);
    let wallet = world.open("wallet");
    world.connect(&wallet, &gateway, "gateway");
    world.platform.advance(Duration::from_secs(5));
    let before = lightning_msat(&wallet);
    let pass = || world.platform.advance(Duration::from_secs(2));
    let payer = |number, total_msat| AmpPayer::new(&gateway, &wallet, number, [number; 32], total_msat);
    // Nobody has to ask.
    let mut first = payer(1, 2_000_000);
    let children = first.deal(2);
    assert!(first.send(0, children[0], 1_000_000) && first.send(1, children[1], 1_000_000));
    pass();
    assert_eq!(lightning_msat(&wallet), before + 2_000_000);
    assert_eq!(received(&world, &wallet)[0].invoice, None);
    // Too many parts, too much money, too many sets.
    let mut many = payer(2, 3_000_000);
    let children = many.deal(3);
    children.iter().for_each(|child| assert!(many.send(0, *child, 1_000_000)));
    pass();
    assert_eq!(many.in_flight_msat(), 2_000_000);
    let mut much = payer(3, 8_000_000);
    let child = much.deal(1)[0];
    assert!(much.send(0, child, 8_000_000));
    pass();
    assert_eq!(many.in_flight_msat(), 2_000_000);
    let mut second = payer(4, 2_000_000);
    let child = second.deal(2)[0];
    assert!(second.send(0, child, 1_000_000));
    let mut third = payer(5, 1_000_000);
    let child = third.deal(1)[0];
    assert!(third.send(0, child, 1_000_000));
    pass();
    assert_eq!((third.in_flight_msat(), lightning_msat(&wallet)), (3_000_000, before + 2_000_000));
    // Invoices have limits of their own, and strangers' time is short.
    let address = World::address_of(&world.ask_amp(&wallet, None));
    let mut invited = AmpPayer::new(&gateway, &wallet, 6, address, 20_000_000);
    let children = invited.deal(4);
    children.iter().for_each(|child| assert!(invited.send(0, *child, 5_000_000)));
    world.platform.advance(Duration::from_secs(60));
    assert_eq!((invited.in_flight_msat(), lightning_msat(&wallet)), (0, before + 22_000_000));
    // A node that takes no keysends takes none of these.
    world.refuse_keysends.set(true);
    let mut refused = payer(7, 1_000_000);
    let child = refused.deal(1)[0];
    assert!(refused.send(0, child, 1_000_000));
    pass();
    assert_eq!((refused.in_flight_msat(), lightning_msat(&wallet)), (0, before + 22_000_000));
}
