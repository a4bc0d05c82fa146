//! Routing data for wallets: Rapid Gossip Sync snapshots of the node's graph, made when asked for.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use amplet_node::Node;
use bytes::Bytes;
use tokio::time::Instant;

use super::error::Result;
use super::error::{ApiCode, ApiError};

/// Times are rounded down to these, so that many wallets share one snapshot: within the last hour, and before.
const FINE_S: u32 = 10;
const COARSE_S: u32 = 3600;

/// Minimum age of a snapshot before it is made again, however the graph changes.
const FRESH: Duration = Duration::from_secs(2);

/// Maximum number of cached snapshots, and of their bytes.
const MAX_CACHED: usize = 64;
const MAX_BYTES: usize = 64 << 20;

/// The channel graph for wallets, whole or what has changed.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The file.
    pub bytes: Bytes,
    /// Names its content.
    pub etag: String,
}

/// A snapshot that begins at a time.
#[derive(Clone, Copy, Debug)]
pub struct GetSnapshot {
    /// Seconds since the UNIX epoch; 0: everything.
    pub since: u32,
}

struct CacheEntry {
    generation: u64,
    made_at: Instant,
    snapshot: Snapshot,
}

/// Snapshots of a node, by the time that they begin at.
pub struct Snapshots {
    node: Node,
    cache: RefCell<BTreeMap<u32, CacheEntry>>,
}

impl Snapshots {
    /// Of this node; none is made yet.
    pub fn new(node: Node) -> Self {
        Self { node, cache: RefCell::default() }
    }

    /// Returns what has changed since a time.
    ///
    /// # Errors
    /// [`ApiCode::NotFound`]: the node has no gossip.
    pub fn get(&self, request: GetSnapshot) -> Result<Snapshot> {
        let missing = || ApiError::new(ApiCode::NotFound, "this node has no channel graph");
        self.since(rounded(request.since)).ok_or_else(missing)
    }

    fn since(&self, since: u32) -> Option<Snapshot> {
        let generation = self.node.graph().generation();
        let mut cache = self.cache.borrow_mut();
        if let Some(known) = cache.get(&since)
            && (known.generation == generation || known.made_at.elapsed() < FRESH)
        {
            return Some(known.snapshot.clone());
        }
        let bytes = Bytes::from(self.node.graph().rgs_snapshot(since)?);
        let snapshot = Snapshot { etag: format!("\"rgs-{since}-{generation}-{}\"", bytes.len()), bytes };
        cache.insert(since, CacheEntry { generation, made_at: Instant::now(), snapshot: snapshot.clone() });
        let size = |cache: &BTreeMap<u32, CacheEntry>| {
            cache.values().map(|entry| entry.snapshot.bytes.len()).sum::<usize>()
        };
        while cache.len() > MAX_CACHED || (cache.len() > 1 && size(&cache) > MAX_BYTES) {
            let oldest = cache.iter().min_by_key(|(_, entry)| entry.made_at).map(|(since, _)| *since);
            oldest.and_then(|oldest| cache.remove(&oldest));
        }
        Some(snapshot)
    }
}

fn rounded(since: u32) -> u32 {
    let age = super::clock::unix_now().saturating_sub(u64::from(since));
    since - since % if age < u64::from(COARSE_S) { FINE_S } else { COARSE_S }
}
