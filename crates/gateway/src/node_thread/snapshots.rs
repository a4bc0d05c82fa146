//! Routing data for wallets: Rapid Gossip Sync snapshots of the node's graph, made when asked for.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use amplet_node::Node;
use bytes::Bytes;
use tokio::time::Instant;

use super::Snapshot;

/// Times are rounded down to these, so that many wallets share one answer: within the last hour, and before.
const FINE_S: u32 = 10;
const COARSE_S: u32 = 3600;

/// However the graph changes, an answer is made again only after this.
const FRESH: Duration = Duration::from_secs(2);

/// Answers kept at most, and bytes of them.
const MOST_KEPT: usize = 64;
const MOST_BYTES: usize = 64 << 20;

struct Kept {
    generation: u64,
    made_at: Instant,
    snapshot: Snapshot,
}

/// Answers by the time that they begin at.
#[derive(Default)]
pub(super) struct Snapshots(RefCell<BTreeMap<u32, Kept>>);

impl Snapshots {
    /// What has changed since `since` (seconds since 1970; 0: everything); `None` if the node has no gossip.
    pub(super) fn answer(&self, node: &Node, since: u32) -> Option<Snapshot> {
        let since = rounded(since);
        let generation = node.graph().generation();
        let mut kept = self.0.borrow_mut();
        if let Some(known) = kept.get(&since)
            && (known.generation == generation || known.made_at.elapsed() < FRESH)
        {
            return Some(known.snapshot.clone());
        }
        let bytes = Bytes::from(node.graph().rgs_snapshot(since)?);
        let snapshot = Snapshot { etag: format!("\"rgs-{since}-{generation}-{}\"", bytes.len()), bytes };
        kept.insert(since, Kept { generation, made_at: Instant::now(), snapshot: snapshot.clone() });
        let size =
            |kept: &BTreeMap<u32, Kept>| kept.values().map(|kept| kept.snapshot.bytes.len()).sum::<usize>();
        while kept.len() > MOST_KEPT || (kept.len() > 1 && size(&kept) > MOST_BYTES) {
            let oldest = kept.iter().min_by_key(|(_, kept)| kept.made_at).map(|(since, _)| *since);
            oldest.and_then(|oldest| kept.remove(&oldest));
        }
        Some(snapshot)
    }
}

fn rounded(since: u32) -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let age = now.saturating_sub(u64::from(since));
    since - since % if age < u64::from(COARSE_S) { FINE_S } else { COARSE_S }
}
