//! Channels: opened, closed, shown.

use amplet_node::bitcoin::secp256k1::PublicKey;
use amplet_node::lightning::ln::channel_state::{ChannelDetails, ChannelShutdownState};
use amplet_node::lightning::ln::types::ChannelId as LdkChannelId;
use amplet_node::{ChannelBalance, ChannelError, NotOpened, OnchainError, OpenChannel};
use amplet_protocol::page::{ChannelState, OnchainSend};
use amplet_protocol::{ChannelId, Msat, NodeId};

use crate::convert::node_id;
use crate::ctx::Ctx;

/// A channel of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Channel id (BOLT 2).
    pub id: ChannelId,
    /// The peer's node id.
    pub peer: NodeId,
    /// The state.
    pub state: ChannelState,
    /// Confirmations of its funding transaction.
    pub confirmations: u32,
    /// Confirmations that it needs, once known.
    pub confirmations_needed: Option<u32>,
    /// Whole capacity, in sat.
    pub capacity_sat: u64,
    /// Sides, and what is in flight.
    pub balance: ChannelBalance,
    /// Maximum that the next payment can send through it: reserves, fees and payments in flight deducted.
    pub outbound_msat: Msat,
    /// Maximum that can be received through it.
    pub inbound_msat: Msat,
    /// True if it is part of the public graph.
    pub announced: bool,
    /// True if it is used without confirmation, on the peer's word.
    pub trusted: bool,
    /// Gateways that keep what punishes the peer for every revoked commitment, the peer itself left out.
    pub watched_by: u32,
    /// `txid:vout` of the funding output, once there is one.
    pub funding: Option<String>,
}

/// Returns all channels that are open, opening or closing: by their place on the chain, those without one last.
pub fn list(ctx: &Ctx) -> Vec<Channel> {
    let channels = ctx.node.channels();
    let watched_by = |details: &ChannelDetails| ctx.node.towers().watching(&details.channel_id);
    let channel = |details| channel(details, channels.balance_of(details), watched_by(details));
    let mut all = channels.list();
    // LDK has them in another order each time.
    all.sort_by_key(|details| (details.short_channel_id.unwrap_or(u64::MAX), details.channel_id));
    all.iter().map(channel).collect()
}

fn channel(details: &ChannelDetails, balance: ChannelBalance, watched_by: usize) -> Channel {
    Channel {
        id: ChannelId(details.channel_id.0),
        peer: node_id(&details.counterparty.node_id),
        state: state(details),
        confirmations: details.confirmations.unwrap_or(0),
        confirmations_needed: details.confirmations_required,
        capacity_sat: details.channel_value_satoshis,
        balance,
        outbound_msat: Msat::up_to_max(details.next_outbound_htlc_limit_msat),
        inbound_msat: Msat::up_to_max(details.inbound_capacity_msat),
        announced: details.is_announced,
        trusted: amplet_node::is_trusted(details),
        watched_by: u32::try_from(watched_by).unwrap_or(u32::MAX),
        funding: details.funding_txo.map(|funding| funding.into_bitcoin_outpoint().to_string()),
    }
}

fn state(channel: &ChannelDetails) -> ChannelState {
    let shutdown = channel.channel_shutdown_state.unwrap_or(ChannelShutdownState::NotShuttingDown);
    if shutdown != ChannelShutdownState::NotShuttingDown {
        return ChannelState::Closing;
    }
    if channel.is_usable {
        return ChannelState::Ready;
    }
    if channel.is_channel_ready {
        return ChannelState::Offline;
    }
    if channel.funding_txo.is_none() {
        return ChannelState::Negotiating;
    }
    let needed = channel.confirmations_required.unwrap_or(0);
    ChannelState::Confirming { confirmations: channel.confirmations.unwrap_or(0), needed }
}

/// Computes what a channel from savings costs: the fee of its funding.
///
/// # Errors
/// [`OnchainError`]: the savings do not suffice.
pub fn cost(ctx: &Ctx, capacity_sat: u64) -> Result<OnchainSend, OnchainError> {
    let funding = ctx.node.onchain().build_funding(capacity_sat)?;
    Ok(OnchainSend { txid: None, amount_sat: funding.amount_sat, fee_sat: funding.fee_sat })
}

/// Opens a channel; returns its id once both sides have signed its funding.
///
/// # Errors
/// [`ChannelError`]; nothing was spent.
pub async fn open(ctx: &Ctx, peer: PublicKey, how: &OpenChannel) -> Result<ChannelId, ChannelError> {
    ctx.node.channels().open(peer, how).await.map(|id| ChannelId(id.0))
}

/// Opens channels that one transaction funds; returns their ids, in this order, once both sides of each have signed it.
///
/// # Errors
/// [`NotOpened`]: not one of them, and nothing was spent.
pub async fn open_together(
    ctx: &Ctx,
    channels: &[(PublicKey, OpenChannel)],
) -> Result<Vec<ChannelId>, NotOpened> {
    let ids = ctx.node.channels().open_together(channels).await?;
    Ok(ids.into_iter().map(|id| ChannelId(id.0)).collect())
}

/// Closes a channel, with the peer's consent or by `force`.
///
/// # Errors
/// [`ChannelError`].
pub fn close(ctx: &Ctx, id: ChannelId, force: bool) -> Result<(), ChannelError> {
    ctx.node.channels().close(LdkChannelId(id.0), force)
}
