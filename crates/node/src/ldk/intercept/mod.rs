//! Channel messages seen before LDK: LDK ends the process when a peer proves that our state is old, and closes the channel, by
//! broadcasting what it has, when a peer claims it. Here it is noticed before, and nothing is said. AMP, too, is put into words that
//! LDK understands ([`amp`]).

mod addressee;
mod amp;
mod closed;
mod gate;
mod judge;
mod plain;
mod shutdowns;
mod storage;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use amplet_protocol::NodeId;
use amplet_protocol::copies::{KEEPS_BIT, KEPT_BIT};
use amplet_protocol::lost;
use amplet_protocol::watchtower::TOWER_BIT;
use amplet_transport::Platform;
use bitcoin::constants::ChainHash;
use bitcoin::secp256k1::{PublicKey, Secp256k1, SecretKey};
use lightning::ln::msgs::{
    self, BaseMessageHandler, ChannelMessageHandler, ChannelReestablish, MessageSendEvent,
};
use lightning::ln::types::ChannelId;
use lightning::types::features::{InitFeatures, NodeFeatures};

use crate::ldk::old_copy::OldCopy;
use crate::ldk::signer::Signer;
use crate::ldk::staged::StagedWrites;
use crate::ldk::types::ChannelManager;
use crate::notify::Notify;
use addressee::addressee;
pub(crate) use closed::ClosedChannels;
use gate::{Gate, Passed};
use judge::{Numbers, View, index, judge};
pub(crate) use plain::plain_messages;
use shutdowns::Shutdowns;

/// LDK's channel manager behind the checks.
pub(crate) struct Intercept {
    manager: Rc<ChannelManager>,
    closed: ClosedChannels,
    signer: Arc<Signer>,
    staged: Arc<StagedWrites>,
    platform: Rc<dyn Platform>,
    /// Wakes the engine.
    notify: Notify,
    /// Gateways keep a record of this node (a wallet), which is waited for on each connection.
    is_kept: bool,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    gate: Gate,
    /// Messages taken from LDK, to be sent in their order.
    outgoing: Vec<MessageSendEvent>,
    shutdowns: Shutdowns,
    /// Connected peers whose word on channels is not taken.
    muted: HashSet<PublicKey>,
}

/// Returns whether `init` has the feature.
pub(crate) fn has_bit(init: &msgs::Init, bit: usize) -> bool {
    init.features.le_flags().get(bit / 8).is_some_and(|flags| flags & (1 << (bit % 8)) != 0)
}

impl Intercept {
    pub fn new(
        manager: Rc<ChannelManager>,
        closed: ClosedChannels,
        signer: Arc<Signer>,
        staged: Arc<StagedWrites>,
        platform: Rc<dyn Platform>,
        notify: Notify,
        is_kept: bool,
    ) -> Self {
        Self { manager, closed, signer, staged, platform, notify, is_kept, state: RefCell::default() }
    }

    /// What a gateway keeps of this node has come: `later` channels are claimed to have gone on without this storage, `unknown`
    /// ones are in no part of it.
    pub fn kept(
        &self,
        gateway: PublicKey,
        later: &[ChannelId],
        unknown: BTreeSet<ChannelId>,
        other_installation: bool,
    ) {
        {
            let now = self.platform.monotonic();
            let gate = &mut self.state.borrow_mut().gate;
            for channel in later {
                log::warn!("channel {channel}: {gateway} claims that a later state exists than this one");
                gate.claim(gateway, *channel, now);
            }
            gate.kept(&gateway, unknown, other_installation);
        }
        self.advance(&gateway);
    }

    /// Takes no word of this connection on channels: it is of another installation than theirs.
    pub fn mute(&self, peer: &PublicKey) {
        self.state.borrow_mut().muted.insert(*peer);
    }

    /// Returns whether this node id is known to be another installation's by this connected peer.
    pub fn is_other_installation(&self, peer: &PublicKey) -> bool {
        let mut state = self.state.borrow_mut();
        state.gate.connection(peer).is_some_and(|connection| connection.is_other_installation())
    }

    /// Returns whether an unproven claim of a later state counts now.
    pub fn doubts(&self) -> bool {
        self.state.borrow().gate.doubts(self.platform.monotonic())
    }

    /// Lets go on what may: our `channel_reestablish` to the peer, and the peer's to LDK.
    fn advance(&self, peer: &PublicKey) {
        let now = self.platform.monotonic();
        let Passed { outgoing, incoming } = {
            let mut state = self.state.borrow_mut();
            let passed = state.gate.advance(peer, now);
            self.staged.old_copy.doubt(state.gate.claimed(now));
            passed
        };
        if outgoing.is_empty() && incoming.is_empty() {
            return;
        }
        self.state.borrow_mut().outgoing.extend(outgoing);
        for message in incoming {
            self.manager.handle_channel_reestablish(*peer, &message);
        }
        self.notify.notify();
    }

    fn is_silent(&self) -> bool {
        self.staged.old_copy.is_set()
    }

    /// Returns whether `secret` is that of our commitment `number` in this channel, which only its revocation reveals.
    fn proves(&self, peer: &PublicKey, channel: &ChannelId, number: u64, secret: &[u8; 32]) -> bool {
        let Ok(secret) = SecretKey::from_slice(secret) else { return false };
        let channels = self.manager.list_channels_with_counterparty(peer);
        let open = channels.into_iter().find(|details| details.channel_id == *channel);
        let closed = || self.staged.unheard.get(channel).map(|unheard| unheard.user_id);
        let Some(user_id) = open.map(|details| details.user_channel_id).or_else(closed) else { return false };
        let secp = Secp256k1::new();
        let point = PublicKey::from_secret_key(&secp, &secret);
        self.signer.owns_point(user_id, index(number), &point, &secp)
    }

    /// Returns whether the peer asks for a channel that is closed together, as far as this side knows.
    fn is_closed_together(&self, peer: &PublicKey, channel: &ChannelId) -> bool {
        let open = self.manager.list_channels_with_counterparty(peer);
        !open.iter().any(|details| details.channel_id == *channel) && self.closed.is_closed_together(channel)
    }

    /// Returns whether the peer's word fits this storage.
    fn fits(&self, peer: &PublicKey, theirs: &ChannelReestablish) -> bool {
        let (channel, now) = (theirs.channel_id, self.platform.monotonic());
        let (ours, is_claimed) = {
            let mut state = self.state.borrow_mut();
            let is_claimed = state.gate.is_claimed(&channel, now);
            let ours =
                state.gate.connection(peer).and_then(|connection| connection.ours.get(&channel).copied());
            (ours, is_claimed)
        };
        // One that LDK has closed meanwhile is in no message of ours.
        let unheard = || self.staged.unheard.get(&channel).and_then(|unheard| unheard.newest);
        let Some(ours) = ours.or_else(|| unheard().map(Numbers::closed)) else { return true };
        match judge(ours, theirs, is_claimed) {
            View::Same => {
                self.staged.heard(&channel);
                true
            }
            View::Revoked { number }
                if self.proves(peer, &channel, number, &theirs.your_last_per_commitment_secret) =>
            {
                log::error!(
                    "channel {channel}: {peer} has the secret of commitment {number}, the newest here is {}; this is an old copy and stays silent",
                    ours.newest()
                );
                let at = self.platform.now().as_secs();
                let channel = amplet_protocol::ChannelId(channel.0);
                let proof = OldCopy::new(at, channel, NodeId(peer.serialize()), ours.newest(), number);
                self.staged.mark_old_copy(proof);
                self.notify.notify();
                false
            }
            View::Revoked { .. } | View::Signed => {
                log::error!(
                    "channel {channel}: {peer} claims a later state than this one and does not prove it; the channel rests"
                );
                let gate = &mut self.state.borrow_mut().gate;
                gate.claim(*peer, channel, now);
                self.staged.old_copy.doubt(gate.claimed(now));
                false
            }
        }
    }

    /// Notes the numbers of our newest commitments of channels whose peers have not been heard: before any peer is connected, and
    /// once the monitors are there.
    pub fn number_unheard(&self) {
        let manager = &self.manager;
        if !self.is_kept {
            return;
        }
        let peers = manager.list_channels().into_iter().map(|channel| channel.counterparty.node_id);
        for peer in peers.collect::<HashSet<PublicKey>>() {
            // LDK gives them only in the message for a new connection.
            let features = manager.provided_init_features(peer);
            let init = msgs::Init { features, networks: None, remote_network_address: None };
            if manager.peer_connected(peer, &init, false).is_err() {
                continue;
            }
            for event in manager.get_and_clear_pending_msg_events() {
                if let MessageSendEvent::SendChannelReestablish { msg, .. } = event {
                    self.staged.unheard.number(&msg.channel_id, Numbers::of(&msg).newest());
                }
            }
            manager.peer_disconnected(peer);
        }
    }

    fn is_muted(&self, peer: &PublicKey) -> bool {
        self.is_silent() || self.state.borrow().muted.contains(peer)
    }
}

/// Messages that go to LDK as they are, unless this is an old copy.
macro_rules! pass {
    ($($name:ident($message:ty);)*) => {
        $(fn $name(&self, peer: PublicKey, message: $message) {
            if !self.is_silent() {
                self.manager.$name(peer, message);
            }
        })*
    };
}

impl ChannelMessageHandler for Intercept {
    plain_messages!(pass);

    fn handle_update_add_htlc(&self, peer: PublicKey, message: &msgs::UpdateAddHTLC) {
        if !self.is_silent() {
            let part = amp::in_one_part(message, &self.signer, &self.manager);
            self.manager.handle_update_add_htlc(peer, part.as_ref().unwrap_or(message));
        }
    }

    fn handle_commitment_signed_batch(
        &self,
        peer: PublicKey,
        channel: ChannelId,
        batch: Vec<msgs::CommitmentSigned>,
    ) {
        if !self.is_silent() {
            self.manager.handle_commitment_signed_batch(peer, channel, batch);
        }
    }

    fn handle_peer_storage_retrieval(&self, peer: PublicKey, message: msgs::PeerStorageRetrieval) {
        self.given_back(&peer, &message);
    }

    fn handle_error(&self, peer: PublicKey, message: &msgs::ErrorMessage) {
        if !self.is_muted(&peer) {
            self.manager.handle_error(peer, message);
        }
    }

    fn handle_channel_reestablish(&self, peer: PublicKey, message: &ChannelReestablish) {
        if self.is_muted(&peer) || !self.fits(&peer, message) {
            return;
        }
        if self.is_closed_together(&peer, &message.channel_id) {
            log::info!("channel {}: {peer} has not seen that it is closed together", message.channel_id);
        } else {
            self.state.borrow_mut().gate.theirs(&peer, message);
            self.advance(&peer);
        }
    }

    fn get_chain_hashes(&self) -> Option<Vec<ChainHash>> {
        self.manager.get_chain_hashes()
    }

    fn message_received(&self) {
        self.manager.message_received();
    }
}

impl BaseMessageHandler for Intercept {
    fn get_and_clear_pending_msg_events(&self) -> Vec<MessageSendEvent> {
        let peers = self.state.borrow().gate.peers();
        peers.iter().for_each(|peer| self.advance(peer));
        // Claims end by themselves, also while nobody is connected.
        self.staged.old_copy.doubt(self.state.borrow().gate.claimed(self.platform.monotonic()));
        let new = self.manager.get_and_clear_pending_msg_events();
        let mut outgoing = std::mem::take(&mut self.state.borrow_mut().outgoing);
        if self.is_silent() {
            return Vec::new();
        }
        outgoing.extend(new);
        self.state.borrow_mut().shutdowns.order(outgoing, &self.manager)
    }

    fn peer_disconnected(&self, peer: PublicKey) {
        self.manager.peer_disconnected(peer);
        let mut state = self.state.borrow_mut();
        state.gate.disconnected(&peer);
        state.muted.remove(&peer);
        // Of the connection that is gone: LDK forgets them, too, and says again what the next one needs.
        state.outgoing.retain(|event| addressee(event) != Some(&peer));
        state.shutdowns.disconnected(&peer);
    }

    fn provided_node_features(&self) -> NodeFeatures {
        self.manager.provided_node_features()
    }

    fn provided_init_features(&self, peer: PublicKey) -> InitFeatures {
        let mut features = self.manager.provided_init_features(peer);
        let bits: &[usize] = match self.is_kept {
            true => &[KEPT_BIT],
            false if cfg!(feature = "tower") => &[KEEPS_BIT, lost::BIT, TOWER_BIT],
            false => &[KEEPS_BIT, lost::BIT],
        };
        for bit in bits {
            if features.set_optional_custom_bit(*bit).is_err() {
                log::error!("feature bit {bit} is LDK's own now");
            }
        }
        features
    }

    fn peer_connected(&self, peer: PublicKey, init: &msgs::Init, inbound: bool) -> Result<(), ()> {
        if self.is_silent() {
            return Err(());
        }
        self.manager.peer_connected(peer, init, inbound)?;
        // Before the peer can say anything: what we have is known when its own word comes.
        let events = self.manager.get_and_clear_pending_msg_events();
        {
            let mut state = self.state.borrow_mut();
            let keeps = self.is_kept && has_bit(init, KEEPS_BIT);
            state.gate.connected(peer, keeps, self.platform.monotonic());
            for event in events {
                match &event {
                    MessageSendEvent::SendChannelReestablish { node_id, msg } if *node_id == peer => {
                        let (channel, numbers) = (msg.channel_id, Numbers::of(msg));
                        state.gate.ours(&peer, channel, numbers, event);
                    }
                    _ => state.outgoing.push(event),
                }
            }
        }
        self.advance(&peer);
        Ok(())
    }
}
