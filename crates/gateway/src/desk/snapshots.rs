//! Routing data for wallets: Rapid Gossip Sync snapshots of the node's graph. Few there are, since they begin at fixed times only; and
//! the node's thread only copies the graph, now and then.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use amplet_node::{GraphSnapshots, Node};
use bytes::Bytes;
use futures::lock::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::clock::unix_now;
use super::error::{ApiCode, ApiError, Result};

/// Ages of times, and the steps that younger ones are rounded down to, in seconds. From older ones on, everything is sent.
const STEPS: [(u32, u32); 3] = [(600, 10), (86_400, 3_600), (14 * 86_400, 86_400)];

/// Seconds by which a client's clock may be ahead.
const AHEAD: u32 = 60;

/// Minimum age of a copy before another is made, however the graph changes: this, and so many times what a snapshot took.
const FRESH: Duration = Duration::from_secs(2);
const REST: u32 = 200;

/// Maximum number of cached snapshots, and of their bytes.
const MAX_CACHED: usize = 128;
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

/// The graph as it was.
struct GraphCopy {
    generation: u64,
    made_at: Instant,
    snapshots: GraphSnapshots,
    /// Snapshots of it that were made, by the time that they begin at.
    made: HashMap<u32, (Instant, Snapshot)>,
}

/// Snapshots of a node, by the time that they begin at.
pub struct Snapshots {
    node: Node,
    copy: RefCell<Option<GraphCopy>>,
    /// What the last snapshot took.
    took: RefCell<Duration>,
    /// One is made at a time.
    making: Mutex<()>,
}

impl Snapshots {
    /// Of this node; none is made yet.
    pub fn new(node: Node) -> Self {
        Self { node, copy: RefCell::default(), took: RefCell::default(), making: Mutex::default() }
    }

    /// Returns what has changed since a time, or since a while before it.
    ///
    /// # Errors
    /// [`ApiCode::NotFound`]: the node has no gossip.
    pub async fn get(&self, request: GetSnapshot) -> Result<Snapshot> {
        let now = u32::try_from(unix_now()).unwrap_or(u32::MAX);
        let since = fixed(request.since, now);
        if let Some(known) = self.known(since) {
            return Ok(known);
        }
        let _making = self.making.lock().await;
        if let Some(known) = self.known(since) {
            return Ok(known);
        }
        self.make(since).await
    }

    fn known(&self, since: u32) -> Option<Snapshot> {
        let copy = self.copy.borrow();
        let copy = copy.as_ref().filter(|copy| self.is_current(copy))?;
        copy.made.get(&since).map(|(_, snapshot)| snapshot.clone())
    }

    fn is_current(&self, copy: &GraphCopy) -> bool {
        let rest = FRESH.max(self.took.borrow().saturating_mul(REST));
        copy.generation == self.node.graph().generation() || copy.made_at.elapsed() < rest
    }

    /// Makes one, on another thread.
    async fn make(&self, since: u32) -> Result<Snapshot> {
        let (generation, snapshots) = self.copy()?;
        let begun = Instant::now();
        let bytes = spawn_blocking(move || snapshots(since)).await;
        let bytes = bytes.map_err(|error| ApiError::new(ApiCode::Internal, error.to_string()))?;
        *self.took.borrow_mut() = begun.elapsed();
        let etag = format!("\"rgs-{since}-{generation}-{}\"", bytes.len());
        let snapshot = Snapshot { etag, bytes: bytes.into() };
        if let Some(copy) = &mut *self.copy.borrow_mut() {
            copy.put(since, snapshot.clone());
        }
        Ok(snapshot)
    }

    /// The present copy, made anew if it is not current.
    fn copy(&self) -> Result<(u64, GraphSnapshots)> {
        let mut held = self.copy.borrow_mut();
        if let Some(copy) = held.as_ref().filter(|copy| self.is_current(copy)) {
            return Ok((copy.generation, GraphSnapshots::clone(&copy.snapshots)));
        }
        let missing = || ApiError::new(ApiCode::NotFound, "this node has no channel graph");
        let generation = self.node.graph().generation();
        let snapshots = self.node.graph().rgs_snapshots().ok_or_else(missing)?;
        let copy = GraphCopy {
            generation,
            made_at: Instant::now(),
            snapshots: GraphSnapshots::clone(&snapshots),
            made: HashMap::new(),
        };
        *held = Some(copy);
        Ok((generation, snapshots))
    }
}

impl GraphCopy {
    fn put(&mut self, since: u32, snapshot: Snapshot) {
        self.made.insert(since, (Instant::now(), snapshot));
        let size = |made: &HashMap<u32, (Instant, Snapshot)>| {
            made.values().map(|(_, snapshot)| snapshot.bytes.len()).sum::<usize>()
        };
        while self.made.len() > MAX_CACHED || (self.made.len() > 1 && size(&self.made) > MAX_BYTES) {
            let oldest = self.made.iter().min_by_key(|(_, (made_at, _))| *made_at).map(|(since, _)| *since);
            oldest.and_then(|oldest| self.made.remove(&oldest));
        }
    }
}

/// The time that a snapshot for `since` begins at: `since`, or earlier.
fn fixed(since: u32, now: u32) -> u32 {
    let since = since.min(now.saturating_add(AHEAD));
    let age = now.saturating_sub(since);
    let step = STEPS.iter().find(|(older, _)| age < *older).map(|(_, step)| step);
    step.map_or(0, |step| since - since % step)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn snapshots_begin_at_few_times_and_never_too_late() {
        let now = 1_800_000_123;
        let mut all = BTreeSet::new();
        let recent = (now - 20 * 86_400..now + 100_000).step_by(7);
        for since in recent.chain((0..now).step_by(86_399)).chain([1, u32::MAX]) {
            let fixed = fixed(since, now);
            assert!(fixed <= since, "{since}");
            all.insert(fixed);
        }
        assert!(all.len() < 120, "{}", all.len());
        assert_eq!(fixed(now - 25, now), now - 33, "ten seconds");
        assert_eq!(fixed(now - 15 * 86_400, now), 0, "everything");
    }
}
