//! A channel of a kit, and what has become of it.

use amplet_node::lightning::chain::channelmonitor::{Balance, ChannelMonitor};
use amplet_node::lightning::sign::InMemorySigner;
use bitcoin::OutPoint;

/// Whether an output is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// No.
    No,
    /// By a transaction that waits for a block.
    Waits,
    /// By one in a block; or the output itself is in none.
    Yes,
}

/// LDK's record of a channel.
pub type Monitor = ChannelMonitor<InMemorySigner>;

/// A channel, and whether its funding is spent.
pub struct Channel {
    /// LDK's record.
    pub monitor: Monitor,
    /// Whether a close is on the chain.
    pub spent: Spent,
}

impl Channel {
    /// Its funding output.
    #[must_use]
    pub fn funding(&self) -> OutPoint {
        self.monitor.get_funding_txo().into_bitcoin_outpoint()
    }

    /// What is ours of it, as long as it is not home.
    #[must_use]
    pub fn balances(&self) -> Vec<Balance> {
        self.monitor.get_claimable_balances()
    }
}
