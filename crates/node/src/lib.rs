//! LDK, wired once: channels, peers, events, persistence and the on-chain wallet, the same in the browser and in the gateway.
//!
//! Single-threaded: a [`Node`] lives on one thread and its futures are not `Send`. One loop (`runtime::engine`) moves it: it
//! lets LDK process what it received, commits everything of the step in one transaction, and only then speaks.
//!
//! Three kinds of room: adapters (`ldk`) implement the traits that LDK and BDK ask for; services (`ledger`, `peers`, `onchain`,
//! `channels`, `graph`, `payments`, `watchtower`) own one concern each; the `runtime` takes steps. A room imports only rooms on its left:
//! `notify <- config <- ldk <- base <- ledger <- {peers, onchain, channels} <- graph <- payments <- watchtower <- runtime <- open <- node`.
//! News upward is a return value, a [`Notice`], or a notification.

mod base;
mod channels;
mod config;
mod graph;
mod ldk;
mod ledger;
mod node;
mod notify;
mod onchain;
mod open;
mod payments;
mod peers;
mod runtime;
mod watchtower;

pub use amplet_amp::Limits as AmpLimits;
pub use amplet_budget as budget;
pub use amplet_protocol::{Msat, PaymentId};
pub use base::{BLOCK_INTERVAL, Notice, OLD_TIP};
pub use bitcoin;
pub use channels::{
    ChannelBalance, ChannelError, Channels, LightningBalance, NotOpened, OpenChannel, is_trusted,
};
pub use config::{
    AcceptChannel, AcceptKeysend, Acceptance, Forward, Forwarding, ForwardingTerms, Gossiping,
    GraphSnapshots, GraphSource, HTLC_DELTA, InboundChannel, InboundKeysend, LOST_INSTALLATIONS, NodeConfig,
    RecordForward, Records, Role, SPONTANEOUS_AMP, TO_SELF_DELAY, TermsOf, accept_keysends_from,
    expects_blocks,
};
pub use graph::Graph;
pub use ldk::backup::{Device, backup, old_copy_record};
pub use ldk::bdk::{OnchainError, SignedBump, SignedSend};
pub use ldk::commitment::is_commitment;
pub use ldk::keys;
pub use ldk::lost::keys as lost_keys;
pub use ldk::lost::spend::witness as to_remote_witness;
pub use ldk::old_copy::OldCopy;
pub use ldk::unsaved::Unsaved;
pub use ledger::budgets::{Authorization, Budgets, ChangeError};
#[cfg(feature = "testing")]
pub use ledger::record::{event_again, payment_again};
pub use ledger::{Ledger, LedgerError};
pub use lightning;
pub use lightning_invoice;
pub use node::Node;
pub use onchain::{Bump, Onchain};
pub use open::{Kit, NodeError};
pub use payments::{
    AmpParts, AmpPayee, Destination, Keysend, MAX_SESSION, NewInvoice, OfferError, Order, PayAmp, PayError,
    PayInvoice, PayStream, Payments, SESSION_RECORD, SendOnchain, StreamError, StreamTo, description,
};
#[cfg(feature = "offers")]
pub use payments::{NewOffer, PayOffer};
pub use peers::{
    ConnectionState, Copies, Findings, Incoming, Lost, LostAnswer, LostGateway, Peers, PersistentPeer,
};
pub use runtime::{ChainSync, SyncState};
pub use watchtower::Towers;
#[cfg(feature = "tower")]
pub use watchtower::{Tower, TowerReport};
