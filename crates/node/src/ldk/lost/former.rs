//! The handler of channel messages on a connection as a lost installation. It has no channel and knows nothing of any: it notes
//! which ones the peer re-establishes, and says of each that its state is lost when it is told to. All else it leaves unanswered.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use amplet_protocol::lost;
use bitcoin::constants::ChainHash;
use bitcoin::secp256k1::PublicKey;
use lightning::ln::msgs::{
    self, BaseMessageHandler, ChannelMessageHandler, ChannelReestablish, MessageSendEvent,
};
use lightning::ln::types::ChannelId;
use lightning::types::features::{InitFeatures, NodeFeatures};

use crate::ldk::intercept::{has_bit, plain_messages};

/// Maximum number of channels of one peer; the peer has at most as many with a wallet.
const MAX_CHANNELS: usize = 100;

/// See the module.
pub(super) struct Former {
    node: PublicKey,
    peer: PublicKey,
    chains: Option<Vec<ChainHash>>,
    features: InitFeatures,
    /// BOLT 1's init was exchanged.
    pub is_met: Cell<bool>,
    /// The peer has the feature bit of gateways, which are asked otherwise.
    pub is_gateway: Cell<bool>,
    /// What the installation has left with the peer.
    pub stored: RefCell<Option<Vec<u8>>>,
    channels: RefCell<BTreeSet<ChannelId>>,
    speaks: Cell<bool>,
    outgoing: RefCell<Vec<MessageSendEvent>>,
}

impl Former {
    /// `node`: id of the installation, which speaks to `peer` with these features.
    pub fn new(
        node: PublicKey,
        peer: PublicKey,
        chains: Option<Vec<ChainHash>>,
        features: InitFeatures,
    ) -> Self {
        Self {
            node,
            peer,
            chains,
            features,
            is_met: Cell::default(),
            is_gateway: Cell::default(),
            stored: RefCell::default(),
            channels: RefCell::default(),
            speaks: Cell::default(),
            outgoing: RefCell::default(),
        }
    }

    /// Channels that the peer has re-established.
    pub fn channels(&self) -> BTreeSet<ChannelId> {
        self.channels.borrow().clone()
    }

    /// Returns whether the peer was told.
    pub fn has_spoken(&self) -> bool {
        self.speaks.get()
    }

    /// Says of each channel, now and from now on, that its state is lost.
    pub fn speak(&self) {
        self.speaks.set(true);
        self.channels().into_iter().for_each(|channel| self.tell(channel));
    }

    /// A zero as the next commitment's number makes the peer fail the channel and broadcast its commitment (BOLT 2, "message
    /// retransmission"); lnd and LDK say it, too. A one, and a zero for the revocation, is only a warning to LDK, and to all what a
    /// fresh channel says.
    fn tell(&self, channel_id: ChannelId) {
        let msg = ChannelReestablish {
            channel_id,
            next_local_commitment_number: 0,
            next_remote_commitment_number: 0,
            your_last_per_commitment_secret: [0; 32],
            // Any valid one.
            my_current_per_commitment_point: self.node,
            next_funding: None,
            my_current_funding_locked: None,
        };
        let event = MessageSendEvent::SendChannelReestablish { node_id: self.peer, msg };
        self.outgoing.borrow_mut().push(event);
    }
}

/// Messages that are left unanswered.
macro_rules! ignore {
    ($($name:ident($message:ty);)*) => {
        $(fn $name(&self, _: PublicKey, _: $message) {})*
    };
}

impl ChannelMessageHandler for Former {
    plain_messages!(ignore);
    ignore! {
        handle_update_add_htlc(&msgs::UpdateAddHTLC);
    }

    fn handle_commitment_signed_batch(&self, _: PublicKey, _: ChannelId, _: Vec<msgs::CommitmentSigned>) {}

    fn handle_peer_storage_retrieval(&self, _: PublicKey, message: msgs::PeerStorageRetrieval) {
        self.stored.replace(Some(message.data));
    }

    fn handle_channel_reestablish(&self, _: PublicKey, message: &ChannelReestablish) {
        let is_new = {
            let mut channels = self.channels.borrow_mut();
            channels.len() < MAX_CHANNELS && channels.insert(message.channel_id)
        };
        if is_new && self.speaks.get() {
            self.tell(message.channel_id);
        }
    }

    fn handle_error(&self, peer: PublicKey, message: &msgs::ErrorMessage) {
        log::info!("{peer} on channel {} of a lost installation: {:?}", message.channel_id, message.data);
    }

    fn get_chain_hashes(&self) -> Option<Vec<ChainHash>> {
        self.chains.clone()
    }

    fn message_received(&self) {}
}

impl BaseMessageHandler for Former {
    fn get_and_clear_pending_msg_events(&self) -> Vec<MessageSendEvent> {
        std::mem::take(&mut *self.outgoing.borrow_mut())
    }

    fn peer_disconnected(&self, _: PublicKey) {}

    fn provided_node_features(&self) -> NodeFeatures {
        NodeFeatures::empty()
    }

    fn provided_init_features(&self, _: PublicKey) -> InitFeatures {
        self.features.clone()
    }

    fn peer_connected(&self, _: PublicKey, init: &msgs::Init, _: bool) -> Result<(), ()> {
        self.is_met.set(true);
        self.is_gateway.set(has_bit(init, lost::BIT));
        if self.is_gateway.get() { Err(()) } else { Ok(()) }
    }
}
