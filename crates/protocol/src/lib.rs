//! The words of every conversation, and the ids and amounts that all crates share: what wallet and gateway say to each other
//! ([`gateway`], [`chain`], [`relay`]), and what pages and wallet say ([`page`]): types, versions, limits.
//!
//! Bottom floor: it imports no other crate of this workspace. One definition for both sides of each conversation; no I/O, no
//! clock, nothing acts here.

mod amount;
pub mod chain;
pub mod gateway;
mod ids;
pub mod page;
pub mod relay;

pub use amount::{MAX_MONEY_MSAT, Msat, PAYMENT_WAIT, TooMuch, default_max_fee_msat};
pub use ids::{ChannelId, IdError, NodeId, PaymentId};
