//! Requests of the operator.

use amplet_protocol::page::{CustomRecord, SendAmount};
use amplet_protocol::{ChannelId, Msat, PaymentId};

/// State of the node.
#[derive(Clone, Copy, Debug)]
pub struct GetInfo;

/// A fresh on-chain address.
#[derive(Clone, Copy, Debug)]
pub struct NewAddress;

/// A peer to connect to, persistent from then on.
#[derive(Clone, Debug)]
pub struct ConnectPeer {
    /// `<node id>@<URL>`; `tcp://`, `ws://` or `wss://`.
    pub address: String,
}

/// All channels.
#[derive(Clone, Copy, Debug)]
pub struct ListChannels;

/// What was forwarded.
#[derive(Clone, Copy, Debug)]
pub struct GetForwards {
    /// Number of days, UTC, today among them.
    pub days: u32,
    /// True for the sums of each day and channel, too.
    pub detail: bool,
}

/// Channels to open by one transaction: all, or none.
#[derive(Clone, Debug)]
pub struct OpenChannels {
    /// One at least.
    pub channels: Vec<OpenChannel>,
    /// Fee rate of the transaction, in sat per 1000 vB; within an hour by default.
    pub fee_rate: Option<u64>,
}

/// A channel to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenChannel {
    /// Node id of a connected peer, in hex.
    pub peer: String,
    /// Capacity, in sat.
    pub capacity_sat: u64,
    /// Given to the peer at once.
    pub push_msat: Msat,
    /// True to announce the channel to the public graph.
    pub announce: bool,
}

/// A channel to close.
#[derive(Clone, Copy, Debug)]
pub struct CloseChannel {
    /// Its id.
    pub id: ChannelId,
    /// Without the peer's consent.
    pub force: bool,
}

/// An invoice to make.
#[derive(Clone, Debug)]
pub struct CreateInvoice {
    /// Amount; `None`: the payer chooses.
    pub amount_msat: Option<Msat>,
    /// Purpose.
    pub description: String,
    /// Seconds until it expires; an hour by default.
    pub expiry_secs: Option<u32>,
    /// For AMP: payable any number of times.
    pub amp: bool,
}

/// An invoice of this node.
#[derive(Clone, Copy, Debug)]
pub struct GetInvoice {
    /// Its payment hash.
    pub id: PaymentId,
}

/// An invoice to pay.
#[derive(Clone, Debug)]
pub struct PayInvoice {
    /// BOLT 11.
    pub invoice: String,
    /// Amount: for invoices without one, and only for those.
    pub amount_msat: Option<Msat>,
    /// Maximum fee; 1 % and at least 50 sat by default.
    pub max_fee_msat: Option<Msat>,
}

/// A node to pay without an invoice.
#[derive(Clone, Debug)]
pub struct SendKeysend {
    /// Node id of the payee, in hex.
    pub payee: String,
    /// Amount.
    pub amount_msat: Msat,
    /// Maximum fee; 1 % and at least 50 sat by default.
    pub max_fee_msat: Option<Msat>,
    /// Sent to the payee.
    pub records: Vec<CustomRecord>,
}

/// A payment by this node.
#[derive(Clone, Copy, Debug)]
pub struct GetPayment {
    /// Its payment hash.
    pub id: PaymentId,
}

/// On-chain money to send.
#[derive(Clone, Debug)]
pub struct SendOnchain {
    /// Address.
    pub address: String,
    /// Amount.
    pub amount: SendAmount,
    /// Fee rate, in sat per 1000 vB; within an hour by default.
    pub fee_rate: Option<u64>,
}

/// An on-chain payment to speed up, or to cancel.
#[derive(Clone, Copy, Debug)]
pub struct BumpPayment {
    /// Its id: of its first transaction.
    pub id: PaymentId,
    /// Fee rate, in sat per 1000 vB; the next block or two by default.
    pub fee_rate: Option<u64>,
    /// True to take it back.
    pub cancel: bool,
    /// True to take a replacement's fee from the amount.
    pub from_amount: bool,
}

/// The newest block, read now.
#[derive(Clone, Copy, Debug)]
pub struct SyncNow;
