//! One payment over several rounds: plans the remainder, learns from each result, stays within the fee budget.

use crate::belief::{Beliefs, Certainty};
use crate::graph::Graph;
use crate::plan::Planner;
use crate::request::{Link, NoPlan, Part, Plan, Request};
use amplet_protocol::Msat;

/// The outcome of a part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It arrived and is held by the destination.
    Arrived,
    /// The hop of this index in [`Part::hops`] did not forward it for lack of balance, or probably so.
    Failed(usize, Certainty),
}

/// A payment in progress.
#[derive(Clone, Debug)]
pub struct Payment {
    request: Request,
    delivered_msat: Msat,
    fee_msat: Msat,
    /// Parts that have arrived and are held: they count among the most that there may be.
    arrived: usize,
    rounds: u32,
}

impl Payment {
    /// Starts one.
    #[must_use]
    pub fn new(request: Request) -> Self {
        Self { request, delivered_msat: Msat::ZERO, fee_msat: Msat::ZERO, arrived: 0, rounds: 0 }
    }

    /// The amount still to be delivered.
    #[must_use]
    pub fn remaining_msat(&self) -> Msat {
        self.request.amount_msat.less(self.delivered_msat)
    }

    /// The fees of the parts that have arrived.
    #[must_use]
    pub fn fee_msat(&self) -> Msat {
        self.fee_msat
    }

    /// Plans the remainder.
    ///
    /// # Errors
    /// [`NoPlan`], about the remainder.
    pub fn next(
        &mut self,
        planner: &mut Planner,
        graph: &Graph,
        beliefs: &Beliefs,
        now_s: u32,
    ) -> Result<Plan, NoPlan> {
        let request = self.request_now();
        self.rounds += 1;
        planner.plan(graph, beliefs, &request, now_s)
    }

    /// The request of the next round: the remainder, within the rest of the fee budget and of the parts.
    #[must_use]
    pub fn request_now(&self) -> Request {
        let mut request = self.request.clone();
        request.amount_msat = self.remaining_msat();
        request.max_fee_msat = self.request.max_fee_msat.less(self.fee_msat);
        request.max_parts = request.max_parts.saturating_sub(self.arrived);
        request.retries = request.retries.saturating_add(self.rounds);
        request
    }

    /// Records the outcome of a part of the last plan.
    pub fn report(
        &mut self,
        part: &Part,
        outcome: Outcome,
        graph: &Graph,
        beliefs: &mut Beliefs,
        now_s: u32,
    ) {
        for (index, hop) in part.hops.iter().enumerate() {
            let Link::Channel(scid, direction) = hop.link else { continue };
            match outcome {
                Outcome::Arrived => {
                    beliefs.reached(graph, scid, direction, hop.amount_msat, now_s);
                    beliefs.sent(scid, direction, hop.amount_msat);
                }
                Outcome::Failed(at, _) if index < at => {
                    beliefs.reached(graph, scid, direction, hop.amount_msat, now_s);
                }
                Outcome::Failed(at, certainty) if index == at => {
                    beliefs.refused(graph, (scid, direction), hop.amount_msat, certainty, now_s);
                }
                Outcome::Failed(..) => {}
            }
        }
        if outcome == Outcome::Arrived {
            self.arrived += 1;
            self.delivered_msat = self.delivered_msat.plus_up_to_max(part.delivered_msat);
            self.fee_msat = self.fee_msat.plus_up_to_max(part.fee_msat);
        }
    }
}
