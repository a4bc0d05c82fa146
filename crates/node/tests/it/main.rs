//! Nodes on one chain in memory: one binary, so that LDK is linked into it once.
//!
//! Time is virtual here, and LDK with `std` reads the system's clock: that build is tested by the wallet's flows and the gateway.
#![cfg(not(feature = "std"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../world/mod.rs"]
mod world;

mod absence;
mod amp;
mod amp_refused;
mod amp_send;
mod backup;
mod balance;
mod batch;
mod beside;
mod both_ways;
mod budgets;
mod bumps;
mod cancelled;
mod change;
mod channels;
mod close_cost;
mod closed;
mod closing;
mod coming_back;
mod commits;
mod complaints;
mod copies;
mod damaged;
mod deposits;
mod disk_full;
mod doubt;
mod durable;
mod ends;
mod fees;
mod flushed;
mod half_sources;
mod hand_over;
mod history;
mod identity;
mod keysend;
mod lost;
mod lost_peers;
mod many_gateways;
mod monitors;
mod offers;
mod one_piece;
mod openings;
mod payments;
mod reorgs;
mod rgs;
mod routing;
mod safe_until;
mod sources;
mod storage_fails;
mod stored;
mod streams;
mod together;
mod unheard;
mod watchtower;
mod write_volume;
