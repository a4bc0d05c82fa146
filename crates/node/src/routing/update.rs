//! A wallet's graph: Rapid Gossip Sync snapshots from its gateways, in the background; nothing waits for them but a
//! payment that found no path.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use amplet_router::rgs::{self, RgsError};
use amplet_router::{Direction, Graph, snapshot};
use amplet_storage::Batch;
use amplet_transport::{FetchError, HttpRequest};
use bitcoin::constants::ChainHash;
use futures::StreamExt;
use futures::future::{Either, select};
use futures::pin_mut;

use crate::inner::Inner;
use crate::journal::names;
use crate::peers::ConnectionState;
use crate::wake::Wake;

/// How often the graph is brought up to date.
const EVERY: Duration = Duration::from_secs(3600);

/// No source is asked more often, whatever fails.
const PAUSE: Duration = Duration::from_secs(10);

/// A graph older than this is loaded whole: what has gone since is not in a delta of every server.
const WHOLE_AFTER_S: u32 = 7 * 24 * 3600;

/// A graph of fewer open channels than this changes in leaps (a test network): anything is believed of it.
const SMALL: usize = 100;

/// A graph older than this is worth less than any other one.
const USELESS_AFTER_S: u32 = 28 * 24 * 3600;

/// How far a gateway's clock may be ahead of ours.
const CLOCK_SKEW_S: u32 = 24 * 3600;

/// Why a source's snapshot was not taken.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// It could not be had.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The server has none.
    #[error("the server answers with status {0}: it is no gateway with routing data, or an older one")]
    Status(u16),
    /// It is not what it should be.
    #[error(transparent)]
    Data(#[from] RgsError),
    /// Most channels are gone in it.
    #[error(
        "of {had} open channels it leaves {has}, and a network does not lose most of them at once: the server's own data is \
         probably damaged; another gateway's, or what is known, is used instead"
    )]
    Emptied {
        /// Open channels known before.
        had: usize,
        /// Open channels in it.
        has: usize,
    },
    /// It is of a time that has not come.
    #[error(
        "it says it was made at {made_at} and it is {now} (seconds since 1970): correct the clock that is wrong"
    )]
    Future {
        /// The snapshot's time.
        made_at: u32,
        /// Ours.
        now: u32,
    },
}

/// Where snapshots come from, and when they were last asked for.
#[derive(Default)]
pub(crate) struct Updates {
    /// Base URLs.
    sources: Vec<String>,
    /// The one that the present graph came from: a delta is of one server's own clock.
    from: RefCell<Option<String>>,
    asked_at: Cell<Option<Duration>>,
    taken: Cell<u64>,
    busy: futures::lock::Mutex<()>,
    /// Rung when the graph may be out of date.
    pub wanted: Wake,
}

impl Updates {
    /// With the source that the stored graph came from.
    pub fn new(sources: Vec<String>, from: Option<String>) -> Self {
        Self { sources, from: RefCell::new(from), ..Self::default() }
    }
}

/// Brings the graph up to date once a gateway is connected, then every hour, and when something points to its being out of
/// date.
pub(crate) async fn follow(inner: Rc<Inner>) {
    if inner.updates.sources.is_empty() {
        return;
    }
    connected(&inner).await;
    loop {
        refresh(&inner).await;
        let (wanted, hour) = (inner.updates.wanted.heard(), inner.platform.sleep(EVERY));
        pin_mut!(wanted);
        if let Either::Left(_) = select(wanted, hour).await {
            let since = inner.updates.asked_at.get().unwrap_or_default();
            let rest = since.saturating_add(PAUSE).saturating_sub(inner.platform.monotonic());
            inner.platform.sleep(rest).await;
        }
    }
}

async fn connected(inner: &Inner) {
    let is_up = || {
        let kept = inner.kept.borrow();
        kept.iter().any(|kept| matches!(*kept.state.borrow(), ConnectionState::Connected))
    };
    let mut changes = inner.subscribe();
    while !is_up() {
        changes.next().await;
    }
}

/// Asks for an update now, unless that was done just before; whether the graph is another than when this was called.
pub(crate) async fn refresh(inner: &Inner) -> bool {
    let updates = &inner.updates;
    let before = updates.taken.get();
    let _busy = updates.busy.lock().await;
    let now = inner.platform.monotonic();
    let is_due = updates.asked_at.get().is_none_or(|at| now.saturating_sub(at) >= PAUSE);
    if updates.taken.get() == before && is_due && !inner.closing.get() {
        updates.asked_at.set(Some(now));
        ask_in_turn(inner).await;
    }
    updates.taken.get() != before
}

async fn ask_in_turn(inner: &Inner) {
    let updates = &inner.updates;
    let from = updates.from.borrow().clone();
    let mut sources: Vec<&String> = updates.sources.iter().collect();
    // The last one first: it can answer with a delta.
    sources.sort_by_key(|source| Some(*source) != from.as_ref());
    for source in sources {
        match take(inner, source, from.as_ref() == Some(source)).await {
            Ok(()) => return,
            Err(error) => log::warn!("routing data of {source} was not taken: {error}"),
        }
    }
}

/// Takes over one source's snapshot; the old graph stays when anything is wrong with it.
async fn take(inner: &Inner, source: &str, has_its: bool) -> Result<(), UpdateError> {
    let router = &inner.ldk.router;
    let now = router.now_s();
    let known = router.graph().timestamp;
    let since = if has_its && now.saturating_sub(known) < WHOLE_AFTER_S { known } else { 0 };
    let url = format!("{}/rgs/snapshot/{since}", source.trim_end_matches('/'));
    let answer = inner.platform.fetch(HttpRequest::get(url)).await?;
    if !answer.is_success() {
        return Err(UpdateError::Status(answer.status));
    }
    let mut graph = if since == 0 { Graph::new() } else { router.graph().clone() };
    let chain_hash = ChainHash::using_genesis_block(inner.config.network).to_bytes();
    let applied = rgs::apply(&mut graph, &answer.body, &chain_hash)?;
    if graph.timestamp > now.saturating_add(CLOCK_SKEW_S) {
        return Err(UpdateError::Future { made_at: graph.timestamp, now });
    }
    refuse_emptied(&router.graph(), &graph, now)?;
    log::info!(
        "routing data of {source}: {} channels and {} policies, now {} channels",
        applied.channels,
        applied.policies,
        graph.channels().len()
    );
    let bytes = snapshot::write_graph(&graph);
    *router.graph.borrow_mut() = graph;
    *inner.updates.from.borrow_mut() = Some(source.to_owned());
    inner.updates.taken.set(inner.updates.taken.get().wrapping_add(1));
    if since == 0 || applied.channels > 0 || applied.policies > 0 {
        keep(inner, source, bytes).await;
    }
    Ok(())
}

/// Refuses a graph that has lost most of what is known, unless that is too old to be of use.
fn refuse_emptied(before: &Graph, after: &Graph, now: u32) -> Result<(), UpdateError> {
    let (had, has) = (open_channels(before), open_channels(after));
    let is_useless = now.saturating_sub(before.timestamp) > USELESS_AFTER_S;
    if had < SMALL || has >= had / 2 || is_useless {
        return Ok(());
    }
    Err(UpdateError::Emptied { had, has })
}

/// Channels that somebody forwards over, in one direction at least.
fn open_channels(graph: &Graph) -> usize {
    let channels = 0..u32::try_from(graph.channels().len()).unwrap_or(u32::MAX);
    let is_open = |channel: &u32| {
        let policy = |direction| graph.policy(*channel, direction);
        [Direction::Forward, Direction::Backward].into_iter().filter_map(policy).any(|policy| policy.enabled)
    };
    channels.filter(is_open).count()
}

/// Stores the graph in a commit of its own: payments do not wait for two megabytes.
async fn keep(inner: &Inner, source: &str, graph: Vec<u8>) {
    if inner.closing.get() {
        return;
    }
    let mut batch = Batch::default();
    batch.put(names::GRAPH, graph);
    batch.put(names::GRAPH_SOURCE, source.as_bytes().to_vec());
    // Nothing is sent on the strength of the graph: that it is on this device is enough.
    if let Err(error) = inner.store.commit(batch).await {
        log::warn!("the routing data could not be stored ({error}); they are loaded again next time");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use amplet_router::{NodeId, Policy, Scid};

    use super::*;

    const NOW: u32 = 2_000_000_000;

    /// So many channels, of which so many are open.
    fn graph(channels: u64, open: u64) -> Graph {
        let mut graph = Graph::new();
        graph.timestamp = NOW;
        let ends = [2, 3].map(|name| graph.add_node(NodeId([name; 33])).unwrap());
        for scid in 0..channels {
            let channel = graph.add_channel(Scid(scid + 1), ends, Some(1_000_000)).unwrap();
            let policy = Policy { enabled: scid < open, ..Policy::UNKNOWN };
            graph.set_policy(channel, Direction::Backward, policy);
        }
        graph.index();
        graph
    }

    #[test]
    fn a_graph_that_has_lost_most_channels_is_refused_while_the_old_one_is_of_use() {
        let known = graph(300, 200);
        let refused = |after: &Graph, now| refuse_emptied(&known, after, now).is_err();
        assert!(refused(&graph(0, 0), NOW), "emptied");
        assert!(refused(&graph(300, 0), NOW), "all closed");
        assert!(refused(&graph(300, 99), NOW));
        assert!(!refused(&graph(100, 100), NOW), "half of them");
        assert!(!refused(&graph(0, 0), NOW + USELESS_AFTER_S + 1), "nothing better is known");
        assert!(refuse_emptied(&graph(99, 99), &graph(0, 0), NOW).is_ok(), "small");
        assert!(refuse_emptied(&Graph::new(), &known, NOW).is_ok(), "the first one");
    }
}
