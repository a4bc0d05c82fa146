//! Budgets with a holder (a site, an app, a device, a child, the user) and rules. Every outgoing payment is
//! reserved with its greatest fee, then committed with what it really cost, or released.
//!
//! Pure: no I/O, no clock, no randomness; it acts only when called. What changed comes back as [`Changes`]: records that
//! belong in the same storage transaction as the payment's own state.
//!
//! How a limit holds under concurrency, restarts and windows that end while a payment is under way: what is reserved counts
//! in *every* window until the payment is decided, and from then on in the one in which it was decided. So neither the
//! payments begun in a window nor those ended in it can together cost more than its limit.
//!
//! Time is what the caller says, but never earlier than it was: a clock that is set back frees no money.
#![deny(clippy::arithmetic_side_effects)]

mod budget;
pub mod calendar;
mod error;
mod holder;
mod meter;
mod money;
mod notice;
mod policy;
mod record;
pub mod report;
mod rules;

pub use amplet_protocol::{Msat, PaymentId, TooMuch};
pub use budget::{Budget, BudgetId, Held, LimitUsage, Request};
pub use calendar::{Clock, Utc, Weekday, Zone};
pub use error::{BudgetError, CommitError, Denied, LoadError, Question, Reason, Refusal};
pub use holder::{BadHolder, Holder, Name, Origin};
pub use money::Cost;
pub use notice::{Notice, NoticeKind};
pub use policy::Policy;
pub use record::{Changes, DAYS, Record, STATE};
pub use rules::{BadRules, Kind, Period, Purpose, Rate, Rule, Rules, Window, WindowLimit};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
