//! Follows the chain: reads new blocks and hands them to LDK's parts and the on-chain wallet.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use amplet_chain::{
    BlockId, BlockListener, ChainError, Position, Progress, RescanListener, SyncError, Tip, TipChange,
};
use amplet_protocol::page::TipAge;
use bitcoin::block::Header;
use bitcoin::{Block, BlockHash};
use lightning::chain::Confirm;

use crate::base::Base;
use crate::ldk::listen::{ListenAdapter, position};
use crate::ldk::staged::names;
use crate::onchain::Onchain;
use crate::payments::Payments;
use crate::runtime::held_back::{HeldBack, LOOK_EVERY};

/// Interval between polls of a chain source without long poll.
const POLL_EVERY: Duration = Duration::from_secs(20);
/// Maximum duration of one long poll.
const POLL_LIMIT: Duration = Duration::from_secs(60);
/// Pause after a failed check.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// State of the chain when it was last checked.
#[derive(Clone, Debug, Default)]
pub struct SyncState {
    /// Every block up to the sources' tip has been read, and that is not stale.
    pub synced: bool,
    /// Wall-clock time of the last answer, since the UNIX epoch.
    pub checked_at: Option<Duration>,
    /// Blocks left to read.
    pub blocks_left: u32,
    /// Reason of the last check's failure.
    pub error: Option<String>,
    /// Age of the newest block.
    pub tip_age: TipAge,
}

/// All listeners of a running node.
struct AllListeners<'a> {
    base: &'a Base,
    onchain: &'a Rc<Onchain>,
}

impl AllListeners<'_> {
    fn each(&self, tell: impl Fn(&dyn BlockListener)) {
        let (ldk, chain) = (&self.base.ldk, &*self.base.chain);
        tell(&ldk.monitors_listener());
        tell(&ListenAdapter { part: &*ldk.manager, chain });
        tell(&ListenAdapter { part: &ldk.sweeper, chain });
        tell(&*ldk.wallet);
        tell(&ldk.taken_back);
        tell(&ldk.spends);
        tell(&*ldk.lost);
    }
}

impl BlockListener for AllListeners<'_> {
    fn block_connected(&self, block: &Block, height: u32) {
        self.each(|part| part.block_connected(block, height));
        self.base.staged.drop_overtaken(block);
        self.onchain.block_connected();
        log::debug!("block {height} ({}) connected", block.block_hash());
    }

    fn filtered_block_connected(&self, header: &Header, height: u32) {
        self.each(|part| part.filtered_block_connected(header, height));
        self.onchain.block_connected();
    }

    fn blocks_disconnected(&self, fork: BlockId) {
        self.each(|part| part.blocks_disconnected(fork));
    }
}

/// By LDK's `Confirm`, at the height at which the block stands: nothing is disconnected.
impl RescanListener for AllListeners<'_> {
    fn block_rescanned(&self, block: &Block, height: u32) {
        let ldk = &self.base.ldk;
        let transactions: Vec<_> = block.txdata.iter().enumerate().collect();
        ldk.monitors.transactions_confirmed(&block.header, &transactions, height);
        ldk.manager.transactions_confirmed(&block.header, &transactions, height);
        ldk.sweeper.transactions_confirmed(&block.header, &transactions, height);
        // It takes a block that it has as an addition to what it knows of it.
        ldk.wallet.block_connected(block, height);
        ldk.taken_back.block_connected(block, height);
        ldk.spends.block_connected(block, height);
        ldk.lost.block_connected(block, height);
        self.base.staged.drop_overtaken(block);
        self.onchain.block_connected();
    }
}

/// Following the chain.
pub struct ChainSync {
    base: Rc<Base>,
    onchain: Rc<Onchain>,
    payments: Rc<Payments>,
    state: RefCell<SyncState>,
    held_back: HeldBack,
    /// Held while blocks are read: two readers would hand the same parts blocks out of order.
    reading: futures::lock::Mutex<()>,
}

impl ChainSync {
    /// `state`: how far the node was read when it was opened.
    pub(crate) fn new(
        base: Rc<Base>,
        onchain: Rc<Onchain>,
        payments: Rc<Payments>,
        state: SyncState,
    ) -> Self {
        let (state, held_back) = (RefCell::new(state), HeldBack::default());
        Self { base, onchain, payments, state, held_back, reading: futures::lock::Mutex::new(()) }
    }

    /// Progress of reading the chain.
    pub fn state(&self) -> SyncState {
        let (state, tip_age) = (self.state.borrow().clone(), self.base.tip_age());
        SyncState { synced: state.synced && tip_age != TipAge::Stale, tip_age, ..state }
    }

    /// Best block that every part has read: height and hash.
    pub fn best_block(&self) -> (u32, BlockHash) {
        let best = self.base.ldk.manager.current_best_block();
        (best.height, best.block_hash)
    }

    /// Follows the chain.
    pub(crate) async fn follow(self: Rc<Self>) {
        let mut change = None;
        loop {
            match self.read_new(change.take().as_ref()).await {
                Ok(()) if self.held_back.holds() => self.let_peers_resolve().await,
                Ok(()) if self.base.chain.rescans_from().is_some() => {}
                Ok(()) => change = self.base.chain.changed(POLL_EVERY, POLL_LIMIT).await,
                Err(error) => {
                    log::warn!("chain: {error}");
                    self.state.borrow_mut().error = Some(error.to_string());
                    self.base.changed();
                    self.base.platform.sleep(AFTER_FAILURE).await;
                }
            }
        }
    }

    /// Waits as long as blocks are held back.
    async fn let_peers_resolve(&self) {
        while !self.held_back.is_over(&self.base) {
            self.base.platform.sleep(LOOK_EVERY).await;
        }
    }

    /// Polls the chain sources and reads every new block now, but for those that are held back.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn now(&self) -> Result<(), ChainError> {
        self.read_new(None).await
    }

    /// Polls the sources (`change`: one of them has reported a new tip), reads every new block, and looks through the next of
    /// those that were passed over.
    async fn read_new(&self, change: Option<&TipChange>) -> Result<(), ChainError> {
        let base = &self.base;
        let alone = self.reading.lock().await;
        let poll = base.chain.poll_after(change).await?;
        let read = self.read_to(poll.new).await;
        self.payments.inbound.correct_taken_back().await;
        base.changed();
        base.notify.notify();
        drop(alone);
        // After the blocks: a source that is slow to estimate holds nothing up; and also of one that lacks a block.
        if let Ok(estimates) = base.chain.fees().await
            && let Some(record) = base.ldk.fees.accept(estimates, base.now())
        {
            base.staged.put_lazily(names::FEES, record);
            base.notify.notify();
        }
        read
    }

    /// Reads every block up to `tip`, but for those that are held back, as far as the sources give them.
    async fn read_to(&self, tip: Tip) -> Result<(), ChainError> {
        let base = &self.base;
        let listeners = AllListeners { base, onchain: &self.onchain };
        // A block may be replaced while we read towards it: then the next poll sees the new tip.
        let from = position(&base.ldk.manager.current_best_block());
        self.held_back.polled(base, self.state.borrow().checked_at);
        let target = self.held_back.limit(base, &from, tip).await;
        base.staged.end_waits(tip.height);
        let read = match from.hash == target.hash {
            true => Ok(()),
            false => self.read(&from, &target, &listeners).await,
        };
        let reached = position(&base.ldk.manager.current_best_block());
        *self.state.borrow_mut() = SyncState {
            synced: reached.hash == tip.hash,
            checked_at: Some(base.platform.now()),
            blocks_left: tip.height.saturating_sub(reached.height),
            error: read.as_ref().err().map(ToString::to_string),
            ..SyncState::default()
        };
        read?;
        self.look_again(&reached, &listeners).await
    }

    /// Looks again through the next blocks that were passed over, at the same height: a filter of theirs is in doubt, or an
    /// earlier version missed what they hold.
    async fn look_again(&self, at: &Position, listeners: &AllListeners<'_>) -> Result<(), ChainError> {
        let Base { chain, ldk, staged, .. } = &*self.base;
        if chain.rescans_from().is_none() {
            return Ok(());
        }
        let result = chain.rescan(at, ldk.wallet.birthday(), listeners, &*ldk.watch).await;
        ldk.stage_monitors(staged);
        staged.stage(|batch| chain.stage(batch));
        result.map(drop)
    }

    async fn read(
        &self,
        from: &Position,
        target: &Tip,
        listeners: &AllListeners<'_>,
    ) -> Result<(), ChainError> {
        let base = &self.base;
        let mut progress = |progress: Progress| {
            self.state.borrow_mut().blocks_left = progress.target.saturating_sub(progress.height);
            if progress.height.is_multiple_of(100) {
                base.changed();
            }
        };
        self.state.borrow_mut().blocks_left = target.height.saturating_sub(from.height);
        let result = base.chain.sync(from, target, listeners, &*base.ldk.watch, &mut progress).await;
        base.ldk.monitors_listener().tell();
        base.staged.stage(|batch| base.chain.stage(batch));
        result.map_err(|SyncError { error, .. }| error)?;
        self.onchain.rebroadcast();
        Ok(())
    }
}
