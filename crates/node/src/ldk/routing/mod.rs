//! Payment routing: implements LDK's `Router` on the planner's graph and beliefs; every part that ends teaches the beliefs. A
//! gateway's graph follows gossip, a wallet's follows its gateways' snapshots.

pub(crate) mod explain;
pub(crate) mod gossip;
mod gossip_handler;
mod inbound;
mod learn;
pub(crate) mod parts;
mod request;
mod route;
mod router;
pub(crate) mod stored;
#[cfg(test)]
mod tests;

pub(crate) use request::Split;
pub use router::FlowRouter;
pub(crate) use router::{PlanRecorder, Refused};
