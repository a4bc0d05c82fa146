//! What the user should hear of.

use crate::Msat;
use crate::budget::BudgetId;
use crate::rules::Rule;

/// News of a budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Which.
    pub budget: BudgetId,
    /// What.
    pub kind: NoticeKind,
}

/// What happened; each is told once per window, and again after a change of the rules or a top-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// A limit is used to 80 or 100 %.
    Used {
        /// Which.
        rule: Rule,
        /// 80 or 100.
        percent: u8,
        /// So much is spent.
        spent: Msat,
        /// Of so much.
        limit: Msat,
        /// When it begins anew, in ms since the UNIX epoch; `None` for a total.
        until_ms: Option<u64>,
    },
    /// A budget that this one draws from has less left than this one's own limits.
    LowParent {
        /// Which.
        parent: BudgetId,
        /// It has so much left.
        left: Msat,
    },
}
