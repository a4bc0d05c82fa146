//! The budgets against a reference that keeps every payment and counts anew each time, under random interleavings of
//! reservations, ends, crashes and clocks that jump.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects)]

mod common;
#[path = "model/reference.rs"]
mod reference;

use amplet_budget::{
    BudgetId, Changes, Clock, Denied, Holder, Kind, Name, Period, Policy, Rate, Reason, Rules, Window,
    WindowLimit,
};
use common::{DAY, Disk, HOUR, NOON, cost, id, msat, request, site};
use proptest::prelude::*;
use reference::{Answer, Done, Model, Open, parent, zone};

const PERIODS: [Period; 4] = [Period::Hour, Period::Day, Period::Week, Period::Month];

#[derive(Clone, Debug)]
enum Op {
    Reserve {
        budget: u32,
        payment: u64,
        amount: u64,
        fee: u64,
        approve: bool,
    },
    /// Costs so many per mille of what is reserved.
    Commit {
        payment: u64,
        per_mille: u64,
    },
    Release {
        payment: u64,
    },
    Pass(u64),
    Back(u64),
    Flush,
    Crash,
}

fn op() -> impl Strategy<Value = Op> {
    let step = prop::sample::select(vec![
        0,
        1,
        250,
        1000,
        60_000,
        31 * 60_000,
        HOUR,
        5 * HOUR,
        DAY,
        3 * DAY,
        9 * DAY,
    ]);
    prop_oneof![
        6 => (0..5_u32, 0..12_u64, 1..700_u64, 0..50_u64, any::<bool>())
            .prop_map(|(budget, payment, amount, fee, approve)| Op::Reserve { budget, payment, amount, fee, approve }),
        5 => (0..12_u64, 0..=1000_u64).prop_map(|(payment, per_mille)| Op::Commit { payment, per_mille }),
        2 => (0..12_u64).prop_map(|payment| Op::Release { payment }),
        4 => step.clone().prop_map(Op::Pass),
        1 => step.prop_map(Op::Back),
        2 => Just(Op::Flush),
        1 => Just(Op::Crash),
    ]
}

fn rules() -> impl Strategy<Value = Rules> {
    let windows = prop::collection::btree_map((any::<bool>(), 0..4_usize), 300..3000_u64, 0..4);
    let rate = prop::option::weighted(0.3, (1..50_u64, 1..60_u32));
    let limits = (prop::option::weighted(0.3, 200..700_u64), prop::option::weighted(0.3, 1000..9000_u64));
    let rest = (prop::option::weighted(0.2, 0..600_u64), prop::option::weighted(0.2, 0..30 * DAY));
    (windows, rate, limits, rest).prop_map(|(windows, rate, (per_payment, total), (ask, expires))| Rules {
        windows: windows
            .into_iter()
            .map(|((rolling, period), limit)| WindowLimit {
                window: Window {
                    kind: if rolling { Kind::Rolling } else { Kind::Calendar },
                    period: PERIODS[period],
                },
                limit: msat(limit),
            })
            .collect(),
        rate: rate.map(|(per_second, keep_seconds)| Rate { per_second: msat(per_second), keep_seconds }),
        per_payment: per_payment.map(msat),
        // Budgets of others have to be bounded.
        total: Some(msat(total.unwrap_or(50_000))),
        ask_above: ask.map(msat),
        expires_ms: expires.map(|after| NOON + after),
        purposes: Vec::new(),
    })
}

/// The budgets, what is on the disk, what is not there yet, and the reference of both moments.
struct World {
    policy: Policy,
    disk: Disk,
    staged: Vec<Changes>,
    model: Model,
    durable: Model,
    rules: Vec<Rules>,
    now: u64,
    latest: u64,
}

impl World {
    fn new(rules: Vec<Rules>) -> Self {
        let mut policy = Policy::default();
        let mut disk = Disk::default();
        disk.write(policy.set_rules(BudgetId::USER, rules[0].clone()).unwrap());
        let group = Holder::Child { id: Name::parse("all sites").unwrap() };
        for (number, holder) in [(1, group), (2, site("a")), (3, site("b")), (4, site("c"))] {
            let rules = rules[number as usize].clone();
            let (budget, changes) = policy.open(holder, parent(number).map(BudgetId), rules).unwrap();
            assert_eq!(budget, BudgetId(number));
            disk.write(changes);
        }
        let model = Model::default();
        Self { policy, disk, staged: Vec::new(), durable: model.clone(), model, rules, now: NOON, latest: 0 }
    }

    fn apply(&mut self, op: &Op) {
        let zone = zone;
        match *op {
            Op::Pass(ms) => self.now += ms,
            Op::Back(ms) => self.now = self.now.saturating_sub(ms).max(NOON / 2),
            Op::Flush => self.flush(),
            Op::Crash => self.crash(),
            Op::Release { payment } => {
                let known = self.model.open.remove(&payment).is_some();
                let changes = self.policy.release(id(payment));
                assert_eq!(known, !changes.records.is_empty());
                self.staged.push(changes);
            }
            Op::Reserve { budget, payment, amount, fee, approve } => {
                let clock = Clock::new(self.now, &zone);
                self.reserve(budget, payment, (amount, fee), approve, &clock);
            }
            Op::Commit { payment, per_mille } => {
                let clock = Clock::new(self.now, &zone);
                self.commit(payment, per_mille, &clock);
            }
        }
        self.compare();
    }

    fn tick(&mut self) -> u64 {
        self.latest = self.latest.max(self.now);
        self.latest
    }

    fn reserve(
        &mut self,
        budget: u32,
        payment: u64,
        (amount, fee): (u64, u64),
        approve: bool,
        clock: &Clock<'_>,
    ) {
        let now = self.tick();
        let request = request(BudgetId(budget), payment, amount, fee);
        let expected = self.model.allows(&self.rules, budget, amount + fee, now);
        let foreseen = match self.policy.allows(&request.held, clock) {
            Ok(()) => Answer::Yes,
            Err(Denied::Ask(_)) => Answer::Ask,
            Err(Denied::Refused(_)) => Answer::No,
        };
        assert_eq!(foreseen, expected, "what a preview says");
        let mut answer = self.policy.reserve(&request, clock);
        if let Some(open) = self.model.open.get(&payment) {
            let same = (open.budget, open.amount, open.fee) == (budget, amount, fee);
            match answer {
                Ok(changes) => assert!(same && changes == Changes::default()),
                Err(Denied::Refused(refusal)) => assert!(!same && refusal.reason == Reason::Conflict),
                Err(Denied::Ask(_)) => panic!("asked about a payment under way"),
            }
            return;
        }
        if matches!(answer, Err(Denied::Ask(_))) {
            assert_eq!(expected, Answer::Ask);
            if !approve {
                return;
            }
            self.policy.approve(request.clone(), clock);
            answer = self.policy.reserve(&request, clock);
            assert!(answer.is_ok());
        }
        match answer {
            Ok(changes) => {
                assert_ne!(expected, Answer::No);
                let open = Open { budget, most: amount + fee, amount, fee, since: now };
                self.model.open.insert(payment, open);
                self.model.mark = now;
                self.staged.push(changes);
            }
            Err(denied) => assert_eq!(expected, Answer::No, "{denied}"),
        }
    }

    fn commit(&mut self, payment: u64, per_mille: u64, clock: &Clock<'_>) {
        let now = self.tick();
        let Some(open) = self.model.open.get(&payment).copied() else {
            assert_eq!(self.policy.commit(id(payment), cost(1, 0), clock), Ok(Changes::default()));
            return;
        };
        let more = cost(open.amount, open.fee + 1);
        // An unknown payment moves the time and nothing else.
        assert_eq!(self.policy.commit(id(u64::MAX), more, clock), Ok(Changes::default()));
        let before = format!("{:?}", self.policy);
        assert!(self.policy.commit(id(payment), more, clock).is_err());
        assert_eq!(before, format!("{:?}", self.policy), "a refused commit changed something");
        let fee = open.fee * per_mille / 1000;
        let amount = open.amount * per_mille / 1000;
        let changes = self.policy.commit(id(payment), cost(amount, fee), clock).unwrap();
        self.model.open.remove(&payment);
        self.model.done.push(Done { budget: open.budget, cost: amount + fee, since: open.since, at: now });
        self.model.mark = now;
        self.staged.push(changes);
    }

    fn flush(&mut self) {
        for changes in self.staged.drain(..) {
            self.disk.write(changes);
        }
        self.durable = self.model.clone();
    }

    /// What was staged is lost: those payments never left.
    fn crash(&mut self) {
        self.staged.clear();
        self.model = self.durable.clone();
        self.latest = self.model.mark;
        self.policy = self.disk.load();
    }

    /// What the budgets say of themselves is what the reference counts.
    fn compare(&mut self) {
        let zone = zone;
        let now = self.now.max(self.latest);
        let clock = Clock::new(now, &zone);
        for (budget, rules) in (0..).zip(&self.rules) {
            let usage = self.policy.usage(BudgetId(budget), &clock);
            for (usage, window) in usage.iter().zip(&rules.windows) {
                assert_eq!(usage.spent.get(), self.model.spent(budget, window.window, now));
                assert_eq!(usage.held.get(), self.model.held(budget));
                assert!(usage.spent.get() + usage.held.get() <= usage.limit.get());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn the_budgets_agree_with_the_reference(
        rules in prop::collection::vec(rules(), 5),
        ops in prop::collection::vec(op(), 1..150),
    ) {
        let mut world = World::new(rules);
        for op in &ops {
            world.apply(op);
        }
        world.model.assert_within(&world.rules);
    }

    #[test]
    fn a_refusal_says_when_the_money_is_free(
        rules in rules(),
        spends in prop::collection::vec((1..400_u64, 0..3 * HOUR), 1..40),
        needed in 1..700_u64,
    ) {
        let rules = Rules { ask_above: None, expires_ms: None, ..rules };
        let mut policy = Policy::default();
        let _ = policy.set_rules(BudgetId::USER, rules).unwrap();
        let mut now = NOON;
        for ((amount, pause), number) in spends.into_iter().zip(0..) {
            now += pause;
            if policy.reserve(&request(BudgetId::USER, number, amount, 0), &Clock::new(now, &zone)).is_ok() {
                let _ = policy.commit(id(number), cost(amount, 0), &Clock::new(now, &zone)).unwrap();
            }
        }
        let wanted = request(BudgetId::USER, 1000, needed, 0);
        // Each rule may name a later time; each named time is a step forward, and the last one is right.
        for _ in 0..20 {
            match policy.clone().reserve(&wanted, &Clock::new(now, &zone)) {
                Err(Denied::Refused(refusal)) => {
                    let Reason::Limit { rule, needed, limit, left, until_ms } = refusal.reason else { panic!("{refusal}") };
                    prop_assert!(left < needed || needed > limit);
                    let Some(until) = until_ms else { return Ok(()) };
                    prop_assert!(until > now);
                    // A moment before, that same rule still refuses.
                    let before = policy.clone().reserve(&wanted, &Clock::new(until - 1, &zone));
                    let refuses = |other: &Reason| matches!(other, Reason::Limit { rule: same, .. } if *same == rule);
                    let still = matches!(before, Err(Denied::Refused(refusal)) if refuses(&refusal.reason));
                    prop_assert!(still);
                    now = until;
                }
                Ok(_) => return Ok(()),
                Err(other) => panic!("{other}"),
            }
        }
        prop_assert!(false, "still refused at every time it named");
    }
}
