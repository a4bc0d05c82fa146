//! Optimally reliable multi-path payments: a payment is split so that it most probably succeeds at an acceptable
//! fee, by min-cost flow over the wallet's beliefs about each channel (Pickhardt and Richter, *Optimally
//! Reliable & Cheap Payment Flows on the Lightning Network*, 2021).
//!
//! Floor: pure. No I/O, no clock, no randomness, no threads, no LDK; it may import `protocol`'s shared types and nothing
//! else of the workspace. It never acts except when called, and the same call gives the same plan natively and in wasm.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod assemble;
mod attempt;
pub mod belief;
mod codec;
pub mod csv;
#[cfg(feature = "evaluation")]
pub mod evaluation;
mod extras;
pub mod flow;
#[cfg(test)]
mod flow_tests;
pub mod graph;
mod network;
mod parts;
pub mod payment;
pub mod plan;
pub mod prior;
mod quote;
pub mod request;
pub mod rgs;
mod rgs_write;
pub mod snapshot;
mod survey;
mod tuning;
mod verify;
mod warm;
pub mod work;

pub use belief::{Belief, Beliefs, Certainty};
pub use codec::Truncated;
pub use graph::{Direction, Graph, NodeId, Policy, Scid};
pub use payment::{Outcome, Payment};
pub use plan::{Planner, Reason};
pub use quote::{Quote, quote};
pub use request::{FirstHop, HintHop, Hop, LastHops, Link, Mode, NoPlan, Part, Plan, Request};
pub use tuning::Tuning;
pub use verify::{PlanDefect, verify};
