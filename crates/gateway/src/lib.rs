//! The gateway server: embedded node, WebSocket endpoint, chain API.

pub mod admin;
pub mod chain_api;
pub mod cli;
pub mod config;
pub mod edge;
pub mod init;
pub mod keys;
pub mod logging;
pub mod merchant;
pub mod node_thread;
pub mod policy;
pub mod run;
