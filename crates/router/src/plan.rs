//! The planner: solve, decompose, fit, merge; again cheaper when over budget; a typed refusal when there is no plan.

use crate::attempt::{Attempt, describe};
use crate::belief::Beliefs;
use crate::flow::{Scratch, dimacs};
use crate::graph::Graph;
use crate::network::{PaymentNetwork, Weights};
use crate::parts::{Draft, Usage};
use crate::request::{NoPlan, Part, Plan, Request};
use crate::survey;
use crate::tuning::{LARGE_MSAT, Tuning};
use crate::work::Work;
use alloc::string::String;
use alloc::vec::Vec;
use amplet_protocol::Msat;

/// Factors on the mode's V, down to nearly fee only, while over the fee budget.
const CHEAPER: [f64; 4] = [1.0, 0.3, 0.05, 0.001];

/// Factors on the price of a block, while paths lock the money for too long.
const SHORTER: [f64; 3] = [30.0, 300.0, 3000.0];

/// Number of rounds after which a payment does not get more urgent.
const MAX_URGENT_ROUNDS: u32 = 8;

/// Plans payments. Holds working memory only; graph and beliefs come in with each call.
#[derive(Default)]
pub struct Planner {
    pub(crate) scratch: Scratch,
    /// Its constants.
    pub tuning: Tuning,
}

/// An explanation of a part's path: the alternative to it.
#[derive(Clone, PartialEq, Debug)]
pub struct Reason {
    /// The hop least likely to carry the part (index in its hops); `None` if all are certain.
    pub weakest: Option<usize>,
    /// The best path for the same amount without that hop, beside the plan's other parts; `None` if there is none.
    pub instead: Option<Part>,
}

impl Planner {
    /// A planner with the measured constants.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A planner with other constants.
    #[must_use]
    pub fn with(tuning: Tuning) -> Self {
        Self { tuning, ..Self::default() }
    }

    /// Plans `request` with the beliefs at `now_s` (seconds since 1970).
    ///
    /// # Errors
    /// [`NoPlan`]: the reason, and what would work.
    pub fn plan(
        &mut self,
        graph: &Graph,
        beliefs: &Beliefs,
        request: &Request,
        now_s: u32,
    ) -> Result<Plan, NoPlan> {
        check(request)?;
        self.scratch.work = Work::new(self.tuning.work);
        let mut network = self.network(graph, beliefs, request, now_s)?;
        match self.plan_over(&mut network, request) {
            // A plan that needs all that may be there is improbable, but its parts are not, and they show what there is.
            Err(reason) if !self.scratch.work.is_spent() && reason.is_close(request.amount_msat) => {
                network.stretch();
                network.set_weights(self.tuning.weights(request.mode.ppm_per_nat()));
                self.plan_over(&mut network, request).map_err(|_| reason)
            }
            planned => planned,
        }
    }

    fn plan_over(&mut self, network: &mut PaymentNetwork<'_>, request: &Request) -> Result<Plan, NoPlan> {
        survey::check(network, request)?;
        let (ppm_per_nat, first) = self.worth(network, request)?;
        let mut cheapest: Option<Attempt> = None;
        // Over the fee budget, fees weigh more in the next solve: the plan is less probable, and cheaper.
        for factor in CHEAPER {
            network.set_weights(self.tuning.weights(ppm_per_nat * factor));
            let attempt = match self.within_delay(network, request) {
                Err(reason) if self.scratch.work.is_spent() => {
                    // The search was cut off, but an earlier attempt may be within the limits.
                    let known = [&first, &cheapest].into_iter().flatten();
                    match best_known(network, request, known) {
                        Some(plan) => return Ok(plan),
                        None if cheapest.is_some() => break,
                        None => return Err(given_up(&reason)),
                    }
                }
                attempt => attempt?,
            };
            let fee_msat = attempt.fee_msat(network);
            if fee_msat <= request.max_fee_msat.get() {
                let mut attempt = attempt;
                if attempt.probability(network) < self.tuning.doubtful {
                    attempt.slice(network, request, &self.tuning);
                }
                return Ok(attempt.finish(network, request));
            }
            if cheapest.as_ref().is_none_or(|known| fee_msat < known.fee_msat(network)) {
                cheapest = Some(attempt);
            }
        }
        let cheapest = cheapest.unwrap_or_default();
        Err(NoPlan::FeeBudget {
            needed_msat: Msat::up_to_max(cheapest.fee_msat(network)),
            largest_msat: Msat::up_to_max(cheapest.affordable_msat(network, request.max_fee_msat.get())),
        })
    }

    /// Explains each part of a plan. The plan must be one for this request.
    ///
    /// # Errors
    /// [`NoPlan`] if the request no longer has a network.
    pub fn explain(
        &mut self,
        graph: &Graph,
        beliefs: &Beliefs,
        (request, plan): (&Request, &Plan),
        now_s: u32,
    ) -> Result<Vec<Reason>, NoPlan> {
        self.scratch.work = Work::new(self.tuning.work);
        let mut network = self.network(graph, beliefs, request, now_s)?;
        network.set_weights(self.tuning.weights(plan.ppm_per_nat));
        let drafts: Vec<Draft> = plan.parts.iter().map(|part| network.draft(part)).collect();
        let mut reasons = Vec::new();
        for (index, part) in plan.parts.iter().enumerate() {
            let uncertain = part.hops.iter().enumerate().filter(|(_, hop)| hop.probability < 1.0);
            let weakest = uncertain.min_by(|(_, a), (_, b)| a.probability.total_cmp(&b.probability));
            let weakest = weakest.map(|(place, _)| place);
            let mut beside = Usage::default();
            let others = drafts.iter().enumerate().filter(|&(other, _)| other != index);
            others.for_each(|(_, draft)| beside.add(&network, draft));
            let instead = weakest.and_then(|place| {
                let mut without = network.clone();
                without.ban(*drafts[index].arcs.get(place)?);
                let wanted = part.delivered_msat.get();
                let (_, found) = self.fill(&without, &beside, wanted, 1);
                let draft = found.first().filter(|draft| draft.delivered_msat == wanted)?;
                let mut usage = beside.clone();
                usage.add(&without, draft);
                Some(describe(&without, request, draft, &usage))
            });
            reasons.push(Reason { weakest, instead });
        }
        Ok(reasons)
    }

    /// The linearised problem of a request and the flow found for it, for another solver to check
    /// ([`crate::flow::dimacs`]).
    ///
    /// # Errors
    /// [`NoPlan`] as for [`Self::plan`].
    pub fn dimacs(
        &mut self,
        graph: &Graph,
        beliefs: &Beliefs,
        request: &Request,
        now_s: u32,
    ) -> Result<String, NoPlan> {
        check(request)?;
        // Without a bound: the other solver has none.
        self.scratch.work = Work::default();
        let network = self.network(graph, beliefs, request, now_s)?;
        let found = self.solve(&network, network.amount_msat);
        Ok(dimacs(&network, (network.source, network.sink), &found))
    }

    fn network<'a>(
        &self,
        graph: &'a Graph,
        beliefs: &Beliefs,
        request: &Request,
        now_s: u32,
    ) -> Result<PaymentNetwork<'a>, NoPlan> {
        let weights = self.tuning.weights(request.mode.ppm_per_nat());
        PaymentNetwork::new(graph, beliefs, request, (&self.tuning.prior, weights), now_s)
    }

    /// The V to plan with, and the attempt that showed it. At first less than the mode's where success is improbable at any
    /// fee, because fees buy little there; after that little at first, then more and more.
    fn worth(
        &mut self,
        network: &PaymentNetwork<'_>,
        request: &Request,
    ) -> Result<(f64, Option<Attempt>), NoPlan> {
        let tuning = self.tuning;
        let size = (network.amount_msat as f64 / LARGE_MSAT).clamp(0.1, 10.0);
        let power = match request.retries {
            _ if size <= 1.0 => -tuning.small,
            0 => tuning.size,
            _ => tuning.later_size,
        };
        let ppm_per_nat = request.mode.ppm_per_nat() * libm::pow(size, power);
        // In the first round V depends on the probability of the attempt with the full V, so that one is made here.
        let Some(further) = request.retries.checked_sub(1) else {
            let attempt = match self.attempt(network, request) {
                Err(reason) if self.scratch.work.is_spent() => return Err(given_up(&reason)),
                attempt => attempt?,
            };
            let hopeless = libm::pow(attempt.probability(network), tuning.hopeless);
            return Ok((ppm_per_nat * hopeless.max(tuning.least), Some(attempt)));
        };
        let urgency = libm::pow(tuning.urgency, f64::from(further.min(MAX_URGENT_ROUNDS)));
        Ok((ppm_per_nat * tuning.later * urgency, None))
    }

    /// An attempt whose parts all stay within the delay allowed, for a price in risk and fee.
    fn within_delay(
        &mut self,
        network: &mut PaymentNetwork<'_>,
        request: &Request,
    ) -> Result<Attempt, NoPlan> {
        let max_blocks = request.max_cltv.saturating_sub(request.final_cltv);
        let base = network.weights;
        let mut attempt = self.attempt(network, request)?;
        for factor in SHORTER {
            if attempt.drafts.iter().all(|draft| draft.cltv(network) <= max_blocks) {
                break;
            }
            network.set_weights(Weights { block: base.block.max(1e-5) * factor, ..base });
            attempt = self.attempt(network, request)?;
        }
        // The price of delay only steered the search: the result is judged by the caller's weights.
        network.set_weights(base);
        let short = attempt.drafts.iter().filter(|draft| draft.cltv(network) <= max_blocks);
        let largest = short.fold(0, |sum: u64, draft| sum.saturating_add(draft.delivered_msat));
        if largest < network.amount_msat {
            let largest_msat = Msat::up_to_max(largest);
            return Err(NoPlan::Cltv { limit: request.max_cltv, largest_msat });
        }
        Ok(attempt)
    }

    /// Looks at arcs that the last plan took.
    #[must_use]
    pub fn work(&self) -> u64 {
        self.scratch.work.taken()
    }
}

/// The most probable of the attempts within the fee and the delay allowed, as a plan.
fn best_known<'a>(
    network: &PaymentNetwork<'_>,
    request: &Request,
    known: impl Iterator<Item = &'a Attempt>,
) -> Option<Plan> {
    let max_blocks = request.max_cltv.saturating_sub(request.final_cltv);
    let allowed = known.filter(|attempt| {
        attempt.fee_msat(network) <= request.max_fee_msat.get()
            && attempt.drafts.iter().all(|draft| draft.cltv(network) <= max_blocks)
    });
    let best = allowed.max_by(|a, b| a.probability(network).total_cmp(&b.probability(network)));
    best.map(|attempt| attempt.finish(network, request))
}

/// The refusal when the work budget ended the search.
fn given_up(reason: &NoPlan) -> NoPlan {
    let largest_msat = match reason {
        NoPlan::Capacity { largest_msat, .. }
        | NoPlan::Cltv { largest_msat, .. }
        | NoPlan::Parts { largest_msat, .. } => *largest_msat,
        _ => Msat::ZERO,
    };
    NoPlan::Effort { largest_msat }
}

fn check(request: &Request) -> Result<(), NoPlan> {
    if request.amount_msat == Msat::ZERO {
        return Err(NoPlan::Amount);
    }
    if request.first_hops.is_empty() {
        return Err(NoPlan::Balance { largest_msat: Msat::ZERO });
    }
    if request.max_parts == 0 || request.max_part_msat == Msat::ZERO {
        // Those that have arrived were all.
        return Err(NoPlan::Parts { limit: request.max_parts, largest_msat: Msat::ZERO });
    }
    Ok(())
}
