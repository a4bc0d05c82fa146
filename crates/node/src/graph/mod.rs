//! The network graph of a node: a wallet's follows Rapid Gossip Sync snapshots from its gateways, in the background; nothing
//! waits for them but a payment that found no path.

mod check;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use amplet_router::{Graph as ChannelGraph, rgs, snapshot};
use amplet_storage::Batch;
use amplet_transport::HttpRequest;
use bitcoin::constants::ChainHash;
use futures::StreamExt;
use futures::future::{Either, select};
use futures::pin_mut;

use crate::base::Base;
use crate::config::{GraphSnapshots, GraphSource};
use crate::ldk::staged::names;
use crate::notify::Notify;
use crate::peers::Peers;
use check::{UpdateError, refuse_emptied};

/// Interval between updates of the graph.
const EVERY: Duration = Duration::from_secs(3600);

/// No source is asked more often, whatever fails.
const PAUSE: Duration = Duration::from_secs(10);

/// A graph older than this is loaded whole: what has gone since is not in a delta of every server.
const WHOLE_AFTER_S: u32 = 7 * 24 * 3600;

/// Maximum lead of a gateway's clock over ours.
const CLOCK_SKEW_S: u32 = 24 * 3600;

/// The network graph.
pub struct Graph {
    base: Rc<Base>,
    peers: Rc<Peers>,
    /// Base URL that the present graph came from: a delta is of one server's own clock.
    from: RefCell<Option<String>>,
    asked_at: Cell<Option<Duration>>,
    /// Number of snapshots taken over.
    taken: Cell<u64>,
    busy: futures::lock::Mutex<()>,
    /// Notified when the graph may be out of date.
    wanted: Notify,
}

impl Graph {
    /// `from`: base URL that the stored graph came from.
    pub(crate) fn new(base: Rc<Base>, peers: Rc<Peers>, from: Option<String>) -> Self {
        Self {
            base,
            peers,
            from: RefCell::new(from),
            asked_at: Cell::default(),
            taken: Cell::default(),
            busy: futures::lock::Mutex::default(),
            wanted: Notify::default(),
        }
    }

    /// Copies a gateway's channel graph as it is now, to make Rapid Gossip Sync snapshots of it, also on another thread. `None`: this
    /// node does not gossip.
    pub fn rgs_snapshots(&self) -> Option<GraphSnapshots> {
        let ldk = &self.base.ldk;
        let graph = ldk.router.graph();
        ldk.gossip.as_ref().map(|gossip| gossip.snapshots(&graph))
    }

    /// A number that rises with each change of a gateway's channel graph.
    pub fn generation(&self) -> u64 {
        drop(self.base.ldk.router.graph());
        self.base.ldk.gossip.as_ref().map_or(0, |gossip| gossip.generation())
    }

    /// Base URLs of a wallet's snapshots.
    fn sources(&self) -> &[String] {
        match &self.base.config.graph {
            GraphSource::Snapshots(sources) => sources,
            GraphSource::Gossip(_) => &[],
        }
    }

    /// Brings the graph up to date once a gateway is connected, then every hour, and when something points to its being out of
    /// date.
    pub(crate) async fn follow(self: Rc<Self>) {
        if self.sources().is_empty() {
            return;
        }
        self.connected().await;
        loop {
            self.refresh().await;
            let (wanted, hour) = (self.wanted.notified(), self.base.platform.sleep(EVERY));
            pin_mut!(wanted);
            if let Either::Left(_) = select(wanted, hour).await {
                let since = self.asked_at.get().unwrap_or_default();
                let rest = since.saturating_add(PAUSE).saturating_sub(self.base.platform.monotonic());
                self.base.platform.sleep(rest).await;
            }
        }
    }

    async fn connected(&self) {
        let is_up = || self.peers.persistent().iter().any(|peer| peer.is_connected());
        let mut changes = self.base.subscribers.subscribe();
        while !is_up() {
            changes.next().await;
        }
    }

    /// Asks for an update soon: a payment's failure says that the graph may be out of date.
    pub(crate) fn update_soon(&self) {
        self.wanted.notify();
    }

    /// Asks for an update now, unless that was done just before; returns whether the graph is another than when this was
    /// called.
    pub(crate) async fn refresh(&self) -> bool {
        let before = self.taken.get();
        let _busy = self.busy.lock().await;
        let now = self.base.platform.monotonic();
        let is_due = self.asked_at.get().is_none_or(|at| now.saturating_sub(at) >= PAUSE);
        if self.taken.get() == before && is_due && !self.base.closing.get() {
            self.asked_at.set(Some(now));
            self.ask_in_turn().await;
        }
        self.taken.get() != before
    }

    async fn ask_in_turn(&self) {
        let from = self.from.borrow().clone();
        let mut sources: Vec<&String> = self.sources().iter().collect();
        // The last one first: it can answer with a delta.
        sources.sort_by_key(|source| Some(*source) != from.as_ref());
        for source in sources {
            match self.take(source, from.as_ref() == Some(source)).await {
                Ok(()) => return,
                Err(error) => log::warn!("routing data of {source} was not taken: {error}"),
            }
        }
    }

    /// Takes over one source's snapshot; the old graph stays when anything is wrong with it.
    async fn take(&self, source: &str, has_its: bool) -> Result<(), UpdateError> {
        let router = &self.base.ldk.router;
        let now = router.now_s();
        let known = router.graph().timestamp;
        let since = if has_its && now.saturating_sub(known) < WHOLE_AFTER_S { known } else { 0 };
        let url = format!("{}/rgs/snapshot/{since}", source.trim_end_matches('/'));
        let answer = self.base.platform.fetch(HttpRequest::get(url)).await?;
        if !answer.is_success() {
            return Err(UpdateError::Status(answer.status));
        }
        let mut graph = if since == 0 { ChannelGraph::new() } else { router.graph().clone() };
        let chain_hash = ChainHash::using_genesis_block(self.base.config.network).to_bytes();
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
        router.replace_graph(graph);
        *self.from.borrow_mut() = Some(source.to_owned());
        self.taken.set(self.taken.get().wrapping_add(1));
        if since == 0 || applied.channels > 0 || applied.policies > 0 {
            self.store(source, bytes).await;
        }
        Ok(())
    }

    /// Stores the graph in a commit of its own: payments do not wait for two megabytes.
    async fn store(&self, source: &str, graph: Vec<u8>) {
        if self.base.closing.get() {
            return;
        }
        let mut batch = Batch::default();
        batch.put(names::GRAPH, graph);
        batch.put(names::GRAPH_SOURCE, source.as_bytes().to_vec());
        // Nothing is sent on the strength of the graph: that it is on this device is enough.
        if let Err(error) = self.base.store.commit(batch).await {
            log::warn!("the routing data could not be stored ({error}); they are loaded again next time");
        }
    }
}
