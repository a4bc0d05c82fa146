//! Budgets with a holder (a site, an app, a device, a child, the user) and rules. Every outgoing payment is reserved with its
//! maximum fee, then committed with its actual cost, or released.
//!
//! Floor: pure; it imports `protocol` (ids and amounts) and nothing else of this workspace. No I/O, no clock, no randomness;
//! it acts only when called. Changes are returned as [`Changes`]: records that belong in the same storage transaction as the
//! payment's own state.
//!
//! A limit holds under concurrency, restarts and windows that end while a payment is in flight: an amount that is reserved
//! counts in *every* window until the payment is decided, and from then on in the one in which it was decided. So neither the
//! payments started in a window nor those decided in it can together cost more than its limit.
//!
//! Time is the caller's, but never earlier than it was: a clock that is set back frees no money.
#![deny(clippy::arithmetic_side_effects)]

mod account;
mod budget;
pub mod calendar;
mod day;
mod error;
mod holder;
mod limits;
mod meter;
mod money;
mod notice;
mod policy;
mod record;
pub mod report;
mod reservation;
mod rules;

pub use amplet_protocol::{Msat, PaymentId, TooMuch};
pub use budget::{Budget, BudgetId, LimitUsage};
pub use calendar::{Clock, Utc, Weekday, Zone};
pub use error::{ApprovalNeeded, BudgetDenial, BudgetError, BudgetRefusal, CommitError, LoadError, Reason};
pub use holder::{BadHolder, Holder, Name, Origin};
pub use money::Cost;
pub use notice::{Notice, NoticeKind};
pub use policy::Policy;
pub use record::{Changes, DAYS, Record, STATE};
pub use reservation::{Request, Reservation};
pub use rules::{BadRules, Kind, Period, Purpose, Rate, Rule, Rules, Window, WindowLimit};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
