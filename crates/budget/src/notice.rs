//! Notices of budgets, for the user.

use crate::Msat;
use crate::budget::BudgetId;
use crate::rules::Rule;

/// A notice of a budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Budget that it is about.
    pub budget: BudgetId,
    /// Event.
    pub kind: NoticeKind,
}

/// Event of a budget; each is notified once per window, and again after a change of the rules or a top-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// A limit is used to 80 or 100 %.
    Used {
        /// Rule of the limit.
        rule: Rule,
        /// 80 or 100.
        percent: u8,
        /// Amount spent.
        spent: Msat,
        /// Maximum.
        limit: Msat,
        /// Time at which the limit begins again, in ms since the UNIX epoch; `None` for a total.
        until_ms: Option<u64>,
    },
    /// A budget that this one draws from has less left than this one's own limits.
    LowParent {
        /// Budget that is low.
        parent: BudgetId,
        /// Amount that it has left.
        left: Msat,
    },
}
