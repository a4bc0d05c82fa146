//! Channels that we open, from the request to the funding that both sides have signed, or to their end before that.

use std::collections::HashSet;
use std::time::Duration;

use amplet_protocol::Msat;
use amplet_protocol::page::{Direction, ErrorCode, Payment, PaymentKind, WalletError};
use bitcoin::secp256k1::PublicKey;
use bitcoin::{FeeRate, ScriptBuf, Txid};
use futures::channel::oneshot;
use futures::future::{Either, select};
use lightning::events::FundingInfo;
use lightning::ln::types::ChannelId;
use lightning::util::errors::APIError;

use super::{ChannelError, Channels, OpenChannel};
use crate::ldk::bdk::payment_id;
use crate::ledger::Outcome;
use crate::ledger::record::Key;

/// Maximum duration of a channel's negotiation.
const OPEN_LIMIT: Duration = Duration::from_secs(60);

/// A channel that is being opened, waiting for its funding to be signed by both sides.
pub(super) struct Opening {
    sender: oneshot::Sender<Result<ChannelId, ChannelError>>,
    fee_rate: FeeRate,
    /// In sat, as long as no coins are held for it.
    promised_sat: u64,
}

/// A funding that LDK asks for.
pub(crate) struct Funding {
    pub temporary_id: ChannelId,
    pub peer: PublicKey,
    pub value_sat: u64,
    pub script: ScriptBuf,
    pub user_id: u128,
}

impl Channels {
    /// Opens a channel; resolves when both sides have signed its funding.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub async fn open(&self, peer: PublicKey, how: &OpenChannel) -> Result<ChannelId, ChannelError> {
        self.base.staged.check()?;
        self.refuse_old_copy()?;
        let ldk = &self.base.ldk;
        if !ldk.messages.is_connected(&peer) {
            return Err(ChannelError::NotConnected);
        }
        if ldk.intercept.is_other_installation(&peer) {
            return Err(ChannelError::OtherInstallation);
        }
        let fee_rate = how.fee_rate.unwrap_or_else(|| ldk.fees.within(6));
        // Fails early, with the numbers, rather than in the middle of the negotiation.
        ldk.wallet.can_fund(how.capacity_sat, fee_rate, ldk.anchor_reserve_sat(1))?;
        let user_id = self.user_channel_id();
        let (sender, mut receiver) = oneshot::channel();
        self.openings
            .borrow_mut()
            .insert(user_id, Opening { sender, fee_rate, promised_sat: how.capacity_sat });
        if let Err(error) = self.create(peer, how, user_id) {
            self.openings.borrow_mut().remove(&user_id);
            return Err(ChannelError::Ldk(error));
        }
        self.base.notify.notify();
        let _abandon = Abandon { channels: self, user_id };
        loop {
            match select(&mut receiver, self.base.platform.sleep(OPEN_LIMIT)).await {
                Either::Left((result, _)) => return result.unwrap_or(Err(ChannelError::Closing)),
                Either::Right(_) if self.abandon(user_id) => return Err(ChannelError::Timeout),
                // Both have signed: it ends with the next commit.
                Either::Right(_) => {}
            }
        }
    }

    /// Capacity of the channels being opened for which no coins are held yet, in sat.
    pub fn promised_sat(&self) -> u64 {
        self.openings.borrow().values().map(|opening| opening.promised_sat).fold(0, u64::saturating_add)
    }

    /// Drops a channel whose funding the peer has not signed; returns false when it has, or that cannot be told yet.
    fn abandon(&self, user_id: u128) -> bool {
        let ldk = &self.base.ldk;
        let ours: Vec<_> = self.list().into_iter().filter(|it| it.user_channel_id == user_id).collect();
        let is_signed = ours.iter().any(|channel| ldk.monitors.get_monitor(channel.channel_id).is_ok());
        if is_signed || ldk.monitors.pending_operation_count() > 0 {
            return false;
        }
        self.openings.borrow_mut().remove(&user_id);
        for channel in ours {
            let message = "the channel was not funded in time".to_owned();
            let (id, peer) = (channel.channel_id, channel.counterparty.node_id);
            // It fails only when LDK has dropped the channel already.
            let _ = ldk.manager.force_close_broadcasting_latest_txn(&id, &peer, message);
        }
        self.base.notify.notify();
        true
    }

    fn create(&self, peer: PublicKey, how: &OpenChannel, user_id: u128) -> Result<ChannelId, APIError> {
        let mut config = self.base.config.ldk();
        config.channel_handshake_config.announce_for_forwarding = how.announce;
        config.channel_handshake_config.negotiate_scid_privacy = !how.announce;
        let (manager, config) = (&self.base.ldk.manager, Some(config));
        let (capacity, push) = (how.capacity_sat, how.push_msat.get());
        if how.zero_reserve {
            manager.create_channel_to_trusted_peer_0reserve(peer, capacity, push, user_id, None, config)
        } else {
            manager.create_channel(peer, capacity, push, user_id, None, config)
        }
    }

    /// A fresh id for LDK's "user channel id".
    pub(super) fn user_channel_id(&self) -> u128 {
        let mut bytes = [0; 16];
        self.base.platform.random(&mut bytes);
        u128::from_le_bytes(bytes)
    }

    /// The peer accepted a channel that we open: builds and hands over its funding.
    pub(crate) fn fund(&self, funding: &Funding) {
        if let Err(error) = self.try_fund(funding) {
            let message = "the funding transaction could not be made".to_owned();
            // LDK then drops the channel; closing it cannot fail in any way that matters.
            let _ = self.base.ldk.manager.force_close_broadcasting_latest_txn(
                &funding.temporary_id,
                &funding.peer,
                message,
            );
            self.resolve(funding.user_id, Err(error));
        }
    }

    fn try_fund(&self, funding: &Funding) -> Result<(), ChannelError> {
        let ldk = &self.base.ldk;
        let rate = match self.openings.borrow().get(&funding.user_id) {
            Some(opening) => opening.fee_rate,
            None => ldk.fees.within(6),
        };
        let reserve = ldk.anchor_reserve_sat(1);
        let signed = ldk.wallet.build_funding(funding.script.clone(), funding.value_sat, rate, reserve)?;
        ldk.wallet.hold(&signed.tx);
        if let Some(opening) = self.openings.borrow_mut().get_mut(&funding.user_id) {
            opening.promised_sat = 0;
        }
        let tx = signed.tx.clone();
        let result = ldk.manager.funding_transaction_generated(funding.temporary_id, funding.peer, tx);
        if let Err(error) = result {
            ldk.wallet.release(&signed.tx);
            return Err(ChannelError::Ldk(error));
        }
        let id = payment_id(signed.tx.compute_txid());
        self.ledger.record(Payment {
            amount_msat: Msat::from_sat(funding.value_sat).ok(),
            fee_msat: Msat::from_sat(signed.fee_sat).ok(),
            payee: Some(funding.peer.to_string()),
            ..Payment::onchain(id, Direction::Outbound, PaymentKind::ChannelOpen, self.base.now())
        });
        Ok(())
    }

    /// A funding transaction will never be used: its coins are free again.
    pub(crate) fn discard(&self, funding: &FundingInfo) {
        if let Some(txid) = self.release(funding) {
            self.fail(Key::outbound(payment_id(txid)));
        }
    }

    /// Ends the records of openings that were cut short before both sides had signed, and frees their coins: LDK does not keep
    /// such channels over a restart, and their funding can never be broadcast.
    pub(crate) fn end_forgotten_openings(&self) {
        let ldk = &self.base.ldk;
        let of_channels =
            self.list().into_iter().filter_map(|channel| channel.funding_txo.map(|txo| txo.txid));
        let of_monitors = ldk.all_monitors().map(|monitor| monitor.get_funding_txo().txid);
        let fundings: HashSet<Txid> = of_channels.chain(of_monitors).collect();
        let is_forgotten = |payment: &Payment| {
            let txid = payment.txid.as_deref().and_then(|txid| txid.parse::<Txid>().ok());
            payment.kind == PaymentKind::ChannelOpen
                && txid.is_some_and(|txid| !fundings.contains(&txid) && !ldk.wallet.knows(txid))
        };
        for payment in self.ledger.all_pending().iter().filter(|payment| is_forgotten(payment)) {
            self.fail(Key::of(payment));
        }
        ldk.wallet.release_forgotten();
        self.base.notify.notify();
    }

    /// Ends the record of an opening whose funding will never be broadcast.
    fn fail(&self, key: Key) {
        let message = "the gateway did not complete the channel; the money stayed in your savings";
        let error = WalletError::new(ErrorCode::ChannelUnavailable, message);
        self.ledger.close(key, Outcome::Failed(error), |_| ());
    }

    fn release(&self, funding: &FundingInfo) -> Option<Txid> {
        let wallet = &self.base.ldk.wallet;
        match funding {
            FundingInfo::Tx { transaction } => {
                wallet.release(transaction);
                Some(transaction.compute_txid())
            }
            FundingInfo::OutPoint { outpoint } => {
                wallet.release_funding(outpoint.txid);
                Some(outpoint.txid)
            }
            FundingInfo::Contribution { .. } => None,
        }
    }

    pub(super) fn resolve(&self, user_id: u128, result: Result<ChannelId, ChannelError>) {
        if let Some(opening) = self.openings.borrow_mut().remove(&user_id) {
            // Whoever waited may have given up.
            let _ = opening.sender.send(result);
        }
    }
}

/// Drops an opening that nobody waits for any more.
struct Abandon<'a> {
    channels: &'a Channels,
    user_id: u128,
}

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        if self.channels.openings.borrow().contains_key(&self.user_id) {
            self.channels.abandon(self.user_id);
        }
    }
}
