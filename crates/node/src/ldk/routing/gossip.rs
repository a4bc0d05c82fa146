//! A gateway's graph: BOLT 7 gossip, kept by LDK, carried over to the planner's graph change by change.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use amplet_protocol::Msat;
use amplet_router::rgs::{Share, write};
use amplet_router::{Direction, Graph, NodeId, Policy, Scid};
use amplet_transport::Platform;
use bitcoin::Network;
use bitcoin::constants::ChainHash;
use lightning::ln::msgs::RoutingMessageHandler;
use lightning::routing::gossip::{self, ChannelInfo, ChannelUpdateInfo, NetworkUpdate, P2PGossipSync};
use lightning::routing::utxo::{UtxoLookup, UtxoResult};
use lightning::util::ser::{ReadableArgs, Writeable};
use lightning::util::wakers::Notifier;

use super::gossip_handler::PendingChannelUpdates;
use crate::config::{Gossip, Gossiping, GraphSnapshots, GraphSource};
use crate::ldk::log::Log;

type NetworkGraph = gossip::NetworkGraph<Arc<Log>>;

/// Announced channels are not looked up in the chain: bitcoind would have to keep every transaction. No value of this type exists.
pub(super) enum NoUtxoLookup {}

impl UtxoLookup for NoUtxoLookup {
    fn get_utxo(&self, _: &ChainHash, _: u64, _: Arc<Notifier>) -> UtxoResult {
        match *self {}
    }
}

impl GraphSource {
    /// The peers' gossip. Only a program that calls this has the code for it: a wallet's page has not.
    #[must_use]
    pub fn gossip() -> Self {
        Self::Gossip(Gossiping(open))
    }
}

/// Opens [`GossipHandler`]: an [`OpenGossip`](crate::config::OpenGossip).
pub(crate) fn open(network: Network, platform: Rc<dyn Platform>, stored: Option<Vec<u8>>) -> Rc<dyn Gossip> {
    let log = Arc::new(Log);
    let read = |bytes: Vec<u8>| match NetworkGraph::read(&mut &bytes[..], Arc::clone(&log)) {
        Ok(graph) => Some(graph),
        Err(error) => {
            log::warn!("the stored gossip cannot be read ({error:?}); it is received again from the peers");
            None
        }
    };
    let known = stored.and_then(read).unwrap_or_else(|| NetworkGraph::new(network, Arc::clone(&log)));
    let known = Rc::new(known);
    let all = known.read_only().channels().unordered_iter().map(|(scid, _)| *scid).collect();
    let sync = P2PGossipSync::new(Rc::clone(&known), None, log);
    let (changed, chain_hash) = (RefCell::new(all), ChainHash::using_genesis_block(network).to_bytes());
    let (seen, early, generation) = (RefCell::default(), PendingChannelUpdates::default(), Cell::new(0));
    Rc::new(GossipHandler { platform, chain_hash, sync, known, changed, seen, early, generation })
}

/// Times at which this node learnt of a channel and of its two policies, seconds since 1970. What was known when it started counts
/// as learnt then.
#[derive(Clone, Copy, Default)]
struct LearntAt {
    /// `None`: the channel is gone.
    announced: Option<u32>,
    policies: [u32; 2],
}

/// LDK's gossip, and what of it the planner's graph does not have yet.
pub(super) struct GossipHandler {
    platform: Rc<dyn Platform>,
    chain_hash: [u8; 32],
    pub(super) sync: P2PGossipSync<Rc<NetworkGraph>, NoUtxoLookup, Arc<Log>>,
    known: Rc<NetworkGraph>,
    pub(super) changed: RefCell<BTreeSet<u64>>,
    seen: RefCell<HashMap<Scid, LearntAt>>,
    pub(super) early: PendingChannelUpdates,
    generation: Cell<u64>,
}

impl GossipHandler {
    pub(super) fn knows(&self, scid: u64) -> bool {
        self.known.read_only().channel(scid).is_some()
    }

    fn now_s(&self) -> u32 {
        u32::try_from(self.platform.now().as_secs()).unwrap_or(u32::MAX)
    }

    /// Returns whether anything changed.
    fn take_over(&self, graph: &mut Graph, scid: Scid, info: &ChannelInfo) -> bool {
        let now_s = self.now_s();
        let known = graph.channel(scid);
        let Some(channel) = known.or_else(|| add(graph, scid, info)) else { return false };
        let mut seen = self.seen.borrow_mut();
        let seen = seen.entry(scid).or_default();
        let mut changed = known.is_none() || seen.announced.is_none();
        if changed {
            seen.announced = Some(now_s);
        }
        let directions = [Direction::Forward, Direction::Backward];
        for ((direction, heard), at) in
            directions.into_iter().zip([&info.one_to_two, &info.two_to_one]).zip(&mut seen.policies)
        {
            let heard = heard.as_ref().map_or(Policy::UNKNOWN, policy);
            if graph.policy(channel, direction).is_none_or(|policy| *policy != heard) {
                graph.set_policy(channel, direction, heard);
                *at = now_s;
                changed = true;
            }
        }
        changed
    }

    fn remove(&self, graph: &mut Graph, scid: Scid) -> bool {
        let Some(channel) = graph.channel(scid) else { return false };
        let now_s = self.now_s();
        self.seen.borrow_mut().insert(scid, LearntAt { announced: None, policies: [now_s; 2] });
        for direction in [Direction::Forward, Direction::Backward] {
            if let Some(policy) = graph.policy(channel, direction).copied() {
                graph.set_policy(channel, direction, Policy { enabled: false, ..policy });
            }
        }
        true
    }
}

fn add(graph: &mut Graph, scid: Scid, info: &ChannelInfo) -> Option<u32> {
    let mut node = |id: &gossip::NodeId| graph.add_node(NodeId(*id.as_array()));
    let ends = [node(&info.node_one), node(&info.node_two)];
    let [Ok(first), Ok(second)] = ends else { return None };
    let capacity_msat = info.capacity_sats.map(|sat| Msat::from_sat(sat).unwrap_or(Msat::MAX));
    match graph.add_channel(scid, [first, second], capacity_msat) {
        Ok(channel) => Some(channel),
        Err(error) => {
            log::debug!("gossip: {error}");
            None
        }
    }
}

fn policy(info: &ChannelUpdateInfo) -> Policy {
    Policy {
        enabled: info.enabled,
        base_msat: info.fees.base_msat,
        ppm: info.fees.proportional_millionths,
        cltv: info.cltv_expiry_delta,
        min_msat: Msat::up_to_max(info.htlc_minimum_msat),
        max_msat: Msat::up_to_max(info.htlc_maximum_msat),
    }
}

impl Gossip for GossipHandler {
    fn handler(self: Rc<Self>) -> Rc<dyn RoutingMessageHandler> {
        self
    }

    fn refresh(&self, graph: &mut Graph) {
        let changed = std::mem::take(&mut *self.changed.borrow_mut());
        if changed.is_empty() {
            return;
        }
        let (before, mut any) = (graph.channels().len(), false);
        let known = self.known.read_only();
        for scid in changed {
            any |= match known.channel(scid) {
                Some(info) => self.take_over(graph, Scid(scid), info),
                None => self.remove(graph, Scid(scid)),
            };
        }
        if graph.channels().len() > before {
            graph.index();
        }
        if any {
            self.generation.set(self.generation.get().saturating_add(1));
        }
    }

    fn failed(&self, update: &NetworkUpdate) {
        self.known.handle_network_update(update);
        self.changed.borrow_mut().extend(match update {
            NetworkUpdate::ChannelFailure { short_channel_id, .. } => vec![*short_channel_id],
            NetworkUpdate::NodeFailure { .. } => self.gone(),
        });
    }

    fn prune(&self, time_s: u64) {
        self.known.remove_stale_channels_and_tracking_with_time(time_s);
        let gone = self.gone();
        self.changed.borrow_mut().extend(gone);
    }

    fn encode(&self) -> Vec<u8> {
        self.known.encode()
    }

    fn generation(&self) -> u64 {
        self.generation.get()
    }

    fn snapshots(&self, graph: &Graph) -> GraphSnapshots {
        let (graph, seen) = (graph.clone(), self.seen.borrow().clone());
        let (chain_hash, now_s) = (self.chain_hash, self.now_s());
        Arc::new(move |since| {
            write(&graph, &chain_hash, now_s, |channel| {
                let entry = graph.channels().get(channel as usize);
                let Some(seen) = entry.and_then(|entry| seen.get(&entry.scid)) else {
                    return Share { announcement: false, policies: [false; 2] };
                };
                let is_there = seen.announced.is_some();
                // A reader that begins again needs nothing of what is gone; one that continues learns that it is.
                Share {
                    announcement: seen.announced.is_some_and(|at| at >= since),
                    policies: seen.policies.map(|at| at >= since && (is_there || since > 0)),
                }
            })
        })
    }
}

impl GossipHandler {
    /// Channels that the planner's graph has and gossip no longer.
    fn gone(&self) -> Vec<u64> {
        let known = self.known.read_only();
        let seen = self.seen.borrow();
        let there = seen.iter().filter(|(_, seen)| seen.announced.is_some()).map(|(scid, _)| scid.0);
        there.filter(|scid| known.channel(*scid).is_none()).collect()
    }
}
