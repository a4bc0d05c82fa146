//! The payment network: the graph, the beliefs about it, our own channels and the last hops, seen as a min-cost-flow
//! network. Units are msat; costs are [`NAT`]s per whole amount, so a unit's cost is that of sending everything.

use crate::belief::Beliefs;
use crate::extras::{Extra, Extras, HTLC_SLOTS, in_slots};
use crate::flow::Network;
use crate::graph::{Direction, Graph, Policy, arc_of};
use crate::prior::{NAT, PIECES, Prior, SlopeTable, log_bucket};
use crate::request::{NoPlan, Request};
use crate::warm::{Warm, usable};
use alloc::vec;
use alloc::vec::Vec;
use core::cell::Cell;

/// Weights of the objective, all in nats for the whole amount.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Weights {
    /// Fee in ppm that is worth a nat: `V`.
    pub ppm_per_nat: f64,
    /// Per hop: latency, and failures other than of a balance.
    pub hop: f64,
    /// Per block of delay.
    pub block: f64,
    /// Per part.
    pub part: f64,
}

/// The network of one payment.
#[derive(Clone)]
pub struct PaymentNetwork<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) amount_msat: u64,
    /// Maximum amount that a part delivers.
    pub(crate) max_part_msat: u64,
    pub(crate) weights: Weights,
    pub(crate) prior: Prior,
    table: SlopeTable,
    amount_log: u16,
    nat_per_ppm: f64,
    nat_per_base: f64,
    pub(crate) slots: Vec<u32>,
    /// The cost of the first unit over each arc of the graph: 0 if not yet computed, [`CLOSED`] if none fits. A search
    /// reads this a hundred times for each arc that it takes.
    first_costs: Vec<Cell<u32>>,
    warm: Vec<Warm>,
    pub(crate) extras: Vec<Extra>,
    extra_rows: Vec<(u32, u32, u32)>,
    nodes: usize,
    pub(crate) source: u32,
    pub(crate) sink: u32,
    is_stretched: bool,
}

/// Marks an arc that must not be used.
const BANNED: u32 = u32::MAX;

impl<'a> PaymentNetwork<'a> {
    /// Builds the network of a payment.
    ///
    /// # Errors
    /// [`NoPlan::NoPath`] if the destination is in neither graph nor last hops, [`NoPlan::Malformed`].
    pub fn new(
        graph: &'a Graph,
        beliefs: &Beliefs,
        request: &Request,
        (base, weights): (&Prior, Weights),
        now_s: u32,
    ) -> Result<Self, NoPlan> {
        let prior = beliefs.prior(base, now_s);
        let extras = Extras::new(graph, request)?;
        let mut network = Self {
            graph,
            amount_msat: request.amount_msat.get(),
            max_part_msat: request.max_part_msat.get(),
            weights,
            prior,
            table: SlopeTable::new(&prior),
            amount_log: log_bucket(request.amount_msat.get()),
            nat_per_ppm: 0.0,
            nat_per_base: 0.0,
            slots: vec![0; 2 * graph.channels().len()],
            first_costs: vec![Cell::new(0); 2 * graph.channels().len()],
            warm: Vec::new(),
            extras: extras.arcs,
            extra_rows: extras.rows,
            nodes: extras.nodes,
            source: extras.source,
            sink: extras.sink,
            is_stretched: false,
        };
        network.set_weights(weights);
        for (&scid, belief) in &beliefs.channels {
            let Some(channel) = graph.channel(scid) else { continue };
            let belief = belief.decayed(now_s);
            if belief.is_vague() {
                continue;
            }
            for direction in [Direction::Forward, Direction::Backward] {
                let in_flight = beliefs.in_flight_msat(scid, direction);
                let (low, high) = belief.interval(direction);
                network.warm_up(arc_of(channel, direction), (low.get(), high.get()), in_flight.get());
            }
        }
        for (&(scid, bit), &in_flight) in &beliefs.in_flight {
            let Some(channel) = graph.channel(scid) else { continue };
            let arc = arc_of(channel, Direction::from_bit(u32::from(bit)));
            if network.slots[arc as usize] == 0 {
                network.warm_up(arc, (0, graph.arc_capacity(arc)), in_flight.get());
            }
        }
        for channel in beliefs.excluded.iter().filter_map(|&scid| graph.channel(scid)) {
            network.ban(arc_of(channel, Direction::Forward));
            network.ban(arc_of(channel, Direction::Backward));
        }
        Ok(network)
    }

    /// Changes the objective.
    pub fn set_weights(&mut self, weights: Weights) {
        // A base fee is spread over the part that it will probably be charged for.
        let part = self.amount_msat.clamp(1, PART_GUESS_MSAT);
        self.weights = weights;
        // They were computed with the old weights.
        self.first_costs.fill(Cell::new(0));
        self.nat_per_ppm = NAT / weights.ppm_per_nat;
        self.nat_per_base = self.nat_per_ppm * 1e6 / part as f64;
    }

    /// Gives an arc of the graph explicit pieces: its balance lies in the interval, `in_flight_msat` of it is in flight.
    fn warm_up(&mut self, arc: u32, interval_msat: (u64, u64), in_flight_msat: u64) {
        let balance = (&self.prior, self.graph.arc_capacity(arc));
        let mut warm = Warm::new(balance, interval_msat, in_flight_msat, self.amount_msat);
        if self.is_stretched {
            warm.stretch();
        }
        self.first_costs[arc as usize] = Cell::new(0);
        match self.slots[arc as usize] {
            0 | BANNED => {
                self.warm.push(warm);
                self.slots[arc as usize] = self.warm.len() as u32;
            }
            slot => self.warm[slot as usize - 1] = warm,
        }
    }

    /// Counts on all that arcs may carry: a last resort, for a plan that fails for less than a hundredth.
    pub(crate) fn stretch(&mut self) {
        self.is_stretched = true;
        self.warm.iter_mut().for_each(Warm::stretch);
    }

    /// Reserves `amount_msat` of an arc's balance for this plan, for solving the remainder.
    pub(crate) fn commit(&mut self, arc: u32, amount_msat: u64, htlcs: u16) {
        let max_part_msat = self.max_part_msat;
        if let Some(extra) = self.extra_mut(arc) {
            extra.commit((amount_msat, htlcs), max_part_msat);
            return;
        }
        let capacity = self.graph.arc_capacity(arc);
        let known = self.warm_of(arc).map(|warm| (warm.interval_msat, warm.in_flight_msat));
        let (interval_msat, in_flight_msat) = known.unwrap_or(((0, capacity), 0));
        self.warm_up(arc, interval_msat, in_flight_msat.saturating_add(amount_msat));
    }

    /// Excludes an arc from all further solves.
    pub(crate) fn ban(&mut self, arc: u32) {
        if let Some(extra) = self.extra_mut(arc) {
            extra.policy.enabled = false;
        } else {
            self.slots[arc as usize] = BANNED;
            self.first_costs[arc as usize] = Cell::new(0);
        }
    }

    fn extra_mut(&mut self, arc: u32) -> Option<&mut Extra> {
        let index = (arc as usize).checked_sub(self.slots.len())? / 2;
        self.extras.get_mut(index)
    }

    pub(crate) fn extra(&self, arc: u32) -> Option<&Extra> {
        let index = (arc as usize).checked_sub(self.slots.len())? / 2;
        self.extras.get(index)
    }

    fn warm_of(&self, arc: u32) -> Option<&Warm> {
        match *self.slots.get(arc as usize)? {
            0 | BANNED => None,
            slot => self.warm.get(slot as usize - 1),
        }
    }

    /// The policy of an arc's sender.
    pub(crate) fn policy(&self, arc: u32) -> &Policy {
        self.extra(arc).map_or_else(|| self.graph.arc_policy(arc), |extra| &extra.policy)
    }

    /// The nodes that an arc leaves from and goes to.
    pub(crate) fn ends(&self, arc: u32) -> (u32, u32) {
        if let Some(extra) = self.extra(arc) {
            return (extra.tail, extra.head);
        }
        let nodes = self.graph.channels()[(arc / 2) as usize].nodes;
        let side = (arc & 1) as usize;
        (nodes[side], nodes[1 - side])
    }

    /// The maximum that may cross an arc, msat.
    pub(crate) fn limit_msat(&self, arc: u32) -> u64 {
        if let Some(extra) = self.extra(arc) {
            return extra.limit_msat;
        }
        let believed = match self.warm_of(arc) {
            Some(warm) => warm.limit_msat(),
            None if self.is_stretched => self.graph.arc_capacity(arc),
            None => usable(self.graph.arc_capacity(arc)),
        };
        let max_msat = self.graph.arc_policy(arc).max_msat.get();
        let in_slots = in_slots(self.max_part_msat, HTLC_SLOTS);
        believed.min(max_msat.saturating_mul(u64::from(HTLC_SLOTS))).min(in_slots)
    }

    /// The amount that certainly gets across an arc, msat.
    pub(crate) fn certain_msat(&self, arc: u32) -> u64 {
        self.extra(arc)
            .map_or_else(|| self.warm_of(arc).map_or(0, Warm::certain_msat), |extra| extra.limit_msat)
    }

    /// `-ln` of the probability that `amount_msat` gets across an arc, nats.
    pub(crate) fn risk_nats(&self, arc: u32, amount_msat: u64) -> f64 {
        if self.extra(arc).is_some() {
            return 0.0;
        }
        let capacity = self.graph.arc_capacity(arc).max(1);
        let share = |msat: u64| msat as f64 / capacity as f64;
        let (low, high, in_flight) = self.warm_of(arc).map_or((0.0, 1.0, 0.0), |warm| {
            let (low_msat, high_msat) = warm.interval_msat;
            (share(low_msat).min(1.0), share(high_msat).min(1.0), share(warm.in_flight_msat).min(1.0))
        });
        let already = if in_flight > low { self.prior.cost(in_flight, low, high) } else { 0.0 };
        (self.prior.cost(share(amount_msat) + in_flight, low, high) - already).max(0.0)
    }

    fn overhead(&self, policy: &Policy) -> f64 {
        let mut fee =
            f64::from(policy.ppm) * self.nat_per_ppm + f64::from(policy.base_msat) * self.nat_per_base;
        let max_msat = policy.max_msat.get();
        if max_msat < self.amount_msat {
            // A small HTLC maximum means many parts.
            fee += self.weights.part * NAT * self.amount_msat as f64 / max_msat.max(1) as f64;
        }
        fee + (self.weights.hop + self.weights.block * f64::from(policy.cltv)) * NAT
    }

    /// [`Network::ahead`] for an arc of the graph, computed.
    fn next_cost(&self, arc: u32, flow: u64) -> Option<u64> {
        let slot = self.slots[arc as usize];
        let policy = self.graph.arc_policy(arc);
        let (min_msat, max_msat) = (policy.min_msat.get(), policy.max_msat.get());
        if !policy.enabled || min_msat > self.amount_msat || max_msat == 0 || slot == BANNED {
            return None;
        }
        if flow > 0 && flow >= self.limit_msat(arc) {
            return None;
        }
        let risk = if slot > 0 {
            self.pieces_from(arc, flow)?.1
        } else {
            let capacity = self.graph.arc_capacity(arc);
            u64::from(self.cold_row(arc)?[cold_piece(capacity, flow)])
        };
        Some(risk.saturating_add(self.overhead(policy) as u64).clamp(1, MAX_COST))
    }

    fn cold_row(&self, arc: u32) -> Option<&[u32; PIECES]> {
        let row = self.table.row(self.amount_log, self.graph.capacity_log(arc / 2));
        if self.is_stretched { row.or_else(|| self.table.last_row()) } else { row }
    }

    fn pieces_from(&self, arc: u32, flow: u64) -> Option<(u64, u64)> {
        self.warm_of(arc)?.piece(flow)
    }
}

/// In [`PaymentNetwork::first_costs`]: nothing fits.
const CLOSED: u32 = u32::MAX;

/// Maximum cost of a unit (43,000 nats), for absurd fees and risks.
const MAX_COST: u64 = CLOSED as u64 - 1;

/// A part of this size is assumed when base fees are spread, msat; smaller payments are assumed to go in one.
const PART_GUESS_MSAT: u64 = 1_000_000_000;

/// The end of a cold arc's piece, msat.
fn cold_end(capacity_msat: u64, piece: usize) -> u64 {
    // No overflow: a capacity is at most `Msat::MAX`, an eighth of 2^64.
    let end = (capacity_msat * (piece as u64 + 1)).div_ceil(PIECES as u64);
    if piece + 1 >= PIECES { usable(capacity_msat) } else { end }
}

fn cold_piece(capacity_msat: u64, flow: u64) -> usize {
    (flow.saturating_mul(PIECES as u64) / capacity_msat.max(1)).min(PIECES as u64 - 1) as usize
}

impl Network for PaymentNetwork<'_> {
    fn node_count(&self) -> usize {
        self.nodes
    }

    fn arc_count(&self) -> usize {
        self.slots.len() + 2 * self.extras.len()
    }

    fn incident(&self, node: u32) -> impl Iterator<Item = (u32, u32)> {
        let from = self.extra_rows.partition_point(|&(tail, ..)| tail < node);
        let extra = self.extra_rows[from..].iter().take_while(move |&&(tail, ..)| tail == node);
        let graph = self.graph.incident(node).iter().map(|entry| (entry.peer, entry.out));
        graph.chain(extra.map(|&(_, peer, out)| (peer, out)))
    }

    fn ahead(&self, arc: u32, flow: u64) -> Option<u64> {
        let Some(first) = self.first_costs.get(arc as usize) else {
            let extra = self.extra(arc)?;
            let open = arc & 1 == 0 && extra.policy.enabled && flow < extra.limit_msat;
            return open.then(|| (self.overhead(&extra.policy) as u64).clamp(1, MAX_COST));
        };
        if flow > 0 {
            return self.next_cost(arc, flow);
        }
        if first.get() == 0 {
            first.set(self.next_cost(arc, 0).map_or(CLOSED, |cost| cost as u32));
        }
        (first.get() != CLOSED).then(|| u64::from(first.get()))
    }

    fn ahead_room(&self, arc: u32, flow: u64) -> u64 {
        let limit = self.limit_msat(arc);
        let end = if arc as usize >= self.slots.len() {
            limit
        } else if let Some((end, _)) = self.pieces_from(arc, flow) {
            end
        } else {
            let capacity = self.graph.arc_capacity(arc);
            let piece = cold_piece(capacity, flow);
            if piece + 1 < PIECES { cold_end(capacity, piece) } else { limit }
        };
        end.min(limit).saturating_sub(flow)
    }

    fn back(&self, arc: u32, flow: u64) -> u64 {
        self.ahead(arc, flow - 1).unwrap_or(0)
    }

    fn back_room(&self, arc: u32, flow: u64) -> u64 {
        if arc as usize >= self.slots.len() {
            return flow;
        }
        let start = if let Some(warm) = self.warm_of(arc) {
            warm.piece_start(flow)
        } else {
            let capacity = self.graph.arc_capacity(arc);
            match cold_piece(capacity, flow - 1) {
                0 => 0,
                piece => cold_end(capacity, piece - 1),
            }
        };
        flow - start
    }
}
