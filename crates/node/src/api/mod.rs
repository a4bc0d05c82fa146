//! The services that a node hands out.

mod budgets;
mod ledger;
mod money;
mod payments;
mod peers;

pub use budgets::Budgets;
pub use ledger::Ledger;
pub use money::{ChainSync, Channels, Onchain};
pub use payments::{Order, PayInvoice, PayStream, Payments, SendOnchain};
pub use peers::{Graph, Peers};
