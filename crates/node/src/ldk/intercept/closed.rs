//! Channels that LDK's manager has forgotten, because they are closed.
//!
//! LDK answers a `channel_reestablish` for one so that the peer closes it by force. A peer that has missed the last `closing_signed`
//! would do so against the transaction that both have signed, at a higher fee perhaps: one side's money would be locked for two
//! weeks. Unanswered, it waits, and finds the closing transaction in a block.

use std::rc::Rc;
use std::sync::Arc;

use lightning::ln::types::ChannelId;

use crate::ldk::bdk::OnchainWallet;
use crate::ldk::types::ChainMonitor;

/// What knows of them.
pub(crate) struct ClosedChannels {
    pub monitors: Rc<ChainMonitor>,
    pub wallet: Arc<OnchainWallet>,
}

impl ClosedChannels {
    /// Returns whether both sides have signed a transaction that closes this channel.
    pub fn is_closed_together(&self, channel: &ChannelId) -> bool {
        self.monitors.get_monitor(*channel).is_ok_and(|monitor| {
            self.wallet.is_closed_together(monitor.get_funding_txo().into_bitcoin_outpoint())
        })
    }
}
