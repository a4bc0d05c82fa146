//! Channel messages seen before LDK: LDK ends the process when a peer proves that our state is old, and closes the channel, by
//! broadcasting what it has, when a peer claims it. Here it is noticed before, and nothing is said.

mod addressee;
mod judge;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use amplet_protocol::NodeId;
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
use judge::{Numbers, View, index, judge};

/// LDK's channel manager behind the checks.
pub(crate) struct Intercept {
    manager: Rc<ChannelManager>,
    signer: Arc<Signer>,
    staged: Arc<StagedWrites>,
    platform: Rc<dyn Platform>,
    /// Wakes the engine.
    notify: Notify,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// By connected peer and channel: what our `channel_reestablish` of this connection says.
    ours: HashMap<PublicKey, HashMap<ChannelId, Numbers>>,
    /// Messages taken from LDK, to be sent in their order.
    outgoing: Vec<MessageSendEvent>,
}

impl Intercept {
    pub fn new(
        manager: Rc<ChannelManager>,
        signer: Arc<Signer>,
        staged: Arc<StagedWrites>,
        platform: Rc<dyn Platform>,
        notify: Notify,
    ) -> Self {
        Self { manager, signer, staged, platform, notify, state: RefCell::default() }
    }

    fn is_silent(&self) -> bool {
        self.staged.old_copy.is_set()
    }

    /// Returns whether `secret` is that of our commitment `number` in this channel, which only its revocation reveals.
    fn proves(&self, peer: &PublicKey, channel: &ChannelId, number: u64, secret: &[u8; 32]) -> bool {
        let Ok(secret) = SecretKey::from_slice(secret) else { return false };
        let channels = self.manager.list_channels_with_counterparty(peer);
        let Some(channel) = channels.into_iter().find(|details| details.channel_id == *channel) else {
            return false;
        };
        let secp = Secp256k1::new();
        let point = PublicKey::from_secret_key(&secp, &secret);
        self.signer.owns_point(channel.user_channel_id, index(number), &point, &secp)
    }

    /// Returns whether LDK gets the message.
    fn lets_pass(&self, peer: &PublicKey, theirs: &ChannelReestablish) -> bool {
        let channel = theirs.channel_id;
        let ours = self.state.borrow().ours.get(peer).and_then(|channels| channels.get(&channel)).copied();
        let Some(ours) = ours else { return true };
        match judge(ours, theirs) {
            View::Same => true,
            View::Revoked { number }
                if self.proves(peer, &channel, number, &theirs.your_last_per_commitment_secret) =>
            {
                log::error!(
                    "channel {channel}: {peer} has the secret of commitment {number}, the newest here is {}; this is an old copy of the wallet and stays silent",
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
                false
            }
        }
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
    pass! {
        handle_open_channel(&msgs::OpenChannel);
        handle_open_channel_v2(&msgs::OpenChannelV2);
        handle_accept_channel(&msgs::AcceptChannel);
        handle_accept_channel_v2(&msgs::AcceptChannelV2);
        handle_funding_created(&msgs::FundingCreated);
        handle_funding_signed(&msgs::FundingSigned);
        handle_channel_ready(&msgs::ChannelReady);
        handle_peer_storage(msgs::PeerStorage);
        handle_peer_storage_retrieval(msgs::PeerStorageRetrieval);
        handle_shutdown(&msgs::Shutdown);
        handle_closing_signed(&msgs::ClosingSigned);
        handle_stfu(&msgs::Stfu);
        handle_splice_init(&msgs::SpliceInit);
        handle_splice_ack(&msgs::SpliceAck);
        handle_splice_locked(&msgs::SpliceLocked);
        handle_tx_add_input(&msgs::TxAddInput);
        handle_tx_add_output(&msgs::TxAddOutput);
        handle_tx_remove_input(&msgs::TxRemoveInput);
        handle_tx_remove_output(&msgs::TxRemoveOutput);
        handle_tx_complete(&msgs::TxComplete);
        handle_tx_signatures(&msgs::TxSignatures);
        handle_tx_init_rbf(&msgs::TxInitRbf);
        handle_tx_ack_rbf(&msgs::TxAckRbf);
        handle_tx_abort(&msgs::TxAbort);
        handle_update_add_htlc(&msgs::UpdateAddHTLC);
        handle_update_fulfill_htlc(msgs::UpdateFulfillHTLC);
        handle_update_fail_htlc(&msgs::UpdateFailHTLC);
        handle_update_fail_malformed_htlc(&msgs::UpdateFailMalformedHTLC);
        handle_commitment_signed(&msgs::CommitmentSigned);
        handle_revoke_and_ack(&msgs::RevokeAndACK);
        handle_update_fee(&msgs::UpdateFee);
        handle_announcement_signatures(&msgs::AnnouncementSignatures);
        handle_channel_update(&msgs::ChannelUpdate);
        handle_error(&msgs::ErrorMessage);
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

    fn handle_channel_reestablish(&self, peer: PublicKey, message: &ChannelReestablish) {
        if !self.is_silent() && self.lets_pass(&peer, message) {
            self.manager.handle_channel_reestablish(peer, message);
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
        let new = self.manager.get_and_clear_pending_msg_events();
        let mut outgoing = std::mem::take(&mut self.state.borrow_mut().outgoing);
        if self.is_silent() {
            return Vec::new();
        }
        outgoing.extend(new);
        outgoing
    }

    fn peer_disconnected(&self, peer: PublicKey) {
        self.manager.peer_disconnected(peer);
        let mut state = self.state.borrow_mut();
        state.ours.remove(&peer);
        // Of the connection that is gone: LDK forgets them, too, and says again what the next one needs.
        state.outgoing.retain(|event| addressee(event) != Some(&peer));
    }

    fn provided_node_features(&self) -> NodeFeatures {
        self.manager.provided_node_features()
    }

    fn provided_init_features(&self, peer: PublicKey) -> InitFeatures {
        self.manager.provided_init_features(peer)
    }

    fn peer_connected(&self, peer: PublicKey, init: &msgs::Init, inbound: bool) -> Result<(), ()> {
        if self.is_silent() {
            return Err(());
        }
        self.manager.peer_connected(peer, init, inbound)?;
        // Before the peer can say anything: what we have is known when its own word comes.
        let events = self.manager.get_and_clear_pending_msg_events();
        let mut state = self.state.borrow_mut();
        let ours = events.iter().filter_map(|event| match event {
            MessageSendEvent::SendChannelReestablish { node_id, msg } if *node_id == peer => {
                Some((msg.channel_id, Numbers::of(msg)))
            }
            _ => None,
        });
        let ours = ours.collect();
        state.ours.insert(peer, ours);
        state.outgoing.extend(events);
        Ok(())
    }
}
