//! Polling: new headers and filter headers from all sources, and the decision between them.

use std::pin::pin;
use std::time::Duration;

use amplet_transport::FetchError;
use bitcoin::BlockHash;
use bitcoin::block::Header;
use bitcoin::hash_types::FilterHeader;
use futures::StreamExt;
use futures::future::{Either, select};
use futures::stream::FuturesUnordered;

use crate::client::Chain;
use crate::fetch::{fetch_filter_headers, fetch_headers};
use crate::filters::header_of;
use crate::gather::gather;
use crate::headers::Branch;
use crate::source::Source;
use crate::wire::SourceStatus;
use crate::{BlockId, ChainError, HeaderError, Poll, SourceError, SourceState, TipChange};

/// Blocks below the tip where the fork point of a new branch is looked for first; 16 times more at each further try.
const FIRST_STEP_BACK: u32 = 6;
/// Maximum number of new blocks to fetch one by one, rather than as a file of megabytes, from servers of whole files only.
const FEW_BLOCKS: u32 = 4;
/// Time limit for a source's headers while no other has delivered any (a first synchronisation fetches megabytes).
const LONE_LIMIT: Duration = Duration::from_secs(600);
/// Time that a source has alone before the next one is asked as well.
const HEAD_START: Duration = Duration::from_secs(10);
/// Time that the others have left once one source has delivered.
const FURTHER_LIMIT: Duration = Duration::from_secs(20);
/// Attempts to follow a source while other sources extend the chain meanwhile.
const OVERTAKEN: u32 = 3;

impl Chain {
    /// Fetches and verifies new headers and filter headers from all sources. The chain with the most work wins; filter
    /// headers of all sources are compared, and where they differ the blocks concerned are fetched whole.
    ///
    /// # Errors
    /// [`ChainError::Sources`] when no source could be reached. What is known stays in use.
    pub async fn poll(&self) -> Result<Poll, ChainError> {
        self.poll_after(None).await
    }

    /// Polls as [`poll`](Self::poll) does, without another status request to the source that reported `change`.
    ///
    /// # Errors
    /// As [`poll`](Self::poll).
    pub async fn poll_after(&self, change: Option<&TipChange>) -> Result<Poll, ChainError> {
        let _one_at_a_time = self.polling.lock().await;
        let old = self.tip();
        let statuses = self.request_statuses(change).await?;
        let Followed { fork, sources: followed, failures } = self.follow_all(statuses).await;
        if followed.is_empty() {
            return Err(ChainError::Sources(failures));
        }
        if let Some(fork) = fork {
            self.forget_looked_through_above(fork.height);
        }
        let contradicted = self.compare(&followed).await;
        // Blocks above the old tip have not been connected: there is nothing to look through again.
        if let Some(first) = contradicted.filter(|first| *first <= old.height) {
            self.ask_rescan(first);
        }
        // A later source's chain may have led back to the old tip.
        let fork = fork.filter(|_| !self.headers.borrow().contains(old.id()));
        if self.tip().hash != old.hash {
            self.tip_changed_at.set(self.platform.monotonic());
        }
        Ok(Poll { old, new: self.tip(), fork })
    }

    /// Follows the sources in their order. None withholds the others' blocks by being slow: the next one is asked after
    /// [`HEAD_START`], and once one has delivered, all others have [`FURTHER_LIMIT`] left.
    async fn follow_all<'a>(&'a self, statuses: Vec<(&'a Source, SourceStatus)>) -> Followed<'a> {
        let mut results: Vec<Option<Result<Option<BlockId>, SourceError>>> =
            statuses.iter().map(|_| None).collect();
        let mut waiting = statuses.iter().enumerate();
        let mut running = FuturesUnordered::new();
        let (mut turn, mut delivered) = (true, false);
        let mut timer = self.platform.sleep(HEAD_START);
        loop {
            while turn || delivered || running.is_empty() {
                let Some((n, (source, status))) = waiting.next() else { break };
                let follow = self.within(LONE_LIMIT, source, self.follow(source, status));
                running.push(async move { (n, follow.await) });
                turn = false;
            }
            match select(running.next(), &mut timer).await {
                Either::Left((Some((n, result)), _)) => {
                    turn = result.is_err();
                    if result.is_ok() && !delivered {
                        delivered = true;
                        timer = self.platform.sleep(FURTHER_LIMIT);
                    }
                    if let Some(slot) = results.get_mut(n) {
                        *slot = Some(result);
                    }
                }
                Either::Right(_) if !delivered => {
                    turn = true;
                    timer = self.platform.sleep(HEAD_START);
                }
                // All have ended, or the others' time is over.
                Either::Left((None, _)) | Either::Right(_) => break,
            }
        }
        drop(running);
        let mut out = Followed::default();
        for ((source, status), result) in statuses.into_iter().zip(results) {
            match result.unwrap_or_else(|| Err(late(source, FURTHER_LIMIT))) {
                Ok(gone) => {
                    out.fork = [out.fork, gone].into_iter().flatten().min_by_key(|id| id.height);
                    out.sources.push((source, status));
                }
                Err(error) => {
                    source.record_failure(&error);
                    out.failures.push((source.url().to_string(), error));
                }
            }
        }
        out
    }

    /// Gives up on a source after `limit`.
    async fn within<T>(
        &self,
        limit: Duration,
        source: &Source,
        task: impl Future<Output = Result<T, SourceError>>,
    ) -> Result<T, SourceError> {
        match select(pin!(task), self.platform.sleep(limit)).await {
            Either::Left((result, _)) => result,
            Either::Right(_) => Err(late(source, limit)),
        }
    }

    /// The statuses of all sources that respond, those in good standing first; an error when none does.
    async fn request_statuses(
        &self,
        change: Option<&TipChange>,
    ) -> Result<Vec<(&Source, SourceStatus)>, ChainError> {
        let (usable, banned): (Vec<&Source>, Vec<_>) =
            self.by_standing().into_iter().partition(|s| !s.is_banned());
        let tasks = usable.iter().map(|source| async move {
            let reported = change.filter(|change| change.url == source.url());
            // A second request would return the same, a round trip later.
            match reported.and_then(|_| source.last_status()) {
                Some(status) => Ok(status),
                None => source.status(self.network(), None).await,
            }
        });
        let results = gather(&*self.platform, tasks, Result::is_ok).await;
        let (mut good, mut failures) = (Vec::new(), Vec::new());
        for (source, result) in usable.into_iter().zip(results) {
            match result.unwrap_or(Err(SourceError::Late)) {
                Ok(status) => {
                    source.set_polled_tip(status.hash);
                    good.push((source, status));
                }
                Err(e) => {
                    source.record_failure(&e);
                    failures.push((source.url().to_string(), e));
                }
            }
        }
        if good.is_empty() {
            failures.extend(banned.iter().map(|s| (s.url().to_string(), SourceError::Distrusted)));
            return Err(ChainError::Sources(failures));
        }
        Ok(good)
    }

    /// Adopts a source's chain when it has more work than ours. Returns the fork point when blocks left our chain.
    async fn follow(&self, source: &Source, status: &SourceStatus) -> Result<Option<BlockId>, SourceError> {
        for _ in 0..OVERTAKEN {
            if self.headers.borrow().contains(BlockId { hash: status.hash, height: status.height }) {
                return Ok(None);
            }
            if let Adoption::Done(gone) = self.adopt(source, status).await? {
                return Ok(gone);
            }
        }
        Err(SourceError::Moved)
    }

    /// One attempt at [`follow`](Self::follow).
    async fn adopt(&self, source: &Source, status: &SourceStatus) -> Result<Adoption, SourceError> {
        let before = self.tip();
        self.learn_base(source).await?;
        let branch = self.branch(source, status).await?;
        let (fork, count) = (branch.fork(), u32::try_from(branch.len()).unwrap_or(u32::MAX));
        // With equal work the chain seen first stays, as in Bitcoin Core.
        if branch.work().is_none_or(|work| work <= self.headers.borrow().work()) {
            return Ok(Adoption::Done(None));
        }
        let top = fork.saturating_add(count);
        let hashes = branch.hashes();
        let filter_headers = self.filter_headers_of(source, status, fork, &hashes, top).await?;
        // Another source's blocks may have been adopted meanwhile: the branch was verified against others.
        if self.tip() != before {
            return Ok(Adoption::Overtaken);
        }
        Ok(Adoption::Done(self.headers.borrow_mut().adopt(branch, &filter_headers)))
    }

    /// Takes the filter header of a checkpoint that came without one from the source whose blocks will be above it.
    async fn learn_base(&self, source: &Source) -> Result<(), SourceError> {
        let (base, known) = {
            let chain = self.headers.borrow();
            (chain.base().height, chain.base().filter_header.is_some())
        };
        if !known {
            let found = fetch_filter_headers(source, base, base).await?;
            let found = found.first().ok_or(SourceError::Moved)?;
            self.headers.borrow_mut().learn_base(*found);
        }
        Ok(())
    }

    /// Fetches and verifies a source's headers beyond the blocks it shares with us, up to the newest with a filter.
    async fn branch(&self, source: &Source, status: &SourceStatus) -> Result<Branch, SourceError> {
        let top = status.height.min(status.filter_height);
        let (ours, base) = (self.tip().height, self.headers.borrow().base().height);
        if top < base {
            return Err(SourceError::Syncing { height: top, checkpoint: base });
        }
        if !status.ranges
            && top == status.height
            && let Some(branch) = self.branch_by_blocks(source, status, ours).await?
        {
            return Ok(branch);
        }
        let mut back = FIRST_STEP_BACK;
        loop {
            let from = ours.min(top).saturating_sub(back).max(base.saturating_add(1));
            let (first, headers) = fetch_headers(source, from, top).await?;
            let complete = headers.last().map(Header::block_hash) == Some(status.hash);
            // The headers must end with the block that the status named, or its chain changed in between.
            if top == status.height && top >= from && !complete {
                return Err(SourceError::Moved);
            }
            if let Some(branch) = self.connect(first, &headers)? {
                return Ok(branch);
            }
            if from <= base.saturating_add(1) {
                return Err(HeaderError::BelowCheckpoint { checkpoint: base }.into());
            }
            back = back.saturating_mul(16);
        }
    }

    /// Follows a tip a few blocks ahead by fetching those blocks, which will be needed anyway. `None`: too far ahead, use files.
    async fn branch_by_blocks(
        &self,
        source: &Source,
        status: &SourceStatus,
        ours: u32,
    ) -> Result<Option<Branch>, SourceError> {
        if !(1..=FEW_BLOCKS).contains(&status.height.saturating_sub(ours)) {
            return Ok(None);
        }
        let (mut headers, mut hash, mut height) = (Vec::new(), status.hash, status.height);
        while !self.headers.borrow().contains(BlockId { hash, height }) {
            // No shared block within reach: a deep reorganisation, for which files are cheaper.
            if headers.len() > 2 * FEW_BLOCKS as usize || height == 0 {
                return Ok(None);
            }
            let block = source.block(hash, None).await?;
            headers.push(block.header);
            self.cache.borrow_mut().put_block(block);
            hash = headers.last().map_or(hash, |h| h.prev_blockhash);
            height -= 1;
        }
        headers.reverse();
        Ok(Some(self.headers.borrow().verify(height, &headers, self.now())?))
    }

    /// Finds the fork point of a run of headers and verifies it from there. `None`: it is not attached to our chain.
    fn connect(&self, first: u32, headers: &[Header]) -> Result<Option<Branch>, SourceError> {
        let chain = self.headers.borrow();
        let on_ours = |(height, hash): (u32, BlockHash)| chain.contains(BlockId { hash, height });
        let shared = (first..)
            .zip(headers)
            .take_while(|(height, h)| *height < chain.base().height || on_ours((*height, h.block_hash())));
        let shared = shared.count();
        let next = first.saturating_add(u32::try_from(shared).unwrap_or(u32::MAX));
        let Some(fork) = next.checked_sub(1) else { return Ok(None) };
        match headers.get(shared) {
            // Every one of them is ours: the source is behind.
            None if shared > 0 => {}
            Some(new) if on_ours((fork, new.prev_blockhash)) => {}
            _ => return Ok(None),
        }
        let new = headers.get(shared..).unwrap_or_default();
        Ok(Some(chain.verify(fork, new, self.now())?))
    }

    /// The filter headers of the blocks above `fork` up to `top`, whose hashes are `hashes`.
    async fn filter_headers_of(
        &self,
        source: &Source,
        status: &SourceStatus,
        fork: u32,
        hashes: &[BlockHash],
        top: u32,
    ) -> Result<Vec<FilterHeader>, SourceError> {
        let few = hashes.len() <= 2 * FEW_BLOCKS as usize;
        let found = match !status.ranges && few {
            true => self.filter_headers_by_filters(source, fork, hashes).await?,
            false => None,
        };
        let found = match found {
            Some(found) => found,
            None => fetch_filter_headers(source, fork.saturating_add(1), top).await?,
        };
        if top == status.height && found.last() != Some(&status.filter_header) {
            return Err(SourceError::Moved);
        }
        Ok(found)
    }

    /// Computes filter headers from the filters themselves, which will be needed anyway. `None`: the server serves no
    /// single filters.
    async fn filter_headers_by_filters(
        &self,
        source: &Source,
        fork: u32,
        hashes: &[BlockHash],
    ) -> Result<Option<Vec<FilterHeader>>, SourceError> {
        let Some(mut previous) = self.headers.borrow().entry(fork).map(|e| e.filter_header) else {
            return Err(SourceError::Moved);
        };
        let mut out = Vec::with_capacity(hashes.len());
        for (height, hash) in (fork.saturating_add(1)..).zip(hashes) {
            let Some(filter) = source.single_filter(height).await? else { return Ok(None) };
            previous = header_of(&filter, &previous);
            out.push(previous);
            self.cache.borrow_mut().put_filter(*hash, filter);
        }
        Ok(Some(out))
    }

    /// Compares each source's filter header with ours, resolves differences, and records the sources' states. Returns the lowest
    /// block to be looked through again.
    async fn compare(&self, statuses: &[(&Source, SourceStatus)]) -> Option<u32> {
        let mut contradicted: Option<u32> = None;
        for (source, status) in statuses {
            let (tip, ours) = (self.tip(), self.headers.borrow().entry(status.height).copied());
            let Some(ours) = ours.filter(|e| e.hash == status.hash) else {
                source.set_state(match status.height > tip.height {
                    // Its newest blocks have no filter yet: it is the one we follow.
                    true => SourceState::Agrees,
                    false => SourceState::OtherChain,
                });
                continue;
            };
            if ours.filter_header == status.filter_header {
                self.conflicts.borrow_mut().retain(|d| d.url != source.url());
                source.set_state(match status.height.saturating_add(1) >= tip.height {
                    true => SourceState::Agrees,
                    false => SourceState::Behind,
                });
                continue;
            }
            match self.within(FURTHER_LIMIT, source, self.resolve(source, status.height)).await {
                Ok(Some(found)) => contradicted = Some(contradicted.map_or(found, |c| c.min(found))),
                Ok(None) => {}
                Err(e) => source.record_failure(&e),
            }
        }
        contradicted
    }
}

/// The sources that delivered, those that did not, and the fork point when blocks left our chain.
#[derive(Default)]
struct Followed<'a> {
    fork: Option<BlockId>,
    sources: Vec<(&'a Source, SourceStatus)>,
    failures: Vec<(String, SourceError)>,
}

/// The end of an attempt to adopt a chain.
enum Adoption {
    /// Adopted, or not better than ours; the fork point when blocks left our chain.
    Done(Option<BlockId>),
    /// Our chain changed meanwhile.
    Overtaken,
}

fn late(source: &Source, after: Duration) -> SourceError {
    FetchError::Timeout { url: source.url().to_string(), after }.into()
}
