//! Stored records of routing.

use std::time::Duration;

use amplet_router::snapshot::{SnapshotError, read_beliefs, read_graph, write_beliefs};
use amplet_router::{Beliefs, Graph};
use amplet_storage::{Store, StoreError, get_unless_damaged};

use super::FlowRouter;
use crate::ldk::staged::{StagedWrites, names};

/// Beliefs ride with payments' commits no more often.
const DEFER_EVERY: Duration = Duration::from_secs(30);

/// A wallet's graph as it was last taken, and the source that it came from. Damaged, it is loaded again.
pub(crate) async fn graph(store: &dyn Store) -> Result<(Graph, Option<String>), StoreError> {
    let Some(graph) = read(store, names::GRAPH, "routing data", read_graph).await? else {
        return Ok((Graph::new(), None));
    };
    let source = get_unless_damaged(store, names::GRAPH_SOURCE).await?;
    Ok((graph, source.and_then(|source| String::from_utf8(source).ok())))
}

/// Beliefs about channels; none, if they are damaged.
pub(crate) async fn beliefs(store: &dyn Store) -> Result<Beliefs, StoreError> {
    Ok(read(store, names::BELIEFS, "experience with channels", read_beliefs).await?.unwrap_or_default())
}

async fn read<T>(
    store: &dyn Store,
    name: &str,
    what: &str,
    parse: fn(&[u8]) -> Result<T, SnapshotError>,
) -> Result<Option<T>, StoreError> {
    let Some(bytes) = get_unless_damaged(store, name).await? else { return Ok(None) };
    let parsed = parse(&bytes);
    if let Err(error) = &parsed {
        log::warn!("the stored {what} cannot be used ({error}); the wallet begins without");
    }
    Ok(parsed.ok())
}

impl FlowRouter {
    /// Stages the beliefs, if they have changed since that was last done.
    pub(crate) fn stage_beliefs(&self, staged: &StagedWrites) {
        if self.unstored.replace(false) {
            self.staged_at.set(self.platform.monotonic());
            staged.put_deferred(names::BELIEFS, write_beliefs(&self.beliefs.borrow()));
        }
    }

    /// Lets them ride with a step that is committed anyway, now and then: they may be large.
    pub(crate) fn stage_beliefs_now_and_then(&self, staged: &StagedWrites) {
        if self.platform.monotonic().saturating_sub(self.staged_at.get()) >= DEFER_EVERY {
            self.stage_beliefs(staged);
        }
    }
}
