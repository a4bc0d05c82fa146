//! Bodies of the operator's API. JSON; msat as decimal text, sat and everything else as numbers; ids, keys and hashes in hex.

use amplet_protocol::{NodeId, PaymentId, page};
use amplet_wallet::actions::channels;
use serde::{Deserialize, Serialize};

use crate::desk::amount::MsatText;
use crate::desk::error::ApiError;
use crate::desk::fees::Terms;
use crate::desk::operator;
use crate::desk::payments::{self, PaymentState};
use crate::http::health::ChainSource;
use crate::node::Problem;

/// `GET /admin/v1/info`
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Info {
    /// The node's state.
    #[serde(flatten)]
    pub node: operator::Info,
    /// The chain source.
    pub chain: ChainSource,
    /// What is wrong, as in `/health`, with the causes; empty when all is well.
    pub problems: Vec<Problem>,
}

/// The answer of `POST /admin/v1/address`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// A fresh address of the on-chain wallet.
    pub address: String,
}

/// `POST /admin/v1/peers`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectPeer {
    /// `<node id>@<URL>`; `tcp://`, `ws://` or `wss://`.
    pub address: String,
}

/// Its answer, once the handshake is done. The peer is persistent from then on, unless the peer made the connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Peer {
    /// The peer's public key.
    pub node_id: NodeId,
}

/// `POST /admin/v1/channels`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpenChannel {
    /// Node id of a connected peer.
    pub peer: String,
    /// Capacity, in sat.
    pub capacity_sat: u64,
    /// Given to the peer at once.
    #[serde(default)]
    pub push_msat: MsatText,
    /// True to announce the channel to the public graph.
    #[serde(default)]
    pub announce: bool,
    /// Fee rate of its funding, in sat per 1000 vB; within an hour by default.
    #[serde(default)]
    pub fee_rate: Option<u64>,
}

/// Its answer, once the channel has its id. It opens from there on; see its state in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelId {
    /// For `DELETE /admin/v1/channels/{id}`; also the id in the list.
    pub id: amplet_protocol::ChannelId,
}

/// `GET /admin/v1/channels`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Channels {
    /// All that are open, opening or closing.
    pub channels: Vec<Channel>,
}

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    /// Its id (BOLT 2).
    pub id: amplet_protocol::ChannelId,
    /// Node id of the peer.
    pub peer: NodeId,
    /// `negotiating`, `confirming`, `ready`, `offline` or `closing`.
    pub state: ChannelState,
    /// True if a payment can use it now.
    pub usable: bool,
    /// Confirmations of the funding transaction.
    pub confirmations: u32,
    /// Confirmations that it needs, once known.
    pub confirmations_needed: Option<u32>,
    /// Capacity, in sat.
    pub capacity_sat: u64,
    /// The node's side; with the peer's and what is in flight it makes the capacity.
    pub balance_msat: MsatText,
    /// In flight from the node, not in `balance_msat`.
    pub pending_outbound_msat: MsatText,
    /// In flight to the node, not in `balance_msat`.
    pub pending_inbound_msat: MsatText,
    /// The part of `balance_msat` that stays in the channel while it is open.
    pub reserve_msat: MsatText,
    /// The part of `balance_msat` that a close by the node's commitment transaction would cost now.
    pub close_cost_msat: MsatText,
    /// Maximum that the next payment can send through it: reserves, fees and payments in flight deducted.
    pub outbound_msat: MsatText,
    /// Maximum that can be received through it.
    pub inbound_msat: MsatText,
    /// True if it is part of the public graph.
    pub announced: bool,
    /// `txid:vout` of the funding output, once there is one.
    pub funding: Option<String>,
    /// Terms on which it forwards.
    #[serde(flatten)]
    pub terms: Terms,
}

/// The state of a channel: a word of its own in this API; the page's carries confirmations with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChannelState {
    /// The peers agree on it.
    Negotiating,
    /// Its funding transaction waits for confirmations.
    Confirming,
    /// Usable now.
    Ready,
    /// Open, the peer is not connected.
    Offline,
    /// Being closed.
    Closing,
}

/// The query of `DELETE /admin/v1/channels/{id}`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CloseChannel {
    /// Without the peer's consent: costs more, and the money is back two weeks later.
    #[serde(default)]
    pub force: bool,
}

/// The query of `GET /admin/v1/forwards`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetForwards {
    /// Number of days, today among them; 30 by default.
    #[serde(default)]
    pub days: Option<u32>,
    /// True for the sums of each day and channel, too.
    #[serde(default)]
    pub detail: bool,
}

/// `POST /admin/v1/invoices`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateInvoice {
    /// Absent: the payer chooses.
    #[serde(default)]
    pub amount_msat: Option<MsatText>,
    /// Purpose.
    #[serde(default)]
    pub description: String,
    /// Seconds until it expires; 3600 by default.
    #[serde(default)]
    pub expiry_secs: Option<u32>,
    /// For AMP: payable any number of times until it expires. The answer's payment hash is that of no payment.
    #[serde(default)]
    pub amp: bool,
}

/// `POST /admin/v1/payments`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pay {
    /// A BOLT 11 invoice.
    pub invoice: String,
    /// For invoices without amount, and only for those.
    #[serde(default)]
    pub amount_msat: Option<MsatText>,
    /// Maximum routing fee; 1 % and at least 50 sat by default.
    #[serde(default)]
    pub max_fee_msat: Option<MsatText>,
}

/// `POST /admin/v1/keysend`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SendKeysend {
    /// Node id of the payee.
    pub payee: String,
    /// Amount.
    pub amount_msat: MsatText,
    /// Maximum routing fee; 1 % and at least 50 sat by default.
    #[serde(default)]
    pub max_fee_msat: Option<MsatText>,
    /// Sent to the payee.
    #[serde(default)]
    pub records: Vec<CustomRecord>,
}

/// A custom record (TLV) of a keysend. Unlike the page's it refuses fields that it does not know, as all of this API does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CustomRecord {
    /// From 65536 on.
    #[serde(rename = "type")]
    pub record_type: u64,
    /// In hex.
    pub value: String,
}

/// A payment by this node, as this API publishes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// Its payment hash.
    pub payment_hash: PaymentId,
    /// The outcome.
    pub state: PaymentState,
    /// Amount that the payee gets.
    pub amount_msat: MsatText,
    /// Paid on top of it; absent until known.
    pub fee_msat: Option<MsatText>,
    /// Proof of payment.
    pub preimage: Option<String>,
    /// Channels crossed by the longest part.
    pub hops: Option<u32>,
    /// Milliseconds from the request to the proof.
    pub duration_ms: Option<u64>,
    /// Reason of a failure, with the remedy.
    pub error: Option<ApiError>,
}

/// `POST /admin/v1/send`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SendOnchain {
    /// Address.
    pub address: String,
    /// In sat, the fee on top; or else `all`.
    #[serde(default)]
    pub amount_sat: Option<u64>,
    /// True to send all but the reserve, the fee taken off.
    #[serde(default)]
    pub all: bool,
    /// In sat per 1000 vB; within an hour by default.
    #[serde(default)]
    pub fee_rate: Option<u64>,
}

/// `POST /admin/v1/payments/{txid}/bump`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bump {
    /// In sat per 1000 vB; the next block or two by default.
    #[serde(default)]
    pub fee_rate: Option<u64>,
    /// True to take the payment back.
    #[serde(default)]
    pub cancel: bool,
    /// True to take a replacement's fee from the amount, so that the payee gets less.
    #[serde(default)]
    pub from_amount: bool,
}

/// The answer of `POST /admin/v1/sync`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Synced {
    /// Height of the newest block that the node has seen.
    pub height: u32,
}

impl From<(channels::Channel, Terms)> for Channel {
    fn from((channel, terms): (channels::Channel, Terms)) -> Self {
        let state = match channel.state {
            page::ChannelState::Negotiating => ChannelState::Negotiating,
            page::ChannelState::Confirming { .. } => ChannelState::Confirming,
            page::ChannelState::Ready => ChannelState::Ready,
            page::ChannelState::Offline => ChannelState::Offline,
            page::ChannelState::Closing => ChannelState::Closing,
        };
        Self {
            id: channel.id,
            peer: channel.peer,
            state,
            usable: state == ChannelState::Ready,
            confirmations: channel.confirmations,
            confirmations_needed: channel.confirmations_needed,
            capacity_sat: channel.capacity_sat,
            balance_msat: channel.balance.ours_msat.into(),
            pending_outbound_msat: channel.balance.pending_outbound_msat.into(),
            pending_inbound_msat: channel.balance.pending_inbound_msat.into(),
            reserve_msat: channel.balance.reserve_msat.into(),
            close_cost_msat: channel.balance.close_cost_msat.into(),
            outbound_msat: channel.outbound_msat.into(),
            inbound_msat: channel.inbound_msat.into(),
            announced: channel.announced,
            funding: channel.funding,
            terms,
        }
    }
}

impl From<CustomRecord> for page::CustomRecord {
    fn from(record: CustomRecord) -> Self {
        Self { record_type: record.record_type, value: record.value }
    }
}

impl From<page::Payment> for Payment {
    fn from(payment: page::Payment) -> Self {
        let (state, error) = payments::outcome(payment.status);
        Self {
            payment_hash: payment.id,
            state,
            amount_msat: payment.amount_msat.unwrap_or_default().into(),
            fee_msat: payment.fee_msat.map(MsatText),
            preimage: payment.preimage,
            hops: payment.hops,
            duration_ms: payment.duration_ms,
            error,
        }
    }
}
