//! Blocks read while the node was closed, for each part from its own best block.

use std::sync::Arc;

use amplet_chain::{BlockListener, Position, Tip};
use lightning::chain::Listen;

use super::NodeError;
use super::assemble::Parts;
use crate::ldk::closing::MonitorCopies;
use crate::ldk::listen::{ListenAdapter, LoneMonitor, UntoldBlock, position};
use crate::ldk::types::{ChannelManager, Monitor, Sweeper};
use crate::runtime::SyncState;
use crate::runtime::held_back::{Outlook, limit};

/// The parts that read blocks, before they are put together.
pub(super) struct CatchUp<'a> {
    parts: &'a Parts<'a>,
    monitors: Vec<LoneMonitor<'a>>,
    manager: &'a ChannelManager,
    sweeper: &'a Sweeper,
}

impl<'a> CatchUp<'a> {
    pub fn new(
        parts: &'a Parts<'a>,
        loaded: Vec<Monitor>,
        manager: &'a ChannelManager,
        sweeper: &'a Sweeper,
    ) -> Self {
        let lone = |monitor| LoneMonitor {
            monitor,
            chain: parts.chain,
            untold: UntoldBlock::default(),
            staged: Arc::clone(parts.staged),
            fees: Arc::clone(&parts.fees),
            watch: Arc::clone(&parts.watch),
            log: Arc::clone(&parts.log),
        };
        let monitors: Vec<LoneMonitor<'_>> = loaded.into_iter().map(lone).collect();
        monitors.iter().for_each(LoneMonitor::register);
        Self { parts, monitors, manager, sweeper }
    }

    /// Brings every part to the chain's tip, when a source can be reached; to the block before it is held back from, when a channel
    /// would be closed on the way before its peer was even dialled.
    pub async fn run(&self) -> Result<SyncState, NodeError> {
        let mut state = SyncState::default();
        match self.parts.chain.poll().await {
            Ok(poll) => {
                let target = self.limit(poll.new).await;
                self.read_to(&target).await?;
                state.synced = target.hash == poll.new.hash;
                state.blocks_left = poll.new.height.saturating_sub(target.height);
                state.checked_at = Some(self.parts.platform.now());
            }
            Err(error) => {
                log::warn!("chain: {error}; the wallet opens with what it knows");
                state.error = Some(error.to_string());
                self.at_one_block()?;
            }
        }
        Ok(state)
    }

    async fn limit(&self, tip: Tip) -> Tip {
        let Parts { chain, signer, fees, log, wallet, .. } = self.parts;
        let heights = self.monitors.iter().map(|lone| lone.monitor.current_best_block().height);
        let others = [self.manager.current_best_block().height, self.sweeper.current_best_block().height];
        // A part that stands higher cannot go back.
        let highest = heights.chain(others).chain([wallet.position().height]).max().unwrap_or(0);
        if tip.height <= highest {
            return tip;
        }
        let mut outlook = Outlook::new(chain, MonitorCopies { signer, fees, log }, tip);
        for channel in self.manager.list_channels() {
            let monitor = |lone: &&LoneMonitor<'_>| lone.monitor.channel_id() == channel.channel_id;
            if let Some(lone) = self.monitors.iter().find(monitor) {
                outlook.add(&channel, &lone.monitor);
            }
        }
        let at_risk = outlook.at_risk(&position(&self.manager.current_best_block())).await;
        limit(chain, &at_risk, highest, tip)
    }

    /// The monitors, for the chain monitor.
    pub fn into_monitors(self) -> impl Iterator<Item = Monitor> {
        self.monitors.into_iter().map(|lone| lone.monitor)
    }

    async fn read_to(&self, target: &Tip) -> Result<(), NodeError> {
        for lone in &self.monitors {
            let from = position(&lone.monitor.current_best_block());
            self.read(&from, target, lone).await?;
            lone.tell();
        }
        let from = position(&self.manager.current_best_block());
        self.read(&from, target, &self.listener(self.manager)).await?;
        let from = position(&self.sweeper.current_best_block());
        self.read(&from, target, &self.listener(self.sweeper)).await?;
        let wallet = &self.parts.wallet;
        self.read(&wallet.position(), target, &**wallet).await
    }

    fn listener<'b, L: Listen>(&'b self, part: &'b L) -> ListenAdapter<'b, L> {
        ListenAdapter { part, chain: self.parts.chain }
    }

    async fn read(
        &self,
        from: &Position,
        target: &Tip,
        listener: &dyn BlockListener,
    ) -> Result<(), NodeError> {
        if from.hash == target.hash {
            return Ok(());
        }
        let mut quiet = |_| ();
        let result = self.parts.chain.sync(from, target, listener, &*self.parts.watch, &mut quiet).await;
        result.map(drop).map_err(|stopped| stopped.error.into())
    }

    /// Without a chain source the parts can only run together when they are at one block, as every commit leaves them.
    fn at_one_block(&self) -> Result<(), NodeError> {
        let best = self.manager.current_best_block().block_hash;
        let same = self.monitors.iter().all(|lone| lone.monitor.current_best_block().block_hash == best)
            && self.sweeper.current_best_block().block_hash == best
            && self.parts.wallet.position().hash == best;
        if same { Ok(()) } else { Err(NodeError::Unsynced) }
    }
}
