//! Payments and channels, as a page sees them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ChannelId, Msat, NodeId, PaymentId};

/// The Bitcoin network of a wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Network {
    /// Real money.
    Mainnet,
    /// BIP 94 test network.
    Testnet4,
    /// BIP 325 test network.
    Signet,
    /// A private chain.
    Regtest,
}

/// A gateway as configured: a node, and the addresses of its WebSocket and chain API.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Gateway {
    /// `<node id, 66 hex digits>@<ws or wss URL>`; the path `/lightning/v1` is added when the URL has none. A token that the
    /// gateway's operator gave for channels on request follows it as `#token=…`.
    pub address: String,
    /// Base URL of the block-dn API; by default the address's origin with http(s).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub chain_url: Option<String>,
    /// True if a 0-conf channel from this gateway is accepted (its balance is shown as trusted until it confirms).
    #[serde(default)]
    pub trust_zero_conf: bool,
}

/// Direction of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// Paid to this wallet.
    Inbound,
    /// Paid by this wallet.
    Outbound,
}

/// Kind of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum PaymentKind {
    /// A BOLT 11 invoice.
    Bolt11,
    /// Lightning without an invoice: the payer chose the preimage.
    Keysend,
    /// A BOLT 12 offer.
    Offer,
    /// Atomic multi-path (AMP): in parts of distinct payment hashes, claimed all or none. The id is that of the set.
    Amp,
    /// Many keysends to one session, together one entry.
    Stream,
    /// An on-chain transaction.
    Onchain,
    /// On-chain to Lightning: the funding of a channel.
    ChannelOpen,
    /// Lightning to on-chain: a channel's close or sweep.
    ChannelClose,
}

/// A payment's outcome: never a guess.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum PaymentStatus {
    /// Not decided yet; the money is reserved.
    Pending,
    /// Done, with proof (the preimage, or the confirmed transaction).
    Succeeded,
    /// No funds left this wallet.
    Failed {
        /// Reason and remedy.
        error: super::WalletError,
    },
}

/// A payment: an entry of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// Payment hash, AMP's set id, or transaction id, in hex: unique in this wallet together with the direction.
    pub id: PaymentId,
    /// Direction.
    pub direction: Direction,
    /// Kind.
    pub kind: PaymentKind,
    /// Outcome.
    #[serde(flatten)]
    pub status: PaymentStatus,
    /// Amount that the payee gets (outbound), or that we got or asked for (inbound). `None`: an invoice without amount.
    pub amount_msat: Option<Msat>,
    /// Fee paid on top of the amount. Of money that came from a channel, what its close cost: the channel's balance before was the amount
    /// and this. `None` where it is not known.
    pub fee_msat: Option<Msat>,
    /// Description from the invoice, or the user's own.
    pub description: String,
    /// The BOLT 11 text, for Lightning payments.
    pub invoice: Option<String>,
    /// The payee's node id (hex) or address.
    pub payee: Option<String>,
    /// The preimage, in hex: proof of payment.
    pub preimage: Option<String>,
    /// The transaction, in hex, for on-chain movements: the last one, where transactions of it were replaced.
    pub txid: Option<String>,
    /// Transactions of this payment that were replaced (BIP 125), oldest first. One of them may still be the one that confirms.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "ts", ts(as = "Option<Vec<super::ReplacedTx>>", optional))]
    pub replaced: Vec<super::ReplacedTx>,
    /// True if the transaction pays the money back to this wallet: the payment was cancelled, and fails when that is buried.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "ts", ts(as = "Option<bool>", optional))]
    pub cancels: bool,
    /// Confirmations of that transaction; 0 while it waits.
    pub confirmations: u32,
    /// Number of operators of chain sources that have shown an unconfirmed deposit. One alone may show what never confirms.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub seen_by: Option<u32>,
    /// Number of channels crossed by the longest part.
    pub hops: Option<u32>,
    /// Time at which it was made.
    pub created_at: u64,
    /// Time at which it ended.
    pub settled_at: Option<u64>,
    /// Time at which an inbound invoice stops being payable.
    pub expires_at: Option<u64>,
    /// Milliseconds between the request to pay and the proof.
    pub duration_ms: Option<u64>,
    /// The parts of an outbound Lightning payment, failed ones included, in the order in which they were sent.
    pub parts: Vec<super::PaymentPart>,
    /// Records that a keysend carried beside the money.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "ts", ts(as = "Option<Vec<CustomRecord>>", optional))]
    pub records: Vec<CustomRecord>,
    /// What the application said of its invoice ([`super::Request::Receive`]); payers do not see it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "ts", ts(as = "Option<BTreeMap<String, String>>", optional))]
    pub metadata: BTreeMap<String, String>,
    /// Price of bitcoin when it succeeded, where the page had told it ([`super::Request::SetRate`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub rate: Option<super::FiatRate>,
    /// Totals of a stream: `amount_msat` and `fee_msat` are then the sums paid so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub stream: Option<StreamTotals>,
}

/// A custom record of a payment's onion (BOLT 4, `payload`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct CustomRecord {
    /// TLV type, 65536 or greater.
    #[serde(rename = "type")]
    pub record_type: u64,
    /// Value, in hex.
    pub value: String,
}

/// Totals of a stream of payments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct StreamTotals {
    /// The payee's name for it: 1 to 64 bytes of UTF-8, in record 4279633 of each payment.
    pub session: String,
    /// Number of payments that arrived.
    pub payments: u64,
    /// Number of payments that failed: no funds were sent.
    pub failed: u64,
    /// Amount in flight, not counted in the amount; fees not included.
    pub pending_msat: Msat,
    /// True if more may follow.
    pub open: bool,
    /// Error of the last one, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub last_error: Option<super::WalletError>,
}

impl Payment {
    /// A pending payment of which nothing else is known yet.
    #[must_use]
    pub fn pending(id: PaymentId, direction: Direction, kind: PaymentKind, created_at: u64) -> Self {
        Self {
            id,
            direction,
            kind,
            status: PaymentStatus::Pending,
            amount_msat: None,
            fee_msat: None,
            description: String::new(),
            invoice: None,
            payee: None,
            preimage: None,
            txid: None,
            replaced: Vec::new(),
            cancels: false,
            confirmations: 0,
            seen_by: None,
            hops: None,
            created_at,
            settled_at: None,
            expires_at: None,
            duration_ms: None,
            parts: Vec::new(),
            records: Vec::new(),
            metadata: BTreeMap::new(),
            rate: None,
            stream: None,
        }
    }

    /// A pending on-chain payment, named by its transaction.
    #[must_use]
    pub fn onchain(txid: PaymentId, direction: Direction, kind: PaymentKind, created_at: u64) -> Self {
        Self { txid: Some(txid.to_string()), ..Self::pending(txid, direction, kind, created_at) }
    }
}

/// State of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ChannelState {
    /// Negotiating with the gateway.
    Negotiating,
    /// The funding transaction waits for confirmations.
    Confirming {
        /// Number of confirmations so far.
        confirmations: u32,
        /// Number of confirmations that are needed.
        needed: u32,
    },
    /// Usable now.
    Ready,
    /// Open, but the gateway is not connected.
    Offline,
    /// Being closed.
    Closing,
}

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    /// Channel id, in hex (BOLT 2).
    pub id: ChannelId,
    /// The gateway's node id, in hex.
    pub gateway: NodeId,
    /// State.
    #[serde(flatten)]
    pub state: ChannelState,
    /// Whole capacity, in sat.
    pub capacity_sat: u64,
    /// This wallet's side, to the millisatoshi; with the gateway's side and what is in flight it makes the capacity.
    pub balance_msat: Msat,
    /// In flight from this wallet, not in `balance_msat`.
    pub pending_outbound_msat: Msat,
    /// In flight to this wallet, not in `balance_msat`.
    pub pending_inbound_msat: Msat,
    /// The part of `balance_msat` that stays in the channel while it is open.
    pub reserve_msat: Msat,
    /// The part of `balance_msat` that a close by this wallet's commitment transaction would cost now; sweeping comes on top.
    pub close_cost_msat: Msat,
    /// The part of `balance_msat` that a close together with the gateway would cost now, at most: nothing, if the gateway funded it.
    pub together_cost_msat: Msat,
    /// Maximum that can be sent through it.
    pub outbound_msat: Msat,
    /// Maximum that can be received through it.
    pub inbound_msat: Msat,
    /// Used without confirmation, on the gateway's word.
    pub trusted: bool,
    /// Number of other gateways that keep what punishes this one for every revoked commitment, should it broadcast one while this
    /// wallet is away; 0: nobody does, or not for all of them.
    pub watched_by: u32,
    /// `txid:vout` of the funding output.
    pub funding: Option<String>,
}
