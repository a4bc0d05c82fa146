//! What is refused, and why.

use crate::budget::{BudgetId, Held};
use crate::holder::Holder;
use crate::money::Cost;
use crate::policy::{MAX_BUDGETS, MAX_DEPTH, MAX_HELD};
use crate::rules::{BadRules, Purpose, Rule};
use crate::{Msat, PaymentId};

/// Why a payment got no money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The rules allow it if the user does.
    #[error(transparent)]
    Ask(Question),
    /// The rules do not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// What the user has to be asked; the answer yes is [`Policy::approve`](crate::Policy::approve) of the same request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{most_unasked} at most go without asking; ask the user about this payment")]
pub struct Question {
    /// The budget that asks: the one that pays, or one that it draws from.
    pub budget: BudgetId,
    /// So much goes without asking.
    pub most_unasked: Msat,
    /// So much the payment costs at most, fee included.
    pub needed: Msat,
}

/// The rules do not allow a payment; nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// The budget that refuses: the one that pays, or one that it draws from.
    pub budget: BudgetId,
    /// Why.
    pub reason: Reason,
}

/// Why a budget refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// More than a limit leaves.
    #[error("the budget's {rule} is {limit}, {left} of it are left, and {needed} are needed with the greatest fee{}", until(*.until_ms))]
    Limit {
        /// Which limit.
        rule: Rule,
        /// So much.
        limit: Msat,
        /// Asked for, greatest fee included.
        needed: Msat,
        /// Neither spent nor reserved.
        left: Msat,
        /// When `needed` will be free if nothing else is spent, in ms since the UNIX epoch; `None`: time alone will not do.
        until_ms: Option<u64>,
    },
    /// It has expired.
    #[error("the budget expired; its owner can give it more time")]
    Expired {
        /// When, in ms since the UNIX epoch.
        at_ms: u64,
    },
    /// Not for this.
    #[error("the budget is not for {purpose}; ask its owner to allow it")]
    Purpose {
        /// Asked for.
        purpose: Purpose,
        /// What it is for.
        allowed: Vec<Purpose>,
    },
    /// It is closed.
    #[error("the budget is closed; its owner can open it again")]
    Closed,
    /// There is none.
    #[error("there is no such budget; ask for one first")]
    Unknown,
    /// A payment of nothing.
    #[error("a payment of nothing cannot be reserved; give an amount")]
    Zero,
    /// More than there is.
    #[error("amount, fee and what is reserved are together more than all bitcoin; check the amount's unit")]
    TooMuch,
    /// The payee is too long.
    #[error("the payee's name is longer than {most} bytes; give a node id or an address", most = Held::MAX_PAYEE)]
    Payee,
    /// Something else is reserved for this payment.
    #[error("this payment is under way with another amount, fee, payee or budget; wait until it is decided")]
    Conflict,
    /// Too many payments are under way.
    #[error("{MAX_HELD} payments are under way; wait until one is decided")]
    TooManyHeld,
}

fn until(ms: Option<u64>) -> &'static str {
    match ms {
        Some(_) => "; wait until the limit allows it, or ask the owner for more",
        None => "; pay less, or ask the owner for more",
    }
}

/// Why a payment's cost was not counted; nothing changed, the reservation stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("payment {payment} is said to have cost more than the {reserved:?} reserved for it: {actual:?}")]
pub struct CommitError {
    /// The payment.
    pub payment: PaymentId,
    /// Amount and greatest fee reserved.
    pub reserved: Cost,
    /// What it is said to have cost.
    pub actual: Cost,
}

/// Why a budget was not made or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BudgetError {
    /// The rules make no sense.
    #[error(transparent)]
    Rules(#[from] BadRules),
    /// There is none.
    #[error("there is no budget {0}; list them again")]
    Unknown(BudgetId),
    /// The holder has one.
    #[error("{holder} has budget {budget} already; change its rules instead")]
    Exists {
        /// Who.
        holder: Box<Holder>,
        /// Which.
        budget: BudgetId,
    },
    /// A closed budget cannot draw from another one when it is opened again.
    #[error("{holder} had budget {budget}, which draws from another one; open it with the same parent")]
    OtherParent {
        /// Who.
        holder: Box<Holder>,
        /// Which.
        budget: BudgetId,
    },
    /// Too many.
    #[error("a wallet has at most {MAX_BUDGETS} budgets; open a closed one again, or share one")]
    TooMany,
    /// Too many levels.
    #[error(
        "budgets draw from each other over at most {MAX_DEPTH} levels; choose a parent nearer to the top"
    )]
    TooDeep,
    /// The user's budget stays.
    #[error("the user's own budget cannot be closed; give it rules instead")]
    User,
    /// There is no total to add to.
    #[error("budget {0} has no limit in total to add to; change its rules instead")]
    NoTotal(BudgetId),
    /// A limit of more than all bitcoin.
    #[error("the top-up makes the total more than all bitcoin; check the amount's unit")]
    TooMuch,
    /// The parent has less.
    #[error("budget {parent} has {left} left; top up with at most that, or top up budget {parent} first")]
    ParentLow {
        /// Which.
        parent: BudgetId,
        /// So much is left.
        left: Msat,
    },
}

/// Why what was stored cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Damaged.
    #[error("the budgets' record {name} cannot be read ({what}); no payment is allowed until it is restored")]
    Corrupt {
        /// Its name.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// Written by a newer release.
    #[error("the budgets' record {name} has format {found}, this release reads up to {supported}: update")]
    NewerFormat {
        /// Its name.
        name: String,
        /// Its version.
        found: u32,
        /// The greatest version known.
        supported: u32,
    },
}
