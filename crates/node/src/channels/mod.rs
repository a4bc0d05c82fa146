//! Lightning channels: opening, accepting, closing and counting them.

mod balance;
mod funding;
mod held;
mod opening;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use amplet_protocol::Msat;
use amplet_protocol::page::EventKind;
use bitcoin::FeeRate;
use bitcoin::secp256k1::PublicKey;
use lightning::events::{ClosureReason, InboundChannelFunds};
use lightning::ln::channel_state::ChannelDetails;
use lightning::ln::channelmanager::{InterceptId, TrustedChannelFeatures};
use lightning::ln::types::ChannelId;
use lightning::util::config::ChannelConfigUpdate;
use lightning::util::errors::APIError;

use crate::base::Base;
use crate::config::{Acceptance, Forward, ForwardingTerms, InboundChannel, Role};
use crate::ldk::absence::safe_until;
use crate::ldk::bdk::OnchainError;
use crate::ldk::unsaved::Unsaved;
use crate::ledger::Ledger;
use held::HeldForwards;
use opening::Opening;

pub use balance::{ChannelBalance, LightningBalance, is_trusted};
pub(crate) use funding::Funding;
pub use opening::NotOpened;

/// Blocks within which what we pay for closing together has a channel closed, at the least.
const CLOSE_WITHIN: u16 = 1008;

/// Added to the reason for which a channel was closed.
const WAITS: &str =
    "; its commitment is broadcast when its peer is back and has nothing newer, or in three days";

/// Settings of a channel to open.
#[derive(Clone, Debug)]
pub struct OpenChannel {
    /// Capacity, in sat.
    pub capacity_sat: u64,
    /// Given to the peer at once.
    pub push_msat: Msat,
    /// Announced to the network (between gateways).
    pub announce: bool,
    /// The peer keeps no reserve (a wallet's first channel): the risk is ours alone.
    pub zero_reserve: bool,
    /// For the funding transaction; `None`: to confirm within an hour. Of several channels that one transaction funds the highest counts.
    pub fee_rate: Option<FeeRate>,
}

/// Refusal of a channel operation.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The peer is not connected.
    #[error("the gateway is not connected; wait for the connection, then try again")]
    NotConnected,
    /// No such channel.
    #[error("there is no channel {0}; it may have been closed already")]
    Unknown(String),
    /// The on-chain money does not suffice, or not for such a transaction.
    #[error(transparent)]
    Onchain(#[from] OnchainError),
    /// The peer refused or hung up.
    #[error("the gateway did not open the channel: {0}; try another amount or another gateway")]
    Refused(String),
    /// LDK refused.
    #[error("{}", text(.0))]
    Ldk(APIError),
    /// It took too long.
    #[error("the gateway did not answer in time; nothing was spent, try again later")]
    Timeout,
    /// The node is closing.
    #[error("the wallet is being closed")]
    Closing,
    /// Nothing can be saved now, so nothing was begun.
    #[error(transparent)]
    Unsaved(#[from] Unsaved),
    /// This storage is an old copy.
    #[error(
        "this is an old copy of the wallet: what it would broadcast may be revoked, and the gateway could then take the whole channel. Use the wallet where it was used last. If it is lost, ask the gateway to close the channel: your part comes to your savings here"
    )]
    OldCopy,
    /// A gateway claims a later state of the channel, without proof.
    #[error(
        "a gateway says that this wallet was used elsewhere since, so what would be broadcast here may be revoked: open the wallet where it was used last. If that is here, try again in ten minutes"
    )]
    Doubted,
    /// The peer has channels with another installation of this node id.
    #[error(
        "this gateway knows another installation by this wallet's recovery phrase, with channels of its own: use that one. If it is lost, restore the wallet from the phrase: that makes a new installation and finds the savings"
    )]
    OtherInstallation,
}

fn text(error: &APIError) -> String {
    match error {
        APIError::APIMisuseError { err } | APIError::ChannelUnavailable { err } => err.clone(),
        other => format!("{other:?}"),
    }
}

/// A channel that is gone, as LDK tells it.
pub(crate) struct Closed {
    pub channel: ChannelId,
    pub user_id: u128,
    pub peer: Option<PublicKey>,
    pub reason: ClosureReason,
    pub capacity_sat: Option<u64>,
    /// Our side, HTLCs left out.
    pub ours_msat: Option<u64>,
}

/// Lightning channels.
pub struct Channels {
    base: Rc<Base>,
    ledger: Rc<Ledger>,
    openings: RefCell<Vec<Opening>>,
    held: HeldForwards,
}

impl Channels {
    pub(crate) fn new(base: Rc<Base>, ledger: Rc<Ledger>) -> Self {
        let held = HeldForwards::new(base.platform.monotonic());
        Self { base, ledger, openings: RefCell::default(), held }
    }

    /// All channels, opening ones included.
    pub fn list(&self) -> Vec<ChannelDetails> {
        self.base.ldk.manager.list_channels()
    }

    /// Balance of all channels.
    pub fn balance(&self) -> LightningBalance {
        balance::of(&self.base.ldk)
    }

    /// Money of one of the [listed](Self::list) channels; nothing before its funding is signed.
    pub fn balance_of(&self, channel: &ChannelDetails) -> ChannelBalance {
        balance::of_channel(&self.base.ldk, channel)
    }

    /// The height before which this node has to be running again so that none of its channels' money is at risk: a revoked commitment
    /// that a peer broadcasts as soon as it is away is punished in time, and HTLCs whose preimage it knows are claimed before they
    /// expire. `None`: it may stay away.
    pub fn safe_until(&self) -> Option<u32> {
        safe_until(&self.base.ldk)
    }

    /// Maximum that can be sent now in one payment to `payee`, less the gateway's fee, unless the payee is the gateway.
    pub fn spendable_to(&self, payee: &PublicKey) -> Msat {
        balance::spendable_to(&self.list(), Some(payee))
    }

    fn refuse_old_copy(&self) -> Result<(), ChannelError> {
        if self.base.staged.old_copy.is_set() { Err(ChannelError::OldCopy) } else { Ok(()) }
    }

    /// Closes a channel, with the peer's cooperation or by force: also one that is closed and whose commitment waits for its peer's
    /// word.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn close(&self, id: ChannelId, force: bool) -> Result<(), ChannelError> {
        self.base.staged.check()?;
        self.refuse_old_copy()?;
        if force && self.base.staged.unheard.get(&id).is_some_and(|unheard| unheard.closed_at.is_some()) {
            self.base.staged.heard(&id);
            return Ok(());
        }
        let (manager, mut channels) = (&self.base.ldk.manager, self.list().into_iter());
        let channel = channels.find(|channel| channel.channel_id == id);
        let peer = channel.ok_or_else(|| ChannelError::Unknown(id.to_string()))?.counterparty.node_id;
        if force && self.base.staged.old_copy.is_doubted(&id) {
            return Err(ChannelError::Doubted);
        }
        let result = if force {
            self.base.staged.heard(&id);
            manager.force_close_broadcasting_latest_txn(&id, &peer, "closed by its owner".to_owned())
        } else if self.base.ldk.messages.is_connected(&peer) {
            let rate = u32::try_from(self.base.ldk.fees.within(CLOSE_WITHIN).to_sat_per_kwu()).ok();
            manager.close_channel_with_feerate_and_script(&id, &peer, rate, None)
        } else {
            return Err(ChannelError::NotConnected);
        };
        self.base.notify.notify();
        result.map_err(ChannelError::Ldk)
    }

    /// Gives each channel the terms that the configuration has for it now; peers, and the network, are told of those that change.
    pub fn apply_terms(&self) {
        let Role::Gateway(forwarding) = &self.base.config.role else { return };
        for channel in self.list() {
            let (id, peer) = (channel.channel_id, channel.counterparty.node_id);
            let ForwardingTerms { fee_base_msat, fee_ppm, cltv_delta } =
                (forwarding.terms_of.0)(&shared_id(id), &peer);
            let is_so = channel.config.is_some_and(|now| {
                (now.forwarding_fee_base_msat, now.forwarding_fee_proportional_millionths)
                    == (fee_base_msat, fee_ppm)
                    && now.cltv_expiry_delta == cltv_delta
            });
            if is_so {
                continue;
            }
            let update = ChannelConfigUpdate {
                forwarding_fee_base_msat: Some(fee_base_msat),
                forwarding_fee_proportional_millionths: Some(fee_ppm),
                cltv_expiry_delta: Some(cltv_delta),
                ..ChannelConfigUpdate::default()
            };
            match self.base.ldk.manager.update_partial_channel_config(&peer, &[id], &update) {
                Ok(()) => log::info!(
                    "channel {id}: forwarding costs {fee_base_msat} msat and {fee_ppm} ppm and takes {cltv_delta} blocks from now on"
                ),
                Err(error) => log::warn!("channel {id} keeps its terms of forwarding: {error:?}"),
            }
        }
        self.base.notify.notify();
    }

    /// A peer wants to open a channel to us.
    pub(crate) fn requested(
        &self,
        temporary_id: ChannelId,
        peer: PublicKey,
        capacity_sat: u64,
        funds: &InboundChannelFunds,
        announced: bool,
    ) {
        let push_msat = match funds {
            InboundChannelFunds::PushMsat(msat) => Msat::up_to_max(*msat),
            InboundChannelFunds::DualFunded => Msat::ZERO,
        };
        let manager = &self.base.ldk.manager;
        let channels_with_peer = manager.list_channels_with_counterparty(&peer).len();
        let request = InboundChannel {
            peer,
            capacity_sat,
            push_msat,
            announced,
            channels_with_peer,
            channels: manager.list_channels().len(),
            is_reserve_covered: self.base.ldk.wallet.free_sat() >= self.base.ldk.anchor_reserve_sat(1),
        };
        let user_id = self.user_channel_id();
        let result = match (self.base.config.accept_channel)(&request) {
            Acceptance::Accept => manager.accept_inbound_channel(&temporary_id, &peer, user_id, None),
            Acceptance::AcceptZeroConf => {
                let features = TrustedChannelFeatures::ZeroConf;
                manager.accept_inbound_channel_from_trusted_peer(
                    &temporary_id,
                    &peer,
                    user_id,
                    features,
                    None,
                )
            }
            #[cfg(feature = "testing")]
            Acceptance::Unanswered => Ok(()),
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
    pub(crate) fn pending(&self, channel: ChannelId, user_id: u128) {
        self.signed(user_id, channel);
        self.ledger.raise(EventKind::ChannelPending { channel_id: shared_id(channel) });
    }

    /// The channel can be used.
    pub(crate) fn ready(&self, channel: ChannelId) {
        self.apply_terms();
        self.ledger.raise(EventKind::ChannelReady { channel_id: shared_id(channel) });
    }

    /// A payment was forwarded, and its fee is ours.
    pub(crate) fn forwarded(&self, channel: Option<ChannelId>, amount_msat: Msat, fee_msat: Option<Msat>) {
        let channel = shared_id(channel.unwrap_or_else(ChannelId::new_zero));
        let record = (self.base.config.record_forward)(&Forward { channel, amount_msat, fee_msat });
        if let Some((name, value)) = record {
            self.base.staged.put_at_leisure(name, value);
        }
    }

    /// A forward by this channel (BOLT 7), whose peer is not connected.
    pub(crate) fn intercepted(&self, id: InterceptId, scid: u64, amount_msat: u64) {
        self.held.hold(&self.base, id, scid, amount_msat);
    }

    /// Goes on with forwards that wait for their peers.
    pub(crate) fn go_on(&self) {
        self.held.go_on(&self.base);
    }

    /// Monotonic time at which a forward that waits for its peer is sent back.
    pub(crate) fn held_until(&self) -> Option<Duration> {
        self.held.until()
    }

    /// Notes which peers are connected: they are waited for when they are gone.
    pub(crate) fn note_connected(&self) {
        self.held.note_connected(&self.base);
    }

    /// The channel is gone, or never came to be. One line says who, why and what of it is ours.
    pub(crate) fn closed(&self, closed: Closed) {
        let Closed { channel, user_id, peer, reason, capacity_sat, ours_msat } = closed;
        let is_ours = matches!(reason, ClosureReason::HTLCsTimedOut { .. });
        let mut reason = reason.to_string();
        if self.base.staged.closed_unheard(&channel, self.base.chain.tip().height) && is_ours {
            reason.push_str(WAITS);
        }
        let peer = peer.map_or_else(|| "a peer".to_owned(), |peer| peer.to_string());
        let (capacity, ours) = (capacity_sat.unwrap_or(0), ours_msat.unwrap_or(0) / 1000);
        log::info!("channel {channel} with {peer} is closed: {reason}; {ours} of {capacity} sat are ours");
        if !self.end_opening(user_id, &reason) {
            self.ledger.raise(EventKind::ChannelClosed { channel_id: shared_id(channel), reason });
        }
    }
}

/// The id as every crate has it.
fn shared_id(channel: ChannelId) -> amplet_protocol::ChannelId {
    amplet_protocol::ChannelId(channel.0)
}
