//! Everyday money, counted.

use std::collections::HashSet;

use amplet_protocol::Msat;
use bitcoin::secp256k1::PublicKey;
use lightning::chain::chaininterface::{ConfirmationTarget, FeeEstimator};
use lightning::chain::channelmonitor::{Balance, BalanceSource};
use lightning::ln::channel_state::{ChannelDetails, InboundHTLCStateDetails, OutboundHTLCStateDetails};
use lightning::ln::types::ChannelId;
use lightning::util::sweep::OutputSpendStatus;

use crate::ldk::Ldk;
use crate::ldk::spendable::value_sat;
use crate::ldk::types::Monitor;

/// Everyday money, to the millisatoshi.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LightningBalance {
    /// Ours in open channels, reserves included, and nothing that is in flight.
    pub lightning_msat: Msat,
    /// Can be sent now in one payment to a payee behind a gateway: its fee is left out.
    pub spendable_msat: Msat,
    /// Of `lightning_msat`, in channels used without confirmation that the peer funded.
    pub trusted_msat: Msat,
    /// Can be received now.
    pub receivable_msat: Msat,
    /// In flight from us: the payee's when it arrives, else ours again.
    pub pending_outbound_msat: Msat,
    /// In flight to us: ours when it is claimed.
    pub pending_inbound_msat: Msat,
    /// Of `lightning_msat`, what stays behind while the channels are open (BOLT 2, `channel_reserve_satoshis`).
    pub channel_reserve_msat: Msat,
    /// Of `lightning_msat`, what closing all channels by their commitments would cost now.
    pub close_cost_msat: Msat,
    /// In flight from closed channels to the on-chain wallet, in sat.
    pub closing_sat: u64,
}

/// An open channel's money, to the millisatoshi: the first four are together its capacity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelBalance {
    /// Ours (LDK's value to self, HTLCs that we offered left out).
    pub ours_msat: Msat,
    /// The peer's.
    pub theirs_msat: Msat,
    /// In HTLCs that we offered.
    pub pending_outbound_msat: Msat,
    /// In HTLCs that the peer offered.
    pub pending_inbound_msat: Msat,
    /// Of ours, what stays behind while the channel is open.
    pub reserve_msat: Msat,
    /// Of ours, what our commitment transaction would not pay out: its fee and anchors, if we fund the channel, an amount too
    /// small for an output, and fractions of a satoshi. What is in flight is not in it.
    pub close_cost_msat: Msat,
    /// Of ours, what closing together with the peer would not pay out now, if we fund the channel: the most that we offer for its fee,
    /// which a peer that does not pay it takes; and an amount too small for an output, and fractions of a satoshi.
    pub together_cost_msat: Msat,
}

/// Weight of a closing transaction that pays two Taproot outputs, as LDK counts it.
const CLOSING_WEIGHT: u64 = 770;
/// An output of a closing transaction is above this, in sat (BOLT 3: of any kind that is relayed).
const DUST_SAT: u64 = 354;

/// Both anchors of a commitment transaction, which the funder pays (BOLT 3: 330 sat each).
const ANCHORS_MSAT: u64 = 660_000;

/// Balance of all channels.
pub(super) fn of(ldk: &Ldk) -> LightningBalance {
    let mut sum = LightningBalance::default();
    let channels = ldk.manager.list_channels();
    for channel in &channels {
        add_open(ldk, &mut sum, channel);
    }
    sum.spendable_msat = spendable_to(&channels, None);
    sum.closing_sat = closing_sat(ldk, &channels);
    sum
}

/// Remains of closed channels, in sat.
fn closing_sat(ldk: &Ldk, channels: &[ChannelDetails]) -> u64 {
    let mut sum = 0u64;
    let open: HashSet<ChannelId> = channels.iter().map(|channel| channel.channel_id).collect();
    let is_closing = |it: &Monitor| ldk.is_funded(it) && !ldk.is_closed_together(it);
    for monitor in ldk.all_monitors().filter(|it| !open.contains(&it.channel_id()) && is_closing(it)) {
        let balances = monitor.get_claimable_balances();
        // Of a channel that was resolved long ago nothing is left.
        if balances.is_empty() {
            continue;
        }
        let claims = ldk.direct_claims(&monitor);
        let left = balances.iter().filter(|balance| !claims.have(balance)).map(of_closed);
        sum = left.fold(sum, u64::saturating_add);
    }
    // Between the monitor, which is done with an output when it may be spent, and the savings, which know the sweep from
    // its broadcast on, the money is the sweeper's.
    let on_its_way = ldk.sweeper.tracked_spendable_outputs();
    let waiting = on_its_way
        .iter()
        .filter(|output| matches!(output.status, OutputSpendStatus::PendingInitialBroadcast { .. }));
    let waiting_sat = waiting.map(|output| value_sat(&output.descriptor)).fold(0, u64::saturating_add);
    sum.saturating_add(waiting_sat).saturating_add(ldk.lost_sat())
}

fn add_open(ldk: &Ldk, sum: &mut LightningBalance, channel: &ChannelDetails) {
    let balance = of_channel(ldk, channel);
    let add = |sum: &mut Msat, more: Msat| *sum = sum.plus_up_to_max(more);
    add(&mut sum.lightning_msat, balance.ours_msat);
    add(&mut sum.pending_outbound_msat, balance.pending_outbound_msat);
    add(&mut sum.pending_inbound_msat, balance.pending_inbound_msat);
    add(&mut sum.channel_reserve_msat, balance.reserve_msat);
    add(&mut sum.close_cost_msat, balance.close_cost_msat);
    if is_trusted(channel) {
        add(&mut sum.trusted_msat, balance.ours_msat);
    }
    if channel.is_usable {
        add(&mut sum.receivable_msat, Msat::up_to_max(channel.inbound_capacity_msat));
    }
}

/// Maximum that can be sent now in one payment to `payee`; `None`: to somebody behind a gateway. A gateway's fee comes on top, as
/// much as it takes for payments to us: nothing nearer the truth is known without a route.
pub(super) fn spendable_to(channels: &[ChannelDetails], payee: Option<&PublicKey>) -> Msat {
    let usable = channels.iter().filter(|channel| channel.is_usable);
    let spendable = |channel: &ChannelDetails| {
        let limit = channel.next_outbound_htlc_limit_msat;
        let is_direct = payee == Some(&channel.counterparty.node_id);
        match &channel.counterparty.forwarding_info {
            Some(info) if !is_direct => {
                without_fee(limit, info.fee_base_msat, info.fee_proportional_millionths)
            }
            _ => limit,
        }
    };
    usable.map(spendable).map(Msat::up_to_max).sum()
}

/// The greatest amount that is no more than `limit_msat` together with its fee (BOLT 7), as the planner finds it.
fn without_fee(limit_msat: u64, base_msat: u32, ppm: u32) -> u64 {
    let room = u128::from(limit_msat.saturating_sub(u64::from(base_msat)));
    let amount = room * 1_000_000 / (1_000_000 + u128::from(ppm));
    // Fees are rounded down: it may be one more.
    let more = amount + 1;
    let fits = more + more * u128::from(ppm) / 1_000_000 <= room;
    u64::try_from(if fits { more } else { amount }).unwrap_or(0)
}

/// Used before its funding confirmed, and funded by the peer: until then the balance is the peer's promise.
pub fn is_trusted(channel: &ChannelDetails) -> bool {
    !channel.is_outbound && channel.is_channel_ready && channel.confirmations.unwrap_or(0) == 0
}

/// An open channel's money; nothing before its funding is signed.
pub(super) fn of_channel(ldk: &Ldk, channel: &ChannelDetails) -> ChannelBalance {
    let Ok(monitor) = ldk.monitors.get_monitor(channel.channel_id) else { return ChannelBalance::default() };
    let paid_out = monitor.get_claimable_balances().iter().map(of_commitment).fold(0, u64::saturating_add);
    let mut balance = shares(channel, paid_out);
    let reserve = Msat::from_sat(channel.unspendable_punishment_reserve.unwrap_or(0)).unwrap_or(Msat::MAX);
    balance.reserve_msat = reserve.min(balance.ours_msat);
    balance.close_cost_msat = balance.ours_msat.less(Msat::up_to_max(paid_out));
    let home_sat = balance.ours_msat.to_sat_floor().saturating_sub(closing_fee_sat(ldk, channel));
    let home_sat = if home_sat > DUST_SAT { home_sat } else { 0 };
    balance.together_cost_msat = balance.ours_msat.less(Msat::up_to_max(home_sat.saturating_mul(1000)));
    balance
}

/// The most that LDK offers for closing together, in sat.
fn closing_fee_sat(ldk: &Ldk, channel: &ChannelDetails) -> u64 {
    if !channel.is_outbound {
        return 0;
    }
    let rate = u64::from(ldk.fees.get_est_sat_per_1000_weight(ConfirmationTarget::NonAnchorChannelFee));
    let more = channel.config.map_or(0, |config| config.force_close_avoidance_max_fee_satoshis);
    (CLOSING_WEIGHT.saturating_mul(rate) / 1000).saturating_add(more)
}

/// Divides the capacity. LDK tells each side above its reserve exactly, and nothing of a side below: that one is what remains
/// of the capacity beside the other side and the HTLCs. With both below (nearly all is in flight), `paid_out_msat`, our output
/// in sat, stands for ours.
fn shares(channel: &ChannelDetails, paid_out_msat: u64) -> ChannelBalance {
    let capacity = channel.channel_value_satoshis.saturating_mul(1000);
    let anchors = channel.channel_type.as_ref().is_some_and(|kind| kind.supports_anchors_zero_fee_htlc_tx());
    let anchors = if anchors { ANCHORS_MSAT } else { 0 };
    let side = |spendable_msat: u64, reserve_sat: u64, is_funder: bool| {
        let funders = if is_funder { anchors } else { 0 };
        (spendable_msat > 0)
            .then(|| spendable_msat.saturating_add(reserve_sat.saturating_mul(1000)).saturating_add(funders))
    };
    let our_reserve = channel.unspendable_punishment_reserve.unwrap_or(0);
    let ours = side(channel.outbound_capacity_msat, our_reserve, channel.is_outbound);
    let their_reserve = channel.counterparty.unspendable_punishment_reserve;
    let theirs = side(channel.inbound_capacity_msat, their_reserve, !channel.is_outbound);
    let (offered, received) = pending(channel);
    let beside = |side: u64| capacity.saturating_sub(offered).saturating_sub(received).saturating_sub(side);
    let (ours_msat, theirs_msat) = match (ours, theirs) {
        (Some(ours), Some(theirs)) => (ours, theirs),
        (Some(ours), None) => (ours, beside(ours)),
        (None, Some(theirs)) => (beside(theirs), theirs),
        (None, None) => {
            let ours = paid_out_msat.min(beside(0));
            (ours, beside(ours))
        }
    };
    let in_flight = capacity.saturating_sub(ours_msat).saturating_sub(theirs_msat);
    let pending_outbound_msat = offered.min(in_flight);
    ChannelBalance {
        ours_msat: Msat::up_to_max(ours_msat),
        theirs_msat: Msat::up_to_max(theirs_msat),
        pending_outbound_msat: Msat::up_to_max(pending_outbound_msat),
        pending_inbound_msat: Msat::up_to_max(in_flight.saturating_sub(pending_outbound_msat)),
        ..ChannelBalance::default()
    }
}

/// Sums of the HTLCs that we offered and that the peer offered, those left out that have their preimage: that money has moved.
fn pending(channel: &ChannelDetails) -> (u64, u64) {
    let offered = channel.pending_outbound_htlcs.iter().filter(|htlc| {
        htlc.state != Some(OutboundHTLCStateDetails::AwaitingRemoteRevokeToRemoveSuccess)
            && htlc.state != Some(OutboundHTLCStateDetails::AwaitingRemoteRevokeToRemoveFailure)
    });
    let received = channel.pending_inbound_htlcs.iter().filter(|htlc| {
        htlc.state != Some(InboundHTLCStateDetails::AwaitingRemoteRevokeToRemoveFulfill)
            && htlc.state != Some(InboundHTLCStateDetails::AwaitingRemoteRevokeToRemoveFail)
    });
    let offered = offered.map(|htlc| htlc.amount_msat).fold(0, u64::saturating_add);
    let received = received.map(|htlc| htlc.amount_msat).fold(0, u64::saturating_add);
    (offered, received)
}

/// Our output of the commitment transaction, in msat.
fn of_commitment(balance: &Balance) -> u64 {
    match balance {
        Balance::ClaimableOnChannelClose {
            balance_candidates, confirmed_balance_candidate_index, ..
        } => {
            let candidate = balance_candidates.get(*confirmed_balance_candidate_index);
            candidate.map_or(0, |candidate| candidate.amount_satoshis.saturating_mul(1000))
        }
        _ => 0,
    }
}

/// Value that comes back from a closed channel, in sat, as far as it is ours by right.
fn of_closed(balance: &Balance) -> u64 {
    match balance {
        // It pays to the savings directly, which have it already.
        Balance::ClaimableAwaitingConfirmations { source: BalanceSource::CoopClose, .. } => 0,
        Balance::ClaimableAwaitingConfirmations { amount_satoshis, .. }
        | Balance::ContentiousClaimable { amount_satoshis, .. }
        | Balance::MaybeTimeoutClaimableHTLC { amount_satoshis, .. }
        | Balance::CounterpartyRevokedOutputClaimable { amount_satoshis } => *amount_satoshis,
        Balance::MaybePreimageClaimableHTLC { .. } => 0,
        Balance::ClaimableOnChannelClose { .. } => of_commitment(balance) / 1000,
    }
}
