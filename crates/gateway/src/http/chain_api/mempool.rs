//! Unconfirmed transactions by the first 16 bits of the hashes of the scripts that they pay to.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use amplet_protocol::chain::{MAX_MEMPOOL_BYTES, MAX_MEMPOOL_TXS};
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bitcoin::consensus::deserialize;
use bitcoin::hashes::{Hash, sha256};
use bitcoin::{Transaction, Txid};
use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::asker::Asker;
use super::convert::bytes_of;
use super::error::ChainApiError;
use super::rpc::{Call, Rpc, RpcError};

/// Minimum pause between updates, which take a tenth of the time at most.
const EVERY: Duration = Duration::from_secs(1);
/// Transactions read by one call.
const PER_CALL: usize = 500;
/// Transactions read before one answer: a mempool of 100,000 is known after a few of them.
const PER_TURN: usize = 10_000;
/// Maximum age of an answer in a browser: a second.
const FRESH: HeaderValue = HeaderValue::from_static("public, max-age=1");

/// An index of bitcoind's mempool.
pub(super) struct Mempool {
    rpc: Rpc,
    index: Mutex<Index>,
}

impl Mempool {
    /// Nothing is read yet.
    pub(super) fn new(rpc: Rpc) -> Self {
        Self { rpc, index: Mutex::default() }
    }
}

#[derive(Default)]
struct Index {
    known: HashMap<Txid, Vec<u16>>,
    by_prefix: HashMap<u16, BTreeSet<Txid>>,
    next_update: Option<Instant>,
}

impl Index {
    fn add(&mut self, id: Txid, prefixes: Vec<u16>) {
        for prefix in &prefixes {
            self.by_prefix.entry(*prefix).or_default().insert(id);
        }
        self.known.insert(id, prefixes);
    }

    fn remove(&mut self, id: &Txid) {
        for prefix in self.known.remove(id).unwrap_or_default() {
            if let Some(ids) = self.by_prefix.get_mut(&prefix) {
                ids.remove(id);
                if ids.is_empty() {
                    self.by_prefix.remove(&prefix);
                }
            }
        }
    }

    /// Updates the index to what bitcoind has now, as far as one turn goes.
    async fn update(&mut self, rpc: &Rpc) -> Result<(), RpcError> {
        let now = Instant::now();
        if self.next_update.is_some_and(|at| now < at) {
            return Ok(());
        }
        let present: HashSet<Txid> = rpc.call::<HashSet<Txid>>("getrawmempool", json!([])).await?;
        let gone: Vec<Txid> = self.known.keys().filter(|id| !present.contains(*id)).copied().collect();
        gone.iter().for_each(|id| self.remove(id));
        let new: Vec<Txid> = present.iter().filter(|id| !self.known.contains_key(*id)).copied().collect();
        for part in new.chunks(PER_CALL).take(PER_TURN / PER_CALL) {
            for (id, tx) in part.iter().zip(read(rpc, part).await?) {
                // One that left in between is not there at the next update either.
                if let Some(prefixes) = tx.and_then(|bytes| deserialize(&bytes).ok()).map(|tx| prefixes(&tx))
                {
                    self.add(*id, prefixes);
                }
            }
        }
        self.next_update = Some(Instant::now() + EVERY.max(now.elapsed() * 10));
        Ok(())
    }
}

fn prefixes(tx: &Transaction) -> Vec<u16> {
    let scripts = tx.output.iter().map(|output| sha256::Hash::hash(output.script_pubkey.as_bytes()));
    let distinct: BTreeSet<u16> = scripts
        .map(|hash| {
            let [first, second, ..] = hash.to_byte_array();
            u16::from_be_bytes([first, second])
        })
        .collect();
    distinct.into_iter().collect()
}

/// Transactions of the mempool; `None` for those that have left it.
async fn read(rpc: &Rpc, ids: &[Txid]) -> Result<Vec<Option<Bytes>>, RpcError> {
    let calls: Vec<Call> = ids.iter().map(|id| ("getrawtransaction", json!([id.to_string()]))).collect();
    let answers = rpc.batch(&calls).await?;
    Ok(answers
        .into_iter()
        .map(|answer| answer.ok().as_ref().and_then(Value::as_str).and_then(|hex| bytes_of(hex).ok()))
        .collect())
}

pub(super) async fn by_prefix(
    State(mempool): State<Arc<Mempool>>,
    Path(prefix): Path<String>,
    asker: Asker,
) -> Result<Response, ChainApiError> {
    let digits = prefix.len() == 4 && prefix.bytes().all(|b| b.is_ascii_hexdigit());
    let number = u16::from_str_radix(&prefix, 16).ok().filter(|_| digits).ok_or_else(|| {
        ChainApiError(StatusCode::BAD_REQUEST, format!("{prefix:?} must be 4 hexadecimal digits"))
    })?;
    let ids: Vec<Txid> = {
        let mut index = mempool.index.lock().await;
        index.update(&mempool.rpc).await?;
        index.by_prefix.get(&number).into_iter().flatten().take(MAX_MEMPOOL_TXS).copied().collect()
    };
    let room = asker.room(MAX_MEMPOOL_BYTES).await?;
    let mut body = BytesMut::new();
    if !ids.is_empty() {
        for tx in read(&mempool.rpc.on(asker.lane()), &ids).await?.into_iter().flatten() {
            if body.len().saturating_add(tx.len()) <= MAX_MEMPOOL_BYTES {
                body.extend_from_slice(&tx);
            }
        }
    }
    let kind = HeaderValue::from_static("application/octet-stream");
    Ok(([(CACHE_CONTROL, FRESH), (CONTENT_TYPE, kind)], room.hold(body.freeze())).into_response())
}
