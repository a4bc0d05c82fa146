//! A wallet behind three gateways, one of which is away or frozen: the others' channels work, and payments in parts find their way.

use std::rc::Rc;
use std::time::Duration;

use amplet_instructions::{Kind, Reader};
use amplet_node::{AmpParts, AmpPayee, Authorization, Node, Order, PayAmp, PaymentId};
use amplet_protocol::page::{Network, PartState, Payment, PaymentStatus};

use crate::world::{Moment, Power, World, msat, open};

const GATEWAYS: [&str; 3] = ["gateway", "second", "island"];
/// Of each channel of the wallet's, half of which is the gateway's.
const CHANNEL_SAT: u64 = 1_000_000;

struct Net {
    world: World,
    wallet: Node,
    payee: Node,
    /// Of the last gateway.
    power: Rc<Power>,
}

impl Net {
    fn new() -> Self {
        let world = World::new();
        let [payee, wallet] = ["payee", "wallet"].map(|name| world.open(name));
        world.open("gateway");
        world.open("second");
        let (_, power) = world.open_powered("island");
        for name in GATEWAYS {
            let gateway = world.node(name);
            world.fund(&gateway, 20_000_000);
            world.fund(&wallet, 1_500_000);
            world.connect(&gateway, &payee, "payee");
            world.connect(&wallet, &gateway, name);
            world.channel(&gateway, &payee, open(5_000_000, 2_500_000_000, true));
            world.channel(&wallet, &gateway, open(CHANNEL_SAT, 500_000_000, false));
        }
        world.platform.advance(Duration::from_secs(180));
        Self { world, wallet, payee, power }
    }

    fn last(&self) -> Node {
        self.world.node(GATEWAYS[2])
    }

    /// Begins to pay an AMP invoice in parts of 100,000 sat.
    fn begin(&self, from: &Node, to: &Node, amount_msat: u64) -> PaymentId {
        let text = self.world.ask_amp(to, Some(amount_msat));
        let reader = Reader { network: Network::Regtest, to_ascii: &|_| None };
        let Kind::Amp(invoice) = reader.read(&text).unwrap().methods.remove(0).kind else { panic!() };
        let parts = AmpParts { max_msat: msat(100_000_000), ..AmpParts::default() };
        let to = AmpPayee::invoice(*invoice).unwrap();
        let pay = PayAmp { to, amount_msat: None, max_fee_msat: msat(10_000_000), parts };
        let from = from.clone();
        self.world
            .platform
            .run(async move { from.payments().begin(Order::from(pay), &Authorization::user()).await })
            .unwrap()
    }

    fn pay(&self, from: &Node, to: &Node, amount_msat: u64) -> Payment {
        let id = self.begin(from, to, amount_msat);
        self.world.platform.advance(Duration::from_secs(10));
        self.world.payment(from, id).unwrap()
    }

    fn spendable(&self) -> u64 {
        self.wallet.channels().balance().lightning_msat.get()
    }
}

/// Parts that took this gateway first, in a state.
fn over(payment: &Payment, gateway: &Node, state: PartState) -> usize {
    let id = gateway.node_id().serialize();
    let parts = payment.parts.iter().filter(|part| part.path.first().is_some_and(|hop| hop.node.0 == id));
    parts.filter(|part| part.state == state).count()
}

#[test]
fn all_gateways_carry_a_payment_that_none_could_alone() {
    let net = Net::new();
    let paid = net.pay(&net.wallet, &net.payee, 1_200_000_000);
    assert_eq!(paid.status, PaymentStatus::Succeeded, "{paid:?}");
    for name in GATEWAYS {
        assert!(over(&paid, &net.world.node(name), PartState::Succeeded) > 1, "{name}: {paid:?}");
    }
    let back = net.pay(&net.payee, &net.wallet, 1_200_000_000);
    assert_eq!(back.status, PaymentStatus::Succeeded, "{back:?}");
}

#[test]
fn a_gateway_that_is_away_takes_no_part_with_it() {
    let net = Net::new();
    let before = net.spendable();
    net.world.kill(GATEWAYS[2], net.last());
    net.world.platform.advance(Duration::from_secs(5));
    let paid = net.pay(&net.wallet, &net.payee, 800_000_000);
    assert_eq!(paid.status, PaymentStatus::Succeeded, "{paid:?}");
    assert!(paid.parts.iter().all(|part| part.state == PartState::Succeeded), "{paid:?}");
    // The payee still thinks of all three, or learns that one does not carry.
    let back = net.pay(&net.payee, &net.wallet, 800_000_000);
    assert_eq!(back.status, PaymentStatus::Succeeded, "{back:?}");
    net.world.platform.advance(Duration::from_secs(5));
    let fees = net.world.payment(&net.wallet, paid.id).unwrap().fee_msat.unwrap().get();
    assert_eq!(net.spendable(), before - fees);
}

#[test]
fn a_gateway_that_freezes_with_parts_binds_these_and_nothing_else() {
    let net = Net::new();
    let before = net.spendable();
    net.power.arm(Moment::BeforeCommit(0), None);
    let id = net.begin(&net.wallet, &net.payee, 1_200_000_000);
    net.world.platform.advance(Duration::from_secs(10));
    assert!(net.power.is_off(), "it has parts and says nothing more");
    let held = net.world.payment(&net.wallet, id).unwrap();
    assert_eq!(held.status, PaymentStatus::Pending);
    // The payee lets go of what came by the others; they carry other payments meanwhile.
    net.world.platform.advance(Duration::from_secs(130));
    let held = net.world.payment(&net.wallet, id).unwrap();
    assert_eq!(held.status, PaymentStatus::Pending, "some of it may still arrive");
    for name in [GATEWAYS[0], GATEWAYS[1]] {
        assert_eq!(over(&held, &net.world.node(name), PartState::Pending), 0, "{held:?}");
    }
    let other = net.pay(&net.wallet, &net.payee, 600_000_000);
    assert_eq!(other.status, PaymentStatus::Succeeded, "{other:?}");
    // It comes back: what it still forwards waits for the rest of its set in vain.
    net.world.kill(GATEWAYS[2], net.last());
    let gateway = net.world.open(GATEWAYS[2]);
    net.world.connect(&gateway, &net.payee, "payee");
    net.world.connected(&net.wallet, gateway.node_id());
    net.world.platform.advance(Duration::from_secs(150));
    let ended = net.world.payment(&net.wallet, id).unwrap();
    assert!(matches!(ended.status, PaymentStatus::Failed { .. }), "{ended:?}");
    let cost = other.amount_msat.unwrap().get() + other.fee_msat.unwrap().get();
    assert_eq!(net.spendable(), before - cost);
    assert_eq!(net.wallet.channels().list().len(), 3, "no channel was closed");
}
