//! One attempt at a plan: a set of drafts, and the operations on the whole set.

use crate::Tuning;
use crate::extras::HTLC_SLOTS;
use crate::network::PaymentNetwork;
use crate::parts::{Draft, Usage, deliverable, htlc_room};
use crate::request::{Hop, Link, NoPlan, Part, Plan, Request};
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

    /// Removes `excess` msat: from the largest part that stays above its minima; else the smallest parts whole, as far as they are
    /// not more than that, and the rest from the others; if all of them are at their minima, one more goes whole.
    pub(crate) fn trim(&mut self, network: &PaymentNetwork<'_>, excess: u64) {
        self.drafts.sort_by_key(|draft| draft.delivered_msat);
        let mut left = excess;
        while left > 0 && !self.drafts.is_empty() {
            let gives = |draft: &Draft| {
                let less = draft.delivered_msat.saturating_sub(left);
                less > 0 && deliverable(network, &draft.arcs, less, |_| u64::MAX) == less
            };
            if let Some(place) = self.drafts.iter().rposition(gives) {
                self.shrink(network, place, left);
                return;
            }
            if self.drafts.first().is_some_and(|smallest| smallest.delivered_msat > left) {
                for place in (0..self.drafts.len()).rev() {
                    let draft = &self.drafts[place];
                    let minima = draft.arcs.iter().map(|&arc| network.policy(arc).min_msat.get());
                    let spare = draft.delivered_msat.saturating_sub(minima.max().unwrap_or(0).max(1));
                    let less = spare.min(left);
                    self.shrink(network, place, less);
                    left -= less;
                }
            }
            if left > 0 {
                let smallest = self.drafts.remove(0);
                self.usage.remove(network, &smallest);
                left = left.saturating_sub(smallest.delivered_msat);
            }
        }
    }

    fn shrink(&mut self, network: &PaymentNetwork<'_>, place: usize, less_msat: u64) {
        let draft = &mut self.drafts[place];
        self.usage.remove(network, draft);
        draft.delivered_msat -= less_msat;
        self.usage.add(network, draft);
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

    /// Cuts parts that may fail into slices on the same path: a failure then costs one slice, and shows where the balance ends. Those
    /// whose arcs, or the limits, have no room for the slices' fees stay whole.
    pub(crate) fn slice(&mut self, network: &PaymentNetwork<'_>, request: &Request, tuning: &Tuning) {
        // The rounds to come need parts as well.
        let mut spare = request.max_parts.saturating_sub(self.drafts.len()) / 2;
        let mut spare_msat = request.max_fee_msat.get().saturating_sub(self.fee_msat(network));
        for whole in core::mem::take(&mut self.drafts) {
            let count = self.slices(network, &whole, tuning).min(spare as u64 + 1);
            let mut left = whole.delivered_msat;
            let slices = (0..count).map(|place| {
                // By the number of slices left, so that the rounding spreads and nothing is lost.
                let delivered_msat = left / (count - place);
                left -= delivered_msat;
                Draft { arcs: whole.arcs.clone(), delivered_msat }
            });
            let mut sliced = Self { drafts: Vec::new(), usage: core::mem::take(&mut self.usage) };
            sliced.usage.remove(network, &whole);
            sliced.add(network, slices.collect());
            let more_msat = sliced.fee_msat(network).saturating_sub(whole.fee_msat(network));
            let fits = more_msat <= spare_msat && sliced.fits(network, &whole.arcs);
            self.usage = sliced.usage;
            if fits {
                spare -= sliced.drafts.len() - 1;
                spare_msat -= more_msat;
                self.drafts.extend(sliced.drafts);
            } else {
                sliced.drafts.iter().for_each(|slice| self.usage.remove(network, slice));
                self.usage.add(network, &whole);
                self.drafts.push(whole);
            }
        }
    }

    /// The number of slices worth making of a part. Where its balance ends is as likely to lie in one slice as in another, so of the
    /// amount that would fail, `n` slices save `(n - 1) / 2n`; each must save [`Tuning::slice_gain`] of the payment.
    fn slices(&self, network: &PaymentNetwork<'_>, draft: &Draft, tuning: &Tuning) -> u64 {
        let risk: f64 = draft.arcs.iter().map(|&arc| network.risk_nats(arc, self.usage.msat(arc))).sum();
        let share = draft.delivered_msat as f64 / network.amount_msat.max(1) as f64;
        let saved = share * (1.0 - libm::exp(-risk)) / 2.0;
        let most = (draft.delivered_msat / (tuning.slice_msat as u64).max(1)).min(tuning.slices as u64);
        let mut count = 1;
        while count < most && saved >= tuning.slice_gain * (count * (count + 1)) as f64 {
            count += 1;
        }
        count
    }

    /// True if these arcs, a path, take their total, and each part on it.
    fn fits(&self, network: &PaymentNetwork<'_>, arcs: &[u32]) -> bool {
        let totals = arcs.iter().all(|arc| {
            let (msat, htlcs) = self.usage.0.get(arc).copied().unwrap_or_default();
            let slots = network.extra(*arc).map_or(HTLC_SLOTS, |extra| extra.slots);
            msat <= network.limit_msat(*arc) && htlcs <= slots
        });
        totals
            && self.drafts.iter().all(|draft| {
                let mut crossing = draft.arcs.iter().zip(draft.amounts(network));
                crossing.all(|(&arc, amount)| amount >= network.policy(arc).min_msat.get())
            })
    }

    /// The reason for which `left_msat` of the amount found no room; `is_carried`: but for fees it would have.
    pub(crate) fn refusal(
        &self,
        network: &PaymentNetwork<'_>,
        request: &Request,
        (left_msat, is_carried): (u64, bool),
    ) -> NoPlan {
        let largest_msat = Msat::up_to_max(network.amount_msat - left_msat);
        if self.drafts.len() >= request.max_parts {
            return NoPlan::Parts { limit: request.max_parts, largest_msat };
        }
        let fee_msat = if is_carried { self.fee_msat(network) } else { 0 };
        if is_carried && network.outbound_msat() < network.amount_msat.saturating_add(fee_msat) {
            return NoPlan::Balance { largest_msat };
        }
        let missing_msat = Msat::up_to_max(left_msat);
        NoPlan::Capacity { largest_msat, missing_msat, fee_msat: Msat::up_to_max(fee_msat) }
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
