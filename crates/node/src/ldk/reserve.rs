//! The anchor reserve: on-chain money held back to pay for closing channels by force.

use lightning::chain::channelmonitor::Balance;

use super::Ldk;

/// On-chain money held back per anchor channel, in sat: enough to get one commitment confirmed at about 25 sat/vB.
const RESERVE_PER_CHANNEL_SAT: u64 = 10_000;

/// A channel with less than this of ours, in sat, needs no reserve: its close costs more than it brings.
const WORTH_CLOSING_SAT: u64 = 1_000;

impl Ldk {
    /// On-chain money to hold back for the channels, open and closing, and `more`, in sat. A channel never holds back more than
    /// it can bring home: a peer that opens many empty ones locks nothing.
    pub fn anchor_reserve_sat(&self, more: u64) -> u64 {
        let known = self.monitors.list_monitors();
        let unsigned = self.manager.list_channels();
        let unsigned = unsigned.iter().filter(|c| c.funding_txo.is_some() && !known.contains(&c.channel_id));
        let whole = more.saturating_add(unsigned.count() as u64).saturating_mul(RESERVE_PER_CHANNEL_SAT);
        let monitors = known.into_iter().filter_map(|channel| self.monitors.get_monitor(channel).ok());
        let held = monitors.filter(|monitor| self.is_funded(monitor)).map(|monitor| {
            let stakes = monitor.get_claimable_balances();
            let stake_sat = stakes.iter().map(stake_sat).fold(0, u64::saturating_add);
            if stake_sat < WORTH_CLOSING_SAT { 0 } else { stake_sat.min(RESERVE_PER_CHANNEL_SAT) }
        });
        held.fold(whole, u64::saturating_add)
    }
}

/// What a balance may still need a fee bump for, in sat.
fn stake_sat(balance: &Balance) -> u64 {
    match balance {
        // These pay their fees from their own outputs.
        Balance::ClaimableAwaitingConfirmations { .. }
        | Balance::CounterpartyRevokedOutputClaimable { .. } => 0,
        Balance::ContentiousClaimable { amount_satoshis, .. }
        | Balance::MaybeTimeoutClaimableHTLC { amount_satoshis, .. }
        | Balance::MaybePreimageClaimableHTLC { amount_satoshis, .. } => *amount_satoshis,
        Balance::ClaimableOnChannelClose { .. } => balance.claimable_amount_satoshis(),
    }
}
