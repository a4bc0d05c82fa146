//! Looking again through blocks that were passed over: those of which a filter was contradicted or proven false, and those that
//! the caller asks for. The listener stays where it is; nothing is disconnected for doubt.
//!
//! Two things are stored (`marks`): the height to go on at, so that a restart forgets nothing, and how far each lasting dispute has
//! been looked through, so that a restart repeats nothing.

use amplet_storage::Batch;
use bitcoin::Block;
use bitcoin::block::Header;

use crate::client::Chain;
use crate::conflict::Conflict;
use crate::marks::{CURSOR, DISPUTES, LookedThrough, encode};
use crate::{BlockId, BlockListener, ChainError, Position, RescanListener, SyncError, Tip, WatchSet};

/// Number of blocks that one call of [`Chain::rescan`] goes through.
const PORTION: u32 = 500;
/// Number of blocks below the tip up to which a dispute is stored as looked through: a reorganisation within them changes nothing.
const REORG_MARGIN: u32 = 6;

/// Passes whole blocks to a listener that stays where it is.
struct Again<'a>(&'a dyn RescanListener);

impl BlockListener for Again<'_> {
    fn block_connected(&self, block: &Block, height: u32) {
        self.0.block_rescanned(block, height);
    }

    fn filtered_block_connected(&self, _: &Header, _: u32) {}

    fn blocks_disconnected(&self, _: BlockId) {}
}

impl Chain {
    /// Height of the next block that listeners have passed and must look through again, see [`rescan`](Self::rescan).
    pub fn rescans_from(&self) -> Option<u32> {
        self.rescans.borrow().next
    }

    /// Asks that blocks from `height` on be looked through again; staged with the next [`stage`](Self::stage).
    pub fn ask_rescan(&self, height: u32) {
        self.rescans.borrow_mut().ask(height);
    }

    /// Looks again through the next blocks up to `at`, which the listener has reached and where it stays, and not below `lowest`:
    /// whole where a filter matches the watch set or is contradicted by another source. One call goes through a few hundred
    /// blocks; returns whether nothing is left. Stage and commit what the listener learnt together with the chain.
    ///
    /// # Errors
    /// [`ChainError::Sources`]: no source has a filter or block. [`ChainError::NotOnChain`]: `at` has left the best chain. In both
    /// cases the next call goes on where this one stopped.
    pub async fn rescan(
        &self,
        at: &Position,
        lowest: u32,
        listener: &dyn RescanListener,
        watch: &dyn WatchSet,
    ) -> Result<bool, ChainError> {
        let Some(next) = self.rescans_from() else { return Ok(true) };
        let base = self.headers.borrow().base().height;
        let first = next.max(lowest).max(base.saturating_add(1));
        let last = first.saturating_add(PORTION - 1).min(at.height);
        if first <= last {
            self.look_again(at, (first, last), listener, watch).await?;
        }
        let done = last >= at.height || first > at.height;
        let mut rescans = self.rescans.borrow_mut();
        // Another poll may have found an earlier one meanwhile.
        if rescans.next == Some(next) {
            rescans.next = (!done).then(|| last.saturating_add(1));
            rescans.dirty = true;
        }
        let done = rescans.next.is_none();
        drop(rescans);
        if done {
            self.note_looked_through(None, at.height);
        }
        Ok(done)
    }

    async fn look_again(
        &self,
        at: &Position,
        (first, last): (u32, u32),
        listener: &dyn RescanListener,
        watch: &dyn WatchSet,
    ) -> Result<(), ChainError> {
        let (from, to) = {
            let chain = self.headers.borrow();
            let gone = || ChainError::NotOnChain { hash: at.hash, height: at.height };
            // Blocks of another branch must not reach a listener that stands on its own.
            let (true, Some(from), Some(end)) =
                (chain.contains(at.id()), chain.position(first - 1), chain.entry(last))
            else {
                return Err(gone());
            };
            (from, Tip { hash: end.hash, height: last, time: end.header.time })
        };
        let result = self.walk(from, to, &Again(listener), watch, Some(at.id()), &mut |_| {}).await;
        result.map(drop).map_err(|SyncError { error, reached }| {
            self.rescans.borrow_mut().next = Some(reached.height.saturating_add(1));
            error
        })
    }

    /// The first block that needs another look because of a dispute, above what has been looked through.
    pub(crate) fn first_to_look_again(&self, conflict: &Conflict) -> u32 {
        let chain = self.headers.borrow();
        let holds = |mark: &&LookedThrough| {
            mark.url == conflict.url
                && chain.entry(mark.height).is_some_and(|e| e.filter_header == mark.ours)
                && conflict.header_at(mark.height) == Some(mark.theirs)
        };
        let rescans = self.rescans.borrow();
        let mark = rescans.looked_through.iter().find(holds);
        mark.map_or(conflict.first, |mark| mark.height.saturating_add(1))
    }

    /// Notes that every contradicted block from `from` (`None`: from the first one) up to `to` has been looked through.
    pub(crate) fn note_looked_through(&self, from: Option<u32>, to: u32) {
        let marks: Vec<LookedThrough> = {
            let conflicts = self.conflicts.borrow();
            let reaches = |c: &&Conflict| from.is_none_or(|from| self.first_to_look_again(c) > from);
            conflicts.iter().filter(reaches).filter_map(|c| self.mark(c, to)).collect()
        };
        let mut rescans = self.rescans.borrow_mut();
        for mark in marks {
            let same = |other: &LookedThrough| other.url == mark.url;
            if !rescans
                .looked_through
                .iter()
                .any(|other| same(other) && other.height >= mark.height && *other == mark)
            {
                rescans.looked_through.retain(|other| !same(other));
                rescans.looked_through.push(mark);
                rescans.dirty = true;
            }
        }
    }

    /// The mark at `height`, or at the highest block below it that the other source is known to have.
    fn mark(&self, conflict: &Conflict, height: u32) -> Option<LookedThrough> {
        let known =
            conflict.first.saturating_add(u32::try_from(conflict.theirs.len()).ok()?).checked_sub(1)?;
        let height = height.min(known);
        let ours = self.headers.borrow().entry(height)?.filter_header;
        let theirs = conflict.header_at(height)?;
        Some(LookedThrough { url: conflict.url.clone(), height, ours, theirs })
    }

    /// Blocks above `fork` are about to be connected again: with the dispute known, so that nothing above it is noted any more.
    pub(crate) fn forget_looked_through_above(&self, fork: u32) {
        let lower: Vec<LookedThrough> = {
            let conflicts = self.conflicts.borrow();
            let marks = &self.rescans.borrow().looked_through;
            let conflict = |mark: &LookedThrough| conflicts.iter().find(|c| c.url == mark.url);
            let lowered = |mark: &LookedThrough| match mark.height > fork {
                true => self.mark(conflict(mark)?, fork),
                false => Some(mark.clone()),
            };
            marks.iter().filter_map(lowered).collect()
        };
        self.rescans.borrow_mut().looked_through = lower;
    }

    /// Forgets all disputes: the filter headers that they were relative to are gone.
    pub(crate) fn forget_looked_through(&self) {
        let mut rescans = self.rescans.borrow_mut();
        rescans.looked_through.clear();
        rescans.dirty = true;
    }

    /// Stages what changed.
    pub(crate) fn stage_rescans(&self, batch: &mut Batch) {
        if !std::mem::take(&mut self.rescans.borrow_mut().dirty) {
            return;
        }
        let rescans = self.rescans.borrow();
        match rescans.next {
            Some(next) => batch.put(CURSOR, next.to_le_bytes().to_vec()),
            None => batch.remove(CURSOR),
        }
        let conflicts = self.conflicts.borrow();
        // Those of sources that are away are kept as they were loaded.
        let stored = rescans.looked_through.iter().filter_map(|mark| {
            match conflicts.iter().find(|c| c.url == mark.url) {
                Some(conflict) => self.mark(conflict, mark.height.checked_sub(REORG_MARGIN)?),
                None => Some(mark.clone()),
            }
        });
        batch.put(DISPUTES, encode(stored));
    }
}
