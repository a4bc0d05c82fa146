//! A budget: its holder, its rules, and the usage of its limits.

use amplet_protocol::Msat;
use serde::{Deserialize, Serialize};

use crate::holder::Holder;
use crate::rules::{Rule, Rules};

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

/// A budget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Holder: may spend from it.
    pub holder: Holder,
    /// Budget that it draws from: all that is spent here counts there as well.
    pub parent: Option<BudgetId>,
    /// Rules: limits, expiry, purposes.
    pub rules: Rules,
    /// A closed budget allows nothing more.
    pub closed: bool,
}

/// Usage of one of a budget's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitUsage {
    /// The limit's rule.
    pub rule: Rule,
    /// Maximum.
    pub limit: Msat,
    /// Amount of it that is spent.
    pub spent: Msat,
    /// Amount of it that is reserved for payments in flight.
    pub reserved: Msat,
    /// End of a calendar window, or the time at which an amount spent now is free again in a rolling one, in ms since the UNIX
    /// epoch; `None`: time does not end this limit.
    pub until_ms: Option<u64>,
}

impl LimitUsage {
    /// Returns the amount that can still be reserved.
    #[must_use]
    pub fn left(&self) -> Msat {
        self.limit.less(self.spent).less(self.reserved)
    }
}
