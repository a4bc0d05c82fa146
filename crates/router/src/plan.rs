//! The planner: solve, take apart, fit, merge; again cheaper when over budget; say why when it cannot be done.

use crate::attempt::{Attempt, describe};
use crate::belief::Beliefs;
use crate::flow::{Flow, Reversed, Scratch, dimacs, min_cost_flow};
use crate::graph::{Graph, MAX_MONEY_MSAT};
use crate::network::{PaymentNetwork, Weights};
use crate::parts::{Draft, Usage, alone, decompose, fit, merge, refusing};
use crate::prior::Prior;
use crate::request::{NoPlan, Part, Plan, Request};
use crate::survey;
use alloc::string::String;
use alloc::vec::Vec;

/// Solves before giving up on what fees and htlc limits left over.
const FILL_ROUNDS: usize = 5;

/// No part is planned for less than this share of the amount, when fees left a crumb over.
const SMALLEST_SHARE: u64 = 40;

/// Steps from the mode's V down to nearly fee only.
const CHEAPER: [f64; 4] = [1.0, 0.3, 0.05, 0.001];

/// Steps up in the price of a block, while paths lock the money for too long.
const SHORTER: [f64; 3] = [30.0, 300.0, 3000.0];

/// After so many rounds a payment does not get more urgent.
const MAX_URGENT_ROUNDS: u32 = 8;

/// Steps up in the price of a part, while there are more than allowed.
const FEWER: [f64; 2] = [30.0, 1000.0];

/// Paths that a solve may take: more means a payment of thousands of crumbs.
const MAX_PATHS: usize = 4096;

/// From here on a payment is large: several channels' worth, whose retries hold ever more of them.
pub const LARGE_MSAT: f64 = 1e9;

/// The planner's constants, as measured (README.md); other values are for experiments.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Tuning {
    /// The prior before any evidence.
    pub prior: Prior,
    /// Nats per hop: latency, and failures that are not balances.
    pub hop: f64,
    /// Nats per block of delay.
    pub block: f64,
    /// Nats per part.
    pub part: f64,
    /// Factor on V in the second round.
    pub later: f64,
    /// Further factor on V for each round after that: the more has failed, the more success is worth.
    pub urgency: f64,
    /// Most slices that a doubtful part is sent in.
    pub slices: f64,
    /// A plan less probable than this is sent in slices.
    pub doubtful: f64,
    /// No slice is smaller, msat.
    pub slice_msat: f64,
    /// How strongly V falls where a plan is improbable anyway: `V * P^hopeless`.
    pub hopeless: f64,
    /// V grows with the amount above [`LARGE_MSAT`], up to tenfold amounts, by this power.
    pub size: f64,
    /// V grows as the amount falls below [`LARGE_MSAT`], down to a tenth, by this power: a failure costs a person the
    /// same time, which is more of a small amount.
    pub small: f64,
    /// V does not fall below this share of the mode's for that.
    pub least: f64,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            prior: Prior::default(),
            hop: 0.003,
            block: 0.00001,
            part: 0.01,
            later: 0.03,
            urgency: 1.9,
            slices: 6.0,
            doubtful: 0.7,
            slice_msat: 1e8,
            hopeless: 1.15,
            size: 0.745,
            small: 0.2,
            least: 0.005,
        }
    }
}

impl Tuning {
    fn weights(&self, ppm_per_nat: f64) -> Weights {
        Weights { ppm_per_nat, hop: self.hop, block: self.block, part: self.part }
    }
}

/// Plans payments. Holds working memory only; what it knows comes in with each call.
#[derive(Default)]
pub struct Planner {
    scratch: Scratch,
    /// Its constants.
    pub tuning: Tuning,
}

/// Why a part runs where it does: what would have been taken instead.
#[derive(Clone, PartialEq, Debug)]
pub struct Reason {
    /// The hop least likely to carry the part (index in its hops); `None` if all are certain.
    pub weakest: Option<usize>,
    /// The best way for the same amount without that hop, beside the plan's other parts; `None` if there is none.
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

    /// Plans `request` over what is believed at `now_s` (seconds since 1970).
    ///
    /// # Errors
    /// [`NoPlan`]: why not, and what would work.
    pub fn plan(
        &mut self,
        graph: &Graph,
        beliefs: &Beliefs,
        request: &Request,
        now_s: u32,
    ) -> Result<Plan, NoPlan> {
        check(request)?;
        let mut network = self.network(graph, beliefs, request, now_s)?;
        survey::check(&network, request)?;
        let ppm_per_nat = self.worth(&network, request)?;
        let mut cheapest: Option<Attempt> = None;
        for factor in CHEAPER {
            network.set_weights(self.tuning.weights(ppm_per_nat * factor));
            let attempt = self.within_delay(&mut network, request)?;
            let fee_msat = attempt.fee_msat(&network);
            if fee_msat <= request.max_fee_msat {
                let doubtful = attempt.probability(&network) < self.tuning.doubtful;
                let sliced = attempt.sliced(&network, request, &self.tuning).filter(|_| doubtful);
                return Ok(sliced.unwrap_or(attempt).finish(&network, request));
            }
            if cheapest.as_ref().is_none_or(|known| fee_msat < known.fee_msat(&network)) {
                cheapest = Some(attempt);
            }
        }
        let cheapest = cheapest.unwrap_or_default();
        Err(NoPlan::FeeBudget {
            needed_msat: cheapest.fee_msat(&network),
            largest_msat: cheapest.affordable_msat(&network, request.max_fee_msat),
        })
    }

    /// Says for each part of a plan what it was chosen over. The plan must be one for this request.
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
                let (_, found) = self.fill(&without, &beside, part.delivered_msat, 1);
                let draft = found.first().filter(|draft| draft.delivered_msat == part.delivered_msat)?;
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
        let network = self.network(graph, beliefs, request, now_s)?;
        let found = self.solve(&network, request.amount_msat);
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

    /// The V to plan with. At first less than the mode's where success is improbable whatever is paid, because fees
    /// buy little there; after that little at first, then more and more.
    fn worth(&mut self, network: &PaymentNetwork<'_>, request: &Request) -> Result<f64, NoPlan> {
        let tuning = self.tuning;
        let size = (request.amount_msat as f64 / LARGE_MSAT).clamp(0.1, 10.0);
        let power = if size > 1.0 { tuning.size } else { -tuning.small };
        let ppm_per_nat = request.mode.ppm_per_nat() * libm::pow(size, power);
        let Some(further) = request.retries.checked_sub(1) else {
            let probability = self.attempt(network, request)?.probability(network);
            return Ok(ppm_per_nat * libm::pow(probability, tuning.hopeless).max(tuning.least));
        };
        Ok(ppm_per_nat * tuning.later * libm::pow(tuning.urgency, f64::from(further.min(MAX_URGENT_ROUNDS))))
    }

    /// An attempt whose parts all stay within the delay allowed, for a price in risk and fee.
    fn within_delay(
        &mut self,
        network: &mut PaymentNetwork<'_>,
        request: &Request,
    ) -> Result<Attempt, NoPlan> {
        let most = request.max_cltv.saturating_sub(request.final_cltv);
        let base = network.weights;
        let mut attempt = self.attempt(network, request)?;
        for factor in SHORTER {
            if attempt.drafts.iter().all(|draft| draft.cltv(network) <= most) {
                break;
            }
            network.set_weights(Weights { block: base.block.max(1e-5) * factor, ..base });
            attempt = self.attempt(network, request)?;
        }
        network.set_weights(base);
        let short = attempt.drafts.iter().filter(|draft| draft.cltv(network) <= most);
        let largest_msat = short.fold(0, |sum: u64, draft| sum.saturating_add(draft.delivered_msat));
        if largest_msat < request.amount_msat {
            return Err(NoPlan::Cltv { limit: request.max_cltv, largest_msat });
        }
        Ok(attempt)
    }

    fn solve(&mut self, network: &PaymentNetwork<'_>, amount_msat: u64) -> Flow {
        let (source, sink) = (network.source, network.sink);
        if network.inbound_msat() < network.departing_msat() {
            let reversed = Reversed(network);
            return min_cost_flow(&reversed, (sink, source), amount_msat, MAX_PATHS, &mut self.scratch);
        }
        min_cost_flow(network, (source, sink), amount_msat, MAX_PATHS, &mut self.scratch)
    }

    /// Parts for the whole amount, whatever they cost; fewer and wider ones if there would be too many.
    fn attempt(&mut self, network: &PaymentNetwork<'_>, request: &Request) -> Result<Attempt, NoPlan> {
        let mut attempt = self.assemble(network, request);
        for factor in FEWER {
            if !matches!(attempt, Err(NoPlan::Parts { .. })) {
                break;
            }
            let mut wider = network.clone();
            let part = network.weights.part.max(0.001) * factor;
            wider.set_weights(Weights { part, ..network.weights });
            attempt = self.assemble(&wider, request);
        }
        attempt
    }

    fn assemble(&mut self, network: &PaymentNetwork<'_>, request: &Request) -> Result<Attempt, NoPlan> {
        let mut attempt = Attempt::default();
        let mut left = request.amount_msat;
        for _ in 0..FILL_ROUNDS {
            let wanted = left.max(request.amount_msat / SMALLEST_SHARE);
            let spare = request.max_parts.saturating_sub(attempt.drafts.len());
            let (carried, more) = self.fill(network, &attempt.usage, wanted, spare);
            let first = attempt.drafts.is_empty();
            let gained = !more.is_empty();
            attempt.add(network, more);
            if first && carried == 0 {
                return Err(NoPlan::NoPath);
            }
            let excess = attempt.delivered_msat().saturating_sub(request.amount_msat);
            if excess > 0 {
                attempt.trim(network, excess);
            }
            let missing = request.amount_msat.saturating_sub(attempt.delivered_msat());
            left = attempt.top_up(network, missing);
            if left == 0 || !gained || first && carried < request.amount_msat {
                break;
            }
        }
        if left > 0 {
            let largest_msat = request.amount_msat - left;
            return Err(if attempt.drafts.len() >= request.max_parts {
                NoPlan::Parts { limit: request.max_parts, largest_msat }
            } else {
                NoPlan::Capacity { largest_msat }
            });
        }
        merge(network, &mut attempt.drafts, &mut attempt.usage);
        Ok(attempt)
    }

    /// Parts for `wanted_msat` beside what `usage` already takes, and how much the flow carried before fees.
    fn fill(
        &mut self,
        network: &PaymentNetwork<'_>,
        usage: &Usage,
        wanted_msat: u64,
        max_parts: usize,
    ) -> (u64, Vec<Draft>) {
        let mut beside: Option<PaymentNetwork<'_>> = None;
        for (&arc, &(msat, htlcs)) in &usage.0 {
            beside.get_or_insert_with(|| network.clone()).commit(arc, msat, htlcs);
        }
        let mut carried = None;
        for _ in 0..FILL_ROUNDS {
            let current = beside.as_ref().unwrap_or(network);
            let flow = self.solve(current, wanted_msat);
            let carried = *carried.get_or_insert(flow.amount);
            let paths = decompose(current, &flow.arcs);
            let mut drafts = fit(current, &paths, &flow.arcs, &mut Usage::default(), max_parts);
            if drafts.is_empty() && max_parts > 0 {
                // Every path's share was below somebody's minimum: the one that takes most takes it alone.
                drafts.extend(alone(current, &paths, wanted_msat));
            }
            // Fees have pushed every path over a maximum, or the rest below a minimum: another way, then.
            let refusing: Vec<u32> =
                paths.iter().filter_map(|path| refusing(current, &path.arcs, wanted_msat)).collect();
            if !drafts.is_empty() || max_parts == 0 || refusing.is_empty() {
                return (carried, drafts);
            }
            let without = beside.get_or_insert_with(|| network.clone());
            refusing.into_iter().for_each(|arc| without.ban(arc));
        }
        (carried.unwrap_or(0), Vec::new())
    }
}

fn check(request: &Request) -> Result<(), NoPlan> {
    if request.amount_msat == 0 || request.amount_msat > MAX_MONEY_MSAT {
        return Err(NoPlan::Amount(request.amount_msat));
    }
    if request.first_hops.is_empty() {
        return Err(NoPlan::Balance { largest_msat: 0 });
    }
    if request.max_parts == 0 {
        return Err(NoPlan::Malformed("no parts allowed: allow at least one"));
    }
    Ok(())
}
