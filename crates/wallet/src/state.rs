//! What the wallet shows of itself.

use std::time::Duration;

use amplet_chain::{SourceState, TrustLevel};
use amplet_node::ConnectionState;
use amplet_node::lightning::ln::channel_state::{ChannelDetails, ChannelShutdownState};
use amplet_protocol::page::{
    Balance, ChainStatus, Channel, ChannelState, Connection, ErrorCode, GatewayStatus, Notice, Status, Trust,
    WalletError, Warning,
};

use crate::errors;
use crate::wallet::Inner;

/// Invariant 1: after so long without sync a user is warned.
const UNSYNCED_LIMIT: Duration = Duration::from_secs(7 * 24 * 3600);

/// The money.
pub(crate) fn balance(inner: &Inner) -> Balance {
    let lightning = inner.node.channels().balance();
    let (onchain_sat, onchain_pending_sat) = inner.node.onchain().balance();
    Balance {
        lightning_msat: lightning.lightning_msat,
        spendable_msat: lightning.spendable_msat,
        trusted_msat: lightning.trusted_msat,
        receivable_msat: lightning.receivable_msat,
        closing_sat: lightning.closing_sat,
        onchain_sat,
        onchain_pending_sat,
        reserve_sat: inner.node.onchain().reserve_sat(0),
    }
}

/// The status line.
pub(crate) fn status(inner: &Inner) -> Status {
    let chain = chain(inner);
    let gateways: Vec<GatewayStatus> =
        inner.node.peers().persistent().iter().map(|kept| gateway(inner, kept)).collect();
    let able_to_pay = inner.node.channels().list().iter().any(|channel| channel.is_usable);
    let warnings = warnings(inner, &chain);
    Status {
        network: inner.options.network,
        node_id: inner.node.node_id().to_string(),
        able_to_pay,
        chain,
        gateways,
        warnings,
        commits: inner.node.commits(),
    }
}

/// Both, as a notice.
pub(crate) fn changed(inner: &Inner) -> Notice {
    Notice::Changed { status: Box::new(status(inner)), balance: balance(inner) }
}

fn chain(inner: &Inner) -> ChainStatus {
    let sync = inner.node.sync().state();
    let (height, hash) = inner.node.sync().best_block();
    let trust = inner.node.chain().trust();
    let misbehaving = |report: &amplet_chain::SourceReport| match &report.state {
        SourceState::Misbehaving { .. } => Some(report.url.clone()),
        _ => None,
    };
    ChainStatus {
        height,
        hash: hash.to_string(),
        time: inner.node.chain().header_at(height).map_or(0, |header| u64::from(header.time)),
        synced: sync.synced,
        checked_at: sync.checked_at.map(|at| at.as_secs()),
        blocks_left: sync.blocks_left,
        trust: Trust {
            sources: u32::try_from(trust.operators).unwrap_or(u32::MAX),
            agreeing: u32::try_from(trust.agreed).unwrap_or(u32::MAX),
            liars: trust.sources.iter().filter_map(misbehaving).collect(),
        },
        error: sync.error.map(|message| WalletError::new(ErrorCode::ChainSource, message)),
    }
}

fn gateway(inner: &Inner, kept: &amplet_node::PersistentPeer) -> GatewayStatus {
    let connection = match &*kept.state.borrow() {
        ConnectionState::Connecting => Connection::Connecting,
        ConnectionState::Connected => Connection::Connected,
        ConnectionState::Waiting { until, error } => {
            Connection::Waiting { until: until.as_secs(), error: errors::connect(error) }
        }
    };
    GatewayStatus {
        node_id: kept.node_id.to_string(),
        url: kept.address.endpoint.to_string(),
        connection,
        terms: inner.gateways.terms(&kept.node_id),
    }
}

fn warnings(inner: &Inner, chain: &ChainStatus) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let now = inner.platform.now().as_secs();
    let seen = chain.checked_at.unwrap_or(chain.time);
    if now.saturating_sub(seen) > UNSYNCED_LIMIT.as_secs() {
        warnings.push(Warning::LongUnsynced);
    }
    let (savings, _) = inner.node.onchain().balance();
    if savings < inner.node.onchain().reserve_sat(0).max(inner.node.onchain().reserve_sat(1)) {
        warnings.push(Warning::NoAnchorReserve);
    }
    match inner.node.chain().trust().level {
        TrustLevel::OneOperator => warnings.push(Warning::SingleSource),
        TrustLevel::Conflict => warnings.push(Warning::SourcesDisagree),
        TrustLevel::Offline | TrustLevel::Agreed => {}
    }
    warnings
}

/// The channels.
pub(crate) fn channels(inner: &Inner) -> Vec<Channel> {
    inner.node.channels().list().iter().map(channel).collect()
}

fn channel(channel: &ChannelDetails) -> Channel {
    Channel {
        id: channel.channel_id.to_string(),
        gateway: channel.counterparty.node_id.to_string(),
        state: channel_state(channel),
        capacity_sat: channel.channel_value_satoshis,
        outbound_msat: channel.next_outbound_htlc_limit_msat,
        inbound_msat: channel.inbound_capacity_msat,
        trusted: amplet_node::is_trusted(channel),
        funding: channel.funding_txo.map(|funding| funding.into_bitcoin_outpoint().to_string()),
    }
}

fn channel_state(channel: &ChannelDetails) -> ChannelState {
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
