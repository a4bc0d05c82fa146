//! Headers, filters and blocks from the sources; filters and blocks from any source that serves what fits the headers.

use std::future::Future;

use bitcoin::block::Header;
use bitcoin::hash_types::FilterHeader;
use bitcoin::{Block, BlockHash};
use futures::StreamExt;
use futures::stream;

use crate::client::Chain;
use crate::filters::header_of;
use crate::source::Source;
use crate::{BlockId, ChainError, SourceError};

/// Maximum number of filters to fetch one by one from servers of whole files only.
const MAX_SINGLES: usize = 24;
/// Number of single filters in flight at once.
const PARALLEL: usize = 4;

/// A block of the best chain and the filter headers that its filter must fit, as they were when the fetch was planned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planned {
    pub(crate) id: BlockId,
    pub(crate) header: Header,
    previous: FilterHeader,
    filter_header: FilterHeader,
}

impl Chain {
    /// The blocks from `from` to `to` that are on the best chain now (above the checkpoint).
    pub(crate) fn plan(&self, from: u32, to: u32) -> Vec<Planned> {
        let chain = self.headers.borrow();
        let planned = (from..=to).map_while(|height| {
            let entry = chain.entry(height)?;
            let previous = chain.entry(height.checked_sub(1)?)?.filter_header;
            let (header, filter_header) = (entry.header, entry.filter_header);
            Some(Planned { id: BlockId { hash: entry.hash, height }, header, previous, filter_header })
        });
        planned.collect()
    }

    /// The filters of consecutive blocks, each checked against its filter header.
    pub(crate) async fn filters(&self, plan: &[Planned]) -> Result<Vec<Vec<u8>>, ChainError> {
        let known = |p: &Planned| self.cache.borrow().filter(&p.id.hash).filter(|f| fits(p, f)).cloned();
        if let Some(known) = plan.iter().map(known).collect() {
            return Ok(known);
        }
        let fetched = self.any_source(|source| fetch_filters(source, plan)).await?;
        let mut cache = self.cache.borrow_mut();
        plan.iter().zip(&fetched).for_each(|(p, filter)| cache.put_filter(p.id.hash, filter.clone()));
        Ok(fetched)
    }

    /// A block of the best chain, checked.
    pub(crate) async fn fetch_block(&self, hash: BlockHash, header: &Header) -> Result<Block, ChainError> {
        let known = self.cache.borrow().block(&hash).cloned();
        let block = match known {
            Some(block) => block,
            None => {
                let block = self.any_source(|source| source.block(hash, Some(header))).await?;
                self.cache.borrow_mut().put_block(block.clone());
                block
            }
        };
        if let Some(height) = self.height_of(&hash) {
            self.paid.borrow_mut().record(self.network(), height, &block);
        }
        Ok(block)
    }

    /// Tries the sources one after the other, those in good standing first, until one succeeds.
    async fn any_source<'a, T, F>(&'a self, ask: impl Fn(&'a Source) -> F) -> Result<T, ChainError>
    where
        F: Future<Output = Result<T, SourceError>> + 'a,
    {
        let mut failures = Vec::new();
        for source in self.by_standing() {
            if source.is_banned() {
                failures.push((source.url().to_string(), SourceError::Distrusted));
                continue;
            }
            // Without a status neither its file sizes nor its extensions are known.
            let known = source.last_status().is_some();
            let result = match known {
                true => ask(source).await,
                false => match source.status(self.network(), None).await {
                    Ok(_) => ask(source).await,
                    Err(e) => Err(e),
                },
            };
            match result {
                Ok(found) => return Ok(found),
                Err(e) => {
                    source.record_failure(&e);
                    failures.push((source.url().to_string(), e));
                }
            }
        }
        Err(ChainError::Sources(failures))
    }
}

fn fits(planned: &Planned, filter: &[u8]) -> bool {
    header_of(filter, &planned.previous) == planned.filter_header
}

/// The filters of consecutive blocks from one source, checked.
async fn fetch_filters(source: &Source, plan: &[Planned]) -> Result<Vec<Vec<u8>>, SourceError> {
    let ranges = source.last_status().is_some_and(|s| s.ranges);
    let singles = match !ranges && plan.len() <= MAX_SINGLES {
        true => fetch_singles(source, plan).await?,
        false => None,
    };
    let filters = match singles {
        Some(filters) => filters,
        None => fetch_files(source, plan).await?,
    };
    match plan.iter().zip(&filters).find(|(planned, filter)| !fits(planned, filter)) {
        Some((planned, _)) => Err(SourceError::Filter { height: planned.id.height }),
        None => Ok(filters),
    }
}

/// Filters one by one. `None`: the server has no such endpoint.
async fn fetch_singles(source: &Source, plan: &[Planned]) -> Result<Option<Vec<Vec<u8>>>, SourceError> {
    let mut results = stream::iter(plan).map(|p| source.single_filter(p.id.height)).buffered(PARALLEL);
    let mut out = Vec::with_capacity(plan.len());
    while let Some(result) = results.next().await {
        match result? {
            Some(filter) => out.push(filter),
            None => return Ok(None),
        }
    }
    Ok(Some(out))
}

/// Filters by files, or parts of them.
async fn fetch_files(source: &Source, plan: &[Planned]) -> Result<Vec<Vec<u8>>, SourceError> {
    let mut out: Vec<Vec<u8>> = Vec::with_capacity(plan.len());
    while let Some(next) = plan.get(out.len()) {
        let left = plan.len() - out.len();
        let count = u32::try_from(left).unwrap_or(u32::MAX);
        let (first, list) = source.filters(next.id.height, count).await?;
        let skip = usize::try_from(next.id.height - first).unwrap_or(usize::MAX);
        let before = out.len();
        out.extend(list.into_iter().skip(skip).take(left));
        if out.len() == before {
            return Err(SourceError::Moved);
        }
    }
    Ok(out)
}

/// The headers from `from` (or some below it, where only whole files are served) to `top`.
pub(crate) async fn fetch_headers(
    source: &Source,
    from: u32,
    top: u32,
) -> Result<(u32, Vec<Header>), SourceError> {
    let (mut all, mut start, mut next) = (Vec::new(), from, from);
    while next <= top {
        let (first, list) = source.headers(next, top - next + 1).await?;
        if all.is_empty() {
            start = first;
        }
        let fresh = list.get(usize::try_from(next - first).unwrap_or(usize::MAX)..).unwrap_or_default();
        if fresh.is_empty() {
            return Err(SourceError::Moved);
        }
        next = next.saturating_add(u32::try_from(fresh.len()).unwrap_or(u32::MAX));
        all.extend_from_slice(if all.is_empty() { &list } else { fresh });
    }
    let wanted = usize::try_from(top.saturating_add(1).saturating_sub(start)).unwrap_or(usize::MAX);
    all.truncate(wanted);
    Ok((start, all))
}

/// The filter headers from `from` to `to`, exactly.
pub(crate) async fn fetch_filter_headers(
    source: &Source,
    from: u32,
    to: u32,
) -> Result<Vec<FilterHeader>, SourceError> {
    let (mut all, mut next) = (Vec::new(), from);
    while next <= to {
        let (first, list) = source.filter_headers(next, to - next + 1).await?;
        let fresh = list.get(usize::try_from(next - first).unwrap_or(usize::MAX)..).unwrap_or_default();
        if fresh.is_empty() {
            return Err(SourceError::Moved);
        }
        all.extend_from_slice(fresh);
        next = next.saturating_add(u32::try_from(fresh.len()).unwrap_or(u32::MAX));
    }
    all.truncate(usize::try_from(to.saturating_add(1).saturating_sub(from)).unwrap_or(usize::MAX));
    Ok(all)
}
