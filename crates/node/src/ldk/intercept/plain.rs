//! The messages of channels that are handled alike, for the handlers of LDK's trait.

/// Has a macro write the methods for the messages that need no look: all but those of this connection's beginning, HTLCs that are
/// offered, and what a peer gives back.
macro_rules! plain_messages {
    ($write:ident) => {
        $write! {
            handle_open_channel(&msgs::OpenChannel);
            handle_open_channel_v2(&msgs::OpenChannelV2);
            handle_accept_channel(&msgs::AcceptChannel);
            handle_accept_channel_v2(&msgs::AcceptChannelV2);
            handle_funding_created(&msgs::FundingCreated);
            handle_funding_signed(&msgs::FundingSigned);
            handle_channel_ready(&msgs::ChannelReady);
            handle_peer_storage(msgs::PeerStorage);
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
            handle_update_fulfill_htlc(msgs::UpdateFulfillHTLC);
            handle_update_fail_htlc(&msgs::UpdateFailHTLC);
            handle_update_fail_malformed_htlc(&msgs::UpdateFailMalformedHTLC);
            handle_commitment_signed(&msgs::CommitmentSigned);
            handle_revoke_and_ack(&msgs::RevokeAndACK);
            handle_update_fee(&msgs::UpdateFee);
            handle_announcement_signatures(&msgs::AnnouncementSignatures);
            handle_channel_update(&msgs::ChannelUpdate);
        }
    };
}
pub(crate) use plain_messages;
