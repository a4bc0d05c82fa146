//! A Lightning node of another implementation, for scenarios that have to hold with any of them.

use anyhow::Result;

/// A node beside the gateways. Calls block until it has answered.
pub trait Peer: Send + Sync {
    /// Its node id, in hex.
    fn id(&self) -> String;

    /// Where it listens: `<node id>@tcp://<host>:<port>`.
    fn address(&self) -> String;

    /// Height of the newest block that it has taken in.
    ///
    /// # Errors
    /// The node's.
    fn height(&self) -> Result<u64>;

    /// A fresh on-chain address.
    ///
    /// # Errors
    /// The node's.
    fn new_address(&self) -> Result<String>;

    /// Its on-chain money, unconfirmed included, in sat.
    ///
    /// # Errors
    /// The node's.
    fn onchain_sat(&self) -> Result<u64>;

    /// Its side of its open channels, what is in flight not included.
    ///
    /// # Errors
    /// The node's.
    fn lightning_msat(&self) -> Result<u64>;

    /// Opens a channel that is not announced to a connected node, of which `push_sat` is the other's, and broadcasts its funding.
    ///
    /// # Errors
    /// The node's.
    fn open_channel(&self, node_id: &str, capacity_sat: u64, push_sat: u64) -> Result<()>;

    /// Its open channels.
    ///
    /// # Errors
    /// The node's.
    fn channels(&self) -> Result<Vec<PeerChannel>>;

    /// Begins to close the channel of the funding output `<txid>:<index>`.
    ///
    /// # Errors
    /// The node's.
    fn close_channel(&self, funding: &str, force: bool) -> Result<()>;

    /// Number of its channels that are being closed: their money is not all on-chain yet.
    ///
    /// # Errors
    /// The node's.
    fn closing(&self) -> Result<usize>;

    /// Makes an invoice.
    ///
    /// # Errors
    /// The node's; also when it knows no invoices of this kind.
    fn invoice(&self, kind: InvoiceKind, amount_msat: Option<u64>) -> Result<Invoice>;

    /// What an invoice has got so far.
    ///
    /// # Errors
    /// The node's.
    fn received(&self, invoice: &Invoice) -> Result<Received>;

    /// What the newest payment without an invoice has brought; `None`: there was none.
    ///
    /// # Errors
    /// The node's.
    fn received_unasked(&self) -> Result<Option<Received>>;

    /// Takes the money that a hold invoice holds.
    ///
    /// # Errors
    /// The node's.
    fn settle(&self, preimage: &[u8; 32]) -> Result<()>;

    /// Sends the money back that a hold invoice holds.
    ///
    /// # Errors
    /// The node's.
    fn cancel(&self, payment_hash: &[u8; 32]) -> Result<()>;

    /// Pays an invoice, in parts of at most `max_part_msat`.
    ///
    /// # Errors
    /// The node's; also when the payment failed, with its reason.
    fn pay(&self, invoice: &str, order: &PayOrder) -> Result<Paid>;
}

/// A channel of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerChannel {
    /// Node id of the other side, in hex.
    pub node_id: String,
    /// `<txid>:<index>` of the funding output.
    pub funding: String,
    /// True if payments can use it.
    pub active: bool,
    /// HTLCs in flight.
    pub pending_htlcs: usize,
    /// The peer's side, what is in flight, and the fee of its commitment if it pays that, not included; in sat.
    pub local_sat: u64,
    /// The other side, likewise, in sat.
    pub remote_sat: u64,
}

/// Kind of an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvoiceKind {
    /// BOLT 11, settled when all of it is there.
    Plain,
    /// BOLT 11 of this payment hash, held until it is settled or cancelled.
    Hold([u8; 32]),
    /// Atomic multi-path: payable more than once.
    Amp,
}

/// An invoice that a peer made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// Its text.
    pub text: String,
    /// What the peer finds it by.
    pub key: String,
}

/// State of an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvoiceState {
    /// Not paid, or not wholly.
    Open,
    /// Held.
    Held,
    /// The money is the payee's.
    Settled,
    /// Sent back, or expired.
    Cancelled,
}

/// What an invoice has got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// State.
    pub state: InvoiceState,
    /// All that it has got, in all payments, in msat.
    pub amount_msat: u64,
    /// HTLCs that were held or settled.
    pub parts: Vec<ReceivedPart>,
}

/// An HTLC to a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedPart {
    /// Amount, in msat.
    pub amount_msat: u64,
    /// Short id of the channel that it came by.
    pub channel: String,
    /// The set of an atomic multi-path payment that it belongs to.
    pub set: Option<String>,
}

/// How to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayOrder {
    /// Amount, for an invoice without one.
    pub amount_msat: Option<u64>,
    /// Maximum of a part, in msat.
    pub max_part_msat: u64,
    /// Maximum of all fees, in msat.
    pub max_fee_msat: u64,
    /// True for an atomic multi-path invoice.
    pub amp: bool,
}

/// A payment that a peer made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paid {
    /// Amount that the payee got, in msat.
    pub amount_msat: u64,
    /// Fees beside it, in msat.
    pub fee_msat: u64,
    /// Preimage, in hex.
    pub preimage: String,
    /// Amounts of the parts that succeeded, in msat.
    pub parts_msat: Vec<u64>,
}
