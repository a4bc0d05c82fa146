//! One attempt at a plan: a set of drafts, and the operations on the whole set.

use crate::Tuning;
use crate::extras::HTLC_SLOTS;
use crate::network::PaymentNetwork;
use crate::parts::{Draft, Usage, deliverable, htlc_room};
use crate::request::{Hop, Link, Part, Plan, Request};
use alloc::vec::Vec;
use amplet_protocol::Msat;

/// Drafts, and their total on each arc.
#[derive(Default)]
pub(crate) struct Attempt {
    pub drafts: Vec<Draft>,
    pub usage: Usage,
}

impl Attempt {
    pub(crate) fn add(&mut self, network: &PaymentNetwork<'_>, drafts: Vec<Draft>) {
        for draft in &drafts {
            self.usage.add(network, draft);
        }
        self.drafts.extend(drafts);
    }

    pub(crate) fn fee_msat(&self, network: &PaymentNetwork<'_>) -> u64 {
        self.drafts.iter().fold(0, |sum: u64, draft| sum.saturating_add(draft.fee_msat(network)))
    }

    pub(crate) fn probability(&self, network: &PaymentNetwork<'_>) -> f64 {
        let risk: f64 = self.usage.0.iter().map(|(&arc, &(msat, _))| network.risk_nats(arc, msat)).sum();
        libm::exp(-risk)
    }

    /// The sum that all parts deliver, msat.
    pub(crate) fn delivered_msat(&self) -> u64 {
        self.drafts.iter().fold(0, |sum: u64, draft| sum.saturating_add(draft.delivered_msat))
    }

    /// Removes `excess` msat: from the largest part that stays above its minima; else the smallest parts are removed whole, and
    /// with them perhaps more than that.
    pub(crate) fn trim(&mut self, network: &PaymentNetwork<'_>, excess: u64) {
        self.drafts.sort_by_key(|draft| draft.delivered_msat);
        let shrunk = |draft: &Draft| draft.delivered_msat.saturating_sub(excess);
        let gives = |draft: &Draft| {
            let less = shrunk(draft);
            less > 0 && deliverable(network, &draft.arcs, less, |_| u64::MAX) == less
        };
        if let Some(place) = self.drafts.iter().rposition(gives) {
            let draft = &mut self.drafts[place];
            self.usage.remove(network, draft);
            draft.delivered_msat = shrunk(draft);
            self.usage.add(network, draft);
            return;
        }
        let mut left = excess;
        while left > 0 && !self.drafts.is_empty() {
            let smallest = self.drafts.remove(0);
            self.usage.remove(network, &smallest);
            left = left.saturating_sub(smallest.delivered_msat);
        }
    }

    /// Adds `left` msat to parts whose arcs have room for it; returns the rest that did not fit, msat.
    pub(crate) fn top_up(&mut self, network: &PaymentNetwork<'_>, mut left: u64) -> u64 {
        for draft in &mut self.drafts {
            if left == 0 {
                break;
            }
            // Its own share counts as room again.
            self.usage.remove(network, draft);
            let usage = &self.usage;
            let room = |arc| htlc_room(network, usage, arc, network.limit_msat(arc));
            let wanted = (draft.delivered_msat + left).min(network.max_part_msat);
            let delivered = deliverable(network, &draft.arcs, wanted, room);
            if delivered > draft.delivered_msat {
                left -= delivered - draft.delivered_msat;
                draft.delivered_msat = delivered;
            }
            self.usage.add(network, draft);
        }
        left
    }

    /// The same attempt in slices: a failure then costs one slice, and shows where the balance ends. `None` if that changes
    /// nothing, or exceeds a limit.
    pub(crate) fn sliced(
        &self,
        network: &PaymentNetwork<'_>,
        request: &Request,
        tuning: &Tuning,
    ) -> Option<Self> {
        let spare = request.max_parts.saturating_sub(self.drafts.len());
        let max_slices = (tuning.slices as u64).min(1 + spare as u64 / self.drafts.len().max(1) as u64);
        let mut drafts = Vec::new();
        for draft in &self.drafts {
            let risk: f64 = draft.arcs.iter().map(|&arc| network.risk_nats(arc, self.usage.msat(arc))).sum();
            let worth = draft.delivered_msat / (tuning.slice_msat as u64).max(1);
            let count = if risk < SURE_NATS { 1 } else { worth.clamp(1, max_slices.max(1)) };
            let mut left = draft.delivered_msat;
            for place in 0..count {
                // By the number of slices left, so that the rounding spreads and nothing is lost.
                let delivered_msat = left / (count - place);
                left -= delivered_msat;
                drafts.push(Draft { arcs: draft.arcs.clone(), delivered_msat });
            }
        }
        if drafts.len() <= self.drafts.len() {
            return None;
        }
        let mut sliced = Self::default();
        sliced.add(network, drafts);
        let fits = sliced.fits(network) && sliced.fee_msat(network) <= request.max_fee_msat.get();
        fits.then_some(sliced)
    }

    /// True if every arc takes the total of these parts.
    fn fits(&self, network: &PaymentNetwork<'_>) -> bool {
        let totals = self.usage.0.iter().all(|(&arc, &(msat, htlcs))| {
            let slots = network.extra(arc).map_or(HTLC_SLOTS, |extra| extra.slots);
            msat <= network.limit_msat(arc) && htlcs <= slots
        });
        totals
            && self.drafts.iter().all(|draft| {
                let mut crossing = draft.arcs.iter().zip(draft.amounts(network));
                crossing.all(|(&arc, amount)| amount >= network.policy(arc).min_msat.get())
            })
    }

    /// The largest amount whose fee stays within `max_fee_msat`: the cheapest parts, the last one cut.
    pub(crate) fn affordable_msat(&self, network: &PaymentNetwork<'_>, max_fee_msat: u64) -> u64 {
        let rate = |draft: &Draft| draft.fee_msat(network) as f64 / draft.delivered_msat.max(1) as f64;
        let mut drafts: Vec<&Draft> = self.drafts.iter().collect();
        drafts.sort_by(|a, b| rate(a).total_cmp(&rate(b)));
        let (mut budget, mut amount) = (max_fee_msat, 0u64);
        for draft in drafts {
            let fee = draft.fee_msat(network);
            if fee <= budget {
                budget -= fee;
                amount = amount.saturating_add(draft.delivered_msat);
                continue;
            }
            return amount.saturating_add(cut(network, draft, budget));
        }
        amount
    }

    /// The finished plan.
    pub(crate) fn finish(&self, network: &PaymentNetwork<'_>, request: &Request) -> Plan {
        let describe = |draft| describe(network, request, draft, &self.usage);
        let mut parts: Vec<Part> = self.drafts.iter().map(describe).collect();
        parts.sort_by(|a, b| a.probability.total_cmp(&b.probability));
        Plan {
            parts,
            fee_msat: Msat::up_to_max(self.fee_msat(network)),
            probability: self.probability(network),
            ppm_per_nat: network.weights.ppm_per_nat,
        }
    }
}

/// Risk below which a part is not sliced, nats: its balances are as good as known.
const SURE_NATS: f64 = 0.1;

/// The largest amount of a draft whose fee stays within a budget, msat.
fn cut(network: &PaymentNetwork<'_>, draft: &Draft, budget_msat: u64) -> u64 {
    let (mut low, mut high) = (0, draft.delivered_msat);
    while low < high {
        let middle = high - (high - low) / 2;
        let trial = Draft { arcs: draft.arcs.clone(), delivered_msat: middle };
        if trial.fee_msat(network) <= budget_msat {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

pub(crate) fn describe(
    network: &PaymentNetwork<'_>,
    request: &Request,
    draft: &Draft,
    usage: &Usage,
) -> Part {
    let mut hops = Vec::with_capacity(draft.arcs.len());
    for (&arc, amount) in draft.arcs.iter().zip(draft.amounts(network)) {
        let (tail, _) = network.ends(arc);
        let policy = network.policy(arc);
        let link = network.link(arc);
        let amount_msat = Msat::up_to_max(amount);
        hops.push(Hop {
            link,
            from: network.node_id(tail, request, link),
            amount_msat,
            fee_msat: if matches!(link, Link::Own(_)) { Msat::ZERO } else { policy.fee_msat(amount_msat) },
            cltv: policy.cltv,
            probability: libm::exp(-network.risk_nats(arc, usage.msat(arc))),
        });
    }
    Part {
        delivered_msat: Msat::up_to_max(draft.delivered_msat),
        fee_msat: Msat::up_to_max(draft.fee_msat(network)),
        cltv: request.final_cltv.saturating_add(draft.cltv(network)),
        probability: hops.iter().map(|hop| hop.probability).product(),
        hops,
    }
}
