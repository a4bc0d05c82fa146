//! LDK's [`Router`] on the project's planner.

use std::cell::{Cell, Ref, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use amplet_protocol::Msat;
use amplet_protocol::page::PaymentPart;
use amplet_router::{
    Beliefs, Direction, Graph, Link, NoPlan, Part, Plan, Planner, Quote, Request, Scid, Tuning, quote,
};
use bitcoin::secp256k1::{PublicKey, Secp256k1, Signing, Verification};
use lightning::blinded_path::payment::{BlindedPaymentPath, ReceiveTlvs};
use lightning::ln::channel_state::ChannelDetails;
use lightning::ln::channelmanager::PaymentId;
use lightning::routing::gossip;
use lightning::routing::router::{InFlightHtlcs, Path, Route, RouteParameters, Router};
use lightning::sign::{EntropySource, ReceiveAuthKey};
use lightning::types::payment::PaymentHash;

use amplet_transport::Platform;

use super::parts::describe;
use super::request::{RouteRequest, Split, node_id};
use super::{inbound, route};
use crate::config::Gossip;
use crate::ldk::signer::Signer;

/// Factors on the price of a hop, while a path has more of them than its onion holds.
const SHORTER: [f64; 3] = [1.0, 100.0, 10_000.0];

/// Refusal of a payment's last plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Reason.
    pub reason: NoPlan,
    /// Amount still to be delivered.
    pub remaining_msat: Msat,
}

/// Records the router's plans of payments that have an id.
pub trait PlanRecorder {
    /// Number of plans asked for so far.
    fn rounds(&self, id: PaymentId) -> u32;
    /// Number of parts that have left and are not known to have failed.
    fn parts_held(&self, id: PaymentId) -> usize;
    /// Records the parts of a plan that is about to leave.
    fn planned(&self, id: PaymentId, parts: Vec<PaymentPart>);
    /// Records why there is no plan.
    fn refused(&self, id: PaymentId, refused: Refused);
}

/// What a plan comes after, and may do.
#[derive(Default)]
struct Before {
    /// Rounds that have failed so far.
    retries: u32,
    /// Parts of earlier rounds that have not failed.
    held: usize,
    /// For a payment whose parts have hashes of their own; its bounds know of earlier rounds.
    split: Option<Split>,
}

/// Plans payments over the graph and what is believed of it.
pub struct FlowRouter {
    pub(super) platform: Rc<dyn Platform>,
    signer: Arc<Signer>,
    pub(super) gossip: Option<Rc<dyn Gossip>>,
    pub(super) graph: RefCell<Graph>,
    pub(super) beliefs: RefCell<Beliefs>,
    /// The beliefs have changed since they were last stored.
    pub(super) unstored: Cell<bool>,
    /// Monotonic time at which they were last staged.
    pub(super) staged_at: Cell<Duration>,
    planner: RefCell<Planner>,
    /// Public channels that our HTLCs may be on.
    used: RefCell<BTreeSet<Scid>>,
    recorder: Rc<dyn PlanRecorder>,
}

impl FlowRouter {
    /// A router that knows `graph` and `beliefs`; with `gossip`, the graph follows it.
    pub fn new(
        platform: Rc<dyn Platform>,
        signer: Arc<Signer>,
        gossip: Option<Rc<dyn Gossip>>,
        graph: Graph,
        beliefs: Beliefs,
        recorder: Rc<dyn PlanRecorder>,
    ) -> Self {
        Self {
            platform,
            signer,
            gossip,
            graph: RefCell::new(graph),
            beliefs: RefCell::new(beliefs),
            unstored: Cell::new(false),
            staged_at: Cell::default(),
            planner: RefCell::default(),
            used: RefCell::default(),
            recorder,
        }
    }

    /// The graph as it stands.
    pub fn graph(&self) -> Ref<'_, Graph> {
        if let Some(gossip) = &self.gossip {
            gossip.refresh(&mut self.graph.borrow_mut());
        }
        self.graph.borrow()
    }

    /// Marks channels that our HTLCs may be on (a payment that was pending when the node was opened).
    pub fn mark_used(&self, channels: impl Iterator<Item = Scid>) {
        self.used.borrow_mut().extend(channels);
    }

    /// Takes another graph.
    pub(crate) fn replace_graph(&self, graph: Graph) {
        *self.graph.borrow_mut() = graph;
    }

    /// Wall clock, in seconds since the UNIX epoch.
    pub(crate) fn now_s(&self) -> u32 {
        u32::try_from(self.platform.now().as_secs()).unwrap_or(u32::MAX)
    }

    fn route(
        &self,
        payer: &PublicKey,
        params: &RouteParameters,
        first_hops: &[&ChannelDetails],
        inflight: &InFlightHtlcs,
        before: &Before,
    ) -> Result<(Route, Vec<f64>), NoPlan> {
        let graph = self.graph();
        let mut request = RouteRequest::new(payer, params, first_hops, &graph, before.retries);
        match before.split {
            Some(split) => request.split(split),
            // The parts of all rounds count. One more is allowed, because LDK may ask again before it tells that a part has failed.
            None => {
                request.wanted.max_parts = request.wanted.max_parts.saturating_sub(before.held).max(1);
            }
        }
        self.prepare(&graph, payer, params, inflight);
        let max_hops = usize::from(params.payment_params.max_path_length);
        let limits = (max_hops, &mut Tuning::default().work);
        let plan = self.plan((&graph, &self.beliefs.borrow()), &request, &request.wanted, limits)?;
        let mut paths = Vec::with_capacity(plan.parts.len());
        for part in &plan.parts {
            // Gossip is not checked for keys that are no points: nobody can be reached by such a node.
            let mut path = route::path(&graph, &request, params, part).ok_or(NoPlan::NoPath)?;
            let limit = params.payment_params.max_total_cltv_expiry_delta;
            route::add_shadow_cltv(&graph, &mut path, limit, &self.signer.get_secure_random_bytes());
            paths.push(path);
        }
        self.remember(&plan);
        let probabilities = plan.parts.iter().map(|part| part.probability).collect();
        Ok((Route { paths, route_params: Some(params.clone()) }, probabilities))
    }

    /// Plans what is left of a payment whose parts have hashes of their own: a path for each, and the parts as the history shows them.
    /// `retries`: rounds that have failed so far.
    pub(crate) fn plan_split(
        &self,
        payer: &PublicKey,
        params: &RouteParameters,
        first_hops: &[ChannelDetails],
        inflight: &InFlightHtlcs,
        (retries, split): (u32, Split),
    ) -> Result<Vec<(Path, PaymentPart)>, NoPlan> {
        let first_hops: Vec<_> = first_hops.iter().collect();
        let before = Before { retries, held: 0, split: Some(split) };
        let (route, probabilities) = self.route(payer, params, &first_hops, inflight, &before)?;
        let parts = route.paths.into_iter().zip(probabilities);
        Ok(parts.map(|(path, probability)| (path.clone(), describe(&path, probability))).collect())
    }

    /// Tells the beliefs what LDK knows: what is in flight, and which channels are out of the question.
    fn prepare(&self, graph: &Graph, payer: &PublicKey, params: &RouteParameters, inflight: &InFlightHtlcs) {
        let mut beliefs = self.beliefs.borrow_mut();
        self.used.borrow_mut().retain(|&scid| {
            let Some(channel) = graph.channel(scid).and_then(|index| graph.channels().get(index as usize))
            else {
                return false;
            };
            let ends = channel.nodes.map(|node| graph.nodes().get(node as usize).copied());
            let [Some(first), Some(second)] = ends else { return false };
            let [first, second] = [first, second].map(|id| gossip::NodeId::from_slice(&id.0));
            let (Ok(first), Ok(second)) = (first, second) else { return false };
            let used = |from, to| {
                let msat = inflight.used_liquidity_msat(from, to, scid.0);
                msat.map_or(Msat::ZERO, Msat::up_to_max)
            };
            let (forward, backward) = (used(&first, &second), used(&second, &first));
            beliefs.set_in_flight(scid, Direction::Forward, forward);
            beliefs.set_in_flight(scid, Direction::Backward, backward);
            forward > Msat::ZERO || backward > Msat::ZERO
        });
        // Our own public channels are first hops, of known balance, and nothing else.
        let own = graph.node(&node_id(payer)).map_or(&[][..], |node| graph.incident(node));
        let own = own.iter().filter_map(|entry| graph.channels().get(entry.out as usize / 2));
        let failed = params.payment_params.previously_failed_channels.iter().map(|scid| Scid(*scid));
        beliefs.exclude(own.map(|channel| channel.scid).chain(failed));
    }

    /// Quotes the fee of a payment that is not made yet; `params`' maximum fee is the ceiling.
    pub(crate) fn quote(
        &self,
        payer: &PublicKey,
        params: &RouteParameters,
        first_hops: &[ChannelDetails],
        inflight: &InFlightHtlcs,
        split: Option<Split>,
    ) -> Result<Quote, NoPlan> {
        let graph = self.graph();
        let first_hops: Vec<_> = first_hops.iter().collect();
        let mut request = RouteRequest::new(payer, params, &first_hops, &graph, 0);
        if let Some(split) = split {
            request.split(split);
        }
        self.prepare(&graph, payer, params, inflight);
        let max_hops = usize::from(params.payment_params.max_path_length);
        let mut work = Tuning::default().work;
        let plan = |beliefs: &Beliefs, wanted: &Request| {
            self.plan((&graph, beliefs), &request, wanted, (max_hops, &mut work))
        };
        quote((&graph, &self.beliefs.borrow()), &request.wanted, self.now_s(), plan)
    }

    /// A plan of `wanted`, which is `request`'s or a variation of it, within those of LDK's limits, too, that the planner does not
    /// have itself. All plans of one `work`, a number of looks at arcs that is left, take together what one may.
    fn plan(
        &self,
        (graph, beliefs): (&Graph, &Beliefs),
        request: &RouteRequest<'_>,
        wanted: &Request,
        (max_hops, work): (usize, &mut u64),
    ) -> Result<Plan, NoPlan> {
        let mut planner = self.planner.borrow_mut();
        let usual = Tuning::default();
        let mut wanted = wanted.clone();
        let mut largest_msat = Msat::ZERO;
        let mut plan = |wanted: &Request, factor: f64| {
            planner.tuning = Tuning { hop: usual.hop * factor, work: *work, ..usual };
            let plan = planner.plan(graph, beliefs, wanted, self.now_s());
            *work = work.saturating_sub(planner.work());
            plan
        };
        for factor in SHORTER {
            let mut found = plan(&wanted, factor)?;
            while request.overdraws(&found, &mut wanted) {
                found = plan(&wanted, factor)?;
            }
            let short = |part: &&Part| request.visible_hops(part) <= max_hops;
            largest_msat = found.parts.iter().filter(short).map(|part| part.delivered_msat).sum();
            if largest_msat == wanted.amount_msat {
                return Ok(found);
            }
        }
        let missing_msat = wanted.amount_msat.less(largest_msat);
        Err(NoPlan::Capacity { largest_msat, missing_msat, fee_msat: Msat::ZERO })
    }

    /// Remembers what the plan lays on public channels.
    fn remember(&self, plan: &Plan) {
        let mut beliefs = self.beliefs.borrow_mut();
        let mut used = self.used.borrow_mut();
        for hop in plan.parts.iter().flat_map(|part| &part.hops) {
            if let Link::Channel(scid, direction) = hop.link {
                beliefs.sent(scid, direction, hop.amount_msat);
                used.insert(scid);
            }
        }
    }
}

impl Router for FlowRouter {
    fn find_route(
        &self,
        payer: &PublicKey,
        params: &RouteParameters,
        first_hops: Option<&[&ChannelDetails]>,
        inflight: InFlightHtlcs,
    ) -> Result<Route, &'static str> {
        let found = self.route(payer, params, first_hops.unwrap_or(&[]), &inflight, &Before::default());
        found.map(|(route, _)| route).map_err(|reason| short(&reason))
    }

    fn find_route_with_id(
        &self,
        payer: &PublicKey,
        params: &RouteParameters,
        first_hops: Option<&[&ChannelDetails]>,
        inflight: InFlightHtlcs,
        _: PaymentHash,
        id: PaymentId,
    ) -> Result<Route, &'static str> {
        let (retries, held) = (self.recorder.rounds(id), self.recorder.parts_held(id));
        let before = Before { retries, held, split: None };
        match self.route(payer, params, first_hops.unwrap_or(&[]), &inflight, &before) {
            Ok((route, probabilities)) => {
                let parts = route.paths.iter().zip(probabilities);
                let parts = parts.map(|(path, probability)| describe(path, probability));
                self.recorder.planned(id, parts.collect());
                Ok(route)
            }
            Err(reason) => {
                log::info!("payment {id}: {reason}");
                let error = short(&reason);
                let remaining_msat = Msat::up_to_max(params.final_value_msat);
                self.recorder.refused(id, Refused { reason, remaining_msat });
                Err(error)
            }
        }
    }

    fn create_blinded_payment_paths<T: Signing + Verification>(
        &self,
        recipient: PublicKey,
        key: ReceiveAuthKey,
        first_hops: Vec<ChannelDetails>,
        tlvs: ReceiveTlvs,
        amount_msat: Option<u64>,
        secp: &Secp256k1<T>,
    ) -> Result<Vec<BlindedPaymentPath>, ()> {
        let graph = self.graph();
        let amount_msat = amount_msat.map(Msat::up_to_max);
        let wanted = inbound::Wanted { recipient, key, tlvs, amount_msat };
        inbound::blinded_paths(&graph, &wanted, &first_hops, (&*self.signer, secp))
    }
}

/// For LDK's log; the whole reason goes to the [`PlanRecorder`].
fn short(reason: &NoPlan) -> &'static str {
    match reason {
        NoPlan::Amount => "not an amount",
        NoPlan::Malformed(what) => what,
        NoPlan::NoPath => "no path",
        NoPlan::Balance { .. } => "balance",
        NoPlan::Inbound { .. } => "inbound capacity of the payee",
        NoPlan::Capacity { .. } => "capacity of the network",
        NoPlan::FeeBudget { .. } => "fee budget",
        NoPlan::Cltv { .. } => "delay",
        NoPlan::Parts { .. } => "number of parts",
        NoPlan::Effort { .. } => "given up",
    }
}
