//! From a flow to parts: paths out of the flow, exact amounts with every fee, htlc limits, and improvement by the
//! exact objective (needless parts merged).

use crate::extras::HTLC_SLOTS;
use crate::network::PaymentNetwork;
use crate::work::Work;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Cost of a look at an arc in a tree, in looks at an arc of the graph.
const TREE_LOOK: usize = 8;

/// A path and the amount it delivers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Draft {
    /// From the source to the sink.
    pub arcs: Vec<u32>,
    /// The amount that arrives at the sink, msat.
    pub delivered_msat: u64,
}

impl Draft {
    /// The amount on each arc, msat: each hop carries the next one's amount and the next one's fee.
    pub(crate) fn amounts(&self, network: &PaymentNetwork<'_>) -> Vec<u64> {
        amounts(network, &self.arcs, self.delivered_msat)
    }

    pub(crate) fn fee_msat(&self, network: &PaymentNetwork<'_>) -> u64 {
        self.amounts(network).first().map_or(0, |sent| sent.saturating_sub(self.delivered_msat))
    }

    pub(crate) fn cltv(&self, network: &PaymentNetwork<'_>) -> u32 {
        self.arcs.iter().map(|&arc| u32::from(network.policy(arc).cltv)).sum()
    }
}

pub(crate) fn amounts(network: &PaymentNetwork<'_>, arcs: &[u32], delivered_msat: u64) -> Vec<u64> {
    let mut amounts = alloc::vec![delivered_msat; arcs.len()];
    for hop in (1..arcs.len()).rev() {
        let fee = network.policy(arcs[hop]).fee(amounts[hop]);
        amounts[hop - 1] = amounts[hop].saturating_add(fee);
    }
    amounts
}

/// The amount on each arc in all parts together, msat, and the number of HTLCs.
#[derive(Clone, Default)]
pub(crate) struct Usage(pub BTreeMap<u32, (u64, u16)>);

impl Usage {
    pub(crate) fn msat(&self, arc: u32) -> u64 {
        self.0.get(&arc).map_or(0, |&(msat, _)| msat)
    }

    pub(crate) fn add(&mut self, network: &PaymentNetwork<'_>, draft: &Draft) {
        for (&arc, amount) in draft.arcs.iter().zip(draft.amounts(network)) {
            let entry = self.0.entry(arc).or_default();
            *entry = (entry.0.saturating_add(amount), entry.1.saturating_add(1));
        }
    }

    pub(crate) fn remove(&mut self, network: &PaymentNetwork<'_>, draft: &Draft) {
        for (&arc, amount) in draft.arcs.iter().zip(draft.amounts(network)) {
            if let Some(entry) = self.0.get_mut(&arc) {
                *entry = (entry.0.saturating_sub(amount), entry.1.saturating_sub(1));
                if entry.1 == 0 {
                    self.0.remove(&arc);
                }
            }
        }
    }
}

/// Takes paths out of a flow, the widest first (few parts), until the flow or the work is used up.
pub(crate) fn decompose(network: &PaymentNetwork<'_>, flow: &[(u32, u64)], work: &mut Work) -> Vec<Draft> {
    let mut left: BTreeMap<u32, u64> = flow.iter().copied().collect();
    let mut leaving: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for &(arc, _) in flow {
        leaving.entry(network.ends(arc).0).or_default().push(arc);
    }
    let mut drafts = Vec::new();
    while !work.is_spent()
        && let Some((arcs, width)) = widest(network, &leaving, &left, work)
    {
        for arc in &arcs {
            if let Some(rest) = left.get_mut(arc) {
                *rest -= width;
            }
        }
        drafts.push(Draft { arcs, delivered_msat: width });
    }
    drafts
}

fn widest(
    network: &PaymentNetwork<'_>,
    leaving: &BTreeMap<u32, Vec<u32>>,
    left: &BTreeMap<u32, u64>,
    work: &mut Work,
) -> Option<(Vec<u32>, u64)> {
    let mut best: BTreeMap<u32, (u64, u32)> = BTreeMap::new();
    let mut open = alloc::collections::BinaryHeap::new();
    open.push((u64::MAX, network.source));
    while let Some((width, node)) = open.pop() {
        if node == network.sink {
            break;
        }
        // An outdated entry: the node was reached by a wider path since.
        if node != network.source && best.get(&node).is_some_and(|&(known, _)| known > width) {
            continue;
        }
        for &arc in leaving.get(&node).into_iter().flatten() {
            work.take(TREE_LOOK);
            let through = width.min(left.get(&arc).copied().unwrap_or(0));
            let head = network.ends(arc).1;
            if through > best.get(&head).map_or(0, |&(known, _)| known) && head != network.source {
                best.insert(head, (through, arc));
                open.push((through, head));
            }
        }
    }
    let (width, _) = *best.get(&network.sink)?;
    let mut arcs = Vec::new();
    let mut node = network.sink;
    while node != network.source {
        let (_, arc) = *best.get(&node)?;
        arcs.push(arc);
        node = network.ends(arc).0;
    }
    arcs.reverse();
    Some((arcs, width))
}

/// The maximum that a path delivers if each arc may carry no more than `limit`, msat; 0 if an htlc minimum forbids it.
pub(crate) fn deliverable(
    network: &PaymentNetwork<'_>,
    arcs: &[u32],
    wanted_msat: u64,
    limit: impl Fn(u32) -> u64,
) -> u64 {
    let Some((&first, rest)) = arcs.split_first() else { return 0 };
    let mut amount = limit(first);
    for &arc in rest {
        let policy = network.policy(arc);
        let Some(without_base) = amount.checked_sub(u64::from(policy.base_msat)) else { return 0 };
        // The inverse of the fee: the part of the amount that is left after this hop's fee. As fees are rounded down, it may be one more.
        let share = u128::from(without_base) * 1_000_000 / (1_000_000 + u128::from(policy.ppm));
        let share = u64::try_from(share).unwrap_or(u64::MAX);
        let more = share.saturating_add(1);
        let share = if more.saturating_add(policy.fee(more)) <= amount { more } else { share };
        amount = share.min(limit(arc));
    }
    let delivered = amount.min(wanted_msat);
    let crossing = amounts(network, arcs, delivered);
    let enough = arcs.iter().zip(crossing).all(|(&arc, amount)| amount >= network.policy(arc).min_msat.get());
    if enough { delivered } else { 0 }
}

/// Fits drafts to the room of their arcs once fees are included, splitting at htlc maxima; the loss must be planned again. Flows
/// within a certain balance stay within it, so that a fee does not push them beyond.
pub(crate) fn fit(
    network: &PaymentNetwork<'_>,
    drafts: &[Draft],
    flow: &[(u32, u64)],
    usage: &mut Usage,
    max_parts: usize,
) -> Vec<Draft> {
    let planned: BTreeMap<u32, u64> = flow.iter().copied().collect();
    let mut fitted = Vec::new();
    for draft in drafts {
        let mut left = draft.delivered_msat;
        while left > 0 && fitted.len() < max_parts {
            let limit = |arc| {
                let certain = network.certain_msat(arc);
                let within = planned.get(&arc).is_some_and(|&flow| flow <= certain);
                if within { certain } else { network.limit_msat(arc) }
            };
            let room = |arc| htlc_room(network, usage, arc, limit(arc));
            let most = network.max_part_msat;
            let max = deliverable(network, &draft.arcs, left.min(most), room);
            if max == 0 {
                break;
            }
            // Even parts where htlc maxima ask for several: a remainder could be too small for anyone's minimum. What has no room
            // is no reason for several. Where the caller sets the size, it is that.
            let all_room = |arc| limit(arc).saturating_sub(usage.msat(arc));
            let all = deliverable(network, &draft.arcs, left, all_room).max(max);
            let even = if max == most { most } else { all.div_ceil(all.div_ceil(max)) };
            let delivered_msat = deliverable(network, &draft.arcs, even, room);
            if delivered_msat == 0 {
                break;
            }
            let part = Draft { arcs: draft.arcs.clone(), delivered_msat };
            usage.add(network, &part);
            left -= delivered_msat;
            fitted.push(part);
        }
    }
    fitted
}

/// The part that delivers the most of an amount over one of these paths alone.
pub(crate) fn alone(network: &PaymentNetwork<'_>, paths: &[Draft], wanted_msat: u64) -> Option<Draft> {
    let whole = paths.iter().flat_map(|path| {
        let whole = Draft { arcs: path.arcs.clone(), delivered_msat: wanted_msat };
        fit(network, &[whole], &[], &mut Usage::default(), 1)
    });
    whole.max_by_key(|draft| draft.delivered_msat)
}

/// The arc of a path that has no room for its share if the path delivered an amount alone.
pub(crate) fn refusing(network: &PaymentNetwork<'_>, arcs: &[u32], delivered_msat: u64) -> Option<u32> {
    let nothing = Usage::default();
    let mut crossing = arcs.iter().zip(amounts(network, arcs, delivered_msat));
    let refuses = |&(&arc, amount): &(&u32, u64)| {
        amount > htlc_room(network, &nothing, arc, network.limit_msat(arc))
            || amount < network.policy(arc).min_msat.get()
    };
    crossing.find(refuses).map(|(&arc, _)| arc)
}

/// The maximum of one more HTLC over an arc whose total may not exceed `limit_msat`, msat.
pub(crate) fn htlc_room(network: &PaymentNetwork<'_>, usage: &Usage, arc: u32, limit_msat: u64) -> u64 {
    let (used, htlcs) = usage.0.get(&arc).copied().unwrap_or_default();
    let slots = network.extra(arc).map_or(HTLC_SLOTS, |extra| extra.slots);
    if htlcs >= slots {
        return 0;
    }
    limit_msat.saturating_sub(used).min(network.policy(arc).max_msat.get())
}

/// The cost of a part apart from its risk, nats.
fn upkeep(network: &PaymentNetwork<'_>, draft: &Draft) -> f64 {
    let weights = &network.weights;
    let whole = network.amount_msat.max(1) as f64;
    let fee_ppm = draft.fee_msat(network) as f64 * 1e6 / whole;
    let share = draft.delivered_msat as f64 / whole;
    let length = draft.arcs.len() as f64 * weights.hop + f64::from(draft.cltv(network)) * weights.block;
    fee_ppm / weights.ppm_per_nat + share * length + weights.part
}

/// The change of the exact objective when `old` parts are replaced by `new` ones, nats; `None` if an arc has no room.
pub(crate) fn change(
    network: &PaymentNetwork<'_>,
    usage: &Usage,
    old: &[&Draft],
    new: &[&Draft],
) -> Option<f64> {
    let mut crossing: Vec<(u32, u64, u64, i32)> = Vec::new();
    let mut tally =
        |arc: u32, more: u64, less: u64, htlcs: i32| match crossing.iter_mut().find(|row| row.0 == arc) {
            Some(row) => (row.1, row.2, row.3) = (row.1 + more, row.2 + less, row.3 + htlcs),
            None => crossing.push((arc, more, less, htlcs)),
        };
    for draft in old {
        for (&arc, amount) in draft.arcs.iter().zip(draft.amounts(network)) {
            tally(arc, 0, amount, -1);
        }
    }
    for draft in new {
        for (&arc, amount) in draft.arcs.iter().zip(draft.amounts(network)) {
            let policy = network.policy(arc);
            if amount > policy.max_msat.get() || amount < policy.min_msat.get() {
                return None;
            }
            tally(arc, amount, 0, 1);
        }
    }
    let mut total = new.iter().map(|draft| upkeep(network, draft)).sum::<f64>();
    total -= old.iter().map(|draft| upkeep(network, draft)).sum::<f64>();
    for (arc, more, less, htlcs) in crossing {
        let (before, count) = usage.0.get(&arc).copied().unwrap_or_default();
        let after = before.saturating_add(more).saturating_sub(less);
        let slots = network.extra(arc).map_or(HTLC_SLOTS, |extra| extra.slots);
        if after > before && (after > network.limit_msat(arc) || i32::from(count) + htlcs > i32::from(slots))
        {
            return None;
        }
        if after != before {
            total += network.risk_nats(arc, after) - network.risk_nats(arc, before);
        }
    }
    Some(total)
}

/// Moves whole parts onto other parts' paths while that lowers the exact objective.
pub(crate) fn merge(network: &PaymentNetwork<'_>, drafts: &mut Vec<Draft>, usage: &mut Usage) {
    drafts.sort_by_key(|draft| draft.delivered_msat);
    let mut index = 0;
    while index < drafts.len() && drafts.len() > 1 {
        let Some((target, joined)) = best_merge(network, drafts, usage, index) else {
            index += 1;
            continue;
        };
        usage.remove(network, &drafts[index]);
        usage.remove(network, &drafts[target]);
        usage.add(network, &joined);
        drafts[target] = joined;
        drafts.remove(index);
    }
}

/// Number of the largest parts that are tried as targets for a small one: more is quadratic work for hardly any gain.
const MERGE_TARGETS: usize = 12;

fn best_merge(
    network: &PaymentNetwork<'_>,
    drafts: &[Draft],
    usage: &Usage,
    index: usize,
) -> Option<(usize, Draft)> {
    let small = &drafts[index];
    let mut best: Option<(f64, usize, Draft)> = None;
    let targets = drafts.iter().enumerate().rev().filter(|&(target, _)| target != index);
    for (target, large) in targets.take(MERGE_TARGETS) {
        let delivered_msat = small.delivered_msat + large.delivered_msat;
        if delivered_msat > network.max_part_msat {
            continue;
        }
        let joined = Draft { arcs: large.arcs.clone(), delivered_msat };
        let Some(change) = change(network, usage, &[small, large], &[&joined]) else { continue };
        if change < -1e-12 && best.as_ref().is_none_or(|(lowest, ..)| change < *lowest) {
            best = Some((change, target, joined));
        }
    }
    best.map(|(_, target, joined)| (target, joined))
}
