//! Finding ways for payments: LDK asks [`FlowRouter`], which plans on `amplet_router`'s graph and beliefs; every part that
//! ends teaches the beliefs. A gateway's graph follows gossip, a wallet's follows its gateways' snapshots.

mod asked;
pub(crate) mod explain;
pub(crate) mod gossip;
mod heard;
mod inbound;
mod learn;
pub(crate) mod parts;
mod route;
mod router;
pub(crate) mod stored;
#[cfg(test)]
mod tests;
pub(crate) mod update;

pub use router::{FlowRouter, Refused};
