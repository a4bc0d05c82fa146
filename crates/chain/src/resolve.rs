//! Resolution of conflicts between sources: decides which filter is right where that can be proven.
//!
//! A filter that misses a script which its block creates is proven false by the block. A filter that misses a script which its
//! block spends cannot be proven false without the spent outputs; so, while a conflict lasts, every block whose filter the
//! other source contradicts is fetched whole and looked through here, even if its filter does not match.

use bitcoin::Block;

use crate::client::Chain;
use crate::conflict::Conflict;
use crate::fetch::fetch_filter_headers;
use crate::filters::{header_of, misses_an_output};
use crate::source::Source;
use crate::{ChainError, SourceError, SourceState};

/// Blocks below the height in question where the first difference is looked for first; 16 times more at each further try.
const FIRST_STEP_BACK: u32 = 16;

impl Chain {
    /// True if some source contradicts this filter, so that the block has to be looked through.
    pub(crate) fn is_contradicted(&self, height: u32, filter: &[u8]) -> bool {
        self.conflicts.borrow().iter().any(|d| d.contradicts(height, filter))
    }

    pub(crate) fn has_conflicts(&self) -> bool {
        !self.conflicts.borrow().is_empty()
    }

    /// Resolves a difference between a source's filter headers and ours, up to `height` of our chain. Returns the first block to be
    /// looked through again when filters in use are contradicted or were proven false.
    pub(crate) async fn resolve(&self, source: &Source, height: u32) -> Result<Option<u32>, SourceError> {
        let conflict = self.first_difference(source, height).await?;
        let first = conflict.first;
        let same = |d: &&Conflict| d.url == conflict.url && d.first == first;
        let known = self.conflicts.borrow().iter().find(same).map(|d| d.first_change(&conflict));
        // A known conflict has been examined before: the same filters would give the same result.
        if known.is_none() {
            let (theirs_false, ours_false) = self.examine(source, &conflict).await?;
            if theirs_false {
                self.conflicts.borrow_mut().retain(|d| d.url != source.url());
                source.ban(format!("its filter of block {first} misses a script that the block creates"));
                return Ok(None);
            }
            if ours_false {
                return Ok(Some(self.switch(source, conflict)));
            }
        }
        source.set_state(SourceState::FiltersConflict { height: first });
        let again = known.unwrap_or_else(|| self.first_to_look_again(&conflict));
        let mut conflicts = self.conflicts.borrow_mut();
        conflicts.retain(|d| d.url != conflict.url);
        conflicts.push(conflict);
        Ok(Some(again))
    }

    /// Fetches the source's filter headers back to where they agree with ours.
    async fn first_difference(&self, source: &Source, height: u32) -> Result<Conflict, SourceError> {
        let lowest = self.headers.borrow().base().height;
        let mut back = FIRST_STEP_BACK;
        loop {
            let from = height.saturating_sub(back).max(lowest);
            let theirs = fetch_filter_headers(source, from, height).await?;
            let chain = self.headers.borrow();
            let ours = |h: u32| chain.entry(h).map(|e| e.filter_header);
            let differs = (from..).zip(&theirs).position(|(h, fh)| ours(h) != Some(*fh));
            // The last one is known to differ; if none does, the source has changed its chain meanwhile.
            let index = differs.ok_or(SourceError::Moved)?;
            if index > 0 || from == lowest {
                // Where they differ at the checkpoint already, theirs are followed from there: each filter is what counts.
                let before = index.saturating_sub(1);
                let first = from.saturating_add(u32::try_from(before).unwrap_or(u32::MAX)).saturating_add(1);
                let mut theirs = theirs.into_iter().skip(before);
                let before = theirs.next().ok_or(SourceError::Moved)?;
                let theirs: Vec<_> = theirs.collect();
                if theirs.is_empty() {
                    return Err(SourceError::Moved);
                }
                return Ok(Conflict { url: source.url().to_string(), first, before, theirs });
            }
            back = back.saturating_mul(16);
        }
    }

    /// Checks both filters of the first height that differs against the block. Returns (theirs is false, ours is false).
    async fn examine(&self, source: &Source, conflict: &Conflict) -> Result<(bool, bool), SourceError> {
        let height = conflict.first;
        let theirs = single(source, height).await?;
        // Its filter must fit its own filter header, or it proves nothing about either.
        if Some(&header_of(&theirs, &conflict.before)) != conflict.theirs.first() {
            return Err(SourceError::Filter { height });
        }
        let entry = self.headers.borrow().entry(height).copied().ok_or(SourceError::Moved)?;
        let block: Block = source.block(entry.hash, Some(&entry.header)).await?;
        if misses_an_output(&block, &theirs) {
            return Ok((true, false));
        }
        Ok((false, self.is_ours_false(height, &block).await))
    }

    /// True if our filter at `height` is proven false by its block, or if a source that confirms its filter header serves a filter
    /// that does not fit it.
    async fn is_ours_false(&self, height: u32, block: &Block) -> bool {
        match self.filters(&self.plan(height, height)).await {
            Ok(list) => list.first().is_some_and(|ours| misses_an_output(block, ours)),
            Err(ChainError::Sources(list)) => list.iter().any(|(url, e)| {
                let source = self.sources.iter().find(|s| s.url() == url);
                matches!(e, SourceError::Filter { .. })
                    && source.is_some_and(|s| self.confirms_ours(s, height))
            }),
            Err(_) => false,
        }
    }

    /// True if a source's last status confirms the filter headers in use at `height` and above.
    fn confirms_ours(&self, source: &Source, height: u32) -> bool {
        let Some(status) = source.last_status().filter(|s| s.height >= height) else { return false };
        let chain = self.headers.borrow();
        let entry = chain.entry(status.height);
        entry.is_some_and(|e| e.hash == status.hash && e.filter_header == status.filter_header)
    }

    /// Replaces our filter headers, which were proven false, by the source's; bans the sources that confirmed ours.
    fn switch(&self, source: &Source, conflict: Conflict) -> u32 {
        let first = conflict.first;
        for misbehaving in self.sources.iter().filter(|s| self.confirms_ours(s, first)) {
            misbehaving.ban(format!("its filter of block {first} misses a script that the block creates"));
        }
        let known = first.saturating_add(u32::try_from(conflict.theirs.len()).unwrap_or(u32::MAX)) - 1;
        let mut chain = self.headers.borrow_mut();
        chain.replace_filter_headers(first, &conflict.theirs);
        // Blocks above those it knows have no trustworthy filter header: they are fetched again. Until then the chain ends lower
        // than its listeners stand, which are not disconnected (`Chain::sync`).
        if chain.height() > known
            && let Ok(nothing) = chain.verify(known, &[], self.now())
        {
            chain.adopt(nothing, &[]);
        }
        drop(chain);
        source.set_state(SourceState::Agrees);
        // Both were relative to the filter headers that have just been replaced.
        self.conflicts.borrow_mut().clear();
        self.cache.borrow_mut().clear();
        self.forget_looked_through();
        first
    }
}

/// One filter, by whichever endpoint the source has.
async fn single(source: &Source, height: u32) -> Result<Vec<u8>, SourceError> {
    if let Some(filter) = source.single_filter(height).await? {
        return Ok(filter);
    }
    let (first, list) = source.filters(height, 1).await?;
    let index = usize::try_from(height - first).unwrap_or(usize::MAX);
    list.into_iter().nth(index).ok_or(SourceError::Moved)
}
