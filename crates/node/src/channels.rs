//! Opening, closing and counting channels.

use bitcoin::FeeRate;
use bitcoin::Transaction;
use bitcoin::secp256k1::PublicKey;
use futures::channel::oneshot;
use futures::future::{Either, select};
use lightning::ln::channel_state::ChannelDetails;
use lightning::ln::types::ChannelId;

use crate::error::ChannelError;
use crate::inner::{Inner, Opening};

/// Savings held back per anchor channel, in sat: enough to get one commitment confirmed at about 25 sat/vB.
const RESERVE_PER_CHANNEL_SAT: u64 = 10_000;

/// Negotiating a channel takes no longer than this.
const OPEN_LIMIT: std::time::Duration = std::time::Duration::from_secs(60);

/// Savings to hold back for the channels there are and `more`, in sat.
pub(crate) fn reserve_sat(inner: &Inner, more: u64) -> u64 {
    let anchors = inner.ldk.manager.list_channels().iter().filter(|c| c.funding_txo.is_some()).count() as u64;
    anchors.saturating_add(more).saturating_mul(RESERVE_PER_CHANNEL_SAT)
}

/// How a channel is to be opened.
#[derive(Clone, Debug)]
pub struct OpenChannel {
    /// Capacity, in sat.
    pub capacity_sat: u64,
    /// Given to the peer at once, in msat.
    pub push_msat: u64,
    /// Announced to the network (between gateways).
    pub announce: bool,
    /// The peer keeps no reserve (a wallet's first channel): the risk is ours alone.
    pub zero_reserve: bool,
    /// For the funding transaction; `None`: to confirm within an hour.
    pub fee_rate: Option<FeeRate>,
}

impl Inner {
    /// A fresh id for LDK's "user channel id".
    pub(crate) fn user_channel_id(&self) -> u128 {
        let mut bytes = [0; 16];
        self.platform.random(&mut bytes);
        u128::from_le_bytes(bytes)
    }

    pub(crate) async fn open_channel(
        &self,
        peer: PublicKey,
        how: &OpenChannel,
    ) -> Result<ChannelId, ChannelError> {
        if !self.ldk.messages.is_connected(&peer) {
            return Err(ChannelError::NotConnected);
        }
        let fee_rate = how.fee_rate.unwrap_or_else(|| self.fees.within(6));
        // Fails early, with the numbers, rather than in the middle of the negotiation.
        self.onchain.can_fund(how.capacity_sat, fee_rate, reserve_sat(self, 1))?;
        let user_id = self.user_channel_id();
        let (sender, receiver) = oneshot::channel();
        self.openings.borrow_mut().insert(user_id, Opening { answer: sender, fee_rate });
        let mut config = self.config.ldk();
        config.channel_handshake_config.announce_for_forwarding = how.announce;
        config.channel_handshake_config.negotiate_scid_privacy = !how.announce;
        let manager = &self.ldk.manager;
        let created = if how.zero_reserve {
            manager.create_channel_to_trusted_peer_0reserve(
                peer,
                how.capacity_sat,
                how.push_msat,
                user_id,
                None,
                Some(config),
            )
        } else {
            manager.create_channel(peer, how.capacity_sat, how.push_msat, user_id, None, Some(config))
        };
        if let Err(error) = created {
            self.openings.borrow_mut().remove(&user_id);
            return Err(ChannelError::Ldk(error));
        }
        self.wake.wake();
        match select(receiver, self.platform.sleep(OPEN_LIMIT)).await {
            Either::Left((Ok(result), _)) => result,
            Either::Left((Err(_), _)) => Err(ChannelError::Closing),
            Either::Right(_) => {
                self.openings.borrow_mut().remove(&user_id);
                Err(ChannelError::Timeout)
            }
        }
    }

    pub(crate) fn close_channel(&self, id: ChannelId, force: bool) -> Result<(), ChannelError> {
        let channel = self.channel(id)?;
        let (manager, peer) = (&self.ldk.manager, channel.counterparty.node_id);
        let result = if force {
            let message = "closed by its owner".to_owned();
            manager.force_close_broadcasting_latest_txn(&channel.channel_id, &peer, message)
        } else if self.ldk.messages.is_connected(&peer) {
            manager.close_channel(&channel.channel_id, &peer)
        } else {
            return Err(ChannelError::NotConnected);
        };
        self.wake.wake();
        result.map_err(ChannelError::Ldk)
    }

    fn channel(&self, id: ChannelId) -> Result<ChannelDetails, ChannelError> {
        let mut channels = self.ldk.manager.list_channels().into_iter();
        channels.find(|c| c.channel_id == id).ok_or_else(|| ChannelError::Unknown(id.to_string()))
    }

    /// Whether a transaction spends the funding or a commitment of a channel of ours.
    pub(crate) fn is_from_channel(&self, tx: &Transaction) -> bool {
        let monitors = &self.ldk.monitors;
        let spends = |channel| {
            monitors.get_monitor(channel).is_ok_and(|monitor| {
                let funding = monitor.get_funding_txo().into_bitcoin_outpoint();
                let watched = monitor.get_outputs_to_watch();
                let of_channel = |outpoint: &bitcoin::OutPoint| {
                    *outpoint == funding || watched.iter().any(|(txid, _)| *txid == outpoint.txid)
                };
                tx.input.iter().any(|input| of_channel(&input.previous_output))
            })
        };
        monitors.list_monitors().into_iter().any(spends)
    }
}
