//! Channels whose commitments wait for their peers' word (`ldk::unheard`), as they are when a wallet is opened.

use amplet_storage::get_unless_damaged;

use super::NodeError;
use super::assemble::Parts;
use crate::config::Role;
use crate::ldk::staged::names;
use crate::ldk::types::ChannelManager;
use crate::ldk::unheard::Unheard;

/// Recalls what waits, before anything could be broadcast.
pub(super) async fn recall(parts: &Parts<'_>) -> Result<(), NodeError> {
    if let Some(bytes) = get_unless_damaged(parts.store, names::UNHEARD).await? {
        parts.staged.unheard.restore(&bytes);
    }
    Ok(())
}

/// Notes every open channel of a wallet.
pub(super) fn note_open(parts: &Parts<'_>, manager: &ChannelManager) {
    if !matches!(parts.config.role, Role::Wallet) {
        return;
    }
    let unheard = &parts.staged.unheard;
    for channel in manager.list_channels() {
        let to_us = channel.pending_inbound_htlcs.iter().filter(|htlc| !htlc.is_dust);
        let first_expiry = to_us.map(|htlc| htlc.cltv_expiry).min();
        let user_id = channel.user_channel_id;
        unheard.add(channel.channel_id, Unheard { user_id, newest: None, first_expiry, closed_at: None });
    }
}
