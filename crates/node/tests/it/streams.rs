//! Streams: many keysends, one line, each counted once.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use amplet_node::budget::{BudgetDenial, BudgetError, BudgetId, Clock, Holder, Msat, Name, Rate, Rules, Utc};
use amplet_node::{Authorization, Node, PayError, PayStream, PaymentId, StreamError, StreamTo};
use amplet_protocol::page::{Direction, Payment, PaymentKind, PaymentStatus, StreamTotals};
use amplet_storage::Store;

use crate::world::{Killable, Net, World, WriteMeter, metered, mortal, msat, net};

const SESSION: &str = "film 7";
/// Amount and fee of one payment: 1 sat and a hundred millionths at the gateway.
const EACH: u64 = 10_000;
const FEE: u64 = 1_001;
/// Paid before any stream.
const BEFORE: u64 = 1_000_000;

/// A network whose wallet's user has a limit, so that what is spent is counted.
fn limited() -> Net {
    let net = net();
    // The gateway's side above dust: below it, it counts as ours until it grows.
    net.world.pay(&net.wallet, &net.world.ask(&net.gateway, BEFORE));
    let node = net.wallet.clone();
    let rules = Rules { total: Some(Msat::new(1_000_000_000).unwrap()), ..Rules::default() };
    let set = async move { node.budgets().change(|policy, _| policy.set_rules(BudgetId::USER, rules)).await };
    net.world.platform.run(set).unwrap();
    net
}

/// Spent by the user's budget on streams, and reserved.
fn spent(node: &Node) -> (u64, u64) {
    let usage = node.budgets().policy().usage(BudgetId::USER, &Clock::new(0, &Utc))[0];
    (usage.spent.get() - BEFORE, usage.reserved.get())
}

fn open(world: &World, from: &Node, to: &Node) -> PaymentId {
    let to = StreamTo { payee: to.node_id(), session: SESSION.into() };
    let from = from.clone();
    world.platform.run(async move { from.payments().open_stream(&to).await }).unwrap()
}

fn pay(
    world: &World,
    from: &Node,
    authorization: &Authorization,
    stream: PaymentId,
) -> Result<PaymentId, PayError> {
    let (from, authorization) = (from.clone(), authorization.clone());
    let next = PayStream { stream, amount_msat: msat(EACH), max_fee_msat: msat(10_000) };
    world.platform.run(async move { from.payments().begin(next, &authorization).await })
}

fn pay_many(world: &World, from: &Node, stream: PaymentId, count: usize) {
    for _ in 0..count {
        pay(world, from, &Authorization::user(), stream).unwrap();
        world.platform.advance(Duration::from_millis(100));
    }
    world.platform.advance(Duration::from_secs(2));
}

fn totals(line: &Payment) -> StreamTotals {
    line.stream.clone().unwrap()
}

/// Amount, fee, payments, failed ones, and what is on its way.
fn sums(line: &Payment) -> (u64, u64, u64, u64, u64) {
    let stream = totals(line);
    let [amount, fee, pending] =
        [line.amount_msat.unwrap(), line.fee_msat.unwrap(), stream.pending_msat].map(Msat::get);
    (amount, fee, stream.payments, stream.failed, pending)
}

fn history(world: &World, node: &Node) -> Vec<Payment> {
    let node = node.clone();
    let all = world.platform.run(async move { node.ledger().history(None, 100).await.unwrap() });
    all.into_iter().filter(|line| line.kind == PaymentKind::Stream).collect()
}

/// Opens a node anew, so that its store can be looked into.
fn opened(world: &World, name: &str) -> Rc<WriteMeter> {
    world.kill(name, world.node(name));
    let (wrap, meter) = metered();
    world.open_with(name, world.disk(name), wrap);
    meter.take().unwrap()
}

/// So many values are stored; updates of channel monitors and changes of the manager, which come and go, are not counted.
fn stored(world: &World, store: &Rc<WriteMeter>) -> usize {
    let store = Rc::clone(store);
    let names = world.platform.run(async move { store.list("").await.unwrap() });
    let passing = ["ldk/monitor_update/", "ldk/manager_change/", "node/justice/"];
    names.iter().filter(|name| !passing.iter().any(|it| name.starts_with(it))).count()
}

#[test]
fn a_stream_is_one_line_on_both_ends_whatever_is_paid() {
    let Net { world, .. } = limited();
    let stores = [opened(&world, "wallet"), opened(&world, "payee")];
    reconnect(&world);
    let (wallet, payee) = (world.node("wallet"), world.node("payee"));
    let stream = open(&world, &wallet, &payee);
    pay_many(&world, &wallet, stream, 5);
    let before = stores.each_ref().map(|store| stored(&world, store));
    let events = (wallet.ledger().events().len(), payee.ledger().events().len());
    pay_many(&world, &wallet, stream, 45);
    assert_eq!(stores.each_ref().map(|store| stored(&world, store)), before);
    assert_eq!((wallet.ledger().events().len(), payee.ledger().events().len()), events);
    let line = wallet.payments().stream(stream).unwrap();
    assert_eq!(sums(&line), (50 * EACH, 50 * FEE, 50, 0, 0));
    assert_eq!((line.status.clone(), line.direction), (PaymentStatus::Pending, Direction::Outbound));
    assert_eq!(line.payee, Some(payee.node_id().to_string()));
    let got = payee.payments().session(SESSION).unwrap();
    assert_eq!(sums(&got), (50 * EACH, 0, 50, 0, 0));
    assert_eq!((got.status.clone(), got.direction), (PaymentStatus::Succeeded, Direction::Inbound));
    assert_eq!((history(&world, &wallet), history(&world, &payee)), (vec![line], vec![got]));
    assert_eq!(spent(&wallet), (50 * (EACH + FEE), 0));

    let closed = wallet.clone();
    let id = stream;
    assert!(world.platform.run(async move { closed.payments().close_stream(id).await }).unwrap());
    assert_eq!(wallet.payments().streams(), []);
    let end = &history(&world, &wallet)[0];
    assert_eq!((end.status.clone(), totals(end).open), (PaymentStatus::Succeeded, false));
    let late = pay(&world, &wallet, &Authorization::user(), stream);
    assert_eq!(late, Err(PayError::Stream(StreamError::Ended)));
    assert_ne!(open(&world, &wallet, &payee), stream, "a new one");
}

#[test]
fn an_ended_session_sends_back_and_nothing_is_counted() {
    let Net { world, wallet, payee, .. } = limited();
    let stream = open(&world, &wallet, &payee);
    pay_many(&world, &wallet, stream, 2);
    let node = payee.clone();
    assert!(world.platform.run(async move { node.payments().close_session(SESSION).await }).unwrap());
    let before = wallet.channels().balance().lightning_msat;
    pay_many(&world, &wallet, stream, 3);
    let line = wallet.payments().stream(stream).unwrap();
    assert_eq!(sums(&line), (2 * EACH, 2 * FEE, 2, 3, 0));
    assert!(totals(&line).last_error.is_some());
    assert_eq!(wallet.channels().balance().lightning_msat, before);
    assert_eq!(history(&world, &payee)[0].amount_msat, Some(msat(2 * EACH)));
    assert_eq!(spent(&wallet), (2 * (EACH + FEE), 0));
}

#[test]
fn the_budget_keeps_the_rate() {
    let Net { world, wallet, payee, .. } = net();
    // Two payments at once, and one more each second.
    let rules = Rules {
        rate: Some(Rate { per_second: Msat::new(EACH + 10_000).unwrap(), keep_seconds: 2 }),
        ..Rules::default()
    };
    let made = Rc::new(Cell::new(None));
    let (node, id) = (wallet.clone(), Rc::clone(&made));
    let opened = async move {
        node.budgets()
            .change(move |policy, _| {
                let (budget, changes) =
                    policy.open(Holder::App { id: Name::parse("film").unwrap() }, None, rules)?;
                id.set(Some(budget));
                Ok::<_, BudgetError>(changes)
            })
            .await
    };
    world.platform.run(opened).unwrap();
    let authorization = Authorization { budget: made.get().unwrap(), ..Authorization::user() };
    let stream = open(&world, &wallet, &payee);
    let mut paid = 0;
    for second in 0..10 {
        let mut refused = 0;
        for _ in 0..5 {
            match pay(&world, &wallet, &authorization, stream) {
                Ok(_) => paid += 1,
                Err(PayError::Denied(BudgetDenial::Refused(_))) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
        assert!(refused > 0, "in second {second} all five went");
        world.platform.advance(Duration::from_secs(1));
    }
    world.platform.advance(Duration::from_secs(2));
    let line = wallet.payments().stream(stream).unwrap();
    assert_eq!(sums(&line), (paid * EACH, paid * FEE, paid, 0, 0));
    // What was feared and not spent is free again, so more than twelve; never more than the rate allows for what was.
    assert!(paid >= 12 && paid * (EACH + FEE) <= 12 * (EACH + 10_000), "{paid}");
}

#[test]
fn a_payee_that_takes_nothing_stalls_the_stream() {
    let Net { world, wallet, payee, .. } = net();
    let stream = open(&world, &wallet, &payee);
    world.kill("gateway", world.node("gateway"));
    let mut refused = None;
    for _ in 0..100 {
        if let Err(error) = pay(&world, &wallet, &Authorization::user(), stream) {
            refused = Some(error);
        }
    }
    // The channel is down, or full.
    assert!(
        matches!(refused, Some(PayError::NoRoute(_) | PayError::Stream(StreamError::Stalled(_)))),
        "{refused:?}"
    );
    let to = StreamTo { payee: payee.node_id(), session: "x".repeat(65) };
    let node = wallet.clone();
    let wrong = world.platform.run(async move { node.payments().open_stream(&to).await });
    assert_eq!(wrong, Err(PayError::Stream(StreamError::Session(65))));
}

/// A node whose process dies after so many commits from when that is said.
fn killable(world: &World, name: &str, node: Node) -> (Node, Rc<Killable>) {
    world.kill(name, node);
    mortal(world, name)
}

fn reconnect(world: &World) {
    let gateway = world.node("gateway");
    world.connect(&world.node("wallet"), &gateway, "gateway");
    world.connect(&gateway, &world.node("payee"), "payee");
    world.platform.advance(Duration::from_secs(2));
}

/// Both ends agree to the millisatoshi, and with what has left the channel.
fn agree(world: &World, stream: PaymentId, before: u64, what: &str) {
    let (wallet, payee) = (world.node("wallet"), world.node("payee"));
    let paid = wallet.payments().stream(stream).unwrap();
    let got = payee.payments().session(SESSION).unwrap();
    let (amount, fee, payments, failed, pending) = sums(&paid);
    assert_eq!((failed, pending), (0, 0), "{what}");
    assert_eq!((amount, fee), (payments * EACH, payments * FEE), "{what}");
    assert_eq!(sums(&got), (amount, 0, payments, 0, 0), "{what}");
    assert_eq!(before - wallet.channels().balance().lightning_msat.get(), amount + fee, "{what}");
    assert_eq!((history(world, &wallet).len(), history(world, &payee).len()), (1, 1), "{what}");
    assert_eq!(spent(&wallet), (amount + fee, 0), "{what}");
}

/// Killed after so many commits of three payments, before or after it could speak: whatever settled is counted once.
fn killed_at_every_step(who: &str) {
    for commits in 0..=7 {
        let Net { world, wallet, payee, .. } = limited();
        let stream = open(&world, &wallet, &payee);
        let before = wallet.channels().balance().lightning_msat.get();
        pay_many(&world, &wallet, stream, 1);
        let (_, store) = killable(&world, who, world.node(who));
        reconnect(&world);
        world.platform.run_until_stalled();
        store.die_after(commits);
        let wallet = world.node("wallet");
        for _ in 0..3 {
            pay(&world, &wallet, &Authorization::user(), stream).unwrap();
        }
        world.platform.advance(Duration::from_secs(3));
        world.kill(who, world.node(who));
        world.open(who);
        reconnect(&world);
        world.platform.advance(Duration::from_secs(30));
        let what = format!("{who} killed after {commits} commits");
        agree(&world, stream, before, &what);
        // And on it goes.
        let wallet = world.node("wallet");
        pay_many(&world, &wallet, stream, 1);
        agree(&world, stream, before, &what);
    }
}

#[test]
fn a_stream_survives_the_payers_death_at_every_step() {
    killed_at_every_step("wallet");
}

#[test]
fn a_stream_survives_the_payees_death_at_every_step() {
    killed_at_every_step("payee");
}

/// Any payer can begin sessions; what stays of one is a line of the history.
#[test]
fn a_wallet_closes_a_session_that_nobody_pays_for_a_day() {
    let Net { world, wallet, gateway, .. } = limited();
    // The gateway's side above its reserve.
    world.pay(&wallet, &world.ask(&gateway, 50_000_000));
    let stream = open(&world, &gateway, &wallet);
    pay_many(&world, &gateway, stream, 1);
    assert!(wallet.payments().session(SESSION).is_some());
    world.kill("gateway", gateway);
    world.platform.advance(Duration::from_secs(23 * 3600));
    assert!(wallet.payments().session(SESSION).is_some());
    world.platform.advance(Duration::from_secs(2 * 3600));
    assert!(wallet.payments().session(SESSION).is_none());
    let lines = history(&world, &wallet);
    assert!(!totals(&lines[0]).open);
    assert_eq!(lines[0].amount_msat, Some(msat(EACH)));
}
