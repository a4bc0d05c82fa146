//! Errors: refusals with their rule, rest and time.

use crate::budget::BudgetId;
use crate::holder::Holder;
use crate::limits::{MAX_BUDGETS, MAX_DEPTH, MAX_RESERVATIONS};
use crate::money::Cost;
use crate::reservation::Reservation;
use crate::rules::{BadRules, Purpose, Rule};
use crate::{Msat, PaymentId};

/// The denial of a payment by a budget: nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BudgetDenial {
    /// The rules allow it if the user does.
    #[error(transparent)]
    ApprovalNeeded(ApprovalNeeded),
    /// The rules do not allow it.
    #[error(transparent)]
    Refused(#[from] BudgetRefusal),
}

/// A payment about which the user has to be asked; a yes is [`Policy::approve`](crate::Policy::approve) of the same request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{max_unasked} at most go without asking; ask the user about this payment")]
pub struct ApprovalNeeded {
    /// Budget that asks: the one that pays, or one that it draws from.
    pub budget: BudgetId,
    /// Maximum that goes without asking.
    pub max_unasked: Msat,
    /// Maximum cost of the payment, fee included.
    pub needed: Msat,
}

/// A refusal: the rules do not allow a payment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct BudgetRefusal {
    /// Budget that refuses: the one that pays, or one that it draws from.
    pub budget: BudgetId,
    /// Reason of the refusal.
    pub reason: Reason,
}

/// Reason of a refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// More than a limit leaves.
    #[error("the budget's {rule} is {limit}, {left} of it are left, and {needed} are needed with the maximum fee{}", until(*.until_ms))]
    Limit {
        /// Rule of the limit.
        rule: Rule,
        /// Maximum.
        limit: Msat,
        /// Amount asked for, maximum fee included.
        needed: Msat,
        /// Amount that is neither spent nor reserved.
        left: Msat,
        /// Time at which `needed` will be free if nothing else is spent, in ms since the UNIX epoch; `None`: time alone does not
        /// help.
        until_ms: Option<u64>,
    },
    /// It has expired.
    #[error("the budget expired; its owner can give it more time")]
    Expired {
        /// Time of expiry, in ms since the UNIX epoch.
        at_ms: u64,
    },
    /// Not for this purpose.
    #[error("the budget is not for {purpose}; ask its owner to allow it")]
    Purpose {
        /// Purpose asked for.
        purpose: Purpose,
        /// Purposes that it is for.
        allowed: Vec<Purpose>,
    },
    /// It is closed.
    #[error("the budget is closed; its owner can open it again")]
    Closed,
    /// Not all of its record can be read.
    #[error(
        "the budget's stored record is damaged, so nothing is paid from it; its owner can give it rules again"
    )]
    Unreadable,
    /// There is no such budget.
    #[error("there is no such budget; ask for one first")]
    Unknown,
    /// A payment of nothing.
    #[error("a payment of nothing cannot be reserved; give an amount")]
    Zero,
    /// More than all bitcoin.
    #[error("amount, fee and what is reserved are together more than all bitcoin; check the amount's unit")]
    TooMuch,
    /// The payee is too long.
    #[error("the payee's name is longer than {max} bytes; give a node id or an address", max = Reservation::MAX_PAYEE)]
    Payee,
    /// Something else is reserved for this payment.
    #[error("this payment is in flight with another amount, fee, payee or budget; wait until it is decided")]
    Conflict,
    /// Too many payments are in flight.
    #[error("{MAX_RESERVATIONS} payments are in flight; wait until one is decided")]
    TooManyReservations,
}

fn until(ms: Option<u64>) -> &'static str {
    match ms {
        Some(_) => "; wait until the limit allows it, or ask the owner for more",
        None => "; pay less, or ask the owner for more",
    }
}

/// A cost that was not counted; nothing changed, the reservation stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("payment {payment} is reported to have cost more than the {reserved:?} reserved for it: {actual:?}")]
pub struct CommitError {
    /// Payment.
    pub payment: PaymentId,
    /// Amount and maximum fee reserved.
    pub reserved: Cost,
    /// Cost that was reported.
    pub actual: Cost,
}

/// A change of a budget that was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BudgetError {
    /// The rules make no sense.
    #[error(transparent)]
    Rules(#[from] BadRules),
    /// There is no such budget.
    #[error("there is no budget {0}; list them again")]
    Unknown(BudgetId),
    /// The holder has a budget.
    #[error("{holder} has budget {budget} already; change its rules instead")]
    Exists {
        /// Holder.
        holder: Box<Holder>,
        /// Budget of the holder.
        budget: BudgetId,
    },
    /// A closed budget cannot draw from another one when it is opened again.
    #[error("{holder} had budget {budget}, which draws from another one; open it with the same parent")]
    OtherParent {
        /// Holder.
        holder: Box<Holder>,
        /// Budget of the holder.
        budget: BudgetId,
    },
    /// Too many budgets.
    #[error("a wallet has at most {MAX_BUDGETS} budgets; open a closed one again, or share one")]
    TooMany,
    /// Too many levels of budgets.
    #[error(
        "budgets draw from each other over at most {MAX_DEPTH} levels; choose a parent nearer to the top"
    )]
    TooDeep,
    /// The user's own budget cannot be closed.
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
        /// Parent.
        parent: BudgetId,
        /// Amount that it has left.
        left: Msat,
    },
}

/// Stored records that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Damaged.
    #[error(
        "the budgets' record {name} cannot be read ({what}); a budget with limits that needs it allows nothing until it is given rules"
    )]
    Corrupt {
        /// Name of the record.
        name: String,
        /// Defect.
        what: String,
    },
    /// Written by a newer release.
    #[error("the budgets' record {name} has format {found}, this release reads up to {supported}: update")]
    NewerFormat {
        /// Name of the record.
        name: String,
        /// Version of the record.
        found: u32,
        /// Maximum version known.
        supported: u32,
    },
}
