//! Two sources, one chain, different filters: who is right, as far as it can be told, and what to do where it cannot.
//!
//! A filter that misses a script which its block creates is refuted by the block. A filter that misses a script which its
//! block spends cannot be refuted without the spent outputs; so, while a difference lasts, every block whose filter the
//! other source does not vouch for is fetched whole and looked through here, whatever its filter says.

use bitcoin::Block;
use bitcoin::hash_types::FilterHeader;

use crate::driver::Chain;
use crate::filters::{header_of, misses_an_output};
use crate::poll::fetch_filter_headers;
use crate::source::Source;
use crate::{BlockId, ChainError, SourceError, SourceState};

/// How far back the first difference is looked for first; further each time it is not found.
const FIRST_STEP_BACK: u32 = 16;

/// A source whose filter headers differ from ours, not refuted.
#[derive(Debug)]
pub(crate) struct Dispute {
    /// The source.
    pub(crate) url: String,
    /// The first height that differs, above the checkpoint.
    first: u32,
    /// The source's filter header before that, which is ours as well unless that is the checkpoint's.
    before: FilterHeader,
    /// The source's filter headers, from `first` on.
    theirs: Vec<FilterHeader>,
}

impl Dispute {
    /// Whether the other source does not vouch for this filter. What it does not know yet it does not contest.
    fn contests(&self, height: u32, filter: &[u8]) -> bool {
        let Some(index) = height.checked_sub(self.first).and_then(|i| usize::try_from(i).ok()) else {
            return false;
        };
        let previous = match index.checked_sub(1) {
            None => Some(&self.before),
            Some(i) => self.theirs.get(i),
        };
        match (previous, self.theirs.get(index)) {
            (Some(previous), Some(theirs)) => header_of(filter, previous) != *theirs,
            _ => false,
        }
    }
}

impl Chain {
    /// Whether some source contests this filter, so that the block has to be looked through.
    pub(crate) fn is_contested(&self, height: u32, filter: &[u8]) -> bool {
        self.disputes.borrow().iter().any(|d| d.contests(height, filter))
    }

    pub(crate) fn has_disputes(&self) -> bool {
        !self.disputes.borrow().is_empty()
    }

    /// Looks into a source whose filter headers, up to `height` of our chain, differ from ours. Returns the last block
    /// before the difference when filters in use came into doubt by it.
    pub(crate) async fn settle(&self, source: &Source, height: u32) -> Result<Option<BlockId>, SourceError> {
        let dispute = self.first_difference(source, height).await?;
        let first = dispute.first;
        let known = self.disputes.borrow().iter().any(|d| d.url == dispute.url && d.first == first);
        if !known {
            let (theirs_false, ours_false) = self.refute(source, &dispute).await?;
            if theirs_false {
                self.disputes.borrow_mut().retain(|d| d.url != source.url());
                source.refute(format!("its filter of block {first} misses a script that the block creates"));
                return Ok(None);
            }
            if ours_false {
                return Ok(self.switch(source, dispute));
            }
        }
        source.set_state(SourceState::FiltersDispute { height: first });
        let mut disputes = self.disputes.borrow_mut();
        disputes.retain(|d| d.url != dispute.url);
        disputes.push(dispute);
        Ok(if known { None } else { self.block_before(first) })
    }

    fn block_before(&self, height: u32) -> Option<BlockId> {
        let before = height.checked_sub(1)?;
        let chain = self.headers.borrow();
        chain.entry(before).map(|e| BlockId { hash: e.hash, height: before })
    }

    /// Fetches the source's filter headers back to where they agree with ours.
    async fn first_difference(&self, source: &Source, height: u32) -> Result<Dispute, SourceError> {
        let lowest = self.headers.borrow().base().height;
        let mut back = FIRST_STEP_BACK;
        loop {
            let from = height.saturating_sub(back).max(lowest);
            let theirs = fetch_filter_headers(source, from, height).await?;
            let chain = self.headers.borrow();
            let ours = |h: u32| chain.entry(h).map(|e| e.filter_header);
            let differs = (from..).zip(&theirs).position(|(h, fh)| ours(h) != Some(*fh));
            let index = differs.ok_or(SourceError::Moved)?;
            if index > 0 || from == lowest {
                // Where they differ at the checkpoint already, theirs is followed from there: what counts is each filter.
                let before = index.saturating_sub(1);
                let first = from.saturating_add(u32::try_from(before).unwrap_or(u32::MAX)).saturating_add(1);
                let mut theirs = theirs.into_iter().skip(before);
                let before = theirs.next().ok_or(SourceError::Moved)?;
                let theirs: Vec<_> = theirs.collect();
                if theirs.is_empty() {
                    return Err(SourceError::Moved);
                }
                return Ok(Dispute { url: source.url().to_string(), first, before, theirs });
            }
            back = back.saturating_mul(16);
        }
    }

    /// Holds both filters of the first height that differs against the block: whether theirs is false, and ours.
    async fn refute(&self, source: &Source, dispute: &Dispute) -> Result<(bool, bool), SourceError> {
        let height = dispute.first;
        let theirs = single(source, height).await?;
        if Some(&header_of(&theirs, &dispute.before)) != dispute.theirs.first() {
            return Err(SourceError::Filter { height });
        }
        let entry = self.headers.borrow().entry(height).copied().ok_or(SourceError::Moved)?;
        let block: Block = source.block(entry.hash, Some(&entry.header)).await?;
        if misses_an_output(&block, &theirs) {
            return Ok((true, false));
        }
        Ok((false, self.is_ours_false(height, &block).await))
    }

    /// Whether the filter that we have at `height` is false by its block, or those who vouch for its filter header give a filter
    /// that does not fit it.
    async fn is_ours_false(&self, height: u32, block: &Block) -> bool {
        match self.filters(&self.plan(height, height)).await {
            Ok(list) => list.first().is_some_and(|ours| misses_an_output(block, ours)),
            Err(ChainError::Sources(list)) => list.iter().any(|(url, e)| {
                let voucher = self.sources.iter().find(|s| s.url() == url);
                matches!(e, SourceError::Filter { .. })
                    && voucher.is_some_and(|s| self.stands_for_ours(s, height))
            }),
            Err(_) => false,
        }
    }

    /// Whether a source's last status vouches for the filter headers in use at `height` and above.
    fn stands_for_ours(&self, source: &Source, height: u32) -> bool {
        let Some(status) = source.last_status().filter(|s| s.height >= height) else { return false };
        let chain = self.headers.borrow();
        let entry = chain.entry(status.height);
        entry.is_some_and(|e| e.hash == status.hash && e.filter_header == status.filter_header)
    }

    /// Our filter headers were false: takes the source's, and distrusts those that stood for ours.
    fn switch(&self, source: &Source, dispute: Dispute) -> Option<BlockId> {
        let first = dispute.first;
        for liar in self.sources.iter().filter(|s| self.stands_for_ours(s, first)) {
            liar.refute(format!("its filter of block {first} misses a script that the block creates"));
        }
        let known = first.saturating_add(u32::try_from(dispute.theirs.len()).unwrap_or(u32::MAX)) - 1;
        let mut chain = self.headers.borrow_mut();
        chain.replace_filter_headers(first, &dispute.theirs);
        // Blocks above those it knows have no trustworthy filter header: they are fetched again.
        if chain.height() > known
            && let Ok(nothing) = chain.verify(known, &[], self.now())
        {
            chain.adopt(nothing, &[]);
        }
        drop(chain);
        source.set_state(SourceState::Agrees);
        self.disputes.borrow_mut().clear();
        self.cache.borrow_mut().clear();
        self.block_before(first)
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
