//! How long a node may stay away without a risk to its money.

use lightning::chain::channelmonitor::Balance;
use lightning::ln::channel_state::ChannelDetails;

use crate::config::TO_SELF_DELAY;
use crate::ldk::Ldk;
use crate::ldk::closing::first_deadline;

/// Of the blocks in which a revoked commitment can be punished, those that are left for it at the end: a day, in which the blocks
/// that were missed are read and the punishment confirms (LDK reckons 18 blocks for that).
const TO_PUNISH: u32 = 144;
/// Blocks before the expiry of an HTLC to us whose preimage is known at which it is claimed on chain: LDK's
/// `CLTV_CLAIM_BUFFER`, twice.
const TO_CLAIM: u32 = 36;

/// The height before which this node has to be running again; `None`: nothing that it holds depends on that.
pub(crate) fn safe_until(ldk: &Ldk) -> Option<u32> {
    let height = ldk.manager.current_best_block().height;
    let open = ldk.manager.list_channels();
    let claims = open.iter().filter_map(|channel| claim_deadline(ldk, channel));
    let monitors = ldk.all_monitors().filter(|monitor| ldk.is_funded(monitor));
    let chain = monitors.filter_map(|monitor| {
        monitor.get_claimable_balances().iter().filter_map(|balance| deadline(balance, height)).min()
    });
    claims.chain(chain).min()
}

fn claim_deadline(ldk: &Ldk, channel: &ChannelDetails) -> Option<u32> {
    let monitor = ldk.monitors.get_monitor(channel.channel_id).ok()?;
    first_deadline(channel, &monitor).map(|expiry| expiry.saturating_sub(TO_CLAIM))
}

/// Until when a part of a channel's money waits for this node, which stands at `height`.
fn deadline(balance: &Balance, height: u32) -> Option<u32> {
    match balance {
        // The peer may broadcast a revoked commitment with the next block (BOLT 5, "Revoked Transaction Close Handling"); it waits
        // for the delay that we chose.
        Balance::ClaimableOnChannelClose { .. } => {
            Some(height.saturating_add(u32::from(TO_SELF_DELAY).saturating_sub(TO_PUNISH)))
        }
        Balance::ContentiousClaimable { timeout_height, .. } => Some(timeout_height.saturating_sub(TO_CLAIM)),
        // It has, and is being punished.
        Balance::CounterpartyRevokedOutputClaimable { .. } => Some(height),
        // Ours already, or the peer's only with a preimage, which is what was paid for.
        Balance::ClaimableAwaitingConfirmations { .. }
        | Balance::MaybeTimeoutClaimableHTLC { .. }
        | Balance::MaybePreimageClaimableHTLC { .. } => None,
    }
}
