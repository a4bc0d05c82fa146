//! Where a payment only just fits, fees included: it is planned, or refused for what is really missing.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::planning::{channels, graph, id, own, plan, policy, request, sat};
use amplet_protocol::Msat;
use amplet_router::evaluation::{self, Dice, Tight, tight};
use amplet_router::{
    Beliefs, Certainty, Direction, Graph, Link, Mode, NoPlan, Outcome, Part, Payment, Planner, Policy,
    Request, Scid, csv, verify,
};
use std::collections::BTreeMap;

const FORWARD: Direction = Direction::Forward;

fn msat(amount: u64) -> Msat {
    Msat::new(amount).unwrap()
}

/// What a channel is known not to carry.
fn refused(graph: &Graph, scid: u64, amount_msat: Msat) -> Beliefs {
    let mut beliefs = Beliefs::new();
    beliefs.refused(graph, (Scid(scid), FORWARD), amount_msat, Certainty::Certain, 0);
    beliefs
}

#[test]
fn an_arc_of_which_something_is_known_has_room_for_the_fees_after_it() {
    let graph = graph(&[(1, 1, 2, 5_000_000, 10), (2, 2, 9, 5_000_000, 500)]);
    let beliefs = refused(&graph, 1, sat(4_000_000));
    for amount_sat in [1, 1_000, 300_000] {
        let plan = plan(&graph, &beliefs, &request(vec![own(1, 10_000_000)], 9, amount_sat)).unwrap();
        assert_eq!(plan.parts.len(), 1, "{amount_sat} sat: {plan:?}");
    }
}

#[test]
fn slices_have_room_for_their_fees() {
    let mut graph = graph(&[(1, 1, 2, 9_000_000, 0), (2, 2, 9, 9_000_000, 0)]);
    graph.set_policy(1, FORWARD, Policy { base_msat: 1000, ..policy(0) });
    let beliefs = refused(&graph, 1, sat(4_000_000));
    let sliced = plan(&graph, &beliefs, &request(vec![own(1, 10_000_000)], 9, 3_000_000)).unwrap();
    assert!(sliced.probability < 0.5 && sliced.parts.len() > 1, "{sliced:?}");
}

#[test]
fn cheaper_ways_are_taken_where_fees_would_not_fit() {
    // By 2 certain but dear, by 3 cheap and doubtful; our channel has room for the fees of the cheap one.
    let graph = graph(&[
        (1, 1, 2, 90_000_000, 0),
        (2, 2, 9, 90_000_000, 2_000),
        (3, 1, 3, 600_000, 0),
        (4, 3, 9, 600_000, 1),
    ]);
    let mut wanted = request(vec![own(1, 300_001)], 9, 300_000);
    wanted.mode = Mode::Reliable;
    let plan = plan(&graph, &Beliefs::new(), &wanted).unwrap();
    assert!(plan.parts.iter().all(|part| channels(part) == [3, 4]), "{plan:?}");
}

#[test]
fn a_refusal_says_what_is_missing() {
    let graph = graph(&[(1, 1, 2, 5_000_000, 0), (2, 2, 9, 5_000_000, 1_000)]);
    let refusal = |beliefs: &Beliefs, wanted: &Request| plan(&graph, beliefs, wanted).unwrap_err();
    // The balance is there, but not that of the fees.
    let short = request(vec![own(1, 300_000)], 9, 300_000);
    let NoPlan::Balance { largest_msat } = refusal(&Beliefs::new(), &short) else { panic!() };
    // 0.1 % of it and the rest are all that there is; of several parts the fees are rounded down several times.
    assert!((299_700_300..299_700_320).contains(&largest_msat.get()), "{largest_msat}");
    // The first channel carries the amount to the millisatoshi, and so no fees.
    let mut beliefs = refused(&graph, 1, sat(300_000).plus(msat(1)).unwrap());
    beliefs.reached(&graph, Scid(1), FORWARD, sat(300_000), 0);
    let wanted = request(vec![own(1, 1_000_000)], 9, 300_000);
    let NoPlan::Capacity { largest_msat, missing_msat, fee_msat } = refusal(&beliefs, &wanted) else {
        panic!()
    };
    assert_eq!(largest_msat.plus(missing_msat), Some(sat(300_000)));
    assert_eq!(largest_msat.plus(fee_msat), Some(sat(300_000)), "the fees have taken just that");
    // A thing said that is true: the largest amount works.
    assert!(plan(&graph, &beliefs, &Request { amount_msat: largest_msat, ..wanted }).is_ok());
}

#[test]
fn whatever_fits_to_the_millisatoshi_is_planned() {
    for seed in 0..2000 {
        let Tight { graph, beliefs, first_hop, destination, amount_msat, fee_msat } = tight(seed);
        // Between chains the planner chooses: a dearer one may take more.
        let max_fee_msat = fee_msat.plus(msat(amount_msat.get() / 10)).unwrap();
        let wanted = Request { amount_msat, max_fee_msat, destination, ..request(vec![first_hop], 0, 1) };
        let planned = Planner::new().plan(&graph, &beliefs, &wanted, 0);
        let planned = planned.unwrap_or_else(|reason| panic!("seed {seed}, {amount_msat}: {reason}"));
        verify(&graph, &wanted, &planned).unwrap();
    }
}

/// Sends a part over hidden balances, beside those in flight.
fn send(graph: &Graph, part: &Part, seed: u64, in_flight: &mut BTreeMap<(u32, u32), u64>) -> Outcome {
    let crossing = part.hops.iter().enumerate().filter_map(|(place, hop)| match hop.link {
        Link::Channel(scid, direction) => Some((place, graph.channel(scid)?, direction.bit(), hop)),
        Link::Own(_) | Link::LastHop(..) => None,
    });
    let crossing: Vec<_> = crossing.collect();
    for &(place, channel, bit, hop) in &crossing {
        let capacity = graph.channels()[channel as usize].capacity_msat.get();
        let first = Dice(seed ^ u64::from(channel) << 8).below(capacity + 1);
        let balance = if bit == 0 { first } else { capacity - first };
        let used = in_flight.get(&(channel, bit)).copied().unwrap_or_default();
        if used + hop.amount_msat.get() > balance {
            return Outcome::Failed(place, Certainty::Certain);
        }
    }
    for (_, channel, bit, hop) in crossing {
        *in_flight.entry((channel, bit)).or_default() += hop.amount_msat.get();
    }
    Outcome::Arrived
}

#[test]
fn over_all_rounds_no_refusal_is_for_a_crumb_and_no_more_parts_are_held_than_allowed() {
    let graph = csv::read(&evaluation::csv(120, 700, 3)).unwrap().graph;
    let pairs = evaluation::pairs(&graph, 40, 3);
    let (mut paid, mut refusals) = (0, 0);
    for (seed, [source, destination]) in (0..).zip(&pairs) {
        let amount_sat = 8_000_000 << (seed % 5);
        let first_hop = amplet_router::FirstHop { peer: *source, ..own(1, 1_000_000_000) };
        let destination = *destination;
        let wanted = Request { destination, max_parts: 20, ..request(vec![first_hop], 0, amount_sat) };
        let wanted = Request { max_fee_msat: msat(amount_sat * 50), ..wanted };
        let (mut planner, mut beliefs) = (Planner::new(), Beliefs::new());
        let (mut payment, mut in_flight) = (Payment::new(wanted), BTreeMap::new());
        let mut held = 0;
        for _ in 0..10 {
            let asked = payment.request_now();
            let planned = match payment.next(&mut planner, &graph, &beliefs, 0) {
                Ok(planned) => planned,
                Err(NoPlan::Capacity { missing_msat, .. }) => {
                    refusals += 1;
                    let left = asked.amount_msat.get();
                    assert!(missing_msat.get() > left / 1000, "{missing_msat} of {left} missing");
                    break;
                }
                Err(_) => break,
            };
            verify(&graph, &asked, &planned).unwrap();
            for part in &planned.parts {
                let outcome = send(&graph, part, seed, &mut in_flight);
                held += usize::from(outcome == Outcome::Arrived);
                payment.report(part, outcome, &graph, &mut beliefs, 0);
            }
            if payment.remaining_msat() == Msat::ZERO {
                paid += 1;
                break;
            }
        }
        assert!(held <= 20, "{held} parts are held");
    }
    assert!(paid > 5 && refusals > 0, "{paid} paid, {refusals} refused");
}

#[test]
fn parts_that_have_arrived_count_among_those_allowed() {
    let graph = graph(&[(1, 1, 9, 300_000, 0), (2, 1, 9, 200_000, 0), (3, 1, 9, 100_000, 0)]);
    let mut wanted = request(vec![own(1, 1_000_000)], 9, 450_000);
    wanted.max_parts = 3;
    let (mut planner, mut beliefs, mut payment) = (Planner::new(), Beliefs::new(), Payment::new(wanted));
    let first = payment.next(&mut planner, &graph, &beliefs, 0).unwrap();
    assert!((2..=3).contains(&first.parts.len()), "{first:?}");
    for (place, part) in first.parts.iter().enumerate() {
        let outcome = if place == 0 { Outcome::Failed(1, Certainty::Certain) } else { Outcome::Arrived };
        payment.report(part, outcome, &graph, &mut beliefs, 0);
    }
    assert_eq!(payment.request_now().max_parts, 3 - (first.parts.len() - 1));
    let destination = id(9);
    let none = Request { max_parts: 0, destination, ..payment.request_now() };
    let refusal = planner.plan(&graph, &beliefs, &none, 0).unwrap_err();
    assert_eq!(refusal, NoPlan::Parts { limit: 0, largest_msat: Msat::ZERO });
}
