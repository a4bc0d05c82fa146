//! Channels with several peers, funded by one transaction: all of them, or none, wherever it is cut.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use amplet_node::bitcoin::FeeRate;
use amplet_node::bitcoin::secp256k1::PublicKey;
use amplet_node::lightning::ln::types::ChannelId;
use amplet_node::{ChannelError, Node, NotOpened, OnchainError, OpenChannel};
use amplet_protocol::page::{Payment, PaymentKind, PaymentStatus};
use amplet_transport::Platform;
use futures::FutureExt;

use crate::world::{Moment, Power, World, msat, open};

const SAVINGS_SAT: u64 = 3_000_000;
const CAPACITIES_SAT: [u64; 2] = [1_000_000, 700_000];
const NAMES: [&str; 3] = ["gateway", "wallet", "payee"];

type Outcome = Rc<RefCell<Option<Result<Vec<ChannelId>, NotOpened>>>>;

/// A gateway with one coin, and two peers that are connected to it.
struct Scene {
    world: World,
    /// The gateway, and its peers.
    nodes: [Node; 3],
    powers: [Rc<Power>; 3],
    trusted: bool,
}

impl Scene {
    fn new(trusted: bool) -> Self {
        let world = World::new();
        world.trust_zero_conf.set(trusted);
        let opened = NAMES.map(|name| world.open_powered(name));
        let (nodes, powers) = (opened.each_ref().map(|it| it.0.clone()), opened.map(|it| it.1));
        world.fund(&nodes[0], SAVINGS_SAT);
        for peer in &nodes[1..] {
            world.connect(peer, &nodes[0], "gateway");
        }
        world.platform.advance(Duration::from_secs(1));
        Self { world, nodes, powers, trusted }
    }

    fn gateway(&self) -> &Node {
        &self.nodes[0]
    }

    fn peers(&self) -> &[Node] {
        &self.nodes[1..]
    }

    fn orders(&self, capacities: [u64; 2]) -> Vec<(PublicKey, OpenChannel)> {
        let how = |sat| OpenChannel { zero_reserve: self.trusted, ..open(sat, 0, false) };
        self.peers().iter().zip(capacities).map(|(peer, sat)| (peer.node_id(), how(sat))).collect()
    }

    /// Opens both channels, for three seconds.
    fn start(&self, orders: Vec<(PublicKey, OpenChannel)>) -> Outcome {
        let outcome = Outcome::default();
        let (out, from) = (Rc::clone(&outcome), self.gateway().clone());
        let opening = async move { *out.borrow_mut() = Some(from.channels().open_together(&orders).await) };
        self.world.platform.spawn(opening.boxed_local());
        self.world.platform.advance(Duration::from_secs(3));
        outcome
    }

    /// Two blocks, which nobody is told of.
    fn mine(&self) {
        self.world.mine_silently();
        self.world.server.chain.borrow_mut().mine_empty(2);
        self.world.platform.advance(Duration::from_secs(30));
    }

    /// Ends the processes without power and begins them again.
    fn revive(&mut self) {
        let dead = [0, 1, 2].map(|at| self.powers[at].is_off());
        for at in (0..3).filter(|at| dead[*at]) {
            self.world.kill(NAMES[at], self.nodes[at].clone());
        }
        self.world.platform.advance(Duration::from_secs(2));
        for at in (0..3).filter(|at| dead[*at]) {
            self.nodes[at] = self.world.open(NAMES[at]);
        }
        for at in (1..3).filter(|at| dead[*at]) {
            self.world.connect(&self.nodes[at], &self.nodes[0], "gateway");
        }
        self.world.platform.advance(Duration::from_secs(90));
        for _ in 0..3 {
            self.world.mine(2);
            self.world.platform.advance(Duration::from_secs(20));
        }
    }

    /// Returns whether there are channels: with every peer, or with none.
    fn has_channels(&self) -> bool {
        let counts = self.nodes.each_ref().map(|node| node.channels().list().len());
        assert!(counts == [2, 1, 1] || counts == [0, 0, 0], "{counts:?}");
        for channel in self.nodes.iter().flat_map(|node| node.channels().list()) {
            assert!(channel.is_usable, "{channel:#?}");
        }
        counts[0] > 0
    }

    fn lines(&self) -> Vec<Payment> {
        let node = self.gateway().clone();
        let lines = self.world.platform.run(async move { node.ledger().history(None, 100).await }).unwrap();
        lines.into_iter().filter(|line| line.kind == PaymentKind::ChannelOpen).collect()
    }

    fn pay_both_ways(&self) {
        for peer in self.peers() {
            let there = self.world.pay(self.gateway(), &self.world.ask(peer, 200_000_000));
            assert_eq!(there.status, PaymentStatus::Succeeded, "to the peer");
            let back = self.world.pay(peer, &self.world.ask(self.gateway(), 100_000_000));
            assert_eq!(back.status, PaymentStatus::Succeeded, "and back");
        }
    }

    fn check_opened(&self, capacities: [u64; 2]) {
        let lines = self.lines();
        let succeeded = |line: &&Payment| line.status == PaymentStatus::Succeeded;
        let [line] = lines.iter().filter(succeeded).collect::<Vec<_>>()[..] else { panic!("{lines:#?}") };
        let opened_sat = capacities.iter().sum::<u64>();
        assert_eq!(line.amount_msat.unwrap(), msat(opened_sat * 1000));
        let fee_sat = line.fee_msat.unwrap().get() / 1000;
        assert_eq!(self.gateway().onchain().balance(), (SAVINGS_SAT - opened_sat - fee_sat, 0));
        self.pay_both_ways();
    }

    fn check_gone(&self) {
        let onchain = self.gateway().onchain();
        assert_eq!(
            (onchain.balance(), onchain.free_sat()),
            ((SAVINGS_SAT, 0), SAVINGS_SAT),
            "no coin is held"
        );
        assert_eq!(self.gateway().channels().promised_sat(), 0);
        assert_eq!(onchain.reserve_sat(0), 0, "nothing is kept for closing what never was");
        for node in &self.nodes {
            let balance = node.channels().balance();
            assert_eq!((balance.lightning_msat, balance.closing_sat), (msat(0), 0), "{balance:?}");
        }
        for line in self.lines() {
            assert!(matches!(line.status, PaymentStatus::Failed { .. }), "{line:#?}");
        }
        assert!(self.world.mempool.borrow().is_empty(), "{:?}", self.world.mempool.borrow());
    }

    /// Nothing keeps the same money from opening the next channels.
    fn open_again(&self) {
        let capacities = [1_900_000, 1_000_000];
        let outcome = self.start(self.orders(capacities));
        assert!(matches!(&*outcome.borrow(), Some(Ok(ids)) if ids.len() == 2), "{outcome:?}");
        self.mine();
        self.world.mine(4);
        self.world.platform.advance(Duration::from_secs(5));
        assert!(self.has_channels());
        self.check_opened(capacities);
    }
}

#[test]
fn one_transaction_opens_channels_with_several_peers() {
    let scene = Scene::new(false);
    let mut orders = scene.orders(CAPACITIES_SAT);
    orders[0].1.fee_rate = FeeRate::from_sat_per_vb(3);
    orders[1].1.fee_rate = FeeRate::from_sat_per_vb(7);
    orders[1].1.push_msat = msat(50_000_000);
    let outcome = scene.start(orders);
    let mempool = scene.world.mempool.borrow().clone();
    let [funding] = &mempool[..] else { panic!("{mempool:?}") };
    assert_eq!(funding.input.len(), 1);
    let of_channels: Vec<u64> = funding.output.iter().map(|output| output.value.to_sat()).collect();
    assert!(CAPACITIES_SAT.iter().all(|sat| of_channels.contains(sat)), "{of_channels:?}");
    let fee_sat = SAVINGS_SAT - of_channels.iter().sum::<u64>();
    let rate = fee_sat as f64 / funding.vsize() as f64;
    assert!((7.0..7.2).contains(&rate), "the highest rate counts: {rate} sat/vB");
    let ids = outcome.borrow_mut().take().unwrap().unwrap();
    let channels = scene.gateway().channels().list();
    for ((id, peer), sat) in ids.iter().zip(scene.peers()).zip(CAPACITIES_SAT) {
        let channel = channels.iter().find(|channel| channel.channel_id == *id).unwrap();
        assert_eq!(
            (channel.counterparty.node_id, channel.channel_value_satoshis),
            (peer.node_id(), sat),
            "ids come in the order of what was asked for"
        );
        assert_eq!(channel.funding_txo.unwrap().txid, funding.compute_txid());
    }
    scene.mine();
    scene.world.mine(4);
    scene.world.platform.advance(Duration::from_secs(5));
    assert!(scene.has_channels());
    assert_eq!(scene.peers()[1].channels().balance().lightning_msat, msat(50_000_000));
    scene.check_opened(CAPACITIES_SAT);
}

#[test]
fn several_channels_are_funded_from_change_that_waits_for_a_block() {
    let scene = Scene::new(false);
    for (peer, sat) in scene.peers().iter().zip([200_000, 300_000]) {
        scene.world.try_channel(scene.gateway(), peer, open(sat, 0, false));
    }
    let outcome = scene.start(scene.orders(CAPACITIES_SAT));
    assert!(matches!(&*outcome.borrow(), Some(Ok(_))), "{outcome:?}");
    assert_eq!(scene.world.mempool.borrow().len(), 3);
    scene.world.mine(6);
    scene.world.platform.advance(Duration::from_secs(5));
    let channels = scene.gateway().channels().list();
    assert_eq!(channels.iter().filter(|channel| channel.is_usable).count(), 4);
}

#[test]
fn a_channel_that_cannot_be_asked_for_ends_those_that_were_and_is_named() {
    let scene = Scene::new(false);
    let mut orders = scene.orders(CAPACITIES_SAT);
    // LDK does not even ask for it.
    orders[1].1.capacity_sat = 1_000;
    let outcome = scene.start(orders);
    let failed = outcome.borrow_mut().take().unwrap().unwrap_err();
    assert_eq!(failed.peers, [scene.peers()[1].node_id()]);
    scene.world.platform.advance(Duration::from_secs(5));
    assert!(!scene.has_channels());
    scene.check_gone();
    scene.open_again();
}

#[test]
fn a_peer_that_does_not_answer_ends_them_all_after_a_minute() {
    let scene = Scene::new(false);
    // The first is asked while it answers, the second when nobody does.
    scene.powers[2].cut();
    let outcome = scene.start(scene.orders(CAPACITIES_SAT));
    assert_eq!(scene.gateway().channels().promised_sat(), CAPACITIES_SAT.iter().sum::<u64>());
    assert!(outcome.borrow().is_none());
    scene.world.platform.advance(Duration::from_secs(58));
    let failed = outcome.borrow_mut().take().unwrap().unwrap_err();
    assert_eq!(failed.peers, [scene.peers()[1].node_id()], "{failed:?}");
    scene.world.platform.advance(Duration::from_secs(5));
    assert!(scene.gateway().channels().list().is_empty());
    assert!(scene.peers()[0].channels().list().is_empty());
    scene.check_gone();
}

#[test]
fn peers_that_are_not_connected_and_money_that_is_not_there_are_told_at_once() {
    let scene = Scene::new(false);
    let stranger = scene.world.open("other");
    let mut orders = scene.orders(CAPACITIES_SAT);
    orders.push((stranger.node_id(), open(100_000, 0, false)));
    let failed = scene.start(orders).borrow_mut().take().unwrap().unwrap_err();
    assert!(matches!(failed.error, ChannelError::NotConnected), "{failed:?}");
    assert_eq!(failed.peers, [stranger.node_id()]);
    // Each of them alone could be paid for.
    let failed = scene.start(scene.orders([1_600_000, 1_600_000])).borrow_mut().take().unwrap().unwrap_err();
    assert!(
        matches!(
            failed.error,
            ChannelError::Onchain(OnchainError::Insufficient { needed_sat: 3_200_000.., .. })
        ),
        "{failed:?}"
    );
    assert!(failed.peers.is_empty());
    assert!(!scene.has_channels());
    scene.check_gone();
    scene.open_again();
}

/// A process ends, and with it another one, or not. Returns false when the opening was over before that moment.
fn survives(trusted: bool, counted: usize, neighbour: Option<usize>, moment: Moment) -> bool {
    let mut scene = Scene::new(trusted);
    scene.powers[counted].arm(moment, neighbour.map(|at| &scene.powers[at]));
    let outcome = scene.start(scene.orders(CAPACITIES_SAT));
    scene.mine();
    if !scene.powers[counted].is_off() {
        return false;
    }
    let acknowledged = matches!(&*outcome.borrow(), Some(Ok(_)));
    scene.revive();
    let exist = scene.has_channels();
    assert!(exist || !acknowledged, "they were acknowledged and are gone");
    if exist {
        scene.check_opened(CAPACITIES_SAT);
    } else {
        scene.check_gone();
        scene.open_again();
    }
    true
}

fn at_every_moment(trusted: bool, counted: usize) {
    let kinds: [fn(u32) -> Moment; 3] = [Moment::BeforeCommit, Moment::AfterCommit, Moment::BeforeMessage];
    let mut moments = 0;
    for neighbour in [None, Some((counted + 1) % 3)] {
        for kind in kinds {
            for number in 0.. {
                println!("trusted {trusted}, {}, {neighbour:?}, {:?}", NAMES[counted], kind(number));
                if !survives(trusted, counted, neighbour, kind(number)) {
                    break;
                }
                moments += 1;
            }
        }
    }
    assert!(moments >= 16, "{moments} moments of an opening");
}

#[test]
fn a_gateway_that_dies_while_it_funds_several_channels_has_all_or_its_money() {
    at_every_moment(false, 0);
}

#[test]
fn a_peer_that_dies_while_a_gateway_funds_its_channel_and_others_has_all_or_none() {
    at_every_moment(false, 1);
}

#[test]
fn a_trusted_gateway_that_dies_while_it_funds_several_channels_has_all_or_its_money() {
    at_every_moment(true, 0);
}

#[test]
fn a_peer_that_dies_while_a_trusted_gateway_funds_its_channel_has_all_or_none() {
    at_every_moment(true, 2);
}
