//! A user's actions on a node: open, pay, receive, send, look back. The same in the browser, in native tests, and behind the
//! gateway's APIs.
//!
//! Floor: above `node`, below `bindings` and `gateway`. Inside, imports run down only:
//! `ctx, convert <- errors <- identity, gateways <- backup <- actions <- open, page <- wallet`.
//!
//! - [`actions`] are typed in and out and know of no wire; [`Ctx`] is what they act on.
//! - [`Wallet`] is the page's: its [`Request`]s are mapped to actions and back to [`Response`]s in `page`.

pub mod actions;
mod backup;
mod convert;
mod ctx;
pub mod errors;
mod gateways;
mod identity;
mod open;
mod page;
mod response;
mod wallet;

pub use amplet_protocol::page::{OpenOptions, Request, WalletError};
pub use backup::read_exported;
pub use ctx::Ctx;
pub use response::Response;
pub use wallet::Wallet;
