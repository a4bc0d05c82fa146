//! LDK's events: one handler each. What they decide is staged in the step in which the event leaves LDK's queue.

use amplet_protocol::{Msat, PaymentId};
use lightning::events::{Event, ReplayEvent};

use super::Services;
use crate::channels::{Closed, Funding};
use crate::payments::{Claimable, FailedPath};

/// Dispatches an event.
pub(super) fn dispatch(services: &Services, event: Event) -> Result<(), ReplayEvent> {
    let Services { channels, onchain, payments, .. } = services;
    match event {
        Event::PaymentClaimable {
            payment_hash: hash,
            amount_msat,
            purpose,
            onion_fields,
            claim_deadline: deadline,
            receiving_channel_ids,
            ..
        } => {
            let onion = onion_fields.map(|onion| (onion.custom_tlvs().clone(), onion.payment_metadata));
            let (records, metadata) = onion.unwrap_or_default();
            let amount_msat = Msat::up_to_max(amount_msat);
            let channels = receiving_channel_ids.into_iter().map(|(channel, _)| channel).collect();
            let money = Claimable { hash, amount_msat, purpose, records, metadata, deadline, channels };
            payments.inbound.claimable(&money);
        }
        Event::PaymentClaimed { payment_hash, amount_msat, purpose, .. } => {
            payments.inbound.claimed(payment_hash, Msat::up_to_max(amount_msat), &purpose);
        }
        Event::PaymentSent { payment_id, payment_preimage, payment_hash, fee_paid_msat, .. } => {
            let id = payment_id.map_or(payment_hash.0, |id| id.0);
            payments.outbound.sent(PaymentId(id), payment_preimage, fee_paid_msat.map(Msat::up_to_max));
        }
        Event::PaymentFailed { payment_id, reason, .. } => {
            payments.outbound.failed(PaymentId(payment_id.0), reason);
        }
        Event::PaymentPathSuccessful { path, .. } => payments.outbound.path_successful(&path),
        Event::PaymentPathFailed {
            payment_id,
            path,
            short_channel_id: channel,
            payment_failed_permanently: rejected,
            failure,
            ..
        } => {
            let id = payment_id.map(|id| PaymentId(id.0));
            payments.outbound.path_failed(&FailedPath { id, path, channel, rejected, failure });
        }
        Event::FundingGenerationReady {
            temporary_channel_id: temporary_id,
            counterparty_node_id: peer,
            channel_value_satoshis: value_sat,
            output_script: script,
            user_channel_id: user_id,
        } => channels.fund(Funding { temporary_id, peer, value_sat, script, user_id }),
        Event::OpenChannelRequest {
            temporary_channel_id,
            counterparty_node_id,
            funding_satoshis,
            channel_negotiation_type,
            is_announced,
            ..
        } => channels.requested(
            temporary_channel_id,
            counterparty_node_id,
            funding_satoshis,
            &channel_negotiation_type,
            is_announced,
        ),
        Event::ChannelPending { channel_id, user_channel_id, .. } => {
            channels.pending(channel_id, user_channel_id);
        }
        Event::ChannelReady { channel_id, .. } => channels.ready(channel_id),
        Event::ChannelClosed {
            channel_id: channel,
            user_channel_id: user_id,
            reason,
            counterparty_node_id: peer,
            channel_capacity_sats: capacity_sat,
            last_local_balance_msat: ours_msat,
            ..
        } => {
            onchain.channel_closed(channel, capacity_sat, ours_msat);
            channels.closed(Closed { channel, user_id, peer, reason, capacity_sat, ours_msat });
        }
        Event::DiscardFunding { funding_info, .. } => channels.discard(&funding_info),
        Event::SpendableOutputs { outputs, channel_id, counterparty_node_id } => {
            return onchain.spendable(outputs, channel_id, counterparty_node_id);
        }
        Event::PaymentForwarded {
            next_htlcs,
            total_fee_earned_msat: fee_msat,
            outbound_amount_forwarded_msat: amount_msat,
            ..
        } => {
            let channel = next_htlcs.first().map(|htlc| htlc.channel_id);
            channels.forwarded(channel, Msat::up_to_max(amount_msat), fee_msat.map(Msat::up_to_max));
        }
        Event::HTLCIntercepted {
            intercept_id,
            requested_next_hop_scid,
            expected_outbound_amount_msat,
            ..
        } => channels.intercepted(intercept_id, requested_next_hop_scid, expected_outbound_amount_msat),
        Event::BumpTransaction(event) => onchain.bump_close(event),
        // The rest belongs to features that this node does not offer.
        other => log::debug!("event without a handler: {other:?}"),
    }
    Ok(())
}
