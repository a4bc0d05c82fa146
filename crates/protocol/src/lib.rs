//! The words of every conversation, and the ids and amounts that all crates share: types, versions and limits of the messages
//! between wallet and gateway ([`gateway`], [`copies`], [`lost`], [`watchtower`], [`chain`], [`relay`]), and between pages and
//! wallet ([`page`]).
//!
//! Floor: pure, the bottom; it imports no other crate of this workspace. One definition for both sides of each conversation; no I/O, no
//! clock, nothing acts here.

mod amount;
pub mod chain;
pub mod copies;
pub mod gateway;
mod ids;
pub mod lost;
pub mod page;
pub mod relay;
mod ts;
pub mod watchtower;

pub use amount::{MAX_MONEY_MSAT, Msat, PAYMENT_WAIT, TooMuch, default_max_fee_msat};
pub use ids::{Canary, ChannelId, IdError, InstanceId, NodeId, PaymentId, WrongId};
