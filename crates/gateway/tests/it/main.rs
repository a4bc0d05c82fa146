//! The gateway from outside: its process, its configuration, its APIs, the chain API. One binary, so that it is linked once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod boxes;
mod chain_api;
mod checks;
mod config;
mod fake_bitcoind;
mod harness;
mod hostile;
mod merchant;
mod pairing;
mod process;
mod vss;
mod wallets;
