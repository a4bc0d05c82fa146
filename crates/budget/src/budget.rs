//! A budget: its holder, its rules, and how it stands.

use amplet_protocol::{Msat, PaymentId};
use serde::{Deserialize, Serialize};

use crate::calendar::Clock;
use crate::error::Reason;
use crate::holder::Holder;
use crate::meter::{Leak, Meter, Told};
use crate::money::Cost;
use crate::notice::NoticeKind;
use crate::rules::{Purpose, Rule, Rules};

/// A budget's number in its wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BudgetId(pub u32);

impl BudgetId {
    /// The budget of the user, which always exists.
    pub const USER: Self = Self(0);
}

impl std::fmt::Display for BudgetId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A payment that wants money. What the user approves is all of this, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The payment; one that failed may be tried again under the same id.
    pub payment: PaymentId,
    /// What is reserved, and how.
    pub held: Held,
}

/// What is reserved for a payment that is not decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// From this budget, and from all that it draws from.
    #[serde(rename = "purse")] // in format 1
    pub budget: BudgetId,
    /// Amount and greatest fee.
    pub cost: Cost,
    /// Node id or address of who gets it, at most [`Held::MAX_PAYEE`] bytes.
    pub payee: String,
    /// What for.
    pub purpose: Purpose,
}

impl Held {
    /// Longest payee, in bytes.
    pub const MAX_PAYEE: usize = 128;
}

/// A budget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Who may spend from it.
    pub holder: Holder,
    /// The budget that it draws from: what is spent here counts there as well.
    pub parent: Option<BudgetId>,
    /// What it allows.
    pub rules: Rules,
    /// A closed budget allows nothing more.
    pub closed: bool,
}

/// How one of a budget's limits stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitUsage {
    /// Which.
    pub rule: Rule,
    /// At most so much.
    pub limit: Msat,
    /// So much of it is spent.
    pub spent: Msat,
    /// So much of it is reserved for payments under way.
    pub held: Msat,
    /// When a calendar window ends, or what is spent now is free again in a rolling one, in ms since the UNIX epoch.
    pub until_ms: Option<u64>,
}

impl LimitUsage {
    /// What can still be reserved.
    #[must_use]
    pub fn left(&self) -> Msat {
        self.limit.less(self.spent).less(self.held)
    }
}

/// What a budget has spent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Tally {
    pub total: Msat,
    pub total_told: Told,
    pub meters: Vec<Meter>,
    pub leak: Leak,
    pub low_parent_told: Told,
}

/// Whether `part` is at least `percent` of `whole`.
fn reaches(part: Msat, percent: u8, whole: Msat) -> bool {
    let (part, whole) = (u128::from(part.get()), u128::from(whole.get()));
    part.saturating_mul(100) >= whole.saturating_mul(u128::from(percent))
}

/// A budget with what it has spent, and what is reserved from it (which the reservations' own records say).
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub budget: Budget,
    pub tally: Tally,
    pub held: Msat,
}

impl Account {
    pub fn new(budget: Budget) -> Self {
        Self { budget, tally: Tally::default(), held: Msat::ZERO }
    }

    fn meter(&self, rule: Rule) -> Option<&Meter> {
        self.tally.meters.iter().find(|meter| rule == Rule::Window(meter.window))
    }

    /// How each limit over time stands.
    pub fn usage(&self, clock: &Clock<'_>) -> Vec<LimitUsage> {
        let (rules, now_ms) = (&self.budget.rules, clock.unix_ms);
        let usage =
            |rule, limit, spent, until_ms| LimitUsage { rule, limit, spent, held: self.held, until_ms };
        let windows = rules.windows.iter().map(|window| {
            let rule = Rule::Window(window.window);
            let fresh = Meter::new(window.window);
            let meter = self.meter(rule).unwrap_or(&fresh);
            usage(rule, window.limit, meter.spent(now_ms), Some(meter.ends(clock)))
        });
        let rate = rules
            .rate
            .map(|rate| usage(Rule::Rate, rate.most_at_once(), self.tally.leak.spent(rate, now_ms), None));
        let total = rules.total.map(|total| usage(Rule::Total, total, self.tally.total, None));
        windows.chain(rate).chain(total).collect()
    }

    /// What all limits over time, but for the streaming rate, leave; `None` when there are none.
    pub fn left(&self, clock: &Clock<'_>) -> Option<(Msat, LimitUsage)> {
        let usage = self.usage(clock).into_iter().filter(|usage| usage.rule != Rule::Rate);
        usage.map(|usage| (usage.left(), usage)).min_by_key(|(left, _)| *left)
    }

    /// Whether nothing goes from it without a question: it is closed, has expired, or asks about every payment.
    pub fn always_asks(&self, clock: &Clock<'_>) -> bool {
        let Budget { rules, closed, .. } = &self.budget;
        let expired = rules.expires_ms.is_some_and(|at| clock.unix_ms >= at);
        *closed || expired || rules.ask_above == Some(Msat::ZERO)
    }

    /// Why `needed` more cannot be reserved.
    pub fn refuses(&self, needed: Msat, purpose: &Purpose, clock: &Clock<'_>) -> Option<Reason> {
        let rules = &self.budget.rules;
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

    /// When `needed` will fit, if no more is spent and what is reserved stays so; `None`: time alone will not do.
    fn frees(&self, broken: &LimitUsage, needed: Msat, clock: &Clock<'_>) -> Option<u64> {
        let taken = self.held.plus(needed).filter(|taken| *taken <= broken.limit)?;
        let most = broken.limit.less(taken);
        match broken.rule {
            Rule::Window(_) => self.meter(broken.rule).map(|meter| meter.until(most, clock)),
            Rule::Rate => self.budget.rules.rate.map(|rate| self.tally.leak.until(most, rate, clock.unix_ms)),
            Rule::PerPayment | Rule::Total => None,
        }
    }

    /// Whether the user has to be asked about so much.
    pub fn asks(&self, needed: Msat) -> bool {
        self.budget.rules.ask_above.is_some_and(|most| needed > most)
    }

    /// Counts what was spent.
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

    /// Which limits have now reached 80 or 100 %, each once per window.
    pub fn news(&mut self, clock: &Clock<'_>) -> Vec<NoticeKind> {
        let mut news = Vec::new();
        for LimitUsage { rule, limit, spent, until_ms, .. } in self.usage(clock) {
            let reached = [100, 80].into_iter().find(|percent| reaches(spent, *percent, limit));
            let Some(percent) = reached else { continue };
            let told = match rule {
                Rule::Total => Some(&mut self.tally.total_told),
                Rule::Window(window) => {
                    let meters = &mut self.tally.meters;
                    meters.iter_mut().find(|meter| meter.window == window).map(|meter| &mut meter.told)
                }
                // A stream at its rate is no news.
                Rule::PerPayment | Rule::Rate => None,
            };
            let until = until_ms.unwrap_or(u64::MAX);
            if told.is_some_and(|told| told.tell(percent, clock.unix_ms, until)) {
                news.push(NoticeKind::Used { rule, percent, spent, limit, until_ms });
            }
        }
        news
    }

    /// Takes new rules: what was spent in windows that stay is kept, a new window begins empty.
    pub fn set_rules(&mut self, rules: Rules) {
        self.tally.meters.retain(|meter| rules.windows.iter().any(|window| window.window == meter.window));
        if rules.rate.is_none() {
            self.tally.leak = Leak::default();
        }
        self.tally.total_told = Told::default();
        self.budget.rules = rules;
    }
}
