//! Events of channels.

use amplet_protocol::page::{
    Direction, ErrorCode, EventKind, Payment, PaymentKind, PaymentStatus, WalletError,
};
use bitcoin::ScriptBuf;
use bitcoin::secp256k1::PublicKey;
use lightning::events::{ClosureReason, FundingInfo, InboundChannelFunds};
use lightning::ln::channelmanager::TrustedChannelFeatures;
use lightning::ln::types::ChannelId;

use crate::channels::reserve_sat;
use crate::config::{Acceptance, InboundChannel};
use crate::error::ChannelError;
use crate::inner::Inner;

/// What LDK wants funded.
pub(super) struct Funding {
    pub temporary_id: ChannelId,
    pub peer: PublicKey,
    pub value_sat: u64,
    pub script: ScriptBuf,
    pub user_id: u128,
}

/// The peer accepted a channel of ours: build and hand over its funding.
pub(super) fn fund(inner: &Inner, funding: Funding) {
    if let Err(error) = try_fund(inner, &funding) {
        let message = "the funding transaction could not be made".to_owned();
        // LDK then drops the channel; closing it cannot fail in a way that matters.
        let _ = inner.ldk.manager.force_close_broadcasting_latest_txn(
            &funding.temporary_id,
            &funding.peer,
            message,
        );
        answer(inner, funding.user_id, Err(error));
    }
}

fn try_fund(inner: &Inner, funding: &Funding) -> Result<(), ChannelError> {
    let rate = match inner.openings.borrow().get(&funding.user_id) {
        Some(opening) => opening.fee_rate,
        None => inner.fees.within(6),
    };
    let reserve = reserve_sat(inner, 1);
    let sent = inner.onchain.build(funding.script.clone(), Some(funding.value_sat), rate, reserve)?;
    inner.onchain.hold(&sent.tx);
    let tx = sent.tx.clone();
    let result = inner.ldk.manager.funding_transaction_generated(funding.temporary_id, funding.peer, tx);
    if let Err(error) = result {
        inner.onchain.release(&sent.tx);
        return Err(ChannelError::Ldk(error));
    }
    let txid = sent.tx.compute_txid().to_string();
    inner.ledger.put(Payment {
        amount_msat: funding.value_sat.checked_mul(1000),
        fee_msat: sent.fee_sat.checked_mul(1000),
        payee: Some(funding.peer.to_string()),
        ..Payment::onchain(txid, Direction::Outbound, PaymentKind::ChannelOpen, inner.now())
    });
    Ok(())
}

/// A peer wants to open a channel to us.
pub(super) fn requested(
    inner: &Inner,
    temporary_id: ChannelId,
    peer: PublicKey,
    capacity_sat: u64,
    funds: &InboundChannelFunds,
    announced: bool,
) {
    let push_msat = match funds {
        InboundChannelFunds::PushMsat(msat) => *msat,
        InboundChannelFunds::DualFunded => 0,
    };
    let channels_with_peer = inner.ldk.manager.list_channels_with_counterparty(&peer).len();
    let request = InboundChannel { peer, capacity_sat, push_msat, announced, channels_with_peer };
    let manager = &inner.ldk.manager;
    let user_id = inner.user_channel_id();
    let result = match (inner.config.accept_channel)(&request) {
        Acceptance::Accept => manager.accept_inbound_channel(&temporary_id, &peer, user_id, None),
        Acceptance::AcceptZeroConf => {
            let features = TrustedChannelFeatures::ZeroConf;
            manager.accept_inbound_channel_from_trusted_peer(&temporary_id, &peer, user_id, features, None)
        }
        Acceptance::Refuse(reason) => {
            log::info!("a channel of {capacity_sat} sat from {peer} was refused: {reason}");
            manager.force_close_broadcasting_latest_txn(&temporary_id, &peer, reason)
        }
    };
    if let Err(error) = result {
        log::warn!("the channel of {capacity_sat} sat from {peer} came to nothing: {error:?}");
    }
}

/// Both sides signed the funding.
pub(super) fn pending(inner: &Inner, channel: ChannelId, user_id: u128) {
    answer(inner, user_id, Ok(channel));
    inner.ledger.raise(inner.now(), EventKind::ChannelPending { channel_id: channel.to_string() });
}

/// The channel can be used.
pub(super) fn ready(inner: &Inner, channel: ChannelId) {
    inner.ledger.raise(inner.now(), EventKind::ChannelReady { channel_id: channel.to_string() });
}

/// The channel is gone, or never came to be.
pub(super) fn closed(inner: &Inner, channel: ChannelId, user_id: u128, reason: &ClosureReason) {
    let reason = reason.to_string();
    log::info!("channel {channel}: {reason}");
    let was_opening = inner.openings.borrow().contains_key(&user_id);
    answer(inner, user_id, Err(ChannelError::Refused(reason.clone())));
    if !was_opening {
        inner.ledger.raise(inner.now(), EventKind::ChannelClosed { channel_id: channel.to_string(), reason });
    }
}

/// A funding transaction will never be used: its coins are free again.
pub(super) fn discard(inner: &Inner, funding: &FundingInfo) {
    let txid = match funding {
        FundingInfo::Tx { transaction } => {
            inner.onchain.release(transaction);
            transaction.compute_txid()
        }
        FundingInfo::OutPoint { outpoint } => {
            inner.onchain.release_funding(outpoint.txid);
            outpoint.txid
        }
        FundingInfo::Contribution { .. } => return,
    };
    if let Some(mut payment) = inner.ledger.pending(&txid.to_string()) {
        let message = "the gateway did not complete the channel; the money stayed in your savings";
        payment.status =
            PaymentStatus::Failed { error: WalletError::new(ErrorCode::ChannelUnavailable, message) };
        payment.settled_at = Some(inner.now());
        inner.ledger.put(payment);
    }
}

fn answer(inner: &Inner, user_id: u128, result: Result<ChannelId, ChannelError>) {
    if let Some(opening) = inner.openings.borrow_mut().remove(&user_id) {
        // Whoever waited may have given up.
        let _ = opening.answer.send(result);
    }
}
