//! What a user does with the wallet: open, pay, receive, send, look back.
//!
//! [`Wallet`] answers the [`Request`]s of [`amplet_protocol::page`]; it is the same in the browser and in native tests.

mod budgets;
mod diagnostics;
mod errors;
mod gateways;
mod identity;
mod inspect;
mod onchain;
mod open;
mod pay;
mod receive;
mod response;
mod sign;
mod state;
mod stream;
mod wallet;

pub use amplet_protocol::page::{OpenOptions, Request, WalletError};
pub use response::Response;
pub use wallet::Wallet;
