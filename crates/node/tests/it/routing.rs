//! Ways for payments: several parts, failures, what is learnt of them, routing data that is missing or wrong.

use std::rc::Rc;
use std::time::Duration;

use amplet_node::{Authorization, Keysend, Node, PayError, PaymentId};
use amplet_protocol::page::{
    ErrorCode, NoRoute, NoRouteReason, PartState, Payment, PaymentPart, PaymentStatus,
};
use amplet_router::{Beliefs, Scid, snapshot};
use amplet_storage::kdf::Kek;
use amplet_storage::{Batch, MemoryBackend, SealedStore, Store};

use crate::world::{World, msat, open};

/// A wallet with a channel of 1,000,000 sat to each of two gateways, which are connected with each other and the payee. The
/// first gateway's channel to the payee looks like the others, but nearly everything in it is the payee's.
struct Net {
    world: World,
    wallet: Node,
    gateway: Node,
    second: Node,
    payee: Node,
}

fn net() -> Net {
    let world = World::new();
    let [gateway, second, payee, wallet] =
        ["gateway", "second", "payee", "wallet"].map(|name| world.open(name));
    world.fund(&gateway, 12_000_000);
    world.fund(&second, 6_000_000);
    world.fund(&wallet, 1_500_000);
    world.fund(&wallet, 1_500_000);
    world.connect(&gateway, &payee, "payee");
    world.connect(&gateway, &second, "second");
    world.connect(&second, &payee, "payee");
    world.connect(&wallet, &gateway, "gateway");
    world.connect(&wallet, &second, "second");
    world.channel(&gateway, &payee, open(5_000_000, 4_700_000_000, true));
    world.channel(&gateway, &second, open(5_000_000, 0, true));
    world.channel(&second, &payee, open(5_000_000, 0, true));
    world.channel(&wallet, &gateway, open(1_000_000, 0, false));
    world.channel(&wallet, &second, open(1_000_000, 0, false));
    world.platform.advance(Duration::from_secs(180));
    Net { world, wallet, gateway, second, payee }
}

impl Net {
    fn scid(&self, from: &Node, to: &Node) -> Scid {
        let to = to.node_id();
        let channel =
            from.channels().list().into_iter().find(|channel| channel.counterparty.node_id == to).unwrap();
        Scid(channel.short_channel_id.unwrap())
    }

    /// Closes the wallet, changes its disk, opens it again.
    fn reopen(&mut self, change: impl FnOnce(&mut Batch)) {
        self.world.close("wallet", self.wallet.clone());
        let (mut batch, disk) = (Batch::default(), self.world.disk("wallet"));
        change(&mut batch);
        if !batch.is_empty() {
            self.world
                .platform
                .run(async move { sealed(disk).await.commit(batch).await?.durable().await })
                .unwrap();
        }
        self.wallet = self.world.open("wallet");
        self.world.connect(&self.wallet, &self.gateway, "gateway");
        self.world.connect(&self.wallet, &self.second, "second");
        self.world.platform.advance(Duration::from_secs(2));
    }

    fn stored_beliefs(&self) -> Beliefs {
        let disk = self.world.snapshot("wallet");
        let read = async move { sealed(disk).await.get("routing/beliefs").await };
        snapshot::read_beliefs(&self.world.platform.run(read).unwrap().unwrap()).unwrap()
    }

    fn now_s(&self) -> u32 {
        use amplet_transport::Platform;
        u32::try_from(self.world.platform.now().as_secs()).unwrap()
    }
}

async fn sealed(disk: MemoryBackend) -> SealedStore {
    SealedStore::open(Rc::new(disk), Kek::from_bytes([7; 32])).await.unwrap()
}

fn sum<'a>(parts: impl Iterator<Item = &'a PaymentPart>) -> u64 {
    parts.map(|part| part.amount_msat.get()).sum()
}

fn in_state(payment: &Payment, state: PartState) -> Vec<&PaymentPart> {
    payment.parts.iter().filter(|part| part.state == state).collect()
}

#[test]
fn parts_over_two_gateways_and_only_what_failed_is_sent_again() {
    let mut net = net();
    let amount = 1_500_000_000;
    let paid = net.world.pay_within(&net.wallet, &net.world.ask(&net.payee, amount), 10_000_000);
    assert_eq!(paid.status, PaymentStatus::Succeeded, "{paid:?}");
    let (arrived, failed) = (in_state(&paid, PartState::Succeeded), in_state(&paid, PartState::Failed));
    assert_eq!(sum(arrived.iter().copied()), amount);
    let first_hops = |parts: &[&PaymentPart]| {
        let mut nodes: Vec<_> = parts.iter().map(|part| part.path[0].node).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes.len()
    };
    assert_eq!(first_hops(&arrived), 2, "both gateways carried something: {paid:?}");
    let lacking = net.scid(&net.gateway, &net.payee);
    assert!(
        !failed.is_empty(),
        "the payee's own channel to the first gateway could not carry that: {paid:?}"
    );
    for part in &failed {
        let at = part.failed_at.unwrap() as usize;
        assert_eq!(Scid::parse(&part.path[at].channel), Some(lacking), "{part:?}");
    }
    // Everything that left twice had come back before.
    assert_eq!(sum(paid.parts.iter()), amount + sum(failed.iter().copied()));
    assert_eq!(paid.fee_msat, Some(arrived.iter().map(|part| part.fee_msat).sum()));

    net.reopen(|_| ());
    let (beliefs, now_s) = (net.stored_beliefs(), net.now_s());
    let least = failed.iter().map(|part| part.amount_msat).min().unwrap();
    let belief = beliefs.get(lacking, now_s).unwrap();
    let high = |belief: amplet_router::Belief| {
        [amplet_router::Direction::Forward, amplet_router::Direction::Backward]
            .map(|direction| belief.interval(direction).1)
    };
    assert!(high(belief).into_iter().min().unwrap() < belief.capacity_msat, "{belief:?}, {least} failed");
    // What is believed is used: the same channel is not tried with as much again.
    let again = net.world.pay_within(&net.wallet, &net.world.ask(&net.payee, 350_000_000), 10_000_000);
    assert_eq!(again.status, PaymentStatus::Succeeded, "{again:?}");
    assert!(in_state(&again, PartState::Failed).is_empty(), "{again:?}");
    assert!(again.parts.iter().all(|part| part.probability_ppm.is_some()));
}

#[test]
fn damaged_routing_data_in_storage_are_replaced() {
    let mut net = net();
    let paid = net.world.pay(&net.wallet, &net.world.ask(&net.payee, 10_000_000));
    assert_eq!(paid.status, PaymentStatus::Succeeded);
    net.reopen(|_| ());
    assert!(!net.stored_beliefs().is_empty());
    net.reopen(|batch| {
        batch.put("routing/beliefs", b"AmpB\x01\xff".to_vec());
        batch.put("routing/graph", b"nonsense".to_vec());
    });
    let paid = net.world.pay(&net.wallet, &net.world.ask(&net.payee, 10_000_000));
    assert_eq!(paid.status, PaymentStatus::Succeeded);
}

#[test]
fn a_wallet_pays_by_the_graph_it_has_while_gateways_give_none_or_wrong_ones() {
    let mut net = net();
    let paid = net.world.pay(&net.wallet, &net.world.ask(&net.payee, 10_000_000));
    assert_eq!(paid.status, PaymentStatus::Succeeded);
    let whole = net.gateway.graph().rgs_snapshots().unwrap()(0);
    let mut other_chain = whole.clone();
    other_chain[10] ^= 1;
    let mut future = whole.clone();
    future[36..40].copy_from_slice(&[0xff; 4]);
    let cut = whole[..whole.len() - 3].to_vec();
    for wrong in [Vec::new(), b"<html>".to_vec(), other_chain, future, cut] {
        *net.world.routing_data.borrow_mut() = Some(wrong.clone());
        let asked = net.world.snapshots.borrow().len();
        net.reopen(|_| ());
        assert!(net.world.snapshots.borrow().len() > asked, "it asks once it is connected");
        let paid = net.world.pay(&net.wallet, &net.world.ask(&net.payee, 1_000_000));
        assert_eq!(paid.status, PaymentStatus::Succeeded, "{} bytes of routing data", wrong.len());
    }
}

#[test]
fn the_gateway_itself_and_route_hints_need_no_graph() {
    let world = World::new();
    *world.routing_data.borrow_mut() = Some(Vec::new());
    let [gateway, payee, wallet] = ["gateway", "payee", "wallet"].map(|name| world.open(name));
    world.fund(&gateway, 6_000_000);
    world.fund(&wallet, 2_000_000);
    world.connect(&gateway, &payee, "payee");
    world.connect(&wallet, &gateway, "gateway");
    world.channel(&gateway, &payee, open(5_000_000, 2_000_000_000, false));
    world.channel(&wallet, &gateway, open(1_000_000, 0, false));
    for node in [&gateway, &payee] {
        let invoice = world.ask(node, 20_000_000);
        assert!(!invoice.route_hints().is_empty(), "no channel is public");
        let paid = world.pay(&wallet, &invoice);
        assert_eq!(paid.status, PaymentStatus::Succeeded, "{paid:?}");
    }
}

#[test]
fn a_refusal_says_what_is_in_the_way_and_what_would_work() {
    let net = net();
    let no_route = |error: PayError| match error {
        PayError::NoRoute(error) => (error.code, error.no_route.unwrap(), error.message),
        other => panic!("{other:?}"),
    };
    let too_much = net.world.ask(&net.payee, 2_500_000_000);
    let error = net.world.begin(&net.wallet, &too_much, 50_000_000).unwrap_err();
    let (code, NoRoute { reason, largest_msat, .. }, message) = no_route(error);
    assert_eq!((code, reason), (ErrorCode::InsufficientBalance, NoRouteReason::Balance), "{message}");
    let largest = largest_msat.unwrap().get();
    assert!(
        (1_900_000_000..2_000_000_000).contains(&largest) && message.contains(&format!("{}", largest / 1000))
    );

    let dear = net.world.ask(&net.payee, 100_000_000);
    let (code, refusal, message) = no_route(net.world.begin(&net.wallet, &dear, 0).unwrap_err());
    assert_eq!((code, refusal.reason), (ErrorCode::FeeTooHigh, NoRouteReason::FeeBudget), "{message}");
    assert_eq!(refusal.needed_fee_msat, Some(msat(1000 + 100_000_000 * 100 / 1_000_000)));
    let line = net.world.payment(&net.wallet, PaymentId(dear.payment_hash().0)).unwrap();
    let PaymentStatus::Failed { error } = line.status else { panic!("{line:?}") };
    assert_eq!(error.no_route, Some(refusal), "the history says the same");

    // Without an invoice that says otherwise, a payee takes one part.
    let (wallet, payee) = (net.wallet.clone(), net.payee.node_id());
    let whole = Keysend {
        payee,
        amount_msat: msat(1_500_000_000),
        max_fee_msat: msat(15_000_000),
        records: Vec::new(),
    };
    let begun = async move { wallet.payments().begin(whole, &Authorization::user()).await };
    let (code, refusal, message) = no_route(net.world.platform.run(begun).unwrap_err());
    assert_eq!((code, refusal.reason), (ErrorCode::NoRoute, NoRouteReason::OnePiece), "{message}");
    let largest = refusal.largest_msat.unwrap().get();
    assert!((900_000_000..1_000_000_000).contains(&largest), "{largest}");
    assert!(
        message.starts_with("the payee takes it in one piece")
            && message.contains(&format!("{}", largest / 1000))
    );

    // Nobody has a channel with it, and it is asked for once before that is said.
    let island = net.world.open("island");
    net.world.platform.advance(Duration::from_secs(11));
    let asked = net.world.snapshots.borrow().len();
    let unreachable = net.world.ask(&island, 1_000_000);
    let (code, refusal, message) = no_route(net.world.begin(&net.wallet, &unreachable, 1_000).unwrap_err());
    assert_eq!((code, refusal.reason), (ErrorCode::NoRoute, NoRouteReason::NoPath), "{message}");
    assert_eq!(net.world.snapshots.borrow().len(), asked + 1);
    let again = net.world.begin(&net.wallet, &unreachable, 1_000).unwrap_err();
    assert_eq!(no_route(again).1, refusal);
    assert_eq!(net.world.snapshots.borrow().len(), asked + 1, "not within ten seconds");
}
