//! The transport against real servers on loopback, and in memory: one binary, so that it is linked once.

mod address;
mod common;
mod failures;
mod memory;
mod server;
mod streams;
