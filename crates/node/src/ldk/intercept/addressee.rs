//! Who a message of LDK goes to.

use bitcoin::secp256k1::PublicKey;
use lightning::ln::msgs::MessageSendEvent;

/// The peer that a message goes to; `None`: to all.
pub(super) fn addressee(event: &MessageSendEvent) -> Option<&PublicKey> {
    use MessageSendEvent::*;
    match event {
        SendAcceptChannel { node_id, .. }
        | SendAcceptChannelV2 { node_id, .. }
        | SendOpenChannel { node_id, .. }
        | SendOpenChannelV2 { node_id, .. }
        | SendFundingCreated { node_id, .. }
        | SendFundingSigned { node_id, .. }
        | SendStfu { node_id, .. }
        | SendSpliceInit { node_id, .. }
        | SendSpliceAck { node_id, .. }
        | SendSpliceLocked { node_id, .. }
        | SendTxAddInput { node_id, .. }
        | SendTxAddOutput { node_id, .. }
        | SendTxRemoveInput { node_id, .. }
        | SendTxRemoveOutput { node_id, .. }
        | SendTxComplete { node_id, .. }
        | SendTxSignatures { node_id, .. }
        | SendTxInitRbf { node_id, .. }
        | SendTxAckRbf { node_id, .. }
        | SendTxAbort { node_id, .. }
        | SendChannelReady { node_id, .. }
        | SendAnnouncementSignatures { node_id, .. }
        | UpdateHTLCs { node_id, .. }
        | SendRevokeAndACK { node_id, .. }
        | SendClosingSigned { node_id, .. }
        | SendShutdown { node_id, .. }
        | SendChannelReestablish { node_id, .. }
        | SendChannelAnnouncement { node_id, .. }
        | SendChannelUpdate { node_id, .. }
        | HandleError { node_id, .. }
        | SendChannelRangeQuery { node_id, .. }
        | SendShortIdsQuery { node_id, .. }
        | SendReplyChannelRange { node_id, .. }
        | SendGossipTimestampFilter { node_id, .. }
        | SendPeerStorage { node_id, .. }
        | SendPeerStorageRetrieval { node_id, .. } => Some(node_id),
        BroadcastChannelAnnouncement { .. }
        | BroadcastChannelUpdate { .. }
        | BroadcastNodeAnnouncement { .. } => None,
    }
}
