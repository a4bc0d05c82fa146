//! The doors: routes, bodies, status codes. Runs beside the node, on other threads.

pub mod admin;
pub mod chain_api;
mod disk;
pub mod edge;
mod error;
mod extract;
pub mod health;
mod logins;
pub mod merchant;
pub mod rates;
pub mod vss;
