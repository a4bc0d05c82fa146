//! The node's types to the admin API's.

use amplet_node::lightning::ln::channel_state::{ChannelDetails, ChannelShutdownState};
use amplet_node::{ChannelError, NodeError, OnchainError, PayError};
use amplet_protocol::page::{Payment as Line, PaymentStatus, WalletError};

use crate::admin::types::{Channel, ChannelState, Invoice, InvoiceState, Msat, Payment, PaymentState};
use crate::admin::{AdminCode, AdminError};

pub(super) fn channel(details: &ChannelDetails, connected: bool) -> Channel {
    Channel {
        id: details.channel_id.to_string(),
        peer: details.counterparty.node_id.to_string(),
        state: state(details, connected),
        usable: details.is_usable,
        confirmations: details.confirmations.unwrap_or(0),
        confirmations_needed: details.confirmations_required,
        capacity_sat: details.channel_value_satoshis,
        outbound_msat: Msat(details.outbound_capacity_msat),
        inbound_msat: Msat(details.inbound_capacity_msat),
        announced: details.is_announced,
        funding: details.funding_txo.map(|funding| format!("{}:{}", funding.txid, funding.index)),
    }
}

fn state(details: &ChannelDetails, connected: bool) -> ChannelState {
    let closing =
        details.channel_shutdown_state.is_some_and(|state| state != ChannelShutdownState::NotShuttingDown);
    match details {
        _ if closing => ChannelState::Closing,
        details if details.funding_txo.is_none() => ChannelState::Negotiating,
        details if !details.is_channel_ready => ChannelState::Confirming,
        _ if connected => ChannelState::Ready,
        _ => ChannelState::Offline,
    }
}

/// A line of the history as an invoice; `None` when it is none of ours.
pub(super) fn invoice(line: Line, now: u64) -> Option<Invoice> {
    let invoice = line.invoice?;
    let expires_at = line.expires_at.unwrap_or(u64::MAX);
    let state = match line.status {
        PaymentStatus::Succeeded => InvoiceState::Paid,
        PaymentStatus::Pending if expires_at > now => InvoiceState::Open,
        PaymentStatus::Pending | PaymentStatus::Failed { .. } => InvoiceState::Expired,
    };
    let paid = state == InvoiceState::Paid;
    let asked = invoice.parse::<amplet_node::lightning_invoice::Bolt11Invoice>().ok();
    Some(Invoice {
        payment_hash: line.id.to_string(),
        amount_msat: asked.and_then(|asked| asked.amount_milli_satoshis()).map(Msat),
        received_msat: line.amount_msat.filter(|_| paid).map(Msat),
        invoice,
        state,
        description: line.description,
        expires_at,
        paid_at: line.settled_at.filter(|_| paid),
    })
}

/// A line of the history as a payment.
pub(super) fn payment(line: Line) -> Payment {
    let (state, error) = match line.status {
        PaymentStatus::Pending => (PaymentState::Pending, None),
        PaymentStatus::Succeeded => (PaymentState::Succeeded, None),
        PaymentStatus::Failed { error } => (PaymentState::Failed, Some(failure(error))),
    };
    Payment {
        payment_hash: line.id.to_string(),
        state,
        amount_msat: Msat(line.amount_msat.unwrap_or(0)),
        fee_msat: line.fee_msat.map(Msat),
        preimage: line.preimage,
        hops: line.hops,
        duration_ms: line.duration_ms,
        error,
    }
}

fn failure(error: WalletError) -> AdminError {
    AdminError::new(AdminCode::Remote, error.message)
}

pub(super) fn channel_error(error: &ChannelError) -> AdminError {
    let code = match error {
        ChannelError::Unknown(_) => AdminCode::NotFound,
        ChannelError::NotConnected | ChannelError::Onchain(_) => AdminCode::NotNow,
        ChannelError::Refused(_) | ChannelError::Timeout => AdminCode::Remote,
        ChannelError::Ldk(_) => AdminCode::InvalidInput,
        ChannelError::Closing => AdminCode::NodeDown,
    };
    let message = match error {
        // The node speaks to people with a wallet; these are for its operator.
        ChannelError::NotConnected => {
            "the peer is not connected; connect it with POST /admin/v1/peers, or wait until it comes".into()
        }
        ChannelError::Refused(why) => {
            format!("the peer did not open the channel: {why}; try another amount or peer")
        }
        ChannelError::Timeout => "the peer did not answer in time; nothing was spent, try again later".into(),
        ChannelError::Onchain(OnchainError::Insufficient { needed_sat, available_sat, reserve_sat }) => {
            format!(
                "{needed_sat} sat are needed and {available_sat} sat can be spent beside the reserve of {reserve_sat} sat; \
             deposit more (POST /admin/v1/address), or wait for a confirmation"
            )
        }
        other => other.to_string(),
    };
    AdminError::new(code, message)
}

pub(super) fn pay_error(error: &PayError) -> AdminError {
    let code = match error {
        PayError::Duplicate | PayError::Expired => AdminCode::InvoiceUnusable,
        PayError::Own
        | PayError::Amount
        | PayError::Records
        | PayError::Stream(_)
        | PayError::Offer(_)
        | PayError::Invoice(_) => AdminCode::InvalidInput,
        PayError::Denied(_) => AdminCode::LimitExceeded,
        PayError::NoRoute(_) | PayError::TooLarge | PayError::Broadcast(_) => AdminCode::Remote,
    };
    AdminError::new(code, error.to_string())
}

pub(super) fn node_error(error: &NodeError) -> AdminError {
    let code = match error {
        NodeError::Chain(_) | NodeError::Unsynced => AdminCode::Remote,
        _ => AdminCode::Internal,
    };
    AdminError::new(code, error.to_string())
}
