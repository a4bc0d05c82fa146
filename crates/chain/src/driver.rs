//! The light client: sources, headers and what is in doubt, put together. What it does is in `poll`, `bring`, `fetch`,
//! `dispute` and `broadcast`.

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
use crate::dispute::Dispute;
use crate::gather::gather;
use crate::headers::HeaderChain;
use crate::source::Source;
use crate::trust::report;
use crate::{
    BlockId, ChainError, Checkpoint, FeeEstimates, Position, SourceError, SourceState, Tip, Trust, fees,
    persist,
};

/// The light client. Everything takes `&self`; nothing of what it holds is borrowed across an await.
pub struct Chain {
    pub(crate) platform: Rc<dyn Platform>,
    pub(crate) sources: Vec<Source>,
    pub(crate) headers: RefCell<HeaderChain>,
    pub(crate) disputes: RefCell<Vec<Dispute>>,
    pub(crate) cache: RefCell<Cache>,
    pub(crate) polling: Mutex<()>,
    /// Above this block what was connected must be gone through again; kept until somebody does.
    pub(crate) doubt: Cell<Option<BlockId>>,
}

impl Chain {
    /// Loads what was staged before; no network is needed. `sources` are base URLs of block-dn servers or gateways, the
    /// preferred first. Without a `checkpoint` the release's own is taken ([`Checkpoint::of`]); a stored chain keeps the
    /// one it was begun with.
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
        Ok(Self {
            platform,
            sources,
            headers: RefCell::new(headers),
            disputes: RefCell::default(),
            cache: RefCell::default(),
            polling: Mutex::default(),
            doubt: Cell::default(),
        })
    }

    /// The network.
    pub fn network(&self) -> Network {
        self.headers.borrow().network()
    }

    /// The newest block known; nothing is asked.
    pub fn tip(&self) -> Tip {
        self.headers.borrow().tip()
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

    /// Stages what changed since the last call under `chain/`; the caller commits the batch (and retries it, the same one,
    /// when that fails). Nothing is staged when nothing changed.
    pub fn stage(&self, batch: &mut Batch) {
        persist::stage(&mut self.headers.borrow_mut(), batch);
    }

    /// Waits until some source shows another tip than at the last poll, `limit` at most: by a request that the server keeps
    /// until then, where it can, by asking every `interval` otherwise. `true`: poll now.
    pub async fn changed(&self, interval: Duration, limit: Duration) -> bool {
        let watching = std::pin::pin!(self.watch_tip(interval));
        matches!(select(watching, self.platform.sleep(limit)).await, Either::Left(_))
    }

    async fn watch_tip(&self, interval: Duration) {
        loop {
            let asked = self.platform.monotonic();
            if let Some(source) = self.by_usage().into_iter().find(|s| !s.is_refuted()) {
                let seen = source.seen();
                let waits = source.last_status().is_some_and(|s| s.waits);
                let status = source.status(self.network(), seen.filter(|_| waits)).await;
                if status.is_ok_and(|s| Some(s.hash) != seen) {
                    return;
                }
            }
            let took = self.platform.monotonic().saturating_sub(asked);
            self.platform.sleep(interval.saturating_sub(took)).await;
        }
    }

    /// Fee rates, the median over the sources. Empty when the servers know nothing yet.
    ///
    /// # Errors
    /// [`ChainError::Sources`] when no source answered.
    pub async fn fees(&self) -> Result<FeeEstimates, ChainError> {
        let answers =
            gather(&*self.platform, self.sources.iter().map(fees::from_source), Result::is_ok).await;
        let (mut good, mut failures) = (Vec::new(), Vec::new());
        for (source, answer) in self.sources.iter().zip(answers) {
            match answer.unwrap_or(Err(SourceError::Late)) {
                Ok(estimates) => good.push(estimates),
                Err(e) => failures.push((source.url().to_string(), e)),
            }
        }
        match good.is_empty() {
            true => Err(ChainError::Sources(failures)),
            false => Ok(fees::median(&good)),
        }
    }

    /// What has to be believed of the chain in use.
    pub fn trust(&self) -> Trust {
        report(&self.sources, self.has_disputes())
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

    /// The sources, those in good usage first, otherwise as configured.
    pub(crate) fn by_usage(&self) -> Vec<&Source> {
        let mut sources: Vec<&Source> = self.sources.iter().collect();
        sources.sort_by_key(|s| match s.state() {
            SourceState::Agrees => 0,
            SourceState::Unknown | SourceState::Behind => 1,
            SourceState::FiltersDispute { .. } => 2,
            SourceState::OtherChain => 3,
            SourceState::Failed { .. } => 4,
            SourceState::Lied { .. } => 5,
        });
        sources
    }

    /// The wall clock, in seconds since the UNIX epoch.
    pub(crate) fn now(&self) -> u64 {
        self.platform.now().as_secs()
    }
}
