//! A budget with what it has spent and what is reserved from it.

use amplet_protocol::Msat;
use serde::{Deserialize, Serialize};

use crate::budget::{Budget, LimitUsage};
use crate::calendar::Clock;
use crate::error::Reason;
use crate::meter::{Leak, Meter, Notified};
use crate::notice::NoticeKind;
use crate::rules::{Purpose, Rule, Rules};

/// Amounts that a budget has spent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Tally {
    pub total: Msat,
    #[serde(rename = "totalTold")] // in format 1
    pub total_notified: Notified,
    pub meters: Vec<Meter>,
    pub leak: Leak,
    #[serde(rename = "lowParentTold")] // in format 1
    pub low_parent_notified: Notified,
}

/// Returns true if `part` is at least `percent` of `whole`.
fn reaches(part: Msat, percent: u8, whole: Msat) -> bool {
    let (part, whole) = (u128::from(part.get()), u128::from(whole.get()));
    part.saturating_mul(100) >= whole.saturating_mul(u128::from(percent))
}

/// A budget with its tally, and the sum that is reserved from it (restored from the reservations' own records).
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub budget: Budget,
    pub tally: Tally,
    pub reserved: Msat,
    /// Not all of it could be read: it denies until it is given rules.
    pub is_unreadable: bool,
}

impl Account {
    pub fn new(budget: Budget) -> Self {
        Self { budget, tally: Tally::default(), reserved: Msat::ZERO, is_unreadable: false }
    }

    fn meter(&self, rule: Rule) -> Option<&Meter> {
        self.tally.meters.iter().find(|meter| rule == Rule::Window(meter.window))
    }

    /// Usage of each limit over time.
    pub fn usage(&self, clock: &Clock<'_>) -> Vec<LimitUsage> {
        let (rules, now_ms) = (&self.budget.rules, clock.unix_ms);
        let usage = |rule, limit, spent, until_ms| LimitUsage {
            rule,
            limit,
            spent,
            reserved: self.reserved,
            until_ms,
        };
        let windows = rules.windows.iter().map(|window| {
            let rule = Rule::Window(window.window);
            let fresh = Meter::new(window.window);
            let meter = self.meter(rule).unwrap_or(&fresh);
            usage(rule, window.limit, meter.spent(now_ms), Some(meter.ends(clock)))
        });
        let rate = rules
            .rate
            .map(|rate| usage(Rule::Rate, rate.max_at_once(), self.tally.leak.spent(rate, now_ms), None));
        let total = rules.total.map(|total| usage(Rule::Total, total, self.tally.total, None));
        windows.chain(rate).chain(total).collect()
    }

    /// Returns the least that the limits over time leave, without the streaming rate; `None`: there are none.
    pub fn left(&self, clock: &Clock<'_>) -> Option<(Msat, LimitUsage)> {
        let usage = self.usage(clock).into_iter().filter(|usage| usage.rule != Rule::Rate);
        usage.map(|usage| (usage.left(), usage)).min_by_key(|(left, _)| *left)
    }

    /// Returns true if no payment goes without asking: it is closed, has expired, or asks about every payment.
    pub fn always_asks(&self, clock: &Clock<'_>) -> bool {
        let Budget { rules, closed, .. } = &self.budget;
        let expired = rules.expires_ms.is_some_and(|at| clock.unix_ms >= at);
        *closed || expired || rules.ask_above == Some(Msat::ZERO)
    }

    /// Returns the reason for which `needed` more cannot be reserved, if there is one.
    pub fn refuses(&self, needed: Msat, purpose: &Purpose, clock: &Clock<'_>) -> Option<Reason> {
        let rules = &self.budget.rules;
        if self.is_unreadable {
            return Some(Reason::Unreadable);
        }
        if self.budget.closed {
            return Some(Reason::Closed);
        }
        if let Some(at_ms) = rules.expires_ms.filter(|at| clock.unix_ms >= *at) {
            return Some(Reason::Expired { at_ms });
        }
        if !rules.purposes.is_empty() && !rules.purposes.contains(purpose) {
            return Some(Reason::Purpose { purpose: purpose.clone(), allowed: rules.purposes.clone() });
        }
        if let Some(limit) = rules.per_payment.filter(|limit| needed > *limit) {
            return Some(Reason::Limit {
                rule: Rule::PerPayment,
                limit,
                needed,
                left: limit,
                until_ms: None,
            });
        }
        let usage = self.usage(clock);
        let broken = usage.iter().find(|usage| needed > usage.left())?;
        let (rule, limit, left) = (broken.rule, broken.limit, broken.left());
        Some(Reason::Limit { rule, limit, needed, left, until_ms: self.frees(broken, needed, clock) })
    }

    /// Time at which `needed` will fit if nothing more is spent or released; `None`: time alone does not help.
    fn frees(&self, broken: &LimitUsage, needed: Msat, clock: &Clock<'_>) -> Option<u64> {
        let taken = self.reserved.plus(needed).filter(|taken| *taken <= broken.limit)?;
        let max = broken.limit.less(taken);
        match broken.rule {
            Rule::Window(_) => self.meter(broken.rule).map(|meter| meter.until(max, clock)),
            Rule::Rate => self.budget.rules.rate.map(|rate| self.tally.leak.until(max, rate, clock.unix_ms)),
            Rule::PerPayment | Rule::Total => None,
        }
    }

    /// Returns true if the user has to be asked about this amount.
    pub fn asks(&self, needed: Msat) -> bool {
        self.budget.rules.ask_above.is_some_and(|max| needed > max)
    }

    /// Counts an amount as spent.
    pub fn spend(&mut self, cost: Msat, clock: &Clock<'_>) {
        self.tally.total = self.tally.total.plus_up_to_max(cost);
        for window in &self.budget.rules.windows {
            let known = self.tally.meters.iter().position(|meter| meter.window == window.window);
            if known.is_none() {
                self.tally.meters.push(Meter::new(window.window));
            }
            let at = known.unwrap_or(self.tally.meters.len().saturating_sub(1));
            if let Some(meter) = self.tally.meters.get_mut(at) {
                meter.add(cost, clock);
            }
        }
        if let Some(rate) = self.budget.rules.rate {
            self.tally.leak.add(cost, rate, clock.unix_ms);
        }
    }

    /// Notices of limits that have now reached 80 or 100 %, each once per window.
    pub fn news(&mut self, clock: &Clock<'_>) -> Vec<NoticeKind> {
        let mut news = Vec::new();
        for LimitUsage { rule, limit, spent, until_ms, .. } in self.usage(clock) {
            let reached = [100, 80].into_iter().find(|percent| reaches(spent, *percent, limit));
            let Some(percent) = reached else { continue };
            let notified = match rule {
                Rule::Total => Some(&mut self.tally.total_notified),
                Rule::Window(window) => {
                    let meters = &mut self.tally.meters;
                    meters.iter_mut().find(|meter| meter.window == window).map(|meter| &mut meter.notified)
                }
                // A stream at its rate is no news.
                Rule::PerPayment | Rule::Rate => None,
            };
            let until = until_ms.unwrap_or(u64::MAX);
            if notified.is_some_and(|notified| notified.update(percent, clock.unix_ms, until)) {
                news.push(NoticeKind::Used { rule, percent, spent, limit, until_ms });
            }
        }
        news
    }

    /// Sets new rules: windows that stay keep what was spent in them, a new window begins empty.
    pub fn set_rules(&mut self, rules: Rules) {
        self.tally.meters.retain(|meter| rules.windows.iter().any(|window| window.window == meter.window));
        if rules.rate.is_none() {
            self.tally.leak = Leak::default();
        }
        self.tally.total_notified = Notified::default();
        self.budget.rules = rules;
    }
}
