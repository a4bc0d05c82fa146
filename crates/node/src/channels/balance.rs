//! Everyday money, counted.

use std::collections::HashSet;

use amplet_protocol::Msat;
use lightning::chain::channelmonitor::Balance;
use lightning::ln::channel_state::ChannelDetails;
use lightning::ln::types::ChannelId;
use lightning::sign::SpendableOutputDescriptor;
use lightning::util::sweep::OutputSpendStatus;

use crate::ldk::Ldk;

/// Everyday money, from LDK's view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LightningBalance {
    /// Ours in open channels, reserves and pending HTLCs included.
    pub lightning_msat: Msat,
    /// Can be sent now.
    pub spendable_msat: Msat,
    /// Of `lightning_msat`, in channels used without confirmation that the peer funded.
    pub trusted_msat: Msat,
    /// Can be received now.
    pub receivable_msat: Msat,
    /// In flight from closed channels to the on-chain wallet, in sat.
    pub closing_sat: u64,
}

/// Balance of all channels and of closed ones' remains.
pub(super) fn of(ldk: &Ldk) -> LightningBalance {
    let mut sum = LightningBalance::default();
    let channels = ldk.manager.list_channels();
    for channel in &channels {
        add_open(ldk, &mut sum, channel);
    }
    let open: HashSet<ChannelId> = channels.iter().map(|channel| channel.channel_id).collect();
    for id in ldk.monitors.list_monitors().into_iter().filter(|id| !open.contains(id)) {
        if let Ok(monitor) = ldk.monitors.get_monitor(id)
            && ldk.is_funded(&monitor)
        {
            let left: u64 = monitor.get_claimable_balances().iter().map(of_closed).sum();
            sum.closing_sat = sum.closing_sat.saturating_add(left);
        }
    }
    // Between the monitor, which is done with an output when it may be spent, and the savings, which know the sweep from
    // its broadcast on, the money is the sweeper's.
    let on_its_way = ldk.sweeper.tracked_spendable_outputs();
    let waiting = on_its_way
        .iter()
        .filter(|output| matches!(output.status, OutputSpendStatus::PendingInitialBroadcast { .. }));
    let waiting_sat = waiting.map(|output| value_sat(&output.descriptor)).fold(0, u64::saturating_add);
    sum.closing_sat = sum.closing_sat.saturating_add(waiting_sat);
    sum
}

fn value_sat(descriptor: &SpendableOutputDescriptor) -> u64 {
    match descriptor {
        SpendableOutputDescriptor::StaticOutput { output, .. } => output.value.to_sat(),
        SpendableOutputDescriptor::DelayedPaymentOutput(output) => output.output.value.to_sat(),
        SpendableOutputDescriptor::StaticPaymentOutput(output) => output.output.value.to_sat(),
    }
}

fn add_open(ldk: &Ldk, sum: &mut LightningBalance, channel: &ChannelDetails) {
    let ours = ldk
        .monitors
        .get_monitor(channel.channel_id)
        .ok()
        .map_or(Msat::ZERO, |monitor| monitor.get_claimable_balances().iter().map(of_open).sum());
    sum.lightning_msat = sum.lightning_msat.plus_up_to_max(ours);
    if is_trusted(channel) {
        sum.trusted_msat = sum.trusted_msat.plus_up_to_max(ours);
    }
    if channel.is_usable {
        let sendable = Msat::up_to_max(channel.next_outbound_htlc_limit_msat);
        let receivable = Msat::up_to_max(channel.inbound_capacity_msat);
        sum.spendable_msat = sum.spendable_msat.plus_up_to_max(sendable);
        sum.receivable_msat = sum.receivable_msat.plus_up_to_max(receivable);
    }
}

/// Used before its funding confirmed, and funded by the peer: until then the balance is the peer's promise.
pub fn is_trusted(channel: &ChannelDetails) -> bool {
    !channel.is_outbound && channel.is_channel_ready && channel.confirmations.unwrap_or(0) == 0
}

/// Value of an open channel: the balance before closing fees, and what is in flight to us.
fn of_open(balance: &Balance) -> Msat {
    match balance {
        Balance::ClaimableOnChannelClose {
            balance_candidates,
            confirmed_balance_candidate_index,
            outbound_payment_htlc_rounded_msat,
            inbound_claiming_htlc_rounded_msat,
            ..
        } => {
            let candidate = balance_candidates.get(*confirmed_balance_candidate_index);
            let settled_sat = candidate.map_or(0, |candidate| {
                candidate.amount_satoshis.saturating_add(candidate.transaction_fee_satoshis)
            });
            let settled = Msat::from_sat(settled_sat).unwrap_or(Msat::MAX);
            settled
                .plus_up_to_max(Msat::up_to_max(*inbound_claiming_htlc_rounded_msat))
                .plus_up_to_max(Msat::up_to_max(*outbound_payment_htlc_rounded_msat))
        }
        _ => Msat::ZERO,
    }
}

/// Value that comes back from a closed channel, in sat, as far as it is ours by right.
fn of_closed(balance: &Balance) -> u64 {
    match balance {
        Balance::ClaimableAwaitingConfirmations { amount_satoshis, .. }
        | Balance::ContentiousClaimable { amount_satoshis, .. }
        | Balance::MaybeTimeoutClaimableHTLC { amount_satoshis, .. }
        | Balance::CounterpartyRevokedOutputClaimable { amount_satoshis } => *amount_satoshis,
        Balance::MaybePreimageClaimableHTLC { .. } => 0,
        Balance::ClaimableOnChannelClose { .. } => of_open(balance).to_sat_floor(),
    }
}
