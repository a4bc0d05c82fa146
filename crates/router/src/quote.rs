//! The fee of a payment that is not made yet: what its plan costs, and what it may cost when parts of it fail.

use crate::belief::{Beliefs, Certainty};
use crate::graph::{Direction, Graph, Scid};
use crate::request::{Link, NoPlan, Part, Plan, Request};
use amplet_protocol::Msat;

/// Numbers of failed rounds whose plans are looked at: a payment gets more urgent, and its routes dearer, by the round.
const ROUNDS: [u32; 3] = [1, 4, 8];

/// Room above the dearest of them, in per cent of it: rounds that are not looked at, and remainders in more parts.
const ROOM_PERCENT: u64 = 50;

/// Minimum room, where a plan crosses others' channels: their fees may have changed since the graph was read.
const ROOM_MSAT: Msat = Msat::up_to_max(1000);

/// The fee of a payment that is not made yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Quote {
    /// Fee of the first plan: most payments cost this.
    pub expected_msat: Msat,
    /// Maximum fee to allow: at least the former, and no more than the request's own maximum.
    pub max_msat: Msat,
}

/// Quotes a request, whose `max_fee_msat` is the ceiling. `plan` plans with the beliefs that it is given; besides the first plan
/// it is asked for alternatives, in each of which the hops least likely to carry the parts of the one before are taken to have
/// failed. Over our own channels to the payee there is no fee, and no room for one.
///
/// # Errors
/// [`NoPlan`]: there is no plan within the ceiling.
pub fn quote(
    (graph, beliefs): (&Graph, &Beliefs),
    request: &Request,
    now_s: u32,
    mut plan: impl FnMut(&Beliefs, &Request) -> Result<Plan, NoPlan>,
) -> Result<Quote, NoPlan> {
    let first = plan(beliefs, request)?;
    let expected_msat = first.fee_msat;
    if first.parts.iter().all(|part| part.hops.len() == 1) {
        return Ok(Quote { expected_msat, max_msat: expected_msat });
    }
    let (mut beliefs, mut dearest) = (beliefs.clone(), expected_msat);
    let (mut last, mut next) = (first, request.clone());
    for failed in ROUNDS {
        if !fail(graph, &mut beliefs, &last, now_s) {
            break;
        }
        next.retries = request.retries.saturating_add(failed);
        match plan(&beliefs, &next) {
            Ok(found) => last = found,
            // No further route is known: what was found is all that a retry can take.
            Err(NoPlan::FeeBudget { .. }) => {
                return Ok(Quote { expected_msat, max_msat: request.max_fee_msat });
            }
            Err(_) => break,
        }
        dearest = dearest.max(last.fee_msat);
    }
    let room = Msat::up_to_max(dearest.get().saturating_mul(ROOM_PERCENT) / 100).max(ROOM_MSAT);
    let max_msat = dearest.plus_up_to_max(room).min(request.max_fee_msat);
    Ok(Quote { expected_msat, max_msat })
}

/// Takes the least probable hop of each part for one that does not carry it; returns whether there was any.
fn fail(graph: &Graph, beliefs: &mut Beliefs, plan: &Plan, now_s: u32) -> bool {
    let mut any = false;
    for part in &plan.parts {
        if let Some((scid, direction, amount_msat)) = weakest(part) {
            beliefs.refused(graph, (scid, direction), amount_msat, Certainty::Certain, now_s);
            any = true;
        }
    }
    any
}

fn weakest(part: &Part) -> Option<(Scid, Direction, Msat)> {
    let uncertain = part.hops.iter().filter(|hop| hop.probability < 1.0);
    let public = uncertain.filter_map(|hop| match hop.link {
        Link::Channel(scid, direction) => Some((hop, scid, direction)),
        Link::Own(_) | Link::LastHop(..) => None,
    });
    let weakest = public.min_by(|(a, ..), (b, ..)| a.probability.total_cmp(&b.probability));
    weakest.map(|(hop, scid, direction)| (scid, direction, hop.amount_msat))
}
