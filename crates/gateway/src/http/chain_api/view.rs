//! The best chain as bitcoind sees it: hashes by height, the newest block whose filter is there, and bounded caches.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use amplet_protocol::chain::{EXT_MEMPOOL, EXT_RANGE, EXT_WAIT, Status};
use bitcoin::hashes::Hash;
use bitcoin::{BlockHash, Network};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::Probed;
use super::convert::{chain_name, hash_of, malformed, parse, previous, take};
use super::fetch::Fetched;
use super::rpc::{Call, Rpc, RpcError};
use super::source::SourceState;
use super::start::{FileSizes, StartError};
use super::turn::{Lane, Turn};

/// Pause between questions to bitcoind for a new block.
const TICK: Duration = Duration::from_millis(500);
/// The same while it cannot be reached.
const RETRY: Duration = Duration::from_secs(3);
/// Time for which the last tip is served after bitcoind's last answer.
const SERVED_FOR: Duration = Duration::from_secs(120);
/// Blocks below the tip at which nothing is expected to change any more; complete files older than that are immutable.
const SAFE_DEPTH: u32 = 100;
/// Hashes asked for by one request, when the known range is extended downwards.
const HASHES_PER_CALL: u32 = 2_000;

/// The state that is served at an instant.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) height: u32,
    pub(super) hash: BlockHash,
    pub(super) status: Bytes,
}

/// Errors of looking hashes up.
#[derive(Debug, thiserror::Error)]
pub(super) enum ViewError {
    #[error(transparent)]
    Rpc(#[from] RpcError),
    #[error("the chain was reorganised while it was read; ask again")]
    Moved,
}

/// State shared by the handlers.
pub(super) struct View {
    pub(super) rpc: Rpc,
    network: Network,
    sizes: FileSizes,
    heights: RwLock<Heights>,
    /// `Err`: why there is nothing to serve yet.
    published: watch::Sender<Result<Published, String>>,
    pub(super) fetched: Fetched,
    height_turn: Turn,
    /// The reason why nothing new is served, as it was logged last.
    problem: Mutex<Option<String>>,
    /// bitcoind as it was seen last.
    source: Mutex<SourceState>,
}

/// The hashes of a run of heights that ends at the tip.
#[derive(Default)]
struct Heights {
    low: u32,
    hashes: VecDeque<BlockHash>,
}

impl Heights {
    fn get(&self, height: u32) -> Option<BlockHash> {
        let index = usize::try_from(height.checked_sub(self.low)?).ok()?;
        self.hashes.get(index).copied()
    }
}

#[derive(Deserialize)]
struct ChainInfo {
    chain: String,
    blocks: u32,
    #[serde(default)]
    headers: u32,
    /// Of the newest block; old releases of Bitcoin Core have the median only.
    time: Option<u64>,
    mediantime: Option<u64>,
    #[serde(default)]
    initialblockdownload: bool,
    /// Lowest block that is there; absent where all are.
    pruneheight: Option<u32>,
}

#[derive(Deserialize)]
struct IndexState {
    best_block_height: u32,
}

impl View {
    pub(super) fn new(rpc: Rpc, network: Network, sizes: FileSizes) -> Self {
        let starting = Err("the gateway is starting; try again in a moment".to_string());
        Self {
            rpc,
            network,
            sizes,
            heights: RwLock::default(),
            published: watch::Sender::new(starting),
            fetched: Fetched::default(),
            height_turn: Turn::default(),
            problem: Mutex::default(),
            source: Mutex::default(),
        }
    }

    pub(super) fn sizes(&self) -> FileSizes {
        self.sizes
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Result<Published, String>> {
        self.published.subscribe()
    }

    pub(super) fn source_state(&self) -> SourceState {
        self.source().clone()
    }

    fn source(&self) -> MutexGuard<'_, SourceState> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what is served now; else why nothing is.
    pub(super) fn current(&self) -> Result<Published, String> {
        self.published.borrow().clone()
    }

    /// Returns whether what ends at this height will not change any more.
    pub(super) fn is_settled(&self, height: u32, tip: u32) -> bool {
        height.saturating_add(SAFE_DEPTH) <= tip
    }

    /// Follows bitcoind until the last handler is gone.
    pub(super) async fn follow(this: std::sync::Weak<Self>) {
        while let Some(view) = this.upgrade() {
            let pause = match view.tick().await {
                Ok(()) => {
                    view.log_change(None);
                    TICK
                }
                Err(e) => {
                    view.fail(&e);
                    RETRY
                }
            };
            drop(view);
            tokio::time::sleep(pause).await;
        }
    }

    /// Logs the reason why no new block is served, and its end: each once.
    fn log_change(&self, problem: Option<String>) {
        let mut last = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
        match &problem {
            Some(text) if last.as_ref() != Some(text) => tracing::warn!("chain API: {text}; trying again"),
            None if last.is_some() => tracing::info!("chain API: bitcoind answers"),
            _ => {}
        }
        *last = problem;
    }

    /// Reports why nothing new is served. Published data stays for a while, unless it is plainly of another chain: a client must
    /// not take the block of a bitcoind that has died for the newest one.
    fn fail(&self, error: &StartError) {
        self.log_change(Some(error.to_string()));
        self.source().failed(error.to_string());
        let silent = self.source_state().silent_for();
        let wrong = !error.is_passing() || silent.is_none_or(|silent| silent >= SERVED_FOR);
        self.published.send_if_modified(|published| {
            if published.is_ok() && !wrong {
                return false;
            }
            *published = Err(error.to_string());
            true
        });
    }

    /// Asks for the newest block that has a filter, and publishes it when it is another one than before.
    pub(super) async fn tick(&self) -> Result<(), StartError> {
        let _turn = self.height_turn.take(Lane::Own).await;
        let height = self.newest_with_filter().await?;
        let hash = hash_of(&self.rpc.call::<String>("getblockhash", json!([height])).await?)?;
        if self.current().is_ok_and(|p| p.hash == hash) {
            return Ok(());
        }
        self.extend_to(height, hash).await?;
        let filter_header =
            self.fetch_filter_headers(&[hash], false, Lane::Own).await?.pop().unwrap_or_default();
        let header = <[u8; 32]>::try_from(&*filter_header).map_err(|_| malformed("filter header"))?;
        let status = Status {
            chain_genesis_hash: self.genesis().to_string(),
            chain_name: chain_name(self.network).to_string(),
            best_block_height: height,
            best_block_hash: hash.to_string(),
            best_filter_header: bitcoin::hash_types::FilterHeader::from_byte_array(header).to_string(),
            best_filter_height: height,
            all_files_synced: true,
            entries_per_header_file: self.sizes.headers,
            entries_per_filter_file: self.sizes.filters,
            extensions: [EXT_RANGE, EXT_WAIT, EXT_MEMPOOL].map(str::to_string).to_vec(),
        };
        let status = serde_json::to_vec(&status).unwrap_or_default().into();
        self.published.send_modify(|p| *p = Ok(Published { height, hash, status }));
        Ok(())
    }

    /// Asks bitcoind once whether it is of use.
    pub(super) async fn probe(&self) -> Result<Probed, StartError> {
        let filtered = self.newest_with_filter().await?;
        let source = self.source_state();
        Ok(Probed {
            lowest_block: source.lowest_block,
            lacks_filters: source.height.unwrap_or(filtered).saturating_sub(filtered),
            initial_download: source.initial_download && self.network != Network::Regtest,
        })
    }

    fn genesis(&self) -> BlockHash {
        bitcoin::blockdata::constants::genesis_block(self.network).block_hash()
    }

    /// Checks that this bitcoind is of use, and how far its filter index has come.
    async fn newest_with_filter(&self) -> Result<u32, StartError> {
        let calls =
            [("getblockchaininfo", json!([])), ("getindexinfo", json!([])), ("getblockhash", json!([0]))];
        let [info, indexes, genesis] = take(self.rpc.all::<Value>(&calls).await?)?;
        let info: ChainInfo = parse(info)?;
        let genesis = hash_of(genesis.as_str().unwrap_or_default())?;
        if genesis != self.genesis() {
            return Err(StartError::WrongNetwork { found: info.chain, expected: self.network });
        }
        let index = indexes.get("basic block filter index").cloned().ok_or(StartError::NoFilterIndex)?;
        let index: IndexState = parse(index)?;
        let time = info.time.or(info.mediantime);
        let mut source = self.source();
        source.answered(info.blocks, info.headers, time, info.initialblockdownload);
        source.lowest_block = info.pruneheight;
        drop(source);
        Ok(info.blocks.min(index.best_block_height))
    }

    /// Makes the known hashes end with this block, going back over its ancestors to one that is known.
    async fn extend_to(&self, height: u32, hash: BlockHash) -> Result<(), RpcError> {
        let (mut new, mut at, mut height_at) = (Vec::new(), hash, height);
        let lowest = self.read_heights(|h| h.low);
        while self.read_heights(|h| h.get(height_at)) != Some(at) {
            new.push(at);
            // A first start, or a leap: the rest is filled in from below when it is asked for.
            if height_at <= lowest || new.len() >= 2 * HASHES_PER_CALL as usize || self.is_empty() {
                let fresh = Heights { low: height_at, hashes: new.into_iter().rev().collect() };
                *self.heights.write().unwrap_or_else(PoisonError::into_inner) = fresh;
                return Ok(());
            }
            let header = self.fetch_headers(&[at], Lane::Own).await?;
            at = header.first().and_then(|h| previous(h)).ok_or_else(|| malformed("header"))?;
            height_at = height_at.saturating_sub(1);
        }
        let mut heights = self.heights.write().unwrap_or_else(PoisonError::into_inner);
        let keep = usize::try_from(height_at - heights.low).unwrap_or(0).saturating_add(1);
        heights.hashes.truncate(keep);
        heights.hashes.extend(new.into_iter().rev());
        Ok(())
    }

    fn read_heights<T>(&self, read: impl FnOnce(&Heights) -> T) -> T {
        read(&self.heights.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_empty(&self) -> bool {
        self.read_heights(|h| h.hashes.is_empty())
    }

    /// The hashes from `from` to `to`, all of one chain.
    pub(super) async fn hashes(&self, from: u32, to: u32, lane: Lane) -> Result<Vec<BlockHash>, ViewError> {
        // Whoever asks for what is known does not wait for who does not.
        let known =
            || self.read_heights(|h| (from..=to).map(|height| h.get(height)).collect::<Option<Vec<_>>>());
        if let Some(known) = known() {
            return Ok(known);
        }
        loop {
            // For one batch each: a stranger who asks for the first blocks does not hold up the newest one.
            let _turn = self.height_turn.take(lane).await;
            if !self.read_heights(|h| from < h.low) {
                return known().ok_or(ViewError::Moved);
            }
            self.extend_down(lane).await?;
        }
    }

    /// Adds hashes below the lowest known one, after making sure that this is still on bitcoind's chain.
    async fn extend_down(&self, lane: Lane) -> Result<(), ViewError> {
        let (low, lowest) = self.read_heights(|h| (h.low, h.get(h.low)));
        let start = low.saturating_sub(HASHES_PER_CALL);
        let calls: Vec<Call> = (start..=low).map(|height| ("getblockhash", json!([height]))).collect();
        let hashes = self.rpc.on(lane).all::<String>(&calls).await?;
        let mut hashes: Vec<BlockHash> = hashes.iter().map(|text| hash_of(text)).collect::<Result<_, _>>()?;
        let mut heights = self.heights.write().unwrap_or_else(PoisonError::into_inner);
        if hashes.pop() != lowest || heights.low != low {
            // A reorganisation beyond what is known: start over from the tip.
            let tip = heights
                .low
                .saturating_add(u32::try_from(heights.hashes.len()).unwrap_or(0))
                .saturating_sub(1);
            let newest = heights.hashes.back().copied();
            *heights = Heights { low: tip, hashes: newest.into_iter().collect() };
            return Err(ViewError::Moved);
        }
        hashes.into_iter().rev().for_each(|hash| heights.hashes.push_front(hash));
        heights.low = start;
        Ok(())
    }
}
