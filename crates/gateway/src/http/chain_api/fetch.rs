//! What is asked of bitcoind by block, and kept within limits: headers, filters, filter headers, blocks.

use std::collections::HashMap;

use amplet_protocol::chain::FILTER_HEADER_BYTES;
use bitcoin::BlockHash;
use bitcoin::hashes::Hash;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::cache::Cache;
use super::convert::{bytes_of, malformed};
use super::rpc::{Call, RpcError};
use super::turn::{Lane, Turn};
use super::view::View;

/// Headers asked for by one request.
pub(super) const HEADERS_PER_CALL: usize = 1_000;
/// Filters asked for by one request: about 11 MB of hex on mainnet.
pub(super) const FILTERS_PER_CALL: usize = 200;
/// Filter headers asked for by one request (bitcoind's REST limit).
pub(super) const FILTER_HEADERS_PER_CALL: usize = 2_000;
/// Number of missing filter headers that makes a REST request worth while.
const REST_FROM: usize = 20;
const MAX_HEADERS: usize = 250_000;
const MAX_FILTER_BYTES: usize = 192 << 20;
const MAX_BLOCK_BYTES: usize = 64 << 20;
/// Blocks fetched at a time.
const BLOCK_TURNS: usize = 4;

/// What was fetched. One request of a kind at a time: the next one for the same finds it in the cache. Fair, so a long file does
/// not hold up short ones for more than one batch.
pub(super) struct Fetched {
    headers: Cache,
    filter_headers: Cache,
    filters: Cache,
    blocks: Cache,
    header_turn: Turn,
    filter_turn: Turn,
    block_turns: [Turn; BLOCK_TURNS],
}

impl Default for Fetched {
    fn default() -> Self {
        Self {
            headers: Cache::new(MAX_HEADERS, usize::MAX),
            filter_headers: Cache::new(MAX_HEADERS, usize::MAX),
            filters: Cache::new(usize::MAX, MAX_FILTER_BYTES),
            blocks: Cache::new(usize::MAX, MAX_BLOCK_BYTES),
            header_turn: Turn::default(),
            filter_turn: Turn::default(),
            block_turns: Default::default(),
        }
    }
}

impl Fetched {
    /// The same for the same block.
    fn block_turn(&self, hash: &BlockHash) -> &Turn {
        let [first, second, third, fourth] = &self.block_turns;
        match hash.to_byte_array() {
            [0..=63, ..] => first,
            [64..=127, ..] => second,
            [128..=191, ..] => third,
            _ => fourth,
        }
    }
}

#[derive(Deserialize)]
struct FilterAnswer {
    filter: String,
    header: String,
}

impl View {
    /// Headers of these blocks, 80 bytes each, in their order.
    pub(super) async fn fetch_headers(
        &self,
        hashes: &[BlockHash],
        lane: Lane,
    ) -> Result<Vec<Bytes>, RpcError> {
        if let Some(known) = self.fetched.headers.all(hashes) {
            return Ok(known);
        }
        let _turn = self.fetched.header_turn.take(lane).await;
        let missing = self.fetched.headers.missing(hashes);
        let calls: Vec<Call> =
            missing.iter().map(|h| ("getblockheader", json!([h.to_string(), false]))).collect();
        let mut fetched = HashMap::new();
        for (hash, hex) in missing.iter().zip(self.rpc.on(lane).all::<String>(&calls).await?) {
            fetched.insert(*hash, bytes_of(&hex)?);
        }
        Ok(self.fetched.headers.store(hashes, fetched))
    }

    /// Filters of these blocks in their order; their filter headers are known afterwards.
    pub(super) async fn fetch_filters(
        &self,
        hashes: &[BlockHash],
        lane: Lane,
    ) -> Result<Vec<Bytes>, RpcError> {
        if let Some(known) = self.fetched.filters.all(hashes) {
            return Ok(known);
        }
        let _turn = self.fetched.filter_turn.take(lane).await;
        let missing = self.fetched.filters.missing(hashes);
        let calls: Vec<Call> =
            missing.iter().map(|h| ("getblockfilter", json!([h.to_string(), "basic"]))).collect();
        let (mut fetched, mut headers) = (HashMap::new(), HashMap::new());
        for (hash, answer) in missing.iter().zip(self.rpc.on(lane).all::<FilterAnswer>(&calls).await?) {
            let mut header = bytes_of(&answer.header)?.to_vec();
            // In text a hash is reversed.
            header.reverse();
            headers.insert(*hash, Bytes::from(header));
            fetched.insert(*hash, bytes_of(&answer.filter)?);
        }
        self.fetched.filter_headers.store(&[], headers);
        Ok(self.fetched.filters.store(hashes, fetched))
    }

    /// Filter headers of these consecutive blocks, 32 bytes each, in their order. By RPC bitcoind gives them with the filters
    /// only; by REST, for blocks that are `settled`, alone.
    pub(super) async fn fetch_filter_headers(
        &self,
        hashes: &[BlockHash],
        settled: bool,
        lane: Lane,
    ) -> Result<Vec<Bytes>, RpcError> {
        let missing = self.fetched.filter_headers.missing(hashes);
        if settled && missing.len() >= REST_FROM && self.filter_headers_by_rest(hashes, lane).await {
            return self.fetched.filter_headers.all(hashes).ok_or_else(|| malformed("filter headers"));
        }
        for part in missing.chunks(FILTERS_PER_CALL) {
            // A filter may be cached longer than its header.
            self.fetched.filters.forget(part);
            self.fetch_filters(part, lane).await?;
        }
        self.fetched.filter_headers.all(hashes).ok_or_else(|| malformed("filter headers"))
    }

    async fn filter_headers_by_rest(&self, hashes: &[BlockHash], lane: Lane) -> bool {
        let Some(first) = hashes.first() else { return false };
        let (count, size) = (hashes.len(), hashes.len().saturating_mul(FILTER_HEADER_BYTES));
        let path = format!("/rest/blockfilterheaders/basic/{first}.bin?count={count}");
        let body = self.rpc.on(lane).rest(&path, size).await.filter(|body| body.len() == size);
        let Some(body) = body.map(Bytes::from) else { return false };
        let entries =
            (0..size).step_by(FILTER_HEADER_BYTES).map(|at| body.slice(at..at + FILTER_HEADER_BYTES));
        self.fetched.filter_headers.store(&[], hashes.iter().copied().zip(entries).collect());
        true
    }

    /// A block's bytes. Who asks for the same block meanwhile gets the same bytes.
    pub(super) async fn block(&self, hash: &BlockHash, lane: Lane) -> Result<Bytes, RpcError> {
        let known = || self.fetched.blocks.all(&[*hash]).and_then(|mut found| found.pop());
        if let Some(block) = known() {
            return Ok(block);
        }
        let _turn = self.fetched.block_turn(hash).take(lane).await;
        if let Some(block) = known() {
            return Ok(block);
        }
        let hex = self.rpc.on(lane).call::<String>("getblock", json!([hash.to_string(), 0])).await?;
        let block = bytes_of(&hex)?;
        self.fetched.blocks.store(&[], [(*hash, block.clone())].into());
        Ok(block)
    }
}
