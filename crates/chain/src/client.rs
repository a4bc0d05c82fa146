//! The light client: sources, headers and conflicts between the sources. Its operations are in `poll`, `sync`, `fetch`, `resolve`
//! and `broadcast`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use amplet_storage::{Batch, Store};
use amplet_transport::Platform;
use bitcoin::block::Header;
use bitcoin::{Block, BlockHash, Network};
use futures::future::{Either, select};
use futures::lock::Mutex;

use crate::cache::Cache;
use crate::conflict::Conflict;
use crate::gather::gather;
use crate::headers::HeaderChain;
use crate::marks::Rescans;
use crate::paid::PaidRates;
use crate::source::Source;
use crate::trust::report;
use crate::{
    BlockId, ChainError, Checkpoint, FeeEstimates, Position, SourceError, SourceState, Tip, TipChange, Trust,
    fees, persist,
};

/// The light client. All methods take `&self`; no `RefCell` is borrowed across an await.
pub struct Chain {
    pub(crate) platform: Rc<dyn Platform>,
    pub(crate) sources: Vec<Source>,
    pub(crate) headers: RefCell<HeaderChain>,
    pub(crate) conflicts: RefCell<Vec<Conflict>>,
    pub(crate) cache: RefCell<Cache>,
    pub(crate) paid: RefCell<PaidRates>,
    /// Monotonic time at which the tip last changed, or the chain was opened.
    pub(crate) tip_changed_at: Cell<Duration>,
    pub(crate) polling: Mutex<()>,
    pub(crate) rescans: RefCell<Rescans>,
}

impl Chain {
    /// Loads what was staged before; no network is needed. `sources` are base URLs of block-dn servers or gateways, the
    /// preferred first. Without a `checkpoint` the release's own is used ([`Checkpoint::of`]); a stored chain keeps the
    /// one it started from.
    ///
    /// # Errors
    /// [`ChainError::NoSources`], [`ChainError::BadUrl`], [`ChainError::BadCheckpoint`], [`ChainError::OtherNetwork`],
    /// [`ChainError::NewerFormat`], [`ChainError::Store`].
    pub async fn open(
        platform: Rc<dyn Platform>,
        network: Network,
        sources: Vec<String>,
        store: &dyn Store,
        checkpoint: Option<Checkpoint>,
    ) -> Result<Self, ChainError> {
        if sources.is_empty() {
            return Err(ChainError::NoSources);
        }
        let sources =
            sources.iter().map(|url| Source::new(platform.clone(), url)).collect::<Result<_, _>>()?;
        let checkpoint = checkpoint.unwrap_or_else(|| Checkpoint::of(network));
        checkpoint.check(network)?;
        let stored = persist::load(store, network).await?;
        let headers = stored.unwrap_or_else(|| HeaderChain::new(network, checkpoint));
        let tip_changed_at = Cell::new(platform.monotonic());
        Ok(Self {
            platform,
            sources,
            headers: RefCell::new(headers),
            conflicts: RefCell::default(),
            cache: RefCell::default(),
            paid: RefCell::default(),
            tip_changed_at,
            polling: Mutex::default(),
            rescans: RefCell::new(Rescans::load(store).await?),
        })
    }

    /// The network.
    pub fn network(&self) -> Network {
        self.headers.borrow().network()
    }

    /// The newest block known, without a request.
    pub fn tip(&self) -> Tip {
        self.headers.borrow().tip()
    }

    /// Age of the newest block known: by its header's time and this device's clock, or, where that clock may be slow, by the
    /// time for which nothing newer has come, whichever is longer.
    pub fn tip_age(&self) -> Duration {
        let by_clock = self.now().saturating_sub(u64::from(self.tip().time));
        let without_news = self.platform.monotonic().saturating_sub(self.tip_changed_at.get());
        without_news.max(Duration::from_secs(by_clock))
    }

    /// The block that verification starts from: the lowest one known.
    pub fn base(&self) -> BlockId {
        let chain = self.headers.borrow();
        BlockId { hash: chain.base().header.block_hash(), height: chain.base().height }
    }

    /// The position of a block of the best chain; `None` when it is not on it.
    pub fn position(&self, hash: &BlockHash) -> Option<Position> {
        let chain = self.headers.borrow();
        chain.position(chain.height_of(hash)?)
    }

    /// The position at a height, to start a wallet from its birthday: at the checkpoint when that is higher, at the tip when
    /// that is lower.
    pub fn position_at(&self, height: u32) -> Position {
        let chain = self.headers.borrow();
        let height = height.clamp(chain.base().height, chain.height());
        let tip = chain.tip();
        // A height between checkpoint and tip always has an entry.
        chain.position(height).unwrap_or(Position {
            hash: tip.hash,
            height: tip.height,
            previous: Vec::new(),
        })
    }

    /// The header at a height of the best chain, from the checkpoint to the tip.
    pub fn header_at(&self, height: u32) -> Option<Header> {
        self.headers.borrow().entry(height).map(|e| e.header)
    }

    /// The height of a block of the best chain.
    pub fn height_of(&self, hash: &BlockHash) -> Option<u32> {
        self.headers.borrow().height_of(hash)
    }

    /// A block of the best chain as a [`Checkpoint`]: at the highest multiple of 2016 not above `height`. `None` below the
    /// chain's own checkpoint.
    pub fn checkpoint_at(&self, height: u32) -> Option<Checkpoint> {
        let chain = self.headers.borrow();
        let height = height.min(chain.height());
        let height = height - height % crate::rules::PERIOD;
        let entry = chain.entry(height)?;
        let known = height > chain.base().height || chain.base().filter_header.is_some();
        let (header, work, filter_header) =
            (entry.header, entry.work, Some(entry.filter_header).filter(|_| known));
        Some(Checkpoint { height, header, work, filter_header })
    }

    /// Stages what changed since the last call under `chain/`; the caller commits the batch (and retries the same batch when
    /// that fails). Nothing is staged when nothing changed.
    pub fn stage(&self, batch: &mut Batch) {
        persist::stage(&mut self.headers.borrow_mut(), batch);
        self.stage_rescans(batch);
    }

    /// Waits, for at most `limit`, until a source reports another tip than at the last poll: by long poll where the server can, by
    /// a request every `interval` otherwise. Returns what to give to [`poll_after`](Self::poll_after), `None` at the limit.
    pub async fn changed(&self, interval: Duration, limit: Duration) -> Option<TipChange> {
        let watching = std::pin::pin!(self.watch_tip(interval));
        match select(watching, self.platform.sleep(limit)).await {
            Either::Left((change, _)) => Some(change),
            Either::Right(_) => None,
        }
    }

    async fn watch_tip(&self, interval: Duration) -> TipChange {
        loop {
            let asked = self.platform.monotonic();
            // One source is enough: the poll that follows asks them all.
            if let Some(source) = self.by_standing().into_iter().find(|s| !s.is_banned()) {
                let seen = source.polled_tip();
                let waits = source.last_status().is_some_and(|s| s.waits);
                let status = source.status(self.network(), seen.filter(|_| waits)).await;
                if status.is_ok_and(|s| Some(s.hash) != seen) {
                    return TipChange { url: source.url().to_string() };
                }
            }
            // A long poll has waited already; a server that responds at once must not be asked in a loop.
            let took = self.platform.monotonic().saturating_sub(asked);
            self.platform.sleep(interval.saturating_sub(took)).await;
        }
    }

    /// Fee rates: for each target the middle one of the operators', of two the lower, bounded by what recent blocks paid, as
    /// far as that is known here. The newest block is fetched when the rates are higher than that bears out. Empty when the
    /// servers have no estimate yet.
    ///
    /// # Errors
    /// [`ChainError::Sources`] when no source responded.
    pub async fn fees(&self) -> Result<FeeEstimates, ChainError> {
        let results =
            gather(&*self.platform, self.sources.iter().map(fees::from_source), Result::is_ok).await;
        let (mut good, mut failures) = (Vec::new(), Vec::new());
        for (source, result) in self.sources.iter().zip(results) {
            match result.unwrap_or(Err(SourceError::Late)) {
                Ok(estimates) => good.push((source.operator(), estimates)),
                Err(e) => failures.push((source.url().to_string(), e)),
            }
        }
        if good.is_empty() {
            return Err(ChainError::Sources(failures));
        }
        let estimates = fees::combine(good);
        let tip = self.tip();
        let doubtful = |highest| self.paid.borrow().is_doubtful(highest, tip.height);
        if estimates.highest().is_some_and(doubtful)
            && let Err(error) = self.block(&tip.hash).await
        {
            log::debug!("the newest block could not be asked about fee rates: {error}");
        }
        let paid = self.paid.borrow();
        Ok(estimates.bounded(paid.floor(tip.height), paid.cap(tip.height)))
    }

    /// Reports what has to be trusted about the chain in use.
    pub fn trust(&self) -> Trust {
        report(&self.sources, self.has_conflicts())
    }

    /// A whole block of the best chain, checked.
    ///
    /// # Errors
    /// [`ChainError::NotOnChain`] for any other block; [`ChainError::Sources`] when no source has it.
    pub async fn block(&self, hash: &BlockHash) -> Result<Block, ChainError> {
        let height = self.height_of(hash);
        let header = height.and_then(|h| self.header_at(h));
        match header {
            Some(header) => self.fetch_block(*hash, &header).await,
            None => Err(ChainError::NotOnChain { hash: *hash, height: height.unwrap_or(0) }),
        }
    }

    /// The sources, those in good standing first, otherwise as configured.
    pub(crate) fn by_standing(&self) -> Vec<&Source> {
        let mut sources: Vec<&Source> = self.sources.iter().collect();
        sources.sort_by_key(|s| match s.state() {
            SourceState::Agrees => 0,
            SourceState::Unknown | SourceState::Behind => 1,
            SourceState::FiltersConflict { .. } => 2,
            SourceState::OtherChain => 3,
            SourceState::Failed { .. } => 4,
            SourceState::Misbehaving { .. } => 5,
        });
        sources
    }

    /// The wall clock, in seconds since the UNIX epoch.
    pub(crate) fn now(&self) -> u64 {
        self.platform.now().as_secs()
    }
}
