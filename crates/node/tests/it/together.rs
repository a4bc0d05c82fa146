//! Channels closed together, whatever fails meanwhile: what both have signed is what ends in a block, and no commitment.

use std::rc::Rc;
use std::time::Duration;

use amplet_node::Node;
use amplet_node::bitcoin::Transaction;
use amplet_protocol::page::{EventKind, PaymentStatus};

use crate::world::{Moment, Power, World, open};

/// A channel's capacity, in sat.
const CAPACITY_SAT: u64 = 1_000_000;
/// Half of it.
const HALF_MSAT: u64 = 500_000_000;

/// A wallet that has opened a channel to a gateway, and the power of both.
struct Scene {
    world: World,
    wallet: Node,
    gateway: Node,
    /// The wallet's, the gateway's.
    powers: [Rc<Power>; 2],
    /// Savings of both before the channel is closed, in sat.
    before: u64,
}

impl Scene {
    fn new(push_msat: u64) -> Self {
        let world = World::new();
        let (gateway, of_gateway) = world.open_powered("gateway");
        let (wallet, of_wallet) = world.open_powered("wallet");
        world.fund(&gateway, 5_000_000);
        world.fund(&wallet, 2_000_000);
        world.connect(&wallet, &gateway, "gateway");
        world.channel(&wallet, &gateway, open(CAPACITY_SAT, push_msat, false));
        assert!(wallet.channels().list()[0].is_usable);
        let before = wallet.onchain().balance().0 + gateway.onchain().balance().0;
        Self { world, wallet, gateway, powers: [of_wallet, of_gateway], before }
    }

    fn pass(&self, secs: u64) {
        self.world.platform.advance(Duration::from_secs(secs));
    }

    /// Begins the processes without power again.
    fn revive(&mut self) {
        let [of_wallet, of_gateway] = [self.powers[0].is_off(), self.powers[1].is_off()];
        if of_gateway {
            self.world.kill("gateway", self.gateway.clone());
            (self.gateway, self.powers[1]) = self.world.open_powered("gateway");
        }
        if of_wallet {
            self.world.kill("wallet", self.wallet.clone());
            (self.wallet, self.powers[0]) = self.world.open_powered("wallet");
            self.world.connect(&self.wallet, &self.gateway, "gateway");
        }
        self.powers.iter().for_each(|power| power.disarm());
    }

    /// Mines until all is buried: nothing but what both signed has spent the channel, and its money is in the savings.
    fn ends_together(&self, what: &str) {
        self.pass(600);
        assert!(!self.world.mempool.borrow().iter().any(is_commitment), "{what}: a commitment is sent");
        for _ in 0..2 {
            self.world.mine(6);
            self.pass(600);
        }
        let chain = self.world.server.chain.borrow();
        let mut mined = chain.blocks().iter().flat_map(|block| &block.txdata);
        assert!(!mined.any(is_commitment), "{what}: a commitment is mined");
        for node in [&self.wallet, &self.gateway] {
            for event in node.ledger().events() {
                let EventKind::ChannelClosed { reason, .. } = event.kind else { continue };
                let is_agreed = ["cooperatively closed", "commitment or closing transaction was confirmed"];
                assert!(is_agreed.iter().any(|words| reason.contains(words)), "{what}: {reason}");
            }
        }
        let open = [&self.wallet, &self.gateway].map(|node| node.channels().list().len());
        assert_eq!(open[0], open[1], "{what}: one side has no channel");
        let closing = [&self.wallet, &self.gateway].map(|node| node.channels().balance().closing_sat);
        assert_eq!(closing, [0, 0], "{what}: it is in the savings, and not on its way as well");
        let gained = self.wallet.onchain().balance().0 + self.gateway.onchain().balance().0 - self.before;
        let expected = if open[0] == 1 { 0..1 } else { CAPACITY_SAT - 5_000..CAPACITY_SAT };
        assert!(expected.contains(&gained), "{what}: {gained} sat came home");
    }
}

/// A commitment, by its obscured number (BOLT 3).
fn is_commitment(tx: &Transaction) -> bool {
    tx.lock_time.to_consensus_u32() >> 24 == 0x20
}

/// The gateway closes while an HTLC of the wallet's waits for the disk: the wallet's `shutdown` may only follow it, also on the next
/// connection when both are lost (found by chaos, seed 1638).
#[test]
fn a_shutdown_follows_an_htlc_that_waited_for_the_disk() {
    for lost in [None, Some(0), Some(1), Some(2), Some(3)] {
        let mut scene = Scene::new(HALF_MSAT);
        let invoice = scene.world.ask(&scene.gateway, 1_000_000);
        scene.world.disk("wallet").set_quota(Some(1));
        let id = scene.world.begin(&scene.wallet, &invoice, 10_000).unwrap();
        let channel = scene.gateway.channels().list()[0].channel_id;
        scene.gateway.channels().close(channel, false).unwrap();
        scene.pass(1);
        if let Some(number) = lost {
            scene.powers[0].arm(Moment::BeforeMessage(number), None);
        }
        scene.world.disk("wallet").set_quota(None);
        scene.pass(30);
        scene.revive();
        scene.pass(30);
        let arrived = [&scene.wallet, &scene.gateway]
            .map(|node| scene.world.payment(node, id).unwrap().status == PaymentStatus::Succeeded);
        assert_eq!(arrived[0], arrived[1], "{lost:?}: sent, and arrived");
        scene.ends_together(&format!("{lost:?} lost"));
        assert!(scene.wallet.channels().list().is_empty(), "{lost:?}: it is closed");
    }
}
