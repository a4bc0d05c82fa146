//! Channels closed together, whatever fails meanwhile: what both have signed is what ends in a block, and no commitment.

use std::rc::Rc;
use std::time::Duration;

use amplet_node::Node;
use amplet_protocol::page::{EventKind, PaymentStatus};

use crate::world::{Moment, Power, World, is_commitment, open, pair};

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

    /// From now on a commitment pays more than what was agreed upon, and would win.
    fn raise_fees(&self) {
        *self.world.server.fees.borrow_mut() = Some(r#"{"1":40,"6":40,"144":40,"1008":40}"#.into());
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

fn moments() -> impl Iterator<Item = Moment> {
    let commits = (0..4).flat_map(|number| [Moment::BeforeCommit(number), Moment::AfterCommit(number)]);
    commits.chain((0..8).map(Moment::BeforeMessage))
}

/// Whichever message is lost with a process: a peer that misses the last `closing_signed` waits for the block (found by chaos, seed
/// 1945).
#[test]
fn a_process_that_ends_while_a_channel_is_closed_together_makes_nobody_close_it_by_force() {
    for (push_msat, dies) in [(HALF_MSAT, 0), (HALF_MSAT, 1), (0, 0), (0, 1)] {
        for moment in moments() {
            let mut scene = Scene::new(push_msat);
            scene.powers[dies].arm(moment, None);
            scene.wallet.channels().close(scene.wallet.channels().list()[0].channel_id, false).unwrap();
            scene.pass(5);
            scene.revive();
            scene.ends_together(&format!("{push_msat} msat pushed, {dies} dies {moment:?}"));
        }
    }
}

/// LDK keeps no note of a closing transaction: opened again before that is in a block, it closes the channel once more, by force (found
/// by chaos, seed 1148); also where all the money is the other side's.
#[test]
fn a_channel_closed_together_is_not_closed_by_force_at_the_next_start() {
    for push_msat in [HALF_MSAT, 0] {
        let mut scene = Scene::new(push_msat);
        scene.wallet.channels().close(scene.wallet.channels().list()[0].channel_id, false).unwrap();
        scene.pass(5);
        let closing = scene.world.mempool.borrow().clone();
        assert_eq!(closing.len(), 1, "the closing transaction");
        scene.powers.iter().for_each(|power| power.cut());
        scene.raise_fees();
        scene.revive();
        scene.pass(600);
        assert_eq!(*scene.world.mempool.borrow(), closing, "and nothing else");
        for node in [&scene.wallet, &scene.gateway] {
            assert_eq!(
                node.channels().balance().closing_sat,
                0,
                "in the savings, and not on its way as well"
            );
        }
        scene.ends_together("opened again");
    }
}

/// Nobody but the side without money in it is there when a source takes the closing transaction.
#[test]
fn a_closing_transaction_is_sent_again_by_a_side_without_money_in_it() {
    let mut scene = Scene::new(0);
    scene.world.server.down.set(true);
    scene.wallet.channels().close(scene.wallet.channels().list()[0].channel_id, false).unwrap();
    scene.pass(5);
    assert!(scene.gateway.channels().list().is_empty());
    scene.powers[0].cut();
    scene.pass(600);
    scene.world.server.down.set(false);
    scene.world.server.chain.borrow_mut().mine_empty(1);
    scene.pass(300);
    assert_eq!(scene.world.mempool.borrow().len(), 1, "the closing transaction is sent again");
    scene.revive();
    scene.ends_together("sent again");
}

/// One side has heard of a rise of fees that the other, which pays, has not: they agree all the same.
#[test]
fn a_side_that_sees_higher_fees_closes_together() {
    for wallet_closes in [true, false] {
        let mut scene = Scene::new(HALF_MSAT);
        scene.powers[1].cut();
        scene.raise_fees();
        scene.revive();
        scene.pass(3);
        let closer = if wallet_closes { &scene.wallet } else { &scene.gateway };
        closer.channels().close(closer.channels().list()[0].channel_id, false).unwrap();
        scene.pass(5);
        assert_eq!(scene.world.mempool.borrow().len(), 1, "the closing transaction");
        scene.ends_together("at fees that one side has not heard of");
    }
}

#[test]
fn a_channel_closed_together_while_no_source_answers_comes_home_all_the_same() {
    let (world, wallet, gateway) = pair();
    let before = wallet.onchain().balance().0;
    world.server.down.set(true);
    let id = wallet.channels().list()[0].channel_id;
    wallet.channels().close(id, false).unwrap();
    world.platform.advance(Duration::from_secs(5));
    assert!(wallet.channels().list().is_empty() && gateway.channels().list().is_empty());
    world.platform.advance(Duration::from_secs(600));
    world.server.down.set(false);
    // Looks for deposits, which it is not; then a block, with which what waits is sent again.
    world.platform.advance(Duration::from_secs(300));
    world.mine(0);
    world.platform.advance(Duration::from_secs(5));
    assert_eq!(world.mempool.borrow().len(), 1, "the closing transaction is sent again");
    world.mine(5);
    let gained = wallet.onchain().balance().0 - before;
    assert!((495_000..500_000).contains(&gained), "{gained}");
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
