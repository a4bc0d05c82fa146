//! AMP payments that a wallet makes: sets of parts that arrive whole, or come back whole.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use amplet_node::budget::BudgetDenial;
use amplet_node::{AmpParts, AmpPayee, Authorization, Node, PayAmp, PayError, PaymentId};
use amplet_protocol::page::{
    Direction, ErrorCode, EventKind, PartState, Payment, PaymentKind, PaymentStatus,
};
use amplet_storage::kdf::Kek;
use amplet_storage::{Batch, SealedStore, Store};

use crate::world::{World, amp_payee, mortal, msat, open};

/// A wallet with a channel of 1,000,000 sat to each of two gateways, both of which have a channel to the payee.
struct Net {
    world: World,
    wallet: Node,
    gateway: Node,
    second: Node,
    payee: Node,
}

impl Net {
    /// `lacking`: nearly everything in the first gateway's channel to the payee is the payee's.
    fn new(lacking: bool) -> Self {
        let world = World::new();
        let [gateway, second, payee, wallet] =
            ["gateway", "second", "payee", "wallet"].map(|name| world.open(name));
        world.fund(&gateway, 6_000_000);
        world.fund(&second, 6_000_000);
        world.fund(&wallet, 1_500_000);
        world.fund(&wallet, 1_500_000);
        world.connect(&gateway, &payee, "payee");
        world.connect(&second, &payee, "payee");
        world.connect(&wallet, &gateway, "gateway");
        world.connect(&wallet, &second, "second");
        let given = if lacking { 4_900_000_000 } else { 0 };
        world.channel(&gateway, &payee, open(5_000_000, given, true));
        world.channel(&second, &payee, open(5_000_000, 0, true));
        world.channel(&wallet, &gateway, open(1_000_000, 0, false));
        world.channel(&wallet, &second, open(1_000_000, 0, false));
        world.platform.advance(Duration::from_secs(180));
        Self { world, wallet, gateway, second, payee }
    }

    /// The gateways are connected with each other, too.
    fn joined(self) -> Self {
        self.world.fund(&self.gateway, 6_000_000);
        self.world.connect(&self.gateway, &self.second, "second");
        self.world.channel(&self.gateway, &self.second, open(5_000_000, 0, true));
        self.world.platform.advance(Duration::from_secs(180));
        self
    }

    fn ask(&self, amount_msat: Option<u64>) -> AmpPayee {
        amp_payee(&self.world.ask_amp(&self.payee, amount_msat))
    }

    fn begin(&self, pay: PayAmp, authorization: &Authorization) -> Result<PaymentId, PayError> {
        let (wallet, authorization) = (self.wallet.clone(), authorization.clone());
        self.world.platform.run(async move { wallet.payments().begin(pay, &authorization).await })
    }

    fn pay(&self, pay: PayAmp) -> Payment {
        let id = self.begin(pay, &Authorization::user()).unwrap();
        self.outcome(id)
    }

    fn outcome(&self, id: PaymentId) -> Payment {
        let wallet = self.wallet.clone();
        let limit = Duration::from_secs(60);
        self.world.platform.run(async move { wallet.payments().outcome(id, limit).await }).unwrap()
    }

    fn reopen(&mut self) {
        self.wallet = self.world.open("wallet");
        self.connect();
    }

    fn connect(&self) {
        self.world.connect(&self.wallet, &self.gateway, "gateway");
        self.world.connect(&self.wallet, &self.second, "second");
        self.world.platform.advance(Duration::from_secs(2));
    }

    /// The wallet's and the payee's money in channels.
    fn balances(&self) -> (u64, u64) {
        self.world.platform.advance(Duration::from_secs(5));
        let balance = |node: &Node| node.channels().balance().lightning_msat.get();
        (balance(&self.wallet), balance(&self.payee))
    }
}

fn order(to: AmpPayee, amount_msat: Option<u64>) -> PayAmp {
    let max_fee_msat = msat(10_000_000);
    PayAmp { to, amount_msat: amount_msat.map(msat), max_fee_msat, parts: AmpParts::default() }
}

/// The same in parts of a size.
fn in_parts(pay: PayAmp, max_msat: u64) -> PayAmp {
    PayAmp { parts: AmpParts { max_msat: msat(max_msat), ..AmpParts::default() }, ..pay }
}

fn in_state(payment: &Payment, state: PartState) -> Vec<u64> {
    let parts = payment.parts.iter().filter(|part| part.state == state);
    parts.map(|part| part.amount_msat.get()).collect()
}

fn fees(payment: &Payment) -> u64 {
    let parts = payment.parts.iter().filter(|part| part.state == PartState::Succeeded);
    parts.map(|part| part.fee_msat.get()).sum()
}

fn reserved(node: &Node) -> Vec<(u64, u64)> {
    let policy = node.budgets().policy();
    policy.all_reserved().map(|(_, held)| (held.cost.amount.get(), held.cost.fee.get())).collect()
}

fn events(node: &Node, is_it: impl Fn(&EventKind) -> bool) -> usize {
    node.ledger().events().iter().filter(|event| is_it(&event.kind)).count()
}

fn gateways(payment: &Payment) -> usize {
    let mut first: Vec<_> = payment.parts.iter().map(|part| part.path[0].node).collect();
    first.sort_unstable();
    first.dedup();
    first.len()
}

#[test]
fn an_amp_invoice_is_paid_twice_and_any_amount_and_a_node_without_one() {
    let net = Net::new(false);
    let fixed = net.ask(Some(300_000_000));
    let any = net.ask(None);
    let node = AmpPayee::node(net.payee.node_id());
    let mut seen = Vec::new();
    for (pay, amount, count) in [
        (in_parts(order(fixed.clone(), None), 100_000_000), 300_000_000, 3),
        (order(fixed, None), 300_000_000, 1),
        (in_parts(order(any, Some(70_000_000)), 20_000_000), 70_000_000, 4),
        (in_parts(order(node, Some(90_000_000)), 30_000_000), 90_000_000, 3),
    ] {
        let before = net.balances();
        let paid = net.pay(pay);
        assert_eq!((&paid.status, paid.kind), (&PaymentStatus::Succeeded, PaymentKind::Amp), "{paid:?}");
        let after = net.balances();
        let paid = net.world.payment(&net.wallet, paid.id).unwrap();
        let arrived = in_state(&paid, PartState::Succeeded);
        assert!(arrived.len() >= count && arrived.iter().sum::<u64>() == amount, "{paid:?}");
        assert_eq!(paid.parts.len(), arrived.len(), "nothing failed and nothing is pending: {paid:?}");
        assert_eq!(paid.fee_msat, Some(msat(fees(&paid))));
        assert_eq!((after.0, after.1), (before.0 - amount - fees(&paid), before.1 + amount));
        assert_eq!(paid.preimage.as_ref().map(String::len), Some(64));
        let got = net.world.payment(&net.payee, paid.id).unwrap();
        assert_eq!((got.direction, got.status), (Direction::Inbound, PaymentStatus::Succeeded));
        assert_eq!(got.amount_msat, paid.amount_msat, "both sides say the same");
        assert!(reserved(&net.wallet).is_empty());
        assert!(!seen.contains(&paid.id));
        seen.push(paid.id);
    }
    assert_eq!(events(&net.wallet, |kind| matches!(kind, EventKind::PaymentSent { .. })), seen.len());
}

#[test]
fn a_set_goes_over_two_gateways_in_as_many_parts_as_the_caller_wants() {
    let net = Net::new(false);
    let pay = in_parts(order(net.ask(Some(1_500_000_000)), None), 200_000_000);
    let paid = net.pay(pay);
    assert_eq!(paid.status, PaymentStatus::Succeeded, "{paid:?}");
    assert_eq!(gateways(&paid), 2);
    assert!(paid.parts.len() >= 8);
    assert!(reserved(&net.wallet).is_empty());
}

/// BOLT 2 allows 483 HTLCs each way.
#[test]
fn more_equal_parts_than_one_channel_holds_take_the_slots_of_two() {
    let net = Net::new(false);
    let before = net.balances();
    let amount = 490_000_000;
    let parts = AmpParts::even(msat(amount), 490);
    let paid = net.pay(PayAmp { parts, ..order(net.ask(Some(amount)), None) });
    assert_eq!(paid.status, PaymentStatus::Succeeded, "{:?}", paid.status);
    let after = net.balances();
    let paid = net.world.payment(&net.wallet, paid.id).unwrap();
    assert_eq!(in_state(&paid, PartState::Succeeded), [1_000_000; 490]);
    assert_eq!((paid.parts.len(), gateways(&paid)), (490, 2));
    assert_eq!((after.0, after.1), (before.0 - amount - fees(&paid), before.1 + amount));
}

#[test]
fn only_what_came_back_is_sent_again() {
    let net = Net::new(true).joined();
    let before = net.balances();
    let amount = 1_500_000_000;
    let paid = net.pay(order(net.ask(Some(amount)), None));
    assert_eq!(paid.status, PaymentStatus::Succeeded, "{paid:?}");
    let after = net.balances();
    let paid = net.world.payment(&net.wallet, paid.id).unwrap();
    let (arrived, failed) = (in_state(&paid, PartState::Succeeded), in_state(&paid, PartState::Failed));
    assert!(!failed.is_empty(), "the first gateway could not carry that: {paid:?}");
    assert_eq!(arrived.iter().sum::<u64>(), amount);
    assert!(paid.parts.iter().all(|part| part.state != PartState::Failed || part.failed_at.is_some()));
    assert_eq!((after.0, after.1), (before.0 - amount - fees(&paid), before.1 + amount));
    assert!(fees(&paid) <= 10_000_000);
}

#[test]
fn a_set_of_which_a_part_cannot_be_sent_again_comes_back_whole() {
    let net = Net::new(true);
    let before = net.balances();
    let id = net.begin(order(net.ask(Some(1_500_000_000)), None), &Authorization::user()).unwrap();
    let held = net.outcome(id);
    assert_eq!(held.status, PaymentStatus::Pending, "never failed while the payee has a part: {held:?}");
    assert!(
        !in_state(&held, PartState::Failed).is_empty() && !in_state(&held, PartState::Pending).is_empty()
    );
    assert_eq!(reserved(&net.wallet), [(1_500_000_000, 10_000_000)], "one reservation for all parts");
    net.world.platform.advance(Duration::from_secs(70));
    let failed = net.world.payment(&net.wallet, id).unwrap();
    let PaymentStatus::Failed { error } = &failed.status else { panic!("{failed:?}") };
    assert!(error.no_route.is_some(), "it says what was missing: {error:?}");
    assert_eq!(in_state(&failed, PartState::Failed).len(), failed.parts.len());
    assert!(reserved(&net.wallet).is_empty());
    assert_eq!(net.balances(), before);
    assert!(net.world.payment(&net.payee, id).is_none_or(|got| got.status != PaymentStatus::Succeeded));
    assert_eq!(events(&net.wallet, |kind| matches!(kind, EventKind::PaymentFailed { .. })), 1);
}

#[test]
fn what_cannot_be_paid_is_refused_before_anything_leaves() {
    let net = Net::new(false);
    let begin = |pay| net.begin(pay, &Authorization::user()).unwrap_err();
    let fixed = || net.ask(Some(1_000_000));
    assert_eq!(begin(order(fixed(), Some(1_000_000))), PayError::Amount);
    assert_eq!(begin(order(net.ask(None), None)), PayError::Amount);
    assert_eq!(begin(order(net.ask(None), Some(0))), PayError::Amount);
    assert_eq!(begin(order(AmpPayee::node(net.wallet.node_id()), Some(1_000))), PayError::Own);
    let late = fixed();
    net.world.platform.advance(Duration::from_secs(3_601));
    assert_eq!(begin(order(late, None)), PayError::Expired);
    let PayError::NoRoute(error) = begin(order(net.ask(Some(3_000_000_000)), None)) else { panic!() };
    assert_eq!(error.code, ErrorCode::InsufficientBalance, "{error:?}");
    let few = PayAmp { parts: AmpParts { max: 3, max_msat: msat(100_000) }, ..order(fixed(), None) };
    assert!(matches!(begin(few), PayError::NoRoute(_)));
    assert!(reserved(&net.wallet).is_empty());
    let ended =
        |kind: &EventKind| matches!(kind, EventKind::PaymentSent { .. } | EventKind::PaymentFailed { .. });
    assert_eq!(events(&net.wallet, ended), 0);
}

#[test]
fn a_budget_that_does_not_reach_denies_the_whole_set() {
    use amplet_node::budget::{Holder, Kind, Name, Period, Rules, Window, WindowLimit};
    let net = Net::new(false);
    let budget = Rc::new(Cell::new(None));
    let (made, wallet) = (Rc::clone(&budget), net.wallet.clone());
    net.world
        .platform
        .run(async move {
            let change = move |policy: &mut amplet_node::budget::Policy,
                               _: &amplet_node::budget::Clock<'_>| {
                let holder = Holder::App { id: Name::parse("game").unwrap() };
                let window = Window { kind: Kind::Calendar, period: Period::Day };
                let windows = vec![WindowLimit { window, limit: msat(5_000_000) }];
                let rules = Rules { windows, ..Rules::default() };
                let (budget, changes) = policy.open(holder, None, rules)?;
                made.set(Some(budget));
                Ok::<_, amplet_node::budget::BudgetError>(changes)
            };
            wallet.budgets().change(change).await
        })
        .unwrap();
    let authorization = Authorization { budget: budget.get().unwrap(), ..Authorization::user() };
    let pay = |amount| PayAmp {
        max_fee_msat: msat(1_000_000),
        ..in_parts(order(net.ask(Some(amount)), None), 1_000_000)
    };
    let denied = net.begin(pay(6_000_000), &authorization).unwrap_err();
    assert!(matches!(denied, PayError::Denied(BudgetDenial::Refused(_))), "{denied:?}");
    assert!(reserved(&net.wallet).is_empty());
    let id = net.begin(pay(4_000_000), &authorization).unwrap();
    assert_eq!(net.outcome(id).status, PaymentStatus::Succeeded);
}

/// The wallet is killed after so many commits of a payment, before or after it could speak.
#[test]
fn a_set_survives_the_wallets_death_at_every_step() {
    for (commits, early) in (0..6).flat_map(|commits| [(commits, false), (commits, true)]) {
        let mut net = Net::new(false);
        let before = net.balances();
        let to = net.ask(Some(600_000_000));
        net.world.kill("wallet", net.wallet.clone());
        let (wallet, killable) = mortal(&net.world, "wallet");
        net.wallet = wallet;
        net.connect();
        if early {
            killable.die_before_commit(commits)
        } else {
            killable.die_after(commits + 1)
        }
        let pay = in_parts(order(to, None), 150_000_000);
        let id = net.begin(pay, &Authorization::user()).unwrap();
        net.world.platform.advance(Duration::from_secs(2));
        net.world.kill("wallet", net.wallet.clone());
        net.reopen();
        net.world.platform.advance(Duration::from_secs(200));
        let what = format!("{commits} commits, early: {early}");
        let paid = net.world.payment(&net.wallet, id);
        let after = net.balances();
        match paid.as_ref().map(|payment| &payment.status) {
            Some(PaymentStatus::Succeeded) => {
                let paid = paid.unwrap();
                assert!(in_state(&paid, PartState::Pending).is_empty(), "{what}: {paid:?}");
                assert_eq!(after, (before.0 - 600_000_000 - fees(&paid), before.1 + 600_000_000), "{what}");
                assert_eq!(paid.fee_msat, Some(msat(fees(&paid))), "{what}");
            }
            None | Some(PaymentStatus::Failed { .. }) => assert_eq!(after, before, "{what}"),
            Some(PaymentStatus::Pending) => panic!("after {what} the payment hangs"),
        }
        assert!(reserved(&net.wallet).is_empty(), "{what}");
        assert_eq!(net.wallet.channels().list().len(), 2, "no channel was closed");
    }
}

#[test]
fn a_set_whose_record_is_damaged_ends_by_what_becomes_of_its_parts() {
    let mut net = Net::new(true);
    let before = net.balances();
    let id = net.begin(order(net.ask(Some(1_500_000_000)), None), &Authorization::user()).unwrap();
    net.world.platform.advance(Duration::from_secs(10));
    net.world.close("wallet", net.wallet.clone());
    let disk = net.world.disk("wallet");
    net.world
        .platform
        .run(async move {
            let store = SealedStore::open(Rc::new(disk), Kek::from_bytes([7; 32])).await.unwrap();
            let mut batch = Batch::default();
            batch.put(format!("payment/open/out/{id}"), b"{".to_vec());
            store.commit(batch).await?.durable().await
        })
        .unwrap();
    net.reopen();
    assert_eq!(reserved(&net.wallet).len(), 1, "it may still be paid");
    net.world.platform.advance(Duration::from_secs(200));
    assert!(reserved(&net.wallet).is_empty());
    let ended = net.world.payment(&net.wallet, id);
    assert!(matches!(ended, Some(Payment { status: PaymentStatus::Failed { .. }, .. })), "{ended:?}");
    assert_eq!(net.balances(), before);
}
