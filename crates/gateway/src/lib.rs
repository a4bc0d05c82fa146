//! The gateway server: embedded node, WebSocket endpoint, chain API, APIs for the operator and for sites.
//!
//! Floor: a leaf, above `wallet`, whose actions it uses. Inside, imports run down only:
//! `config, limits <- desk <- node <- http <- run`.
//!
//! - `desk`: services on the node's thread, in the wallet's words;
//! - `node`: that thread: it opens the node, takes commands, follows events;
//! - `http`: the doors: routes, bodies, errors, on other threads. Nothing below imports it.

pub mod admin_client;
pub mod channels;
pub mod check;
pub mod cli;
pub mod config;
pub mod desk;
pub mod fees;
pub mod forwards;
pub mod http;
pub mod init;
pub mod keys;
pub mod limits;
pub mod logging;
pub mod node;
pub mod run;
pub mod tokens;
