//! After a restart: wallets are back soon, and payments to them wait for that.

use std::time::Duration;

use amplet_node::{Node, PaymentId};
use amplet_protocol::page::PaymentStatus;

use crate::world::{World, two_wallets};

/// wallet -> gateway -> other, another wallet.
struct Scene {
    world: World,
    wallet: Node,
    gateway: Node,
    other: Node,
}

impl Scene {
    fn new() -> Self {
        let (world, [wallet, gateway, other]) = two_wallets();
        Self { world, wallet, gateway, other }
    }

    fn advance(&self, secs: u64) {
        self.world.platform.advance(Duration::from_secs(secs));
    }

    fn begin(&self) -> PaymentId {
        let invoice = self.world.ask(&self.other, 5_000_000);
        self.world.kill("other", self.other.clone());
        self.world.begin(&self.wallet, &invoice, 100_000).unwrap()
    }

    fn status(&self, id: PaymentId) -> PaymentStatus {
        self.world.payment(&self.wallet, id).unwrap().status
    }

    fn other_is_back(&self, gateway: &Node) -> Node {
        let other = self.world.open("other");
        self.world.connect(&other, gateway, "gateway");
        other
    }

    /// Nothing is in flight in any channel.
    fn assert_quiet(&self, nodes: &[&Node]) {
        for node in nodes {
            for channel in node.channels().list() {
                assert!(
                    channel.pending_inbound_htlcs.is_empty() && channel.pending_outbound_htlcs.is_empty()
                );
            }
        }
    }
}

#[test]
fn wallets_are_back_within_five_seconds_of_a_gateways_return() {
    let Scene { world, mut gateway, wallet, other } = Scene::new();
    for down in [0, 1, 5, 12, 20, 25, 28, 29, 30] {
        world.kill("gateway", gateway);
        world.platform.advance(Duration::from_secs(down));
        gateway = world.open("gateway");
        world.platform.advance(Duration::from_secs(5));
        for back in [&wallet, &other] {
            assert!(back.peers().is_connected(&gateway.node_id()), "after {down} s");
            assert!(back.channels().list().iter().all(|channel| channel.is_usable), "after {down} s");
        }
        world.platform.advance(Duration::from_secs(15));
    }
}

#[test]
fn a_payment_to_a_wallet_that_is_not_back_yet_waits_for_it() {
    let scene = Scene::new();
    let id = scene.begin();
    scene.advance(12);
    assert_eq!(scene.status(id), PaymentStatus::Pending);
    let other = scene.other_is_back(&scene.gateway);
    scene.advance(2);
    assert_eq!(scene.status(id), PaymentStatus::Succeeded);
    scene.assert_quiet(&[&scene.wallet, &scene.gateway, &other]);
}

#[test]
fn a_payment_to_a_wallet_that_does_not_come_back_fails_soon() {
    let scene = Scene::new();
    let id = scene.begin();
    scene.advance(19);
    assert_eq!(scene.status(id), PaymentStatus::Pending);
    scene.advance(3);
    assert!(matches!(scene.status(id), PaymentStatus::Failed { .. }), "{:?}", scene.status(id));
    let other = scene.other_is_back(&scene.gateway);
    scene.advance(5);
    scene.assert_quiet(&[&scene.wallet, &scene.gateway, &other]);
}

#[test]
fn a_payment_to_a_wallet_that_is_away_for_long_fails_at_once() {
    let scene = Scene::new();
    let invoice = scene.world.ask(&scene.other, 5_000_000);
    scene.world.kill("other", scene.other.clone());
    scene.advance(660);
    let id = scene.world.begin(&scene.wallet, &invoice, 100_000).unwrap();
    scene.advance(2);
    assert!(matches!(scene.status(id), PaymentStatus::Failed { .. }), "{:?}", scene.status(id));
}

#[test]
fn what_is_held_survives_the_gateways_restart() {
    for other_returns in [true, false] {
        let scene = Scene::new();
        let id = scene.begin();
        scene.advance(3);
        scene.world.kill("gateway", scene.gateway.clone());
        scene.advance(10);
        let gateway = scene.world.open("gateway");
        scene.advance(6);
        assert_eq!(scene.status(id), PaymentStatus::Pending);
        let other = other_returns.then(|| scene.other_is_back(&gateway));
        scene.advance(20);
        let status = scene.status(id);
        match &other {
            Some(_) => assert_eq!(status, PaymentStatus::Succeeded),
            None => assert!(matches!(status, PaymentStatus::Failed { .. }), "{status:?}"),
        }
        scene.assert_quiet(&[&scene.wallet, &gateway]);
    }
}

#[test]
fn no_more_than_some_places_are_taken_by_one_wallet_that_is_away() {
    let scene = Scene::new();
    let invoices: Vec<_> = (0..32).map(|_| scene.world.ask(&scene.other, 1_000_000)).collect();
    scene.world.kill("other", scene.other.clone());
    let begin = |invoice| scene.world.begin(&scene.wallet, invoice, 100_000).unwrap();
    let ids: Vec<_> = invoices.iter().map(begin).collect();
    scene.advance(5);
    let pending = ids.iter().filter(|id| scene.status(**id) == PaymentStatus::Pending).count();
    assert_eq!(pending, 30);
}
