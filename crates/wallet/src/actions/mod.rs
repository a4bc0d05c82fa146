//! The actions. Each takes the [`Ctx`](crate::Ctx) and typed arguments; the page's requests, the operator's API and the API
//! for sites are three ways to call them.

pub mod amp;
pub mod budgets;
pub mod bump;
pub mod channels;
pub mod diagnostics;
pub mod history;
pub mod inspect;
pub mod keysend;
pub mod pay;
mod problem;
pub mod receive;
pub mod send;
pub mod sign;
pub mod site_records;
pub mod status;
pub mod streams;

pub use problem::PayProblem;
