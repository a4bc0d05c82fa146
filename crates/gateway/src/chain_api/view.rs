//! The best chain as bitcoind sees it: hashes by height, the newest block whose filter is there, and bounded caches.

use std::collections::{HashMap, VecDeque};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use amplet_protocol::chain::{EXT_RANGE, EXT_WAIT, Status};
use bitcoin::hashes::Hash;
use bitcoin::hex::FromHex;
use bitcoin::{BlockHash, Network};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Mutex as AsyncMutex, watch};

use super::cache::Cache;
use super::rpc::{Call, Rpc, RpcError};
use super::send::FeeCache;
use super::{FileSizes, StartError};

/// How often bitcoind is asked for a new block.
const TICK: Duration = Duration::from_millis(500);
/// How often while it cannot be reached.
const RETRY: Duration = Duration::from_secs(3);
/// Blocks below the tip at which nothing is expected to change any more; complete files older than that are immutable.
const SAFE_DEPTH: u32 = 100;
/// Hashes asked for by one request, when the known range is extended downwards.
const HASHES_PER_CALL: u32 = 2_000;
/// Headers asked for by one request.
pub(super) const HEADERS_PER_CALL: usize = 1_000;
/// Filters asked for by one request: about 11 MB of hex on mainnet.
pub(super) const FILTERS_PER_CALL: usize = 200;
const MAX_HEADERS: usize = 250_000;
const MAX_FILTER_BYTES: usize = 192 << 20;

/// What is served at an instant.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) height: u32,
    pub(super) hash: BlockHash,
    pub(super) status: Bytes,
}

/// Why hashes cannot be given.
#[derive(Debug, thiserror::Error)]
pub(super) enum ViewError {
    #[error(transparent)]
    Rpc(#[from] RpcError),
    #[error("the chain was reorganised while it was read; ask again")]
    Moved,
}

/// State shared by the handlers.
pub(super) struct View {
    rpc: Rpc,
    network: Network,
    sizes: FileSizes,
    heights: RwLock<Heights>,
    /// `Err`: why there is nothing to serve yet.
    published: watch::Sender<Result<Published, String>>,
    headers: Cache,
    filter_headers: Cache,
    filters: Cache,
    /// One request of a kind at a time: whoever asks for the same finds it in the cache afterwards. Fair, so a long file does
    /// not hold up short ones for more than one batch.
    header_turn: AsyncMutex<()>,
    filter_turn: AsyncMutex<()>,
    height_turn: AsyncMutex<()>,
    fees: FeeCache,
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
}

#[derive(Deserialize)]
struct IndexState {
    best_block_height: u32,
}

#[derive(Deserialize)]
struct FilterAnswer {
    filter: String,
    header: String,
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
            headers: Cache::new(MAX_HEADERS, usize::MAX),
            filter_headers: Cache::new(MAX_HEADERS, usize::MAX),
            filters: Cache::new(usize::MAX, MAX_FILTER_BYTES),
            header_turn: AsyncMutex::default(),
            filter_turn: AsyncMutex::default(),
            height_turn: AsyncMutex::default(),
            fees: FeeCache::default(),
        }
    }

    pub(super) fn rpc(&self) -> &Rpc {
        &self.rpc
    }

    pub(super) fn fees(&self) -> &FeeCache {
        &self.fees
    }

    pub(super) fn sizes(&self) -> FileSizes {
        self.sizes
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Result<Published, String>> {
        self.published.subscribe()
    }

    /// What is served now; else why nothing is.
    pub(super) fn current(&self) -> Result<Published, String> {
        self.published.borrow().clone()
    }

    /// Whether what ends at this height will not change any more.
    pub(super) fn is_settled(&self, height: u32, tip: u32) -> bool {
        height.saturating_add(SAFE_DEPTH) <= tip
    }

    /// Follows bitcoind until the last handler is gone.
    pub(super) async fn follow(this: std::sync::Weak<Self>) {
        while let Some(view) = this.upgrade() {
            let pause = match view.tick().await {
                Ok(()) => TICK,
                Err(e) => {
                    view.fail(&e);
                    RETRY
                }
            };
            drop(view);
            tokio::time::sleep(pause).await;
        }
    }

    /// Says why nothing new is served. What was published stays so, unless it is plain that it is the wrong thing.
    fn fail(&self, error: &StartError) {
        tracing::warn!("chain API: {error}");
        let wrong = !error.is_passing();
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
        let height = self.newest_with_filter().await?;
        let hash = hash_of(&self.rpc.call::<String>("getblockhash", json!([height])).await?)?;
        if self.current().is_ok_and(|p| p.hash == hash) {
            return Ok(());
        }
        self.extend_to(height, hash).await?;
        self.fetch_filters(&[hash]).await?;
        let filter_header = self.filter_header(&hash).unwrap_or_default();
        let header = <[u8; 32]>::try_from(&*filter_header).unwrap_or_default();
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
            extensions: vec![EXT_RANGE.to_string(), EXT_WAIT.to_string()],
        };
        let status = serde_json::to_vec(&status).unwrap_or_default().into();
        self.published.send_modify(|p| *p = Ok(Published { height, hash, status }));
        Ok(())
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
            let header = self.fetch_headers(&[at]).await?;
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
    pub(super) async fn hashes(&self, from: u32, to: u32) -> Result<Vec<BlockHash>, ViewError> {
        let _turn = self.height_turn.lock().await;
        while self.read_heights(|h| from < h.low) {
            self.extend_down().await?;
        }
        let found: Option<Vec<_>> = self.read_heights(|h| (from..=to).map(|height| h.get(height)).collect());
        found.ok_or(ViewError::Moved)
    }

    /// Adds hashes below the lowest known one, after making sure that this is still on bitcoind's chain.
    async fn extend_down(&self) -> Result<(), ViewError> {
        let (low, lowest) = self.read_heights(|h| (h.low, h.get(h.low)));
        let start = low.saturating_sub(HASHES_PER_CALL);
        let calls: Vec<Call> = (start..=low).map(|height| ("getblockhash", json!([height]))).collect();
        let hashes = self.rpc.all::<String>(&calls).await?;
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

    /// Headers of these blocks, 80 bytes each, in their order.
    pub(super) async fn fetch_headers(&self, hashes: &[BlockHash]) -> Result<Vec<Bytes>, RpcError> {
        if let Some(known) = self.headers.all(hashes) {
            return Ok(known);
        }
        let _turn = self.header_turn.lock().await;
        let missing = self.headers.missing(hashes);
        let calls: Vec<Call> =
            missing.iter().map(|h| ("getblockheader", json!([h.to_string(), false]))).collect();
        let mut fetched = HashMap::new();
        for (hash, hex) in missing.iter().zip(self.rpc.all::<String>(&calls).await?) {
            fetched.insert(*hash, bytes_of(&hex)?);
        }
        Ok(self.headers.store(hashes, fetched))
    }

    /// Filters of these blocks in their order; their filter headers are known afterwards.
    pub(super) async fn fetch_filters(&self, hashes: &[BlockHash]) -> Result<Vec<Bytes>, RpcError> {
        if let Some(known) = self.filters.all(hashes) {
            return Ok(known);
        }
        let _turn = self.filter_turn.lock().await;
        let missing = self.filters.missing(hashes);
        let calls: Vec<Call> =
            missing.iter().map(|h| ("getblockfilter", json!([h.to_string(), "basic"]))).collect();
        let (mut fetched, mut headers) = (HashMap::new(), HashMap::new());
        for (hash, answer) in missing.iter().zip(self.rpc.all::<FilterAnswer>(&calls).await?) {
            let mut header = bytes_of(&answer.header)?.to_vec();
            // In text a hash is reversed.
            header.reverse();
            headers.insert(*hash, Bytes::from(header));
            fetched.insert(*hash, bytes_of(&answer.filter)?);
        }
        self.filter_headers.store(&[], headers);
        Ok(self.filters.store(hashes, fetched))
    }

    fn filter_header(&self, hash: &BlockHash) -> Option<Bytes> {
        self.filter_headers.get(hash)
    }

    /// Filter headers of these blocks, 32 bytes each, in their order. bitcoind gives them with the filters only.
    pub(super) async fn fetch_filter_headers(&self, hashes: &[BlockHash]) -> Result<Vec<Bytes>, RpcError> {
        let missing = self.filter_headers.missing(hashes);
        if !missing.is_empty() {
            self.fetch_filters(&missing).await?;
        }
        // Filters may be cached longer than their headers.
        match self.filter_headers.all(hashes) {
            Some(known) => Ok(known),
            None => {
                self.filters.forget(hashes);
                self.fetch_filters(hashes).await?;
                self.filter_headers.all(hashes).ok_or_else(|| malformed("filter headers"))
            }
        }
    }

    /// A block's bytes.
    pub(super) async fn block(&self, hash: &BlockHash) -> Result<Bytes, RpcError> {
        bytes_of(&self.rpc.call::<String>("getblock", json!([hash.to_string(), 0])).await?)
    }
}

fn bytes_of(hex: &str) -> Result<Bytes, RpcError> {
    Vec::from_hex(hex).map(Bytes::from).map_err(|e| malformed(&e.to_string()))
}

fn hash_of(text: &str) -> Result<BlockHash, RpcError> {
    text.parse().map_err(|_| malformed("no block hash"))
}

fn malformed(what: &str) -> RpcError {
    RpcError::Malformed(what.to_string())
}

fn parse<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, RpcError> {
    serde_json::from_value(value).map_err(|e| malformed(&e.to_string()))
}

fn take<const N: usize>(values: Vec<Value>) -> Result<[Value; N], RpcError> {
    values.try_into().map_err(|_| malformed("too few answers"))
}

/// The parent's hash in a header.
fn previous(header: &[u8]) -> Option<BlockHash> {
    Some(BlockHash::from_byte_array(header.get(4..36)?.try_into().ok()?))
}

fn chain_name(network: Network) -> &'static str {
    match network {
        Network::Bitcoin => "mainnet",
        Network::Testnet => "testnet3",
        Network::Testnet4 => "testnet4",
        Network::Signet => "signet",
        Network::Regtest => "regtest",
    }
}
