//! Budgets and the payments that they pay for: one door, one transaction.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use amplet_node::budget::{
    BudgetDenial, BudgetId, Changes, Clock, Cost, Holder, Kind, LimitUsage, Msat, Name, PaymentId, Period,
    Policy, Reason, Request, Reservation, Rules, Utc, Window, WindowLimit,
};
use amplet_node::lightning_invoice::Bolt11Invoice;
use amplet_node::{Authorization, Node, PayError, PayInvoice, SendOnchain};
use amplet_protocol::page::{EventKind, PaymentStatus};
use amplet_storage::Store;
use futures::future::join_all;

use crate::world::{Killable, World, msat, open};

fn per_day(limit: u64) -> Rules {
    let window = Window { kind: Kind::Calendar, period: Period::Day };
    Rules { windows: vec![WindowLimit { window, limit: msat(limit) }], ..Rules::default() }
}

fn usage(node: &Node, budget: BudgetId) -> LimitUsage {
    node.budgets().policy().usage(budget, &Clock::new(0, &Utc))[0]
}

struct Pair {
    world: World,
    wallet: Node,
    gateway: Node,
}

impl Pair {
    /// wallet -> gateway, the channel open.
    fn new() -> Self {
        let world = World::new();
        let gateway = world.open("gateway");
        let wallet = world.open("wallet");
        world.fund(&wallet, 2_000_000);
        world.connect(&wallet, &gateway, "gateway");
        world.channel(&wallet, &gateway, open(1_000_000, 0, false));
        Self { world, wallet, gateway }
    }

    fn ask(&self, amount_msat: u64) -> Bolt11Invoice {
        self.world.ask(&self.gateway, amount_msat)
    }

    fn pay(
        &self,
        authorization: &Authorization,
        invoice: &Bolt11Invoice,
        max_fee_msat: u64,
    ) -> Result<PaymentId, PayError> {
        let (wallet, authorization, invoice) = (self.wallet.clone(), authorization.clone(), invoice.clone());
        let paying = async move {
            let pay = PayInvoice { invoice, amount_msat: None, max_fee_msat: msat(max_fee_msat) };
            wallet.payments().begin(pay, &authorization).await
        };
        self.world.platform.run(paying)
    }

    fn change<E: std::fmt::Debug + 'static>(
        &self,
        change: impl FnOnce(&mut Policy, &Clock<'_>) -> Result<Changes, E> + 'static,
    ) {
        let node = self.wallet.clone();
        self.world.platform.run(async move { node.budgets().change(change).await }).unwrap();
    }

    /// A budget of an app with these rules.
    fn budget(&self, rules: Rules) -> Authorization {
        let id = Rc::new(Cell::new(None));
        let made = Rc::clone(&id);
        self.change(move |policy, _| {
            let holder = Holder::App { id: Name::parse("game").unwrap() };
            let (budget, changes) = policy.open(holder, None, rules)?;
            made.set(Some(budget));
            Ok::<_, amplet_node::budget::BudgetError>(changes)
        });
        Authorization { budget: id.get().unwrap(), ..Authorization::user() }
    }

    /// The wallet dies; the same disk is opened again.
    fn restart(&mut self, wrap: impl FnOnce(Rc<dyn Store>) -> Rc<dyn Store> + 'static) {
        self.world.kill("wallet", self.wallet.clone());
        self.wallet = self.world.open_with("wallet", self.world.disk("wallet"), wrap);
        self.world.connect(&self.wallet, &self.gateway, "gateway");
        self.world.platform.advance(Duration::from_secs(1));
    }
}

#[test]
fn a_hundred_payments_at_once_cost_no_more_than_the_budget_allows() {
    let pair = Pair::new();
    let authorization = pair.budget(per_day(10_000_000));
    let invoices: Vec<Bolt11Invoice> = (0..100).map(|_| pair.ask(900_000)).collect();
    let begun: Vec<_> = {
        let (wallet, authorization) = (pair.wallet.clone(), authorization.clone());
        let all = async move {
            let payments = wallet.payments();
            let order = |invoice| PayInvoice { invoice, amount_msat: None, max_fee_msat: msat(100_000) };
            join_all(invoices.into_iter().map(|invoice| payments.begin(order(invoice), &authorization))).await
        };
        pair.world.platform.run(all)
    };
    let refused =
        begun.iter().filter(|begun| matches!(begun, Err(PayError::Denied(BudgetDenial::Refused(_)))));
    assert_eq!((begun.iter().filter(|begun| begun.is_ok()).count(), refused.count()), (10, 90));
    pair.world.platform.advance(Duration::from_secs(10));
    for id in begun.into_iter().flatten() {
        let wallet = pair.wallet.clone();
        let line = pair.world.platform.run(async move { wallet.ledger().find(id).await }).unwrap().unwrap();
        assert_eq!(line.status, PaymentStatus::Succeeded, "{line:?}");
    }
    // To a direct peer there is no fee: what was feared is free again.
    let usage = usage(&pair.wallet, authorization.budget);
    assert_eq!((usage.spent, usage.reserved, usage.left()), (msat(9_000_000), Msat::ZERO, msat(1_000_000)));
    let told = |event: &amplet_protocol::page::Event| matches!(&event.kind, EventKind::BudgetUsed { percent: 80, holder, .. } if holder == "app game");
    assert_eq!(pair.wallet.ledger().events().iter().filter(|event| told(event)).count(), 1);
}

#[test]
fn a_payment_that_fails_gives_everything_back() {
    let pair = Pair::new();
    let authorization = pair.budget(per_day(10_000_000_000));
    // More than the channel has: no route.
    let failed = pair.pay(&authorization, &pair.ask(2_000_000_000), 5);
    assert!(matches!(failed, Err(PayError::NoRoute(_))), "{failed:?}");
    let usage = usage(&pair.wallet, authorization.budget);
    assert_eq!((usage.spent, usage.reserved), (Msat::ZERO, Msat::ZERO));
}

/// Killed after so many commits, before or after it could speak.
#[test]
fn a_wallet_killed_at_any_step_knows_what_was_spent() {
    let mut seen = BTreeSet::new();
    for commits in 0..=4 {
        let mut pair = Pair::new();
        let authorization = pair.budget(per_day(1_000_000));
        let invoice = pair.ask(700_000);
        pair.world.platform.run_until_stalled();
        let killable: Rc<RefCell<Option<Rc<Killable>>>> = Rc::default();
        let kept = Rc::clone(&killable);
        pair.restart(move |store| {
            let store = Killable::living(store);
            kept.borrow_mut().replace(Rc::clone(&store));
            store
        });
        pair.world.platform.run_until_stalled();
        killable.borrow().as_ref().unwrap().die_after(commits);
        pair.pay(&authorization, &invoice, 10_000).unwrap();
        pair.world.platform.advance(Duration::from_secs(2));
        // Looked at before it reconnects, it knows what was durable when it died.
        pair.world.kill("wallet", pair.wallet.clone());
        let wallet = pair.world.open("wallet");
        let id = PaymentId(invoice.payment_hash().0);
        let status = pair.world.payment(&wallet, id).map(|payment| payment.status);
        let now = usage(&wallet, authorization.budget);
        let (what, expected) = match status {
            None => ("nothing", (Msat::ZERO, Msat::ZERO)),
            Some(PaymentStatus::Pending) => ("reserved", (Msat::ZERO, msat(710_000))),
            Some(_) => ("spent", (msat(700_000), Msat::ZERO)),
        };
        assert_eq!((now.spent, now.reserved), expected, "after {commits} commits");
        seen.insert(what);
        pair.restart(|store| store);
        pair.world.platform.advance(Duration::from_secs(30));
        let end = pair.world.payment(&pair.wallet, id).map(|payment| payment.status);
        let spent = if end == Some(PaymentStatus::Succeeded) { msat(700_000) } else { Msat::ZERO };
        assert_ne!(end, Some(PaymentStatus::Pending), "after {commits} commits");
        let now = usage(&pair.wallet, authorization.budget);
        assert_eq!((now.spent, now.reserved), (spent, Msat::ZERO), "after {commits} commits: {end:?}");
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["nothing", "reserved", "spent"]);
}

#[test]
fn the_users_own_rules_hold_for_lightning_and_savings() {
    let pair = Pair::new();
    pair.change(|policy, _| policy.set_rules(BudgetId::USER, per_day(50_000_000)));
    let too_much = pair.pay(&Authorization::user(), &pair.ask(50_000_000), 1);
    let Err(PayError::Denied(BudgetDenial::Refused(refusal))) = too_much else { panic!("{too_much:?}") };
    assert!(matches!(refusal.reason, Reason::Limit { .. }), "{refusal}");
    let address = {
        let node = pair.gateway.clone();
        pair.world.platform.run(async move { node.onchain().new_address().await.unwrap() })
    };
    let send = |sat| {
        let sent = pair.wallet.onchain().build(&address, Some(sat), None).unwrap();
        let (node, address) = (pair.wallet.clone(), address.clone());
        (
            sent.clone(),
            pair.world.platform.run(async move {
                let order = SendOnchain { signed: sent, address };
                node.payments().begin(order, &Authorization::user()).await
            }),
        )
    };
    let (_, refused) = send(50_000);
    assert!(matches!(refused, Err(PayError::Denied(_))), "{refused:?}");
    assert!(pair.world.mempool.borrow().is_empty(), "refused, and broadcast all the same");
    let (sent, done) = send(20_000);
    done.unwrap();
    let cost = msat((sent.amount_sat + sent.fee_sat) * 1000);
    assert_eq!(usage(&pair.wallet, BudgetId::USER).reserved, cost);
    pair.world.mine(1);
    let usage = usage(&pair.wallet, BudgetId::USER);
    assert_eq!((usage.spent, usage.reserved), (cost, Msat::ZERO));
}

/// The process ended while a payment waited for newer routing data: reserved, never handed over.
#[test]
fn what_was_reserved_and_never_handed_over_is_free_after_a_restart() {
    let mut pair = Pair::new();
    let authorization = pair.budget(per_day(1_000_000));
    let budget = authorization.budget;
    pair.change(move |policy, clock| {
        let cost = Cost { amount: msat(700_000), fee: Msat::ZERO };
        let reservation = Reservation { budget, cost, payee: String::new(), purpose: authorization.purpose };
        policy.reserve(&Request { payment: PaymentId([7; 32]), reservation }, clock)
    });
    assert_eq!(usage(&pair.wallet, budget).reserved, msat(700_000));
    for _ in 0..2 {
        pair.restart(|store| store);
        assert_eq!(usage(&pair.wallet, budget).left(), msat(1_000_000));
        pair.world.platform.advance(Duration::from_secs(10));
    }
}
