//! What wallet and gateway say to each other ([`gateway`]), and what pages and wallet say ([`page`]): types, versions, limits.
//!
//! One definition for both sides of each conversation; no I/O, no clock, nothing acts here.

pub mod chain;
pub mod gateway;
pub mod page;
pub mod relay;
