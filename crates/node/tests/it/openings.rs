//! Openings of channels, cut at every moment: before and after each commit, and before each message, of either side; the
//! process of one side ends, or both. Afterwards there is a channel that carries payments both ways, or there is none, and
//! no money is gone or kept.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use amplet_node::{ChannelError, Node, OpenChannel};
use amplet_protocol::page::{Payment, PaymentKind, PaymentStatus};
use amplet_transport::Platform;
use futures::FutureExt;

use crate::world::{Moment, Power, World, msat, open};

const SAVINGS_SAT: u64 = 3_000_000;
const CAPACITY_SAT: u64 = 1_000_000;

/// A way to open a channel between wallet and gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The wallet funds it.
    Wallet,
    /// The gateway funds it, at the wallet's request.
    Gateway,
    /// The same, used before it confirms.
    Trusted,
}

/// The side on whose work the moment is counted, and who ends then.
#[derive(Clone, Copy, Debug)]
struct Death {
    counted: &'static str,
    both: bool,
    moment: Moment,
}

struct Scene {
    world: World,
    way: Way,
    wallet: Node,
    gateway: Node,
    powers: [Rc<Power>; 2],
}

impl Scene {
    fn new(way: Way) -> Self {
        let world = World::new();
        world.trust_zero_conf.set(way == Way::Trusted);
        let (gateway, of_gateway) = world.open_powered("gateway");
        let (wallet, of_wallet) = world.open_powered("wallet");
        world.fund(&gateway, SAVINGS_SAT);
        world.fund(&wallet, SAVINGS_SAT);
        world.connect(&wallet, &gateway, "gateway");
        world.platform.advance(Duration::from_secs(1));
        Self { world, way, wallet, gateway, powers: [of_wallet, of_gateway] }
    }

    fn funder(&self) -> &Node {
        if self.way == Way::Wallet { &self.wallet } else { &self.gateway }
    }

    fn other(&self) -> &Node {
        if self.way == Way::Wallet { &self.gateway } else { &self.wallet }
    }

    fn how(&self) -> OpenChannel {
        OpenChannel { zero_reserve: self.way == Way::Trusted, ..open(CAPACITY_SAT, 0, false) }
    }

    /// Opens a channel, for three seconds and then three blocks; returns whether it was acknowledged.
    fn begin(&self) -> bool {
        let done = self.start();
        // Who lives reads them by itself.
        self.world.mine_silently();
        self.world.server.chain.borrow_mut().mine_empty(2);
        self.world.platform.advance(Duration::from_secs(30));
        *done.borrow()
    }

    /// Opens a channel, for three seconds; what is returned tells whether it was acknowledged.
    fn start(&self) -> Rc<RefCell<bool>> {
        let done = Rc::new(RefCell::new(false));
        let (out, from, to, how) =
            (Rc::clone(&done), self.funder().clone(), self.other().node_id(), self.how());
        let opening = async move { *out.borrow_mut() = from.channels().open(to, &how).await.is_ok() };
        self.world.platform.spawn(opening.boxed_local());
        self.world.platform.advance(Duration::from_secs(3));
        done
    }

    /// Ends the processes without power and begins them again.
    fn revive(&mut self) {
        let [of_wallet, of_gateway] = [self.powers[0].is_off(), self.powers[1].is_off()];
        if of_wallet {
            self.world.kill("wallet", self.wallet.clone());
        }
        if of_gateway {
            self.world.kill("gateway", self.gateway.clone());
        }
        self.world.platform.advance(Duration::from_secs(2));
        if of_gateway {
            self.gateway = self.world.open("gateway");
        }
        if of_wallet {
            self.wallet = self.world.open("wallet");
            self.world.connect(&self.wallet, &self.gateway, "gateway");
        }
        self.world.platform.advance(Duration::from_secs(90));
        for _ in 0..3 {
            self.world.mine(2);
            self.world.platform.advance(Duration::from_secs(20));
        }
    }

    fn has_channel(&self) -> bool {
        let [wallet, gateway] = [&self.wallet, &self.gateway].map(|node| node.channels().list());
        assert_eq!(wallet.len(), gateway.len(), "both know it or none: {wallet:#?}{gateway:#?}");
        assert!(wallet.len() < 2);
        for channel in wallet.iter().chain(&gateway) {
            assert!(channel.is_usable, "{channel:#?}");
        }
        !wallet.is_empty()
    }

    fn lines(&self, node: &Node) -> Vec<Payment> {
        let node = node.clone();
        let lines = self.world.platform.run(async move { node.ledger().history(None, 100).await }).unwrap();
        lines.into_iter().filter(|line| line.kind == PaymentKind::ChannelOpen).collect()
    }

    /// A payment to the side that did not fund, and half of it back.
    fn pay_both_ways(&self) {
        let there = self.world.pay(self.funder(), &self.world.ask(self.other(), 200_000_000));
        assert_eq!(there.status, PaymentStatus::Succeeded, "to the other side");
        let back = self.world.pay(self.other(), &self.world.ask(self.funder(), 100_000_000));
        assert_eq!(back.status, PaymentStatus::Succeeded, "and back");
    }

    fn check_opened(&self) {
        let lines = self.lines(self.funder());
        let [line] = &lines[..] else { panic!("one line: {lines:#?}") };
        assert_eq!(line.status, PaymentStatus::Succeeded);
        let fee_sat = line.fee_msat.unwrap().get() / 1000;
        assert_eq!(self.funder().onchain().balance(), (SAVINGS_SAT - CAPACITY_SAT - fee_sat, 0));
        assert_eq!(self.other().onchain().balance(), (SAVINGS_SAT, 0));
        self.pay_both_ways();
    }

    fn check_gone(&self) {
        for node in [&self.wallet, &self.gateway] {
            assert_eq!(node.onchain().balance(), (SAVINGS_SAT, 0), "savings are as before");
            let balance = node.channels().balance();
            assert_eq!((balance.lightning_msat, balance.closing_sat), (msat(0), 0), "{balance:?}");
            for line in self.lines(node) {
                assert!(matches!(line.status, PaymentStatus::Failed { .. }), "{line:#?}");
            }
        }
        assert!(self.world.mempool.borrow().is_empty(), "{:?}", self.world.mempool.borrow());
        // Nothing keeps the same money from opening the next channel.
        self.world.channel(
            self.funder(),
            self.other(),
            OpenChannel { capacity_sat: 2_900_000, ..self.how() },
        );
        assert!(self.has_channel());
        self.pay_both_ways();
    }
}

/// Returns false when the opening was over before that moment.
fn survives(way: Way, death: Death) -> bool {
    let mut scene = Scene::new(way);
    let index = usize::from(death.counted == "gateway");
    let neighbour = death.both.then(|| &scene.powers[1 - index]);
    scene.powers[index].arm(death.moment, neighbour);
    let acknowledged = scene.begin();
    if !scene.powers[index].is_off() {
        return false;
    }
    scene.revive();
    let exists = scene.has_channel();
    assert!(exists || !acknowledged, "it was acknowledged and is gone");
    if exists {
        scene.check_opened()
    } else {
        scene.check_gone()
    }
    true
}

fn at_every_moment(way: Way, counted: &'static str) {
    let kinds: [fn(u32) -> Moment; 3] = [Moment::BeforeCommit, Moment::AfterCommit, Moment::BeforeMessage];
    let mut moments = 0;
    for both in [false, true] {
        for kind in kinds {
            for number in 0.. {
                let death = Death { counted, both, moment: kind(number) };
                println!("{way:?} {death:?}");
                if !survives(way, death) {
                    break;
                }
                moments += 1;
            }
        }
    }
    assert!(moments >= 16, "{moments} moments of an opening");
}

#[test]
fn a_wallet_that_dies_while_it_funds_a_channel_has_one_or_its_money() {
    at_every_moment(Way::Wallet, "wallet");
}

#[test]
fn a_gateway_that_dies_while_a_wallet_funds_a_channel_has_one_or_none() {
    at_every_moment(Way::Wallet, "gateway");
}

#[test]
fn a_wallet_that_dies_while_a_gateway_funds_a_channel_has_one_or_none() {
    at_every_moment(Way::Gateway, "wallet");
}

#[test]
fn a_gateway_that_dies_while_it_funds_a_channel_has_one_or_its_money() {
    at_every_moment(Way::Gateway, "gateway");
}

#[test]
fn a_wallet_that_dies_while_a_trusted_gateway_funds_a_channel_has_one_or_none() {
    at_every_moment(Way::Trusted, "wallet");
}

#[test]
fn a_trusted_gateway_that_dies_while_it_funds_a_channel_has_one_or_its_money() {
    at_every_moment(Way::Trusted, "gateway");
}

/// What the wallet was told, that nothing was spent and it may try again, stays true when the gateway accepts after all.
#[test]
fn a_channel_that_is_accepted_too_late_is_gone_and_costs_nothing() {
    let scene = Scene::new(Way::Wallet);
    scene.world.answer_no_channel.set(true);
    let (from, to, how) = (scene.wallet.clone(), scene.gateway.node_id(), scene.how());
    let told = Rc::new(RefCell::new(None));
    let out = Rc::clone(&told);
    let opening = async move { *out.borrow_mut() = Some(from.channels().open(to, &how).await) };
    scene.world.platform.spawn(opening.boxed_local());
    scene.world.platform.advance(Duration::from_secs(30));
    let asked = scene.wallet.channels().list()[0].channel_id;
    assert!(told.borrow().is_none());
    scene.world.platform.advance(Duration::from_secs(31));
    assert!(matches!(*told.borrow(), Some(Err(ChannelError::Timeout))), "{told:?}");
    let (manager, peer) = (scene.gateway.manager(), scene.wallet.node_id());
    // Refused, when the gateway has heard that nobody waits.
    let _ = manager.accept_inbound_channel(&asked, &peer, 7, None);
    scene.world.platform.advance(Duration::from_secs(30));
    scene.world.answer_no_channel.set(false);
    assert!(!scene.has_channel());
    scene.check_gone();
}

/// A gateway decides about other requests meanwhile, so it has to know to the satoshi what this one still binds.
#[test]
fn an_opening_binds_its_promise_then_its_coins_and_at_its_end_nothing() {
    let scene = Scene::new(Way::Gateway);
    let (world, gateway) = (&scene.world, &scene.gateway);
    world.answer_no_channel.set(true);
    scene.start();
    assert_eq!(
        (gateway.channels().promised_sat(), gateway.onchain().free_sat()),
        (CAPACITY_SAT, SAVINGS_SAT)
    );
    world.platform.advance(Duration::from_secs(60));
    assert_eq!((gateway.channels().promised_sat(), gateway.onchain().free_sat()), (0, SAVINGS_SAT));
    assert!(gateway.channels().list().is_empty());
    // A peer that accepts and then does not sign.
    world.answer_no_channel.set(false);
    scene.powers[0].arm(Moment::BeforeMessage(1), None);
    scene.start();
    assert_eq!((gateway.channels().promised_sat(), gateway.onchain().free_sat()), (0, 0), "one coin, held");
    world.platform.advance(Duration::from_secs(60));
    assert_eq!((gateway.channels().promised_sat(), gateway.onchain().free_sat()), (0, SAVINGS_SAT));
    assert_eq!(gateway.onchain().balance(), (SAVINGS_SAT, 0));
}

/// What cannot follow its funding to the chain is not broadcast, and binds no savings; once it can, it is.
#[test]
fn a_commitment_is_broadcast_when_the_peers_funding_is_on_the_chain_and_not_before() {
    let scene = Scene::new(Way::Trusted);
    let (from, to) = (scene.gateway.clone(), scene.wallet.node_id());
    let how = OpenChannel { zero_reserve: true, ..open(CAPACITY_SAT, 400_000_000, false) };
    scene.world.platform.run(async move { from.channels().open(to, &how).await }).unwrap();
    scene.world.platform.advance(Duration::from_secs(1));
    let funding = scene.world.mempool.borrow_mut().pop().unwrap();
    scene.world.kill("gateway", scene.gateway.clone());
    let id = scene.wallet.channels().list()[0].channel_id;
    scene.wallet.channels().close(id, true).unwrap();
    scene.world.platform.advance(Duration::from_secs(130));
    assert!(scene.world.mempool.borrow().is_empty(), "{:?}", scene.world.mempool.borrow());
    assert_eq!(scene.wallet.onchain().balance(), (SAVINGS_SAT, 0));
    assert_eq!(scene.wallet.channels().balance().closing_sat, 0, "there is nothing to come home yet");
    scene.world.mempool.borrow_mut().push(funding.clone());
    scene.world.mine(0);
    scene.world.platform.advance(Duration::from_secs(70));
    let spends = |tx: &amplet_node::bitcoin::Transaction| {
        tx.input.iter().any(|input| input.previous_output.txid == funding.compute_txid())
    };
    assert!(scene.world.mempool.borrow().iter().any(spends), "the commitment follows");
    assert!(scene.wallet.channels().balance().closing_sat > 390_000);
}
