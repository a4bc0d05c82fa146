//! What is refused, and why.

use crate::holder::Holder;
use crate::money::{Cost, Msat};
use crate::policy::{MAX_DEPTH, MAX_HELD, MAX_PURSES};
use crate::purse::{Held, PaymentId, PurseId};
use crate::rules::{BadRules, Purpose, Rule};

/// Why a payment got no money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The rules allow it if the person does.
    #[error(transparent)]
    Ask(Question),
    /// The rules do not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// What the person has to be asked; the answer yes is [`Policy::approve`](crate::Policy::approve) of the same request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{most_unasked} at most go without asking; ask the person about this payment")]
pub struct Question {
    /// The purse that asks: the one that pays, or one that it draws from.
    pub purse: PurseId,
    /// So much goes without asking.
    pub most_unasked: Msat,
    /// So much the payment costs at most, fee included.
    pub needed: Msat,
}

/// The rules do not allow a payment; nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// The purse that refuses: the one that pays, or one that it draws from.
    pub purse: PurseId,
    /// Why.
    pub reason: Reason,
}

/// Why a purse refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// More than a limit leaves.
    #[error("the purse's {rule} is {limit}, {left} of it are left, and {needed} are needed with the greatest fee{}", until(*.until_ms))]
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
    #[error("the purse expired; its owner can give it more time")]
    Expired {
        /// When, in ms since the UNIX epoch.
        at_ms: u64,
    },
    /// Not for this.
    #[error("the purse is not for {purpose}; ask its owner to allow it")]
    Purpose {
        /// Asked for.
        purpose: Purpose,
        /// What it is for.
        allowed: Vec<Purpose>,
    },
    /// It is closed.
    #[error("the purse is closed; its owner can open it again")]
    Closed,
    /// There is none.
    #[error("there is no such purse; ask for one first")]
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
    #[error("this payment is under way with another amount, fee, payee or purse; wait until it is decided")]
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

/// Why a purse was not made or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PurseError {
    /// The rules make no sense.
    #[error(transparent)]
    Rules(#[from] BadRules),
    /// There is none.
    #[error("there is no purse {0}; list them again")]
    Unknown(PurseId),
    /// The holder has one.
    #[error("{holder} has purse {purse} already; change its rules instead")]
    Exists {
        /// Who.
        holder: Box<Holder>,
        /// Which.
        purse: PurseId,
    },
    /// A closed purse cannot draw from another one when it is opened again.
    #[error("{holder} had purse {purse}, which draws from another one; open it with the same parent")]
    OtherParent {
        /// Who.
        holder: Box<Holder>,
        /// Which.
        purse: PurseId,
    },
    /// Too many.
    #[error("a wallet has at most {MAX_PURSES} purses; open a closed one again, or share one")]
    TooMany,
    /// Too many levels.
    #[error("purses draw from each other over at most {MAX_DEPTH} levels; choose a parent nearer to the top")]
    TooDeep,
    /// The person's purse stays.
    #[error("the person's own purse cannot be closed; give it rules instead")]
    Person,
    /// There is no total to add to.
    #[error("purse {0} has no limit in total to add to; change its rules instead")]
    NoTotal(PurseId),
    /// A limit of more than all bitcoin.
    #[error("the top-up makes the total more than all bitcoin; check the amount's unit")]
    TooMuch,
    /// The parent has less.
    #[error("purse {parent} has {left} left; top up with at most that, or top up purse {parent} first")]
    ParentLow {
        /// Which.
        parent: PurseId,
        /// So much is left.
        left: Msat,
    },
}

/// Why what was stored cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Damaged.
    #[error("the purses' record {name} cannot be read ({what}); no payment is allowed until it is restored")]
    Corrupt {
        /// Its name.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// Written by a newer release.
    #[error("the purses' record {name} has format {found}, this release reads up to {supported}: update")]
    NewerFormat {
        /// Its name.
        name: String,
        /// Its version.
        found: u32,
        /// The greatest version known.
        supported: u32,
    },
}
