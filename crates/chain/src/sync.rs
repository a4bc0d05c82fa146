//! Synchronising a listener with the tip: every block, in order, without gaps.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{Block, ScriptBuf};
use futures::future::join_all;
use futures::{StreamExt, stream};

use crate::client::Chain;
use crate::fetch::Planned;
use crate::filters::matches;
use crate::{BlockId, BlockListener, ChainError, Position, Progress, SyncError, Tip, WatchSet};

/// Number of blocks whose filters are fetched by one request where parts of files are served (14 MB on mainnet).
const WINDOW: u32 = 500;
/// Number of windows fetched ahead of the current one where parts of files are served; whole files are too large for that.
const AHEAD: usize = 2;
/// Maximum number of matching blocks fetched at once.
const BLOCKS_AHEAD: usize = 4;

impl Chain {
    /// Connects every block after `from` up to `to`, in order: whole when its filter matches the watch set as it is after
    /// the block before, by its header otherwise. When blocks have taken the place of `from`, one disconnection back to the fork
    /// point comes first; doubt about filters never disconnects. `on_progress` is called after each block.
    ///
    /// # Errors
    /// [`SyncError`] with the position reached and the reason: continue from there, nothing was skipped. With
    /// [`ChainError::NotOnChain`] the chain has changed (a poll ran meanwhile): continue to the new tip.
    pub async fn sync(
        &self,
        from: &Position,
        to: &Tip,
        listener: &dyn BlockListener,
        watch: &dyn WatchSet,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<Position, SyncError> {
        let fail = |error| SyncError { reached: from.clone(), error };
        let fork = self.common(from, to).map_err(fail)?;
        let at = self.headers.borrow().position(fork.height);
        let at = at.ok_or_else(|| fail(ChainError::NotOnChain { hash: to.hash, height: to.height }))?;
        if fork != from.id() {
            // The end of a chain whose last filters were proven false: other filters are awaited for the same blocks.
            if fork.height == self.headers.borrow().height() {
                return Ok(from.clone());
            }
            listener.blocks_disconnected(fork);
        }
        // The caller's own position may name ancestors that the chain, from its checkpoint on, does not know.
        let start = if fork == from.id() { from.clone() } else { at };
        let reached = self.walk(start, *to, listener, watch, None, on_progress).await?;
        self.note_looked_through(Some(fork.height), reached.height);
        Ok(reached)
    }

    /// Passes the blocks after `from` up to `to` to the listener, as long as the block `stays` (if any) is on the best chain.
    pub(crate) async fn walk(
        &self,
        from: Position,
        to: Tip,
        listener: &dyn BlockListener,
        watch: &dyn WatchSet,
        stays: Option<BlockId>,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<Position, SyncError> {
        let mut walk = Walk {
            chain: self,
            listener,
            watch,
            on_progress,
            from: from.height,
            to,
            at: from,
            stays,
            revision: watch.revision(),
            scripts: watch.scripts(),
        };
        match walk.run().await {
            Ok(()) => Ok(walk.at),
            Err(error) => Err(SyncError { reached: walk.at, error }),
        }
    }

    /// Checks both ends and finds the block to continue from.
    fn common(&self, from: &Position, to: &Tip) -> Result<BlockId, ChainError> {
        let chain = self.headers.borrow();
        if !chain.contains(to.id()) {
            return Err(ChainError::NotOnChain { hash: to.hash, height: to.height });
        }
        let checkpoint = chain.base().height;
        if from.height < checkpoint {
            return Err(ChainError::BelowCheckpoint { height: from.height, checkpoint });
        }
        chain.fork_of(from).ok_or(ChainError::NoFork { hash: from.hash, height: from.height })
    }
}

impl Chain {
    /// Cuts the heights `from` to `to` into windows of one request each; returns them and the number to fetch ahead.
    fn windows(&self, from: u32, to: u32) -> (Vec<(u32, u32)>, usize) {
        let status = self.by_standing().first().and_then(|s| s.last_status());
        let (size, ahead) = match status {
            Some(status) if !status.ranges => (status.filters_per_file, 1),
            _ => (WINDOW, AHEAD),
        };
        let (mut out, mut start) = (Vec::new(), from);
        while start <= to {
            let end = (start - start % size).saturating_add(size - 1).min(to);
            out.push((start, end));
            start = end.saturating_add(1);
        }
        (out, ahead)
    }
}

/// One run of [`Chain::sync`].
struct Walk<'a> {
    chain: &'a Chain,
    listener: &'a dyn BlockListener,
    watch: &'a dyn WatchSet,
    on_progress: &'a mut dyn FnMut(Progress),
    from: u32,
    to: Tip,
    at: Position,
    /// A block that must stay on the best chain meanwhile.
    stays: Option<BlockId>,
    revision: u64,
    scripts: Vec<ScriptBuf>,
}

/// Consecutive blocks, and their filters when there was something to look for at the time.
struct Window {
    plan: Vec<Planned>,
    filters: Option<Vec<Vec<u8>>>,
}

impl Walk<'_> {
    async fn run(&mut self) -> Result<(), ChainError> {
        let (chain, watch) = (self.chain, self.watch);
        let (ranges, ahead) = chain.windows(self.at.height.saturating_add(1), self.to.height);
        let mut windows =
            stream::iter(ranges).map(|(from, to)| Window::fetch(chain, watch, from, to)).buffered(ahead);
        while let Some(window) = windows.next().await {
            self.connect(window?).await?;
        }
        match self.at.id() == self.to.id() || self.at.height > self.to.height {
            true => Ok(()),
            false => Err(self.moved()),
        }
    }

    fn moved(&self) -> ChainError {
        ChainError::NotOnChain { hash: self.to.hash, height: self.to.height }
    }

    /// Connects the blocks of a window.
    async fn connect(&mut self, mut window: Window) -> Result<(), ChainError> {
        self.refresh();
        let mut wanted = self.match_from(&mut window, 0).await?;
        let mut blocks: BTreeMap<usize, Block> = BTreeMap::new();
        for index in 0..window.plan.len() {
            let Some(planned) = window.plan.get(index).copied() else { break };
            if wanted.contains(&index) && !blocks.contains_key(&index) {
                blocks.extend(self.fetch_blocks(&window.plan, wanted.range(index..)).await?);
            }
            self.connect_one(&planned, blocks.remove(&index))?;
            // The block may have added scripts (a commitment's outputs): later filters are matched again.
            if self.refresh() {
                wanted = self.match_from(&mut window, index.saturating_add(1)).await?;
            }
        }
        Ok(())
    }

    /// Passes one block to the listener, unless the chain has changed meanwhile.
    fn connect_one(&mut self, planned: &Planned, block: Option<Block>) -> Result<(), ChainError> {
        // A poll may have replaced blocks while this window was fetched.
        let follows = planned.header.prev_blockhash == self.at.hash;
        let on_chain = |id: BlockId| self.chain.headers.borrow().contains(id);
        if !follows || !on_chain(planned.id) || !self.stays.is_none_or(on_chain) {
            return Err(self.moved());
        }
        let height = planned.id.height;
        match block {
            Some(block) => self.listener.block_connected(&block, height),
            None => self.listener.filtered_block_connected(&planned.header, height),
        }
        self.at = self.at.next(planned.id.hash);
        (self.on_progress)(Progress { height, from: self.from, target: self.to.height });
        Ok(())
    }

    /// Reads the watch set again; true if it has changed.
    fn refresh(&mut self) -> bool {
        let revision = self.watch.revision();
        let changed = revision != self.revision;
        if changed {
            self.revision = revision;
            self.scripts = self.watch.scripts();
        }
        changed
    }

    /// The indices, from `start` on, of the blocks that must be looked through whole.
    async fn match_from(&self, window: &mut Window, start: usize) -> Result<BTreeSet<usize>, ChainError> {
        // Without scripts nothing matches, but a contradicted block has to be looked through all the same.
        if self.scripts.is_empty() && !self.chain.has_conflicts() {
            return Ok(BTreeSet::new());
        }
        if start >= window.plan.len() {
            return Ok(BTreeSet::new());
        }
        let filters = match window.filters.take() {
            Some(filters) => filters,
            None => self.chain.filters(&window.plan).await?,
        };
        let to_look = window.plan.iter().zip(&filters).enumerate().skip(start).filter(|(_, (p, filter))| {
            matches(&p.id.hash, filter, &self.scripts) || self.chain.is_contradicted(p.id.height, filter)
        });
        let found = to_look.map(|(index, _)| index).collect();
        window.filters = Some(filters);
        Ok(found)
    }

    /// Fetches the next few wanted blocks at once; those before the first one that fails, when that is not the next.
    async fn fetch_blocks(
        &self,
        plan: &[Planned],
        wanted: impl Iterator<Item = &usize>,
    ) -> Result<Vec<(usize, Block)>, ChainError> {
        let next = wanted.take(BLOCKS_AHEAD).filter_map(|index| plan.get(*index).map(|p| (*index, p)));
        let fetches =
            next.map(
                |(index, p)| async move { Ok((index, self.chain.fetch_block(p.id.hash, &p.header).await?)) },
            );
        let mut results = join_all(fetches).await.into_iter().peekable();
        let mut found = Vec::new();
        while let Some(fetched) = results.next_if(Result::is_ok) {
            found.push(fetched?);
        }
        match results.next() {
            Some(Err(error)) if found.is_empty() => Err(error),
            _ => Ok(found),
        }
    }
}

impl Window {
    async fn fetch(chain: &Chain, watch: &dyn WatchSet, from: u32, to: u32) -> Result<Self, ChainError> {
        let plan = chain.plan(from, to);
        let needed = !watch.scripts().is_empty() || chain.has_conflicts();
        let filters = match needed && !plan.is_empty() {
            true => Some(chain.filters(&plan).await?),
            false => None,
        };
        Ok(Self { plan, filters })
    }
}
