//! Gossip messages on their way to LDK, noted so that the planner's graph follows.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use bitcoin::secp256k1::PublicKey;
use lightning::ln::msgs::{
    BaseMessageHandler, ChannelAnnouncement, ChannelUpdate, Init, LightningError, MessageSendEvent,
    NodeAnnouncement, QueryChannelRange, QueryShortChannelIds, ReplyChannelRange, ReplyShortChannelIdsEnd,
    RoutingMessageHandler,
};
use lightning::routing::gossip::NodeId;
use lightning::types::features::{InitFeatures, NodeFeatures};

use super::gossip::GossipHandler;

/// Maximum number of pending updates of each peer.
const MAX_PENDING: usize = 8;

/// Updates of channels that nobody has announced yet. A new channel's other end sends its update as soon as it has our
/// signatures (BOLT 7), often before LDK has put the announcement together here; it sends it once, so it is stored until then.
#[derive(Default)]
pub(super) struct PendingChannelUpdates {
    waiting: RefCell<BTreeMap<PublicKey, VecDeque<ChannelUpdate>>>,
    due: RefCell<Vec<MessageSendEvent>>,
}

impl PendingChannelUpdates {
    fn keep(&self, peer: PublicKey, update: &ChannelUpdate) {
        let mut waiting = self.waiting.borrow_mut();
        let of_peer = waiting.entry(peer).or_default();
        if of_peer.len() >= MAX_PENDING {
            of_peer.pop_front();
        }
        of_peer.push_back(update.clone());
    }

    /// Broadcasts the updates that wait for this channel, also to ourselves, as LDK does with updates of its own.
    fn announced(&self, message: &ChannelAnnouncement) {
        let contents = &message.contents;
        for of_peer in self.waiting.borrow_mut().values_mut() {
            let (ready, rest): (VecDeque<_>, VecDeque<_>) = std::mem::take(of_peer)
                .into_iter()
                .partition(|update| update.contents.short_channel_id == contents.short_channel_id);
            *of_peer = rest;
            self.due.borrow_mut().extend(ready.into_iter().map(|msg| {
                let (node_id_1, node_id_2) = (contents.node_id_1, contents.node_id_2);
                MessageSendEvent::BroadcastChannelUpdate { msg, node_id_1, node_id_2 }
            }));
        }
    }
}

impl BaseMessageHandler for GossipHandler {
    fn get_and_clear_pending_msg_events(&self) -> Vec<MessageSendEvent> {
        let mut events = self.sync.get_and_clear_pending_msg_events();
        events.append(&mut self.early.due.borrow_mut());
        events
    }

    fn peer_disconnected(&self, peer: PublicKey) {
        self.early.waiting.borrow_mut().remove(&peer);
        self.sync.peer_disconnected(peer);
    }

    fn provided_node_features(&self) -> NodeFeatures {
        self.sync.provided_node_features()
    }

    fn provided_init_features(&self, peer: PublicKey) -> InitFeatures {
        self.sync.provided_init_features(peer)
    }

    fn peer_connected(&self, peer: PublicKey, init: &Init, inbound: bool) -> Result<(), ()> {
        self.sync.peer_connected(peer, init, inbound)
    }
}

impl RoutingMessageHandler for GossipHandler {
    fn handle_node_announcement(
        &self,
        peer: Option<PublicKey>,
        message: &NodeAnnouncement,
    ) -> Result<bool, LightningError> {
        self.sync.handle_node_announcement(peer, message)
    }

    fn handle_channel_announcement(
        &self,
        peer: Option<PublicKey>,
        message: &ChannelAnnouncement,
    ) -> Result<bool, LightningError> {
        let forward = self.sync.handle_channel_announcement(peer, message)?;
        self.changed.borrow_mut().insert(message.contents.short_channel_id);
        self.early.announced(message);
        Ok(forward)
    }

    fn handle_channel_update(
        &self,
        peer: Option<PublicKey>,
        message: &ChannelUpdate,
    ) -> Result<Option<(NodeId, NodeId)>, LightningError> {
        if let Some(peer) = peer.filter(|_| !self.knows(message.contents.short_channel_id)) {
            self.early.keep(peer, message);
        }
        let ends = self.sync.handle_channel_update(peer, message)?;
        self.changed.borrow_mut().insert(message.contents.short_channel_id);
        Ok(ends)
    }

    fn get_next_channel_announcement(
        &self,
        from: u64,
    ) -> Option<(ChannelAnnouncement, Option<ChannelUpdate>, Option<ChannelUpdate>)> {
        self.sync.get_next_channel_announcement(from)
    }

    fn get_next_node_announcement(&self, from: Option<&NodeId>) -> Option<NodeAnnouncement> {
        self.sync.get_next_node_announcement(from)
    }

    fn handle_reply_channel_range(
        &self,
        peer: PublicKey,
        message: ReplyChannelRange,
    ) -> Result<(), LightningError> {
        self.sync.handle_reply_channel_range(peer, message)
    }

    fn handle_reply_short_channel_ids_end(
        &self,
        peer: PublicKey,
        message: ReplyShortChannelIdsEnd,
    ) -> Result<(), LightningError> {
        self.sync.handle_reply_short_channel_ids_end(peer, message)
    }

    fn handle_query_channel_range(
        &self,
        peer: PublicKey,
        message: QueryChannelRange,
    ) -> Result<(), LightningError> {
        self.sync.handle_query_channel_range(peer, message)
    }

    fn handle_query_short_channel_ids(
        &self,
        peer: PublicKey,
        message: QueryShortChannelIds,
    ) -> Result<(), LightningError> {
        self.sync.handle_query_short_channel_ids(peer, message)
    }

    fn processing_queue_high(&self) -> bool {
        self.sync.processing_queue_high()
    }
}
