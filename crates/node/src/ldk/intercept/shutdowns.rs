//! Our `shutdown`, in its place among other messages: not while updates of ours are pending on the peer's commitment (BOLT 2,
//! "Closing Initiation: `shutdown`").
//!
//! LDK answers a peer's `shutdown` at once, also while an HTLC that it has added waits to be saved and is not told yet, and says it
//! again first thing on a new connection, before an HTLC that was lost with the last one. A peer that hears of an HTLC after our
//! `shutdown` closes the channel by force.

use bitcoin::secp256k1::PublicKey;
use lightning::ln::channel_state::OutboundHTLCStateDetails;
use lightning::ln::msgs::MessageSendEvent;
use lightning::ln::types::ChannelId;

use crate::ldk::types::ChannelManager;

/// Those that wait.
#[derive(Default)]
pub(super) struct Shutdowns(Vec<MessageSendEvent>);

impl Shutdowns {
    /// Returns what may be said of earlier ones and of `new`, in order.
    pub fn order(&mut self, new: Vec<MessageSendEvent>, manager: &ChannelManager) -> Vec<MessageSendEvent> {
        let all = std::mem::take(&mut self.0).into_iter().chain(new);
        let (early, said) = all.partition(|event| match event {
            MessageSendEvent::SendShutdown { node_id, msg } => adds_htlcs(manager, node_id, &msg.channel_id),
            _ => false,
        });
        self.0 = early;
        said
    }

    /// Forgets what was to be said on a connection that is gone: LDK says it again on the next one.
    pub fn disconnected(&mut self, peer: &PublicKey) {
        self.0.retain(
            |event| !matches!(event, MessageSendEvent::SendShutdown { node_id, .. } if node_id == peer),
        );
    }
}

/// Returns whether HTLCs that we have added are not on the peer's commitment for good.
fn adds_htlcs(manager: &ChannelManager, peer: &PublicKey, channel: &ChannelId) -> bool {
    let channels = manager.list_channels_with_counterparty(peer);
    let same = channels.iter().filter(|details| details.channel_id == *channel);
    same.flat_map(|details| &details.pending_outbound_htlcs)
        .any(|htlc| htlc.state == Some(OutboundHTLCStateDetails::AwaitingRemoteRevokeToAdd))
}
