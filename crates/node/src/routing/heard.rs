//! Gossip messages on their way to LDK, noted so that the planner's graph follows.

use bitcoin::secp256k1::PublicKey;
use lightning::ln::msgs::{
    BaseMessageHandler, ChannelAnnouncement, ChannelUpdate, Init, LightningError, MessageSendEvent,
    NodeAnnouncement, QueryChannelRange, QueryShortChannelIds, ReplyChannelRange, ReplyShortChannelIdsEnd,
    RoutingMessageHandler,
};
use lightning::routing::gossip::NodeId;
use lightning::types::features::{InitFeatures, NodeFeatures};

use super::gossip::Heard;

impl BaseMessageHandler for Heard {
    fn get_and_clear_pending_msg_events(&self) -> Vec<MessageSendEvent> {
        self.sync.get_and_clear_pending_msg_events()
    }

    fn peer_disconnected(&self, peer: PublicKey) {
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

impl RoutingMessageHandler for Heard {
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
        Ok(forward)
    }

    fn handle_channel_update(
        &self,
        peer: Option<PublicKey>,
        message: &ChannelUpdate,
    ) -> Result<Option<(NodeId, NodeId)>, LightningError> {
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
