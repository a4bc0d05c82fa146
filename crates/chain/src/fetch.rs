//! Filters and blocks of the best chain, from whichever source can give what fits the headers.

use std::future::Future;

use bitcoin::block::Header;
use bitcoin::hash_types::FilterHeader;
use bitcoin::{Block, BlockHash};
use futures::StreamExt;
use futures::stream;

use crate::driver::Chain;
use crate::filters::header_of;
use crate::source::Source;
use crate::{BlockId, ChainError, SourceError};

/// Where only whole files are served, up to so many filters are fetched one by one.
const MAX_SINGLES: usize = 24;
/// Single filters under way at once.
const PARALLEL: usize = 4;

/// A block of the best chain and what its filter must fit, as they were when the fetch was planned.
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
        if let Some(block) = known {
            return Ok(block);
        }
        let block = self.any_source(|source| source.block(hash, Some(header))).await?;
        self.cache.borrow_mut().put_block(block.clone());
        Ok(block)
    }

    /// Asks the sources one after the other, those in good usage first, until one succeeds.
    async fn any_source<'a, T, F>(&'a self, ask: impl Fn(&'a Source) -> F) -> Result<T, ChainError>
    where
        F: Future<Output = Result<T, SourceError>> + 'a,
    {
        let mut failures = Vec::new();
        for source in self.by_usage() {
            if source.is_refuted() {
                failures.push((source.url().to_string(), SourceError::Distrusted));
                continue;
            }
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
                    source.note(&e);
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

/// One by one. `None`: the server has no such endpoint.
async fn fetch_singles(source: &Source, plan: &[Planned]) -> Result<Option<Vec<Vec<u8>>>, SourceError> {
    let mut answers = stream::iter(plan).map(|p| source.single_filter(p.id.height)).buffered(PARALLEL);
    let mut out = Vec::with_capacity(plan.len());
    while let Some(answer) = answers.next().await {
        match answer? {
            Some(filter) => out.push(filter),
            None => return Ok(None),
        }
    }
    Ok(Some(out))
}

/// By files, or parts of them.
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
