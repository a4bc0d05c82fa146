//! The budgets beside the reference, through crashes.

use amplet_budget::{BudgetDenial, BudgetId, Changes, Clock, Holder, Name, Policy, Reason, Rules};

use super::ops::Op;
use super::reference::{Answer, Done, Model, Open, parent, zone};
use crate::common::{Disk, NOON, cost, id, request, site};

/// The budgets, what is on the disk, what is not there yet, and the reference of both moments.
pub struct World {
    pub policy: Policy,
    pub disk: Disk,
    pub staged: Vec<Changes>,
    pub model: Model,
    pub durable: Model,
    pub rules: Vec<Rules>,
    pub now: u64,
    pub latest: u64,
}

impl World {
    pub fn new(rules: Vec<Rules>) -> Self {
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

    pub fn apply(&mut self, op: &Op) {
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

    pub fn tick(&mut self) -> u64 {
        self.latest = self.latest.max(self.now);
        self.latest
    }

    pub fn reserve(
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
        let foreseen = match self.policy.allows(&request.reservation, clock) {
            Ok(()) => Answer::Yes,
            Err(BudgetDenial::ApprovalNeeded(_)) => Answer::Ask,
            Err(BudgetDenial::Refused(_)) => Answer::No,
        };
        assert_eq!(foreseen, expected, "what a preview says");
        let mut answer = self.policy.reserve(&request, clock);
        if let Some(open) = self.model.open.get(&payment) {
            let same = (open.budget, open.amount, open.fee) == (budget, amount, fee);
            match answer {
                Ok(changes) => assert!(same && changes == Changes::default()),
                Err(BudgetDenial::Refused(refusal)) => assert!(!same && refusal.reason == Reason::Conflict),
                Err(BudgetDenial::ApprovalNeeded(_)) => panic!("asked about a payment under way"),
            }
            return;
        }
        if matches!(answer, Err(BudgetDenial::ApprovalNeeded(_))) {
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
                let open = Open { budget, max: amount + fee, amount, fee, since: now };
                self.model.open.insert(payment, open);
                self.model.mark = now;
                self.staged.push(changes);
            }
            Err(denied) => assert_eq!(expected, Answer::No, "{denied}"),
        }
    }

    pub fn commit(&mut self, payment: u64, per_mille: u64, clock: &Clock<'_>) {
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

    pub fn flush(&mut self) {
        for changes in self.staged.drain(..) {
            self.disk.write(changes);
        }
        self.durable = self.model.clone();
    }

    /// Staged changes are lost: those payments never left.
    pub fn crash(&mut self) {
        self.staged.clear();
        self.model = self.durable.clone();
        self.latest = self.model.mark;
        self.policy = self.disk.load();
    }

    /// Compares what the budgets report with what the reference counts.
    pub fn compare(&mut self) {
        let zone = zone;
        let now = self.now.max(self.latest);
        let clock = Clock::new(now, &zone);
        for (budget, rules) in (0..).zip(&self.rules) {
            let usage = self.policy.usage(BudgetId(budget), &clock);
            for (usage, window) in usage.iter().zip(&rules.windows) {
                assert_eq!(usage.spent.get(), self.model.spent(budget, window.window, now));
                assert_eq!(usage.reserved.get(), self.model.reserved(budget));
                assert!(usage.spent.get() + usage.reserved.get() <= usage.limit.get());
            }
        }
    }
}
