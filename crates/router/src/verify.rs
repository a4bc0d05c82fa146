//! Checks a plan against the graph and its request, independently of the planner. A caller may do so before money
//! moves; the fuzzer always does.

use crate::graph::{Graph, fee_msat};
use crate::request::{HintHop, Hop, LastHops, Link, Part, Plan, Request};
use alloc::collections::BTreeMap;
use amplet_protocol::Msat;

/// A defect of a plan, and so of the planner.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PlanDefect {
    /// The parts do not add up to the amount.
    #[error("the parts deliver {0}, not what was asked for")]
    Amount(Msat),
    /// More fee than allowed, or another than stated.
    #[error("the fee of {0} is not what was stated, or over the budget")]
    Fee(Msat),
    /// More parts than allowed.
    #[error("{0} parts are more than allowed")]
    Parts(usize),
    /// A part delivers more than allowed.
    #[error("a part of {0} is larger than allowed")]
    Size(Msat),
    /// A part locks money for too long.
    #[error("{0} blocks are more than allowed")]
    Delay(u32),
    /// A hop that is not there, is disabled, or does not continue from the one before.
    #[error("hop {0} does not exist or does not continue")]
    Path(usize),
    /// A hop outside its HTLC limits.
    #[error("hop {0} is outside its htlc limits")]
    Limits(usize),
    /// A hop that does not pay for the next one.
    #[error("hop {0} underpays the next one")]
    Underpaid(usize),
    /// One of our channels carries more, or more HTLCs, than it has.
    #[error("our channel {0} carries more than it has")]
    Own(usize),
}

/// Checks `plan` as a plan for `request`.
///
/// # Errors
/// The first defect.
pub fn verify(graph: &Graph, request: &Request, plan: &Plan) -> Result<(), PlanDefect> {
    let sum = |value: fn(&Part) -> Msat| plan.parts.iter().map(value).try_fold(Msat::ZERO, Msat::plus);
    let delivered = sum(|part| part.delivered_msat);
    if delivered != Some(request.amount_msat) {
        return Err(PlanDefect::Amount(delivered.unwrap_or(Msat::MAX)));
    }
    let fee = sum(|part| part.fee_msat);
    if fee != Some(plan.fee_msat) || plan.fee_msat > request.max_fee_msat {
        return Err(PlanDefect::Fee(fee.unwrap_or(Msat::MAX)));
    }
    if plan.parts.len() > request.max_parts {
        return Err(PlanDefect::Parts(plan.parts.len()));
    }
    let mut own: BTreeMap<usize, (Msat, u32)> = BTreeMap::new();
    for part in &plan.parts {
        verify_part(graph, request, part)?;
        if let Some(Hop { link: Link::Own(index), amount_msat, .. }) = part.hops.first() {
            let entry = own.entry(*index).or_default();
            *entry = (entry.0.plus_up_to_max(*amount_msat), entry.1 + 1);
        }
    }
    for (index, (msat, htlcs)) in own {
        let channel = request.first_hops.get(index).ok_or(PlanDefect::Own(index))?;
        if msat > channel.spendable_msat || htlcs > u32::from(channel.slots) {
            return Err(PlanDefect::Own(index));
        }
    }
    Ok(())
}

fn verify_part(graph: &Graph, request: &Request, part: &Part) -> Result<(), PlanDefect> {
    if part.delivered_msat > request.max_part_msat {
        return Err(PlanDefect::Size(part.delivered_msat));
    }
    let mut at = None;
    let mut delay = request.final_cltv;
    for (index, hop) in part.hops.iter().enumerate() {
        let wanted = rule(graph, request, hop).ok_or(PlanDefect::Path(index))?;
        if (index == 0) != matches!(hop.link, Link::Own(_)) || hop.from != at {
            return Err(PlanDefect::Path(index));
        }
        if hop.amount_msat < wanted.min_msat || hop.amount_msat > wanted.max_msat {
            return Err(PlanDefect::Limits(index));
        }
        let paid = match index.checked_sub(1).and_then(|before| part.hops.get(before)) {
            Some(before) => before.amount_msat.less(hop.amount_msat),
            None => Msat::ZERO,
        };
        if paid < fee_msat(wanted.base_msat, wanted.ppm, hop.amount_msat) {
            return Err(PlanDefect::Underpaid(index));
        }
        delay = delay.saturating_add(u32::from(wanted.cltv));
        at = next_node(graph, request, hop);
    }
    // The payee's own delta alone is never refused: no plan could be shorter.
    if delay > request.max_cltv.max(request.final_cltv) {
        return Err(PlanDefect::Delay(delay));
    }
    let sent = part.hops.first().map(|hop| hop.amount_msat);
    if sent != part.delivered_msat.plus(part.fee_msat) {
        return Err(PlanDefect::Fee(part.fee_msat));
    }
    let arrived = part.hops.last().is_some_and(|hop| hop.amount_msat == part.delivered_msat);
    let there = matches!(part.hops.last(), Some(Hop { link: Link::LastHop(..), .. }))
        || at == Some(request.destination);
    if arrived && there { Ok(()) } else { Err(PlanDefect::Path(part.hops.len())) }
}

/// The policy of a hop; `None` if it does not exist or is closed.
fn rule(graph: &Graph, request: &Request, hop: &Hop) -> Option<HintHop> {
    match hop.link {
        Link::Own(index) => {
            let own = request.first_hops.get(index)?;
            Some(HintHop {
                from: own.peer,
                scid: crate::Scid(0),
                base_msat: 0,
                ppm: 0,
                cltv: 0,
                min_msat: own.min_msat,
                max_msat: own.max_msat,
            })
        }
        Link::Channel(scid, direction) => {
            let policy = graph.policy(graph.channel(scid)?, direction).filter(|policy| policy.enabled)?;
            let (base_msat, ppm, cltv) = (policy.base_msat, policy.ppm, policy.cltv);
            let from = hop.from?;
            Some(HintHop {
                from,
                scid,
                base_msat,
                ppm,
                cltv,
                min_msat: policy.min_msat,
                max_msat: policy.max_msat,
            })
        }
        Link::LastHop(index, place) => match request.last_hops.get(index)? {
            LastHops::RouteHint(hops) => hops.get(place).cloned(),
            LastHops::BlindedPath(hop) => Some(hop.clone()),
        },
    }
}

fn next_node(graph: &Graph, request: &Request, hop: &Hop) -> Option<crate::NodeId> {
    match hop.link {
        Link::Own(index) => request.first_hops.get(index).map(|own| own.peer),
        Link::Channel(scid, direction) => {
            let nodes = graph.channels().get(graph.channel(scid)? as usize)?.nodes;
            graph.nodes().get(nodes[1 - direction.bit() as usize] as usize).copied()
        }
        Link::LastHop(index, place) => match request.last_hops.get(index)? {
            LastHops::RouteHint(hops) => {
                Some(hops.get(place + 1).map_or(request.destination, |next| next.from))
            }
            LastHops::BlindedPath(_) => Some(request.destination),
        },
    }
}
