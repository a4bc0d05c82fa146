//! Drafts for a whole amount: solve, decompose, fit; again beside them for what fees left over; merge.

use crate::attempt::Attempt;
use crate::flow::{Flow, Network, Reversed, min_cost_flow};
use crate::network::{PaymentNetwork, Weights};
use crate::parts::{Draft, Usage, alone, decompose, fit, merge, refusing};
use crate::plan::Planner;
use crate::request::{NoPlan, Request};
use alloc::vec::Vec;
use amplet_protocol::Msat;

/// Maximum number of solves for the remainder that fees and htlc limits left over.
const FILL_ROUNDS: usize = 5;

/// Minimum size of a part for a remainder that fees left over: the amount divided by this.
const SMALLEST_SHARE: u64 = 40;

/// Factors on the price of a part, while there are more than allowed.
const FEWER: [f64; 2] = [30.0, 1000.0];

/// Factors on V, while the fees of what was found leave no room for a rest.
const LEANER: [f64; 2] = [0.1, 0.001];

/// Maximum number of paths of a solve: more means a payment of thousands of tiny parts.
const MAX_PATHS: usize = 4096;

/// Number of arcs per look when the network is copied.
const COPY_LOOK: usize = 16;

impl Planner {
    /// Parts for the whole amount, at any cost: fewer and wider ones if there would be too many, cheaper ones if fees took the
    /// room of the last of them.
    pub(crate) fn attempt(
        &mut self,
        network: &PaymentNetwork<'_>,
        request: &Request,
    ) -> Result<Attempt, NoPlan> {
        let weights = network.weights;
        let mut attempt = self.assemble(network, request);
        let fewer = FEWER.map(|factor| Weights { part: weights.part.max(0.001) * factor, ..weights });
        let ppm_per_nat = weights.ppm_per_nat;
        let leaner = LEANER.map(|factor| Weights { ppm_per_nat: ppm_per_nat * factor, ..weights });
        for (other, remedy) in [(fewer, is_for_parts as fn(&NoPlan) -> bool), (leaner, is_for_fees)] {
            for weights in other {
                let Err(reason) = &attempt else { break };
                if self.scratch.work.is_spent() || !remedy(reason) {
                    break;
                }
                let mut copy = self.copy(network);
                copy.set_weights(weights);
                attempt = self.assemble(&copy, request);
            }
        }
        attempt
    }

    fn assemble(&mut self, network: &PaymentNetwork<'_>, request: &Request) -> Result<Attempt, NoPlan> {
        let mut attempt = Attempt::default();
        let amount = network.amount_msat;
        let mut left = amount;
        let mut is_carried = true;
        for round in 0..FILL_ROUNDS {
            // A tiny remainder would be below every minimum: more is planned, and the excess trimmed.
            let wanted = left.max(amount / SMALLEST_SHARE);
            let spare = request.max_parts.saturating_sub(attempt.drafts.len());
            let (carried, more) = self.fill(network, &attempt.usage, wanted, spare);
            let gained = !more.is_empty();
            attempt.add(network, more);
            if round == 0 {
                if carried == 0 {
                    return Err(NoPlan::NoPath);
                }
                // A first flow below the amount is the maximum flow: further rounds find no more.
                is_carried = carried >= amount;
            }
            let excess = attempt.delivered_msat().saturating_sub(amount);
            if excess > 0 {
                attempt.trim(network, excess);
            }
            let missing = amount.saturating_sub(attempt.delivered_msat());
            left = attempt.top_up(network, missing);
            if left == 0 || !gained || !is_carried {
                break;
            }
        }
        if left > 0 {
            return Err(attempt.refusal(network, request, (left, is_carried)));
        }
        merge(network, &mut attempt.drafts, &mut attempt.usage);
        Ok(attempt)
    }

    /// Parts for `wanted_msat` beside `usage`, and the amount that the flow carried before fees, msat.
    pub(crate) fn fill(
        &mut self,
        network: &PaymentNetwork<'_>,
        usage: &Usage,
        wanted_msat: u64,
        max_parts: usize,
    ) -> (u64, Vec<Draft>) {
        let mut beside: Option<PaymentNetwork<'_>> = None;
        for (&arc, &(msat, htlcs)) in &usage.0 {
            beside.get_or_insert_with(|| self.copy(network)).commit(arc, msat, htlcs);
        }
        let mut carried = None;
        for _ in 0..FILL_ROUNDS {
            let current = beside.as_ref().unwrap_or(network);
            let flow = self.solve(current, wanted_msat);
            // The first round's: the bans of later rounds only make the flow smaller.
            let carried = *carried.get_or_insert(flow.amount);
            let paths = decompose(current, &flow.arcs, &mut self.scratch.work);
            let mut drafts = fit(current, &paths, &flow.arcs, &mut Usage::default(), max_parts);
            if drafts.is_empty() && max_parts > 0 {
                // Every path's share was below some hop's minimum: the path with the most room takes it alone.
                drafts.extend(alone(current, &paths, wanted_msat));
            }
            // Fees have pushed every path over a maximum, or the rest below a minimum: try other paths.
            let refusing: Vec<u32> =
                paths.iter().filter_map(|path| refusing(current, &path.arcs, wanted_msat)).collect();
            if !drafts.is_empty() || max_parts == 0 || refusing.is_empty() {
                return (carried, drafts);
            }
            let without = beside.get_or_insert_with(|| self.copy(network));
            refusing.into_iter().for_each(|arc| without.ban(arc));
        }
        (carried.unwrap_or(0), Vec::new())
    }

    pub(crate) fn solve(&mut self, network: &PaymentNetwork<'_>, amount_msat: u64) -> Flow {
        let (source, sink) = (network.source, network.sink);
        // From the tighter end the search visits less of the graph.
        if network.inbound_msat() < network.departing_msat() {
            let reversed = Reversed(network);
            return min_cost_flow(&reversed, (sink, source), amount_msat, MAX_PATHS, &mut self.scratch);
        }
        min_cost_flow(network, (source, sink), amount_msat, MAX_PATHS, &mut self.scratch)
    }

    fn copy<'a>(&mut self, network: &PaymentNetwork<'a>) -> PaymentNetwork<'a> {
        self.scratch.work.take(network.arc_count() / COPY_LOOK);
        network.clone()
    }
}

fn is_for_parts(reason: &NoPlan) -> bool {
    matches!(reason, NoPlan::Parts { .. })
}

/// True if the flow carries the amount, but not what it costs as well.
fn is_for_fees(reason: &NoPlan) -> bool {
    match reason {
        NoPlan::Capacity { fee_msat, .. } => *fee_msat > Msat::ZERO,
        NoPlan::Balance { .. } => true,
        _ => false,
    }
}
