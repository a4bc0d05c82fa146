//! LDK, wired once: channels, peers, events, persistence and the on-chain wallet, the same in the browser and in the gateway.
//!
//! Single-threaded: a [`Node`] lives on one thread and its futures are not `Send`. One loop (`engine`) moves it: it lets LDK
//! act on what was heard, commits everything of the step in one transaction, and only then speaks.

mod api;
mod balance;
mod budgets;
mod channels;
mod closing;
mod config;
mod deposits;
mod engine;
mod error;
mod events;
mod fees;
mod inner;
mod journal;
pub mod keys;
mod keysend;
mod ledger;
mod log;
mod messages;
mod monitors;
mod node;
mod offers;
mod onchain;
mod open;
mod payments;
mod peers;
mod routing;
mod signer;
mod spend;
mod streams;
mod sync;
mod types;
mod wake;
mod watch;

pub use amplet_budget as budget;
pub use amplet_budget::PaymentId;
pub use api::{
    Budgets, ChainSync, Channels, Graph, Ledger, Onchain, Order, PayInvoice, PayStream, Payments, Peers,
    SendOnchain,
};
pub use balance::{LightningBalance, is_trusted};
pub use bitcoin;
pub use budgets::Authorization;
pub use channels::OpenChannel;
pub use config::{
    AcceptChannel, Acceptance, Forwarding, Gossiping, GraphSource, HTLC_DELTA, InboundChannel, NodeConfig,
    Role, TO_SELF_DELAY,
};
pub use error::{ChannelError, NodeError, OfferError, PayError};
pub use inner::{Notice, SyncState};
pub use keysend::{AcceptKeysend, InboundKeysend, Keysend, Records, accept_all_keysends};
pub use ledger::LedgerError;
pub use lightning;
pub use lightning_invoice;
pub use messages::Incoming;
pub use node::Node;
#[cfg(feature = "offers")]
pub use offers::{NewOffer, PayOffer};
pub use onchain::{OnchainError, SignedSend};
pub use payments::{NewInvoice, description};
pub use peers::{ConnectionState, PersistentPeer};
pub use streams::{MAX_SESSION, SESSION_RECORD, StreamError, StreamTo};
