//! Keeping up with the chain.

use std::rc::Rc;
use std::time::Duration;

use amplet_chain::{BlockId, BlockListener, Chain, ChainError, Position, SyncError, TipChange};
use bitcoin::Block;
use bitcoin::block::Header;
use lightning::chain::{BlockLocator, Listen};

use crate::inner::Inner;

/// How often a chain source without long poll is asked.
const POLL_EVERY: Duration = Duration::from_secs(20);
/// How long one long poll may take.
const POLL_LIMIT: Duration = Duration::from_secs(60);
/// Pause after a failed check.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// LDK's form of a position.
pub(crate) fn locator(position: &Position) -> BlockLocator {
    let mut locator = BlockLocator::new(position.hash, position.height);
    locator.previous_blocks.iter_mut().zip(&position.previous).for_each(|(slot, hash)| *slot = Some(*hash));
    locator
}

/// The driver's form of LDK's.
pub(crate) fn position(locator: &BlockLocator) -> Position {
    let previous = locator.previous_blocks.iter().map_while(|hash| *hash).collect();
    Position { hash: locator.block_hash, height: locator.height, previous }
}

/// Hands blocks to one of LDK's parts.
pub(crate) struct Ear<'a, L: Listen> {
    pub part: &'a L,
    pub chain: &'a Chain,
}

impl<L: Listen> BlockListener for Ear<'_, L> {
    fn block_connected(&self, block: &Block, height: u32) {
        self.part.block_connected(block, height);
    }

    fn filtered_block_connected(&self, header: &Header, height: u32) {
        self.part.filtered_block_connected(header, &[], height);
    }

    fn blocks_disconnected(&self, fork: BlockId) {
        let known = self.chain.position(&fork.hash);
        let fork = known.unwrap_or(Position { hash: fork.hash, height: fork.height, previous: Vec::new() });
        self.part.blocks_disconnected(locator(&fork));
    }
}

/// All parts of a running node.
struct Everything<'a>(&'a Rc<Inner>);

impl Everything<'_> {
    fn each(&self, tell: impl Fn(&dyn BlockListener)) {
        let inner = self.0;
        let chain = &*inner.chain;
        tell(&Ear { part: &*inner.ldk.monitors, chain });
        tell(&Ear { part: &*inner.ldk.manager, chain });
        tell(&Ear { part: &inner.ldk.sweeper, chain });
        tell(&*inner.onchain);
    }
}

impl BlockListener for Everything<'_> {
    fn block_connected(&self, block: &Block, height: u32) {
        self.each(|part| part.block_connected(block, height));
        crate::events::onchain::block(self.0, block, height);
    }

    fn filtered_block_connected(&self, header: &Header, height: u32) {
        self.each(|part| part.filtered_block_connected(header, height));
    }

    fn blocks_disconnected(&self, fork: BlockId) {
        self.each(|part| part.blocks_disconnected(fork));
    }
}

/// Follows the chain.
pub(crate) async fn follow(inner: Rc<Inner>) {
    let mut change = None;
    loop {
        match once(&inner, change.take().as_ref()).await {
            Ok(()) => change = inner.chain.changed(POLL_EVERY, POLL_LIMIT).await,
            Err(error) => {
                log::warn!("chain: {error}");
                note_failure(&inner, &error);
                inner.platform.sleep(AFTER_FAILURE).await;
            }
        }
    }
}

fn note_failure(inner: &Inner, error: &ChainError) {
    inner.sync.borrow_mut().error = Some(error.to_string());
    inner.changed();
}

/// Polls the sources (`change`: one of them has reported a new tip) and reads every new block.
pub(crate) async fn once(inner: &Rc<Inner>, change: Option<&TipChange>) -> Result<(), ChainError> {
    let alone = inner.reading.lock().await;
    let poll = inner.chain.poll_after(change).await?;
    // A block may be replaced while we read towards it: then the next poll sees the new tip.
    let mut from = position(&inner.ldk.manager.current_best_block());
    if let Some(fork) = poll.rescan {
        // Filters that were believed are contradicted: what they passed over is read again.
        from = inner.chain.rewind(&from, fork, &Everything(inner));
    }
    let target = poll.new;
    let moved = from.hash != target.hash;
    inner.sync.borrow_mut().blocks_left = target.height.saturating_sub(from.height);
    if moved {
        from = bring(inner, &from, &target).await?;
        inner.journal.stage(|batch| inner.chain.stage(batch));
        rebroadcast_savings(inner);
    }
    {
        let mut sync = inner.sync.borrow_mut();
        sync.synced = from.hash == target.hash;
        sync.checked_at = Some(inner.platform.now());
        sync.blocks_left = 0;
        sync.error = None;
    }
    inner.changed();
    inner.wake.wake();
    drop(alone);
    // After the blocks: a source that is slow to estimate holds nothing up.
    if let Ok(estimates) = inner.chain.fees().await {
        inner.fees.update(estimates);
    }
    Ok(())
}

async fn bring(
    inner: &Rc<Inner>,
    from: &Position,
    target: &amplet_chain::Tip,
) -> Result<Position, ChainError> {
    let mut progress = |progress: amplet_chain::Progress| {
        inner.sync.borrow_mut().blocks_left = progress.target.saturating_sub(progress.height);
        if progress.height.is_multiple_of(100) {
            inner.changed();
        }
    };
    let result = inner.chain.sync(from, target, &Everything(inner), &*inner.watch, &mut progress).await;
    result.map_err(|SyncError { error, .. }| error)
}

/// Our own transactions that still wait may have been forgotten by the network.
fn rebroadcast_savings(inner: &Rc<Inner>) {
    for tx in inner.onchain.unconfirmed() {
        let inner = Rc::clone(inner);
        inner
            .platform
            .clone()
            .spawn(Box::pin(async move { crate::engine::broadcast(&inner, vec![tx]).await }));
    }
}
