//! For tests: a regtest chain mined in memory ([`TestChain`]) and a block-dn server over it ([`FakeServer`]).
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::missing_panics_doc)]

mod chain;
mod server;

pub use chain::{TestChain, anyone_can_spend, pay_to};
pub use server::{FakeServer, serve};
