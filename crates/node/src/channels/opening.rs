//! Channels that we open, from the request to the funding that both sides have signed, or to their end before that. Several are
//! opened by one transaction: all of them, or none.

use std::time::Duration;

use bitcoin::FeeRate;
use bitcoin::secp256k1::PublicKey;
use futures::channel::oneshot;
use futures::future::{Either, select};
use lightning::ln::types::ChannelId;
use lightning::util::errors::APIError;

use super::funding::Funding;
use super::{ChannelError, Channels, OpenChannel};
use crate::ldk::unsaved::Unsaved;

/// Maximum duration of a channel's negotiation.
const OPEN_LIMIT: Duration = Duration::from_secs(60);
/// Time after which an opening that was just then being signed is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What whoever opens channels waits for.
type Outcome = Result<Vec<ChannelId>, NotOpened>;

/// Why channels of one funding were not opened: none of them was, and nothing was spent.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct NotOpened {
    /// The peers with which it failed; empty when it failed here.
    pub peers: Vec<PublicKey>,
    /// What happened.
    pub error: ChannelError,
}

impl From<ChannelError> for NotOpened {
    fn from(error: ChannelError) -> Self {
        Self { peers: Vec::new(), error }
    }
}

/// Channels that are being opened by one transaction, which waits to be signed by both sides of each.
pub(super) struct Opening {
    /// `None`: it has failed, and what there is of its channels is being closed.
    sender: Option<oneshot::Sender<Outcome>>,
    fee_rate: FeeRate,
    members: Vec<Member>,
}

/// A channel of an opening.
struct Member {
    user_id: u128,
    peer: PublicKey,
    capacity_sat: u64,
    stage: Stage,
}

enum Stage {
    /// The peer was asked.
    Asked,
    /// The peer agrees: LDK asks for its funding.
    Accepted(Funding),
    /// Coins are held for it.
    Funded,
    /// Both sides have signed.
    Signed(ChannelId),
}

impl Opening {
    fn has(&self, user_id: u128) -> bool {
        self.members.iter().any(|member| member.user_id == user_id)
    }

    fn member(&mut self, user_id: u128) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.user_id == user_id)
    }

    /// Capacity for which no coins are held yet, in sat.
    fn promised_sat(&self) -> u64 {
        let unfunded = self.members.iter().filter(|it| matches!(it.stage, Stage::Asked | Stage::Accepted(_)));
        let alive = unfunded.filter(|_| self.sender.is_some());
        alive.map(|member| member.capacity_sat).fold(0, u64::saturating_add)
    }

    /// A peer agrees; returns the fundings of all once all have agreed.
    pub fn accept(&mut self, funding: Funding) -> Option<(Vec<Funding>, FeeRate)> {
        if let Some(member) = self.member(funding.user_id) {
            member.stage = Stage::Accepted(funding);
        }
        let all_agree = self.members.iter().all(|member| matches!(member.stage, Stage::Accepted(_)));
        if self.sender.is_none() || !all_agree {
            return None;
        }
        let stages = self.members.iter_mut().map(|it| std::mem::replace(&mut it.stage, Stage::Funded));
        let fundings = stages.filter_map(|stage| match stage {
            Stage::Accepted(funding) => Some(funding),
            Stage::Asked | Stage::Funded | Stage::Signed(_) => None,
        });
        Some((fundings.collect(), self.fee_rate))
    }

    /// Both sides of a channel have signed; returns the ids of all, and whoever waits for them, once that is so for all.
    fn sign(&mut self, user_id: u128, id: ChannelId) -> Option<(oneshot::Sender<Outcome>, Vec<ChannelId>)> {
        self.member(user_id)?.stage = Stage::Signed(id);
        let ids = self.members.iter().map(|member| match member.stage {
            Stage::Signed(id) => Some(id),
            Stage::Asked | Stage::Accepted(_) | Stage::Funded => None,
        });
        let ids = ids.collect::<Option<Vec<ChannelId>>>()?;
        self.members.clear();
        Some((self.sender.take()?, ids))
    }
}

impl Channels {
    /// Opens a channel; resolves when both sides have signed its funding.
    ///
    /// # Errors
    /// [`ChannelError`]; nothing was spent.
    pub async fn open(&self, peer: PublicKey, how: &OpenChannel) -> Result<ChannelId, ChannelError> {
        let ids = self.open_together(&[(peer, how.clone())]).await.map_err(|failed| failed.error)?;
        ids.first().copied().ok_or(ChannelError::Closing)
    }

    /// Opens channels that one transaction funds, at the highest of their fee rates; resolves to their ids, in this order, when
    /// both sides of each have signed it. It is not broadcast before.
    ///
    /// # Errors
    /// [`NotOpened`]: not one of them, and nothing was spent.
    pub async fn open_together(&self, channels: &[(PublicKey, OpenChannel)]) -> Outcome {
        self.base.staged.check().map_err(ChannelError::from)?;
        self.refuse_old_copy()?;
        self.check_peers(channels)?;
        let ldk = &self.base.ldk;
        let fee_rate = channels.iter().filter_map(|(_, how)| how.fee_rate).max();
        let fee_rate = fee_rate.unwrap_or_else(|| ldk.fees.within(6));
        let capacities: Vec<u64> = channels.iter().map(|(_, how)| how.capacity_sat).collect();
        // Fails early, with the numbers, rather than in the middle of the negotiation.
        let reserve_sat = ldk.anchor_reserve_sat(capacities.len() as u64);
        ldk.wallet.can_fund(&capacities, fee_rate, reserve_sat).map_err(ChannelError::from)?;
        let (sender, mut receiver) = oneshot::channel();
        let user_id = self.ask(channels, Opening { sender: Some(sender), fee_rate, members: Vec::new() })?;
        self.base.notify.notify();
        let _abandon = Abandon { channels: self, user_id };
        let mut limit = OPEN_LIMIT;
        let ids = loop {
            match select(&mut receiver, self.base.platform.sleep(limit)).await {
                Either::Left((outcome, _)) => break outcome.unwrap_or(Err(ChannelError::Closing.into()))?,
                Either::Right(_) => self.abandon(user_id),
            }
            limit = LOOK_AGAIN;
        };
        self.saved().await?;
        Ok(ids)
    }

    /// Resolves when what has been signed is durable, however long that takes: LDK keeps channels of one funding from the step
    /// on that broadcasts it.
    async fn saved(&self) -> Result<(), ChannelError> {
        loop {
            match self.base.flushed().await {
                Err(Unsaved::Stalled(_)) => self.base.platform.sleep(LOOK_AGAIN).await,
                outcome => return outcome.map_err(ChannelError::from),
            }
        }
    }

    /// Capacity of the channels being opened for which no coins are held yet, in sat.
    pub fn promised_sat(&self) -> u64 {
        self.openings.borrow().iter().map(Opening::promised_sat).fold(0, u64::saturating_add)
    }

    fn check_peers(&self, channels: &[(PublicKey, OpenChannel)]) -> Result<(), NotOpened> {
        let ldk = &self.base.ldk;
        let those = |is_so: &dyn Fn(&PublicKey) -> bool| -> Vec<PublicKey> {
            channels.iter().map(|(peer, _)| *peer).filter(is_so).collect()
        };
        let peers = those(&|peer| !ldk.messages.is_connected(peer));
        if !peers.is_empty() {
            return Err(NotOpened { peers, error: ChannelError::NotConnected });
        }
        let peers = those(&|peer| ldk.intercept.is_other_installation(peer));
        if !peers.is_empty() {
            return Err(NotOpened { peers, error: ChannelError::OtherInstallation });
        }
        Ok(())
    }

    /// Asks all peers; returns the user id of one of the channels.
    fn ask(&self, channels: &[(PublicKey, OpenChannel)], mut opening: Opening) -> Result<u128, NotOpened> {
        let mut refused = None;
        for (peer, how) in channels {
            let user_id = self.user_channel_id();
            if let Err(error) = self.create(*peer, how, user_id) {
                refused = Some(NotOpened { peers: vec![*peer], error: ChannelError::Ldk(error) });
                break;
            }
            let (peer, capacity_sat) = (*peer, how.capacity_sat);
            opening.members.push(Member { user_id, peer, capacity_sat, stage: Stage::Asked });
        }
        let first = opening.members.first().map(|member| member.user_id);
        let Some(user_id) = first else { return Err(refused.unwrap_or(ChannelError::Closing.into())) };
        if refused.is_some() {
            opening.sender = None;
        }
        self.openings.borrow_mut().push(opening);
        match refused {
            Some(refused) => {
                self.close_all(user_id, "another channel of the same funding could not be opened");
                Err(refused)
            }
            None => Ok(user_id),
        }
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

    /// A fresh id for LDK's "user channel id": each channel needs one of its own, by which its keys are found.
    pub(super) fn user_channel_id(&self) -> u128 {
        let mut bytes = [0; 16];
        self.base.platform.random(&mut bytes);
        u128::from_le_bytes(bytes)
    }

    /// Ends an opening that a peer keeps waiting, unless all have signed, or that cannot be told yet.
    fn abandon(&self, user_id: u128) {
        let (ldk, channels) = (&self.base.ldk, self.list());
        let is_signed = |member: &Member| {
            let mut own = channels.iter().filter(|channel| channel.user_channel_id == member.user_id);
            own.any(|channel| ldk.monitors.get_monitor(channel.channel_id).is_ok())
        };
        let waited_for = self.of(user_id, |opening| {
            let is_asked = |member: &&Member| matches!(member.stage, Stage::Asked);
            let asked: Vec<PublicKey> = opening.members.iter().filter(is_asked).map(|it| it.peer).collect();
            let unsigned = opening.members.iter().filter(|member| !is_signed(member));
            if asked.is_empty() { unsigned.map(|it| it.peer).collect() } else { asked }
        });
        let peers = waited_for.unwrap_or_default();
        if !peers.is_empty() && ldk.monitors.pending_operation_count() == 0 {
            let error = ChannelError::Timeout;
            self.fail(user_id, NotOpened { peers, error }, "the channel was not funded in time");
        }
    }

    /// Both sides of a channel have signed its funding.
    pub(super) fn signed(&self, user_id: u128, id: ChannelId) {
        if let Some((sender, ids)) = self.of(user_id, |opening| opening.sign(user_id, id)).flatten() {
            // Whoever waited may have given up.
            let _ = sender.send(Ok(ids));
        }
        self.forget_ended();
    }

    /// A channel is gone; returns whether it was being opened. Then the others of the same funding end with it.
    pub(super) fn end_opening(&self, user_id: u128, reason: &str) -> bool {
        let peer = self.of(user_id, |opening| opening.member(user_id).map(|member| member.peer)).flatten();
        let Some(peer) = peer else { return false };
        let error = ChannelError::Refused(reason.to_owned());
        let message = "another channel of the same funding came to nothing";
        self.fail(user_id, NotOpened { peers: vec![peer], error }, message);
        self.of(user_id, |opening| opening.members.retain(|member| member.user_id != user_id));
        self.forget_ended();
        true
    }

    /// Ends the opening that a channel belongs to, the first time that it is told: none of its channels comes to be.
    pub(super) fn fail(&self, user_id: u128, why: NotOpened, message: &str) {
        if let Some(sender) = self.of(user_id, |opening| opening.sender.take()).flatten() {
            // Whoever waited may have given up.
            let _ = sender.send(Err(why));
            self.close_all(user_id, message);
        }
    }

    /// Closes what there is of an opening's channels, of which LDK then tells that they are closed.
    fn close_all(&self, user_id: u128, message: &str) {
        let user_ids = self.of(user_id, |opening| opening.members.iter().map(|it| it.user_id).collect());
        let user_ids: Vec<u128> = user_ids.unwrap_or_default();
        for channel in self.list().iter().filter(|channel| user_ids.contains(&channel.user_channel_id)) {
            let (id, peer) = (channel.channel_id, channel.counterparty.node_id);
            // It fails only when LDK has dropped the channel already, as it does with those of one funding when one ends.
            let _ = self.base.ldk.manager.force_close_broadcasting_latest_txn(&id, &peer, message.to_owned());
        }
        self.base.notify.notify();
    }

    /// Looks at, or changes, the opening that a channel belongs to; `None`: it was opened, is gone, or is not ours.
    pub(super) fn of<T>(&self, user_id: u128, work: impl FnOnce(&mut Opening) -> T) -> Option<T> {
        let mut openings = self.openings.borrow_mut();
        openings.iter_mut().find(|opening| opening.has(user_id)).map(work)
    }

    fn forget_ended(&self) {
        self.openings.borrow_mut().retain(|opening| !opening.members.is_empty());
    }
}

/// Drops an opening that nobody waits for any more.
struct Abandon<'a> {
    channels: &'a Channels,
    user_id: u128,
}

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        self.channels.abandon(self.user_id);
    }
}
