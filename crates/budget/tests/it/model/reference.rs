//! The reference: it keeps every payment and counts anew each time.

use std::collections::BTreeMap;

use amplet_budget::{Clock, Kind, Period, Rate, Rules, Window};

use crate::common::{DAY, HOUR};

/// Clocks change every five days.
pub fn zone(secs: i64) -> i32 {
    if (secs / (5 * 86_400)) % 2 == 0 { 3600 } else { 7200 }
}

#[derive(Clone, Copy, Debug)]
pub struct Open {
    pub budget: u32,
    pub max: u64,
    pub amount: u64,
    pub fee: u64,
    pub since: u64,
}

#[derive(Clone, Copy, Debug)]
pub struct Done {
    pub budget: u32,
    pub cost: u64,
    pub since: u64,
    pub at: u64,
}

/// Every payment there was.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub open: BTreeMap<u64, Open>,
    pub done: Vec<Done>,
    /// Latest time in a record.
    pub mark: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Yes,
    Ask,
    No,
}

/// Budgets 2 and 3 draw from 1, and 4 from 2.
pub fn parent(budget: u32) -> Option<u32> {
    [None, None, Some(1), Some(1), Some(2)][budget as usize]
}

pub fn draws_from(budget: u32, ancestor: u32) -> bool {
    std::iter::successors(Some(budget), |p| parent(*p)).any(|p| p == ancestor)
}

pub fn span_end(period: Period, ms: u64) -> u64 {
    Clock::new(ms, &zone).span(period).end_ms
}

/// Length of a rolling window and of the slots that money becomes free by.
pub fn lengths(period: Period) -> (u64, u64) {
    match period {
        Period::Hour => (HOUR, 60_000),
        Period::Day => (DAY, HOUR / 2),
        Period::Week => (7 * DAY, 3 * HOUR),
        Period::Month => (30 * DAY, 12 * HOUR),
    }
}

impl Model {
    pub fn of(&self, budget: u32) -> impl Iterator<Item = &Done> {
        self.done.iter().filter(move |done| draws_from(done.budget, budget))
    }

    pub fn reserved(&self, budget: u32) -> u64 {
        self.open.values().filter(|open| draws_from(open.budget, budget)).map(|open| open.max).sum()
    }

    pub fn spent(&self, budget: u32, window: Window, now: u64) -> u64 {
        let counts = |done: &&Done| match window.kind {
            Kind::Calendar => now < span_end(window.period, done.at),
            Kind::Rolling => {
                let (length, slot) = lengths(window.period);
                now < (done.at / slot + 1) * slot + length
            }
        };
        self.of(budget).filter(counts).map(|done| done.cost).sum()
    }

    pub fn leaked(&self, budget: u32, rate: Rate, now: u64) -> u64 {
        let (mut used, mut last) = (0_u64, 0);
        for (at, cost) in self.of(budget).map(|done| (done.at, done.cost)).chain([(now, 0)]) {
            used = used.saturating_sub((at - last).saturating_mul(rate.per_second.get())) + cost * 1000;
            last = at;
        }
        used.div_ceil(1000)
    }

    pub fn allows(&self, rules: &[Rules], budget: u32, needed: u64, now: u64) -> Answer {
        let chain: Vec<u32> = std::iter::successors(Some(budget), |p| parent(*p)).collect();
        for p in &chain {
            let rules = &rules[*p as usize];
            let reserved = self.reserved(*p);
            let fits = |limit: u64, spent: u64| needed + reserved + spent <= limit;
            let ok = rules.expires_ms.is_none_or(|at| now < at)
                && rules.per_payment.is_none_or(|max| needed <= max.get())
                && rules.windows.iter().all(|w| fits(w.limit.get(), self.spent(*p, w.window, now)))
                && rules.rate.is_none_or(|rate| fits(rate.max_at_once().get(), self.leaked(*p, rate, now)))
                && rules.total.is_none_or(|total| fits(total.get(), self.of(*p).map(|done| done.cost).sum()));
            if !ok {
                return Answer::No;
            }
        }
        let asks = |p: &u32| rules[*p as usize].ask_above.is_some_and(|max| needed > max.get());
        if chain.iter().any(asks) { Answer::Ask } else { Answer::Yes }
    }

    /// Decides as a user reads the rules, without slots and without looking at reservations.
    pub fn assert_within(&self, rules: &[Rules]) {
        for (budget, rules) in (0..).zip(rules) {
            for w in &rules.windows {
                for last in self.of(budget) {
                    let sum = |time: fn(&Done) -> u64| {
                        let now = time(last);
                        let within = |done: &&Done| match w.window.kind {
                            Kind::Calendar => {
                                span_end(w.window.period, time(done)) == span_end(w.window.period, now)
                            }
                            Kind::Rolling => {
                                time(done) <= now && now < time(done) + lengths(w.window.period).0
                            }
                        };
                        self.of(budget).filter(within).map(|done| done.cost).sum::<u64>()
                    };
                    assert!(sum(|done| done.at) <= w.limit.get(), "budget {budget}: {w:?} by end");
                    assert!(sum(|done| done.since) <= w.limit.get(), "budget {budget}: {w:?} by beginning");
                }
            }
            if let Some(rate) = rules.rate {
                let all: Vec<&Done> = self.of(budget).collect();
                for (first, from) in all.iter().enumerate() {
                    let mut sum = 0;
                    for to in &all[first..] {
                        sum += to.cost * 1000;
                        let max = rate.max_at_once().get() * 1000 + (to.at - from.at) * rate.per_second.get();
                        assert!(sum <= max, "budget {budget}: more than its rate");
                    }
                }
            }
            let total: u64 = self.of(budget).map(|done| done.cost).sum();
            assert!(rules.total.is_none_or(|max| total <= max.get()), "budget {budget}: more than its total");
        }
    }
}
