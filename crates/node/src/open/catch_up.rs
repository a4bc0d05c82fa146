//! Blocks read when a node is opened, by all parts together: they stand at one block whenever it ends.

use std::sync::Arc;

use amplet_chain::{BlockId, BlockListener, ChainError, Position, Tip};
use bitcoin::Block;
use bitcoin::block::Header;
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
    monitors: Vec<LoneMonitor>,
    manager: &'a ChannelManager,
    sweeper: &'a Sweeper,
}

/// End of catching up.
pub(super) struct CaughtUp {
    pub state: SyncState,
    /// Blocks are held back on purpose.
    pub held_back: bool,
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
            untold: UntoldBlock::default(),
            staged: Arc::clone(parts.staged),
            fees: Arc::clone(&parts.fees),
            watch: Arc::clone(&parts.watch),
            log: Arc::clone(&parts.log),
        };
        let monitors: Vec<LoneMonitor> = loaded.into_iter().map(lone).collect();
        monitors.iter().for_each(LoneMonitor::register);
        let best = position(&manager.current_best_block()).id();
        for lone in monitors.iter().filter(|lone| stands_above(lone, best)) {
            lone.blocks_disconnected(best);
        }
        Self { parts, monitors, manager, sweeper }
    }

    /// Brings every part to the chain's tip, when the sources give what is asked of them; to the block before it is held back from,
    /// when a channel would be closed on the way before its peer was even dialled; as far as they give it, otherwise. The rest is
    /// read once the node runs.
    ///
    /// # Errors
    /// [`NodeError::Unsynced`]: the parts stand at different blocks, and no source brings them together.
    pub async fn run(&self) -> Result<CaughtUp, NodeError> {
        let mut state = SyncState::default();
        let mut held_back = false;
        let read = match self.parts.chain.poll().await {
            Ok(poll) => {
                state.checked_at = Some(self.parts.platform.now());
                self.parts.staged.end_waits(poll.new.height);
                let target = self.limit(poll.new).await;
                held_back = target.hash != poll.new.hash;
                let read = self.read_to(&target).await;
                let reached = self.manager.current_best_block();
                state.synced = reached.block_hash == poll.new.hash;
                state.blocks_left = poll.new.height.saturating_sub(reached.height);
                read
            }
            Err(error) => Err(error),
        };
        if let Err(error) = read {
            log::warn!("chain: {error}; the wallet opens with what it knows");
            state.error = Some(error.to_string());
        }
        if self.stand_at_one_block() { Ok(CaughtUp { state, held_back }) } else { Err(NodeError::Unsynced) }
    }

    async fn limit(&self, tip: Tip) -> Tip {
        let Parts { chain, signer, fees, log, .. } = self.parts;
        // A part that stands higher cannot go back.
        let highest = self.positions().map(|at| at.height).max().unwrap_or(0);
        if tip.height <= highest {
            return tip;
        }
        let mut outlook = Outlook::new(chain, MonitorCopies { signer, fees, log }, tip);
        for channel in self.manager.list_channels() {
            let monitor = |lone: &&LoneMonitor| lone.monitor.channel_id() == channel.channel_id;
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

    /// Reads up to `target`, all parts block by block together, so that they stand at one block wherever it ends.
    async fn read_to(&self, target: &Tip) -> Result<(), ChainError> {
        if !self.stand_at_one_block() {
            self.bring_together(target).await?;
        }
        let from = position(&self.manager.current_best_block());
        self.read(&from, target, &Together(self)).await
    }

    /// Brings parts that an earlier version left at different blocks to the highest of them; to `target`, when that left the chain.
    async fn bring_together(&self, target: &Tip) -> Result<(), ChainError> {
        let highest = self.positions().max_by_key(|at| at.height);
        let known = highest.and_then(|at| Some((self.parts.chain.header_at(at.height)?, at)));
        let highest = known.filter(|(header, at)| header.block_hash() == at.hash);
        let highest = highest.map(|(header, at)| Tip { hash: at.hash, height: at.height, time: header.time });
        let target = &highest.unwrap_or(*target);
        for lone in &self.monitors {
            self.read(&position(&lone.monitor.current_best_block()), target, lone).await?;
        }
        let manager = self.listener(self.manager);
        self.read(&position(&self.manager.current_best_block()), target, &manager).await?;
        let sweeper = self.listener(self.sweeper);
        self.read(&position(&self.sweeper.current_best_block()), target, &sweeper).await?;
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
    ) -> Result<(), ChainError> {
        if from.hash == target.hash {
            return Ok(());
        }
        let mut quiet = |_| ();
        let result = self.parts.chain.sync(from, target, listener, &*self.parts.watch, &mut quiet).await;
        // Also of what was read before it failed.
        self.monitors.iter().for_each(LoneMonitor::tell);
        result.map(drop).map_err(|stopped| stopped.error)
    }

    /// Where the parts stand.
    fn positions(&self) -> impl Iterator<Item = Position> {
        let monitors = self.monitors.iter().map(|lone| position(&lone.monitor.current_best_block()));
        monitors.chain(self.other_positions())
    }

    fn other_positions(&self) -> impl Iterator<Item = Position> {
        let others = [self.manager.current_best_block(), self.sweeper.current_best_block()];
        others.map(|at| position(&at)).into_iter().chain([self.parts.wallet.position()])
    }

    /// The parts can only run together when they are at one block, as every commit leaves them.
    fn stand_at_one_block(&self) -> bool {
        let best = position(&self.manager.current_best_block()).id();
        let is_there = |lone: &LoneMonitor| {
            stands_above(lone, best) || lone.monitor.current_best_block().block_hash == best.hash
        };
        self.other_positions().all(|at| at.hash == best.hash) && self.monitors.iter().all(is_there)
    }
}

/// A monitor does not go back: when blocks are replaced by fewer, or by as many, it names one of the old ones until a higher one comes
/// (`ldk::listen`). It knows of no transaction above the others' block, and reads on with them.
fn stands_above(lone: &LoneMonitor, best: BlockId) -> bool {
    let at = lone.monitor.current_best_block();
    at.height >= best.height && at.block_hash != best.hash
}

/// All parts as one listener.
struct Together<'a>(&'a CatchUp<'a>);

impl Together<'_> {
    fn each(&self, tell: impl Fn(&dyn BlockListener)) {
        let CatchUp { parts, monitors, manager, sweeper } = self.0;
        monitors.iter().for_each(|lone| tell(lone));
        tell(&self.0.listener(*manager));
        tell(&self.0.listener(*sweeper));
        tell(&*parts.wallet);
        tell(&parts.taken_back);
        tell(&parts.spends);
        tell(&*parts.lost);
    }
}

impl BlockListener for Together<'_> {
    fn block_connected(&self, block: &Block, height: u32) {
        self.each(|part| part.block_connected(block, height));
    }

    fn filtered_block_connected(&self, header: &Header, height: u32) {
        self.each(|part| part.filtered_block_connected(header, height));
    }

    fn blocks_disconnected(&self, fork: BlockId) {
        self.each(|part| part.blocks_disconnected(fork));
    }
}
