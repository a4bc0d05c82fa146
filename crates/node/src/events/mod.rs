//! LDK's events: one handler each. What they decide is staged in the step in which the event leaves LDK's queue.

mod channel;
pub(crate) mod onchain;
pub(crate) mod payment;

use lightning::events::{Event, ReplayEvent};

use crate::inner::Inner;

/// Dispatches an event.
pub(crate) fn handle(inner: &Inner, event: Event) -> Result<(), ReplayEvent> {
    match event {
        Event::PaymentClaimable { payment_hash: hash, amount_msat, purpose, onion_fields, .. } => {
            let records = onion_fields.map(|onion| onion.custom_tlvs().clone()).unwrap_or_default();
            payment::claimable(inner, payment::Claimable { hash, amount_msat, purpose, records });
        }
        Event::PaymentClaimed { payment_hash, amount_msat, purpose, .. } => {
            payment::claimed(inner, payment_hash, amount_msat, &purpose);
        }
        Event::PaymentSent { payment_id, payment_preimage, payment_hash, fee_paid_msat, .. } => {
            payment::sent(inner, payment_id, payment_hash, payment_preimage, fee_paid_msat);
        }
        Event::PaymentFailed { payment_id, reason, .. } => payment::failed(inner, payment_id, reason),
        Event::PaymentPathSuccessful { path, .. } => payment::path_successful(inner, &path),
        Event::PaymentPathFailed {
            payment_id: id,
            path,
            short_channel_id: channel,
            payment_failed_permanently: rejected,
            failure,
            ..
        } => payment::path_failed(inner, &payment::FailedPath { id, path, channel, rejected, failure }),
        Event::FundingGenerationReady {
            temporary_channel_id,
            counterparty_node_id,
            channel_value_satoshis,
            output_script,
            user_channel_id,
        } => channel::fund(
            inner,
            channel::Funding {
                temporary_id: temporary_channel_id,
                peer: counterparty_node_id,
                value_sat: channel_value_satoshis,
                script: output_script,
                user_id: user_channel_id,
            },
        ),
        Event::OpenChannelRequest {
            temporary_channel_id,
            counterparty_node_id,
            funding_satoshis,
            channel_negotiation_type,
            is_announced,
            ..
        } => channel::requested(
            inner,
            temporary_channel_id,
            counterparty_node_id,
            funding_satoshis,
            &channel_negotiation_type,
            is_announced,
        ),
        Event::ChannelPending { channel_id, user_channel_id, .. } => {
            channel::pending(inner, channel_id, user_channel_id);
        }
        Event::ChannelReady { channel_id, .. } => channel::ready(inner, channel_id),
        Event::ChannelClosed { channel_id, user_channel_id, reason, .. } => {
            channel::closed(inner, channel_id, user_channel_id, &reason);
        }
        Event::DiscardFunding { funding_info, .. } => channel::discard(inner, &funding_info),
        Event::SpendableOutputs { outputs, channel_id, counterparty_node_id } => {
            return onchain::spendable(inner, outputs, channel_id, counterparty_node_id);
        }
        Event::BumpTransaction(event) => inner.ldk.bumper.handle_event(&event),
        // Forwards need no bookkeeping here, and what is left belongs to features that this node does not offer.
        other => log::debug!("event without a handler: {other:?}"),
    }
    Ok(())
}
