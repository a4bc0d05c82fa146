//! The state of a wallet: balance, chain, gateways, warnings.

use std::time::Duration;

use amplet_chain::{SourceState, TrustLevel};
use amplet_node::{BLOCK_INTERVAL, ConnectionState, LostAnswer, LostGateway, PersistentPeer};
use amplet_protocol::lost::Answer;
use amplet_protocol::page::{
    self, Balance, ChainStatus, Connection, ErrorCode, GatewayStatus, LostChannels, LostInstallation,
    SafeUntil, Status, TipAge, Trust, WalletError, Warning,
};

use crate::backup::Backup;
use crate::convert::node_id;
use crate::ctx::Ctx;
use crate::errors;
use crate::gateways::Gateways;

/// Time without sync after which a user is warned: channels may be closed by then (invariant 1).
const UNSYNCED_LIMIT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Returns the balance.
pub fn balance(ctx: &Ctx) -> Balance {
    let lightning = ctx.node.channels().balance();
    let (onchain_sat, onchain_pending_sat) = ctx.node.onchain().balance();
    Balance {
        lightning_msat: lightning.lightning_msat,
        spendable_msat: lightning.spendable_msat,
        pending_outbound_msat: lightning.pending_outbound_msat,
        pending_inbound_msat: lightning.pending_inbound_msat,
        channel_reserve_msat: lightning.channel_reserve_msat,
        close_cost_msat: lightning.close_cost_msat,
        trusted_msat: lightning.trusted_msat,
        receivable_msat: lightning.receivable_msat,
        closing_sat: lightning.closing_sat,
        onchain_sat,
        onchain_pending_sat,
        reserve_sat: ctx.node.onchain().reserve_sat(0),
    }
}

/// Returns all that a status line shows.
pub(crate) fn status(ctx: &Ctx, gateways: &Gateways, backup: &Backup) -> Status {
    let chain = chain(ctx);
    let peers = ctx.node.peers().persistent();
    let gateways = peers.iter().map(|peer| gateway(gateways, peer)).collect();
    let able_to_pay = ctx.node.channels().list().iter().any(|channel| channel.is_usable);
    let mut warnings = warnings(ctx, &chain);
    if backup.store().was_older() {
        warnings.push(Warning::BackupWasOlder);
    }
    let safe_until = ctx.node.channels().safe_until().map(|height| safe_until(&chain, height));
    Status {
        network: ctx.network,
        node_id: node_id(&ctx.node.node_id()),
        able_to_pay,
        chain,
        gateways,
        warnings,
        deposit_needed_sat: ctx.node.onchain().deposit_needed_sat(),
        lost: lost(ctx),
        safe_until,
        storage: ctx.node.storage_trouble(),
        backup: backup.store().status(),
        damaged: ctx.node.ledger().damaged(),
        commits: ctx.node.commits(),
    }
}

/// Counted from the newest block that was read, whenever that was.
fn safe_until(chain: &ChainStatus, height: u32) -> SafeUntil {
    let blocks = u64::from(height.saturating_sub(chain.height));
    SafeUntil { height, at: chain.time.saturating_add(blocks.saturating_mul(BLOCK_INTERVAL.as_secs())) }
}

fn chain(ctx: &Ctx) -> ChainStatus {
    let sync = ctx.node.sync().state();
    let (height, hash) = ctx.node.sync().best_block();
    let trust = ctx.node.chain().trust();
    let misbehaving = |report: &amplet_chain::SourceReport| match &report.state {
        SourceState::Misbehaving { .. } => Some(report.url.clone()),
        _ => None,
    };
    ChainStatus {
        height,
        hash: hash.to_string(),
        time: ctx.node.chain().header_at(height).map_or(0, |header| u64::from(header.time)),
        tip_age: sync.tip_age,
        synced: sync.synced,
        checked_at: sync.checked_at.map(|at| at.as_secs()),
        blocks_left: sync.blocks_left,
        trust: Trust {
            sources: u32::try_from(trust.operators).unwrap_or(u32::MAX),
            agreeing: u32::try_from(trust.agreed).unwrap_or(u32::MAX),
            misbehaving: trust.sources.iter().filter_map(misbehaving).collect(),
        },
        error: sync.error.map(|message| WalletError::new(ErrorCode::ChainSource, message)),
    }
}

/// Channels of lost installations; `None`: there are none to look for.
fn lost(ctx: &Ctx) -> Option<LostChannels> {
    let lost = ctx.node.lost()?;
    let answer = |asked: LostGateway| page::LostAnswer {
        gateway: node_id(&asked.gateway),
        answered_at: asked.answered_at,
        wrong_time: asked.wrong_time,
        installations: asked.answers.into_iter().map(installation).collect(),
    };
    let gateways = lost.gateways().into_iter().map(answer).collect();
    Some(LostChannels { asks_to_close: lost.asks_to_close(), gateways, peers: lost.peers() })
}

fn installation(LostAnswer { answer, listed }: LostAnswer) -> LostInstallation {
    let Answer { node_id, state, closes_at, channels, .. } = answer;
    LostInstallation { node_id, state, closes_at, channels, listed }
}

fn gateway(gateways: &Gateways, peer: &PersistentPeer) -> GatewayStatus {
    let connection = match &*peer.state.borrow() {
        ConnectionState::Connecting => Connection::Connecting,
        ConnectionState::Connected => Connection::Connected,
        ConnectionState::Off => Connection::Off,
        ConnectionState::Waiting { until, error } => {
            Connection::Waiting { until: until.as_secs(), error: errors::connect(error) }
        }
    };
    GatewayStatus {
        node_id: node_id(&peer.node_id),
        url: peer.address.endpoint.to_string(),
        connection,
        terms: gateways.terms(&peer.node_id),
    }
}

fn warnings(ctx: &Ctx, chain: &ChainStatus) -> Vec<Warning> {
    let mut warnings = Vec::new();
    copies(ctx, &mut warnings);
    let now = ctx.platform.now().as_secs();
    if chain.tip_age != TipAge::Recent {
        warnings.push(Warning::OldTip);
    }
    let checked = chain.checked_at.unwrap_or(chain.time);
    // A source that answers without new blocks keeps nobody informed.
    let seen = if chain.tip_age == TipAge::Recent { checked } else { checked.min(chain.time) };
    if now.saturating_sub(seen) > UNSYNCED_LIMIT.as_secs() {
        warnings.push(Warning::LongUnsynced);
    }
    if ctx.node.onchain().free_sat() < ctx.node.onchain().reserve_sat(1) {
        warnings.push(Warning::NoAnchorReserve);
    }
    match ctx.node.chain().trust().level {
        TrustLevel::OneOperator => warnings.push(Warning::SingleSource),
        TrustLevel::Conflict => warnings.push(Warning::SourcesDisagree),
        TrustLevel::Offline | TrustLevel::Agreed => {}
    }
    warnings
}

fn copies(ctx: &Ctx, warnings: &mut Vec<Warning>) {
    if ctx.node.old_copy().is_some() {
        // It says all that the others could.
        warnings.push(Warning::OldCopy);
        return;
    }
    let findings = ctx.node.peers().copies().findings();
    if findings.later {
        warnings.push(Warning::LaterState);
    }
    if findings.elsewhere {
        warnings.push(Warning::UsedElsewhere);
    }
    if !findings.other_installation.is_empty() {
        warnings.push(Warning::OtherInstallation);
    }
}
