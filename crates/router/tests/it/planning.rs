//! Plans on small graphs whose optimum is known by hand.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use amplet_protocol::Msat;
use amplet_router::{
    Beliefs, Certainty, Direction, FirstHop, Graph, HintHop, LastHops, Link, Mode, NoPlan, NodeId, Outcome,
    Payment, Planner, Policy, Request, Scid, verify,
};

pub(crate) fn sat(amount: u64) -> Msat {
    Msat::from_sat(amount).unwrap()
}

pub(crate) fn id(name: u8) -> NodeId {
    NodeId([2; 33].map(|byte: u8| byte.wrapping_add(name)))
}

pub(crate) fn policy(ppm: u32) -> Policy {
    Policy { enabled: true, base_msat: 0, ppm, cltv: 40, min_msat: Msat::from(1), max_msat: Msat::MAX }
}

/// Channels as (scid, from, to, capacity in sat, ppm), both directions alike.
pub(crate) fn graph(channels: &[(u64, u8, u8, u64, u32)]) -> Graph {
    let mut graph = Graph::new();
    for &(scid, from, to, capacity_sat, ppm) in channels {
        let ends = [from, to].map(|name| graph.add_node(id(name)).unwrap());
        let channel = graph.add_channel(Scid(scid), ends, Some(sat(capacity_sat))).unwrap();
        graph.set_policy(channel, Direction::Forward, policy(ppm));
        graph.set_policy(channel, Direction::Backward, policy(ppm));
    }
    graph.index();
    graph
}

pub(crate) fn own(peer: u8, spendable_sat: u64) -> FirstHop {
    let spendable_msat = sat(spendable_sat);
    FirstHop { peer: id(peer), spendable_msat, min_msat: Msat::from(1), max_msat: Msat::MAX, slots: 483 }
}

pub(crate) fn request(first_hops: Vec<FirstHop>, to: u8, amount_sat: u64) -> Request {
    Request {
        first_hops,
        destination: id(to),
        last_hops: Vec::new(),
        amount_msat: sat(amount_sat),
        max_fee_msat: Msat::new(amount_sat * 10 + 50_000).unwrap(),
        final_cltv: 18,
        max_cltv: 1008,
        max_parts: 100,
        max_part_msat: Msat::MAX,
        retries: 0,
        mode: Mode::Balanced,
    }
}

pub(crate) fn plan(
    graph: &Graph,
    beliefs: &Beliefs,
    request: &Request,
) -> Result<amplet_router::Plan, NoPlan> {
    let plan = Planner::new().plan(graph, beliefs, request, 0)?;
    verify(graph, request, &plan).unwrap();
    Ok(plan)
}

pub(crate) fn channels(part: &amplet_router::Part) -> Vec<u64> {
    let scid = |link| if let Link::Channel(scid, _) = link { Some(scid.0) } else { None };
    part.hops.iter().filter_map(|hop| scid(hop.link)).collect()
}

#[test]
fn fee_and_reliability_are_traded_by_the_mode() {
    // An expensive, wide path by 2 and a cheap, narrow one by 3.
    let graph = graph(&[
        (1, 1, 2, 90_000_000, 500),
        (2, 2, 9, 90_000_000, 500),
        (3, 1, 3, 700_000, 1),
        (4, 3, 9, 700_000, 1),
    ]);
    let mut request = request(vec![own(1, 10_000_000)], 9, 400_000);
    let mut by = |mode| {
        request.mode = mode;
        let plan = plan(&graph, &Beliefs::new(), &request).unwrap();
        (plan.fee_msat, plan.probability)
    };
    let (reliable, cheap) = (by(Mode::Reliable), by(Mode::Custom(10.0)));
    assert!(reliable.0 > cheap.0 && reliable.1 > cheap.1, "{reliable:?} {cheap:?}");
}

#[test]
fn a_minimum_above_each_share_is_met_by_not_splitting() {
    // Two equal paths: risk alone would split, each part below the minimum.
    let mut graph = graph(&[(1, 1, 9, 5000, 0), (2, 1, 9, 5000, 0)]);
    for channel in 0..2 {
        graph.set_policy(channel, Direction::Forward, Policy { min_msat: sat(1000), ..policy(0) });
    }
    let plan = plan(&graph, &Beliefs::new(), &request(vec![own(1, 10_000)], 9, 1000)).unwrap();
    assert_eq!(plan.parts.len(), 1);
}

#[test]
fn parts_of_a_size_that_the_caller_sets_are_spread_over_as_many_slots_as_there_are() {
    // Three gateways, each with its own channel to the payee; any one of them has the balance for all.
    let graph = graph(&[(1, 1, 9, 9_000_000, 0), (2, 2, 9, 9_000_000, 0), (3, 3, 9, 9_000_000, 100)]);
    let own = [1, 2, 3].map(|peer| own(peer, 8_000_000)).to_vec();
    let wanted = Request {
        max_parts: 1_000,
        max_part_msat: sat(1_000),
        max_fee_msat: sat(1_000),
        ..request(own, 9, 1_000_000)
    };
    let found = plan(&graph, &Beliefs::new(), &wanted).unwrap();
    assert_eq!(found.parts.len(), 1_000);
    assert!(found.parts.iter().all(|part| part.delivered_msat == sat(1_000)));
    let over = |peer: usize| {
        found.parts.iter().filter(|part| part.hops.first().unwrap().link == Link::Own(peer)).count()
    };
    let slots = [0, 1, 2].map(over);
    assert!(slots.iter().all(|slots| *slots <= 483), "{slots:?}");
    let few = Request { max_parts: 999, ..wanted };
    assert!(matches!(plan(&graph, &Beliefs::new(), &few), Err(NoPlan::Parts { limit: 999, .. })));
}

#[test]
fn a_way_that_fees_close_is_left_for_another() {
    // By 2, the fee of the second hop pushes the first over its maximum, and what is left is below the minimum.
    let mut graph =
        graph(&[(1, 1, 2, 9000, 1), (2, 2, 9, 9000, 1), (3, 1, 3, 9000, 900), (4, 3, 9, 9000, 900)]);
    let exact = Policy { base_msat: 10, min_msat: sat(1000), max_msat: sat(1000), ..policy(0) };
    for channel in 0..2 {
        graph.set_policy(channel, Direction::Forward, exact);
    }
    let plan = plan(&graph, &Beliefs::new(), &request(vec![own(1, 10_000)], 9, 1000)).unwrap();
    assert_eq!(plan.parts.iter().map(channels).collect::<Vec<_>>(), [[3, 4]]);
}

#[test]
fn a_crumb_that_must_be_large_makes_room_for_itself() {
    // Fees leave a tiny remainder of a hundred small parts over; the other path takes no less than 2 sat, more than any of them.
    let mut graph = graph(&[(1, 1, 2, 101, 0), (2, 2, 9, 90_000, 0), (3, 1, 9, 90_000, 0)]);
    graph.set_policy(0, Direction::Forward, Policy { max_msat: sat(1), ..policy(0) });
    graph.set_policy(1, Direction::Forward, Policy { base_msat: 10, ..policy(0) });
    graph.set_policy(2, Direction::Forward, Policy { min_msat: sat(2), ..policy(900_000) });
    let mut request = request(vec![own(1, 10_000)], 9, 100);
    (request.max_parts, request.mode) = (300, Mode::Custom(10_000.0));
    let plan = plan(&graph, &Beliefs::new(), &request).unwrap();
    let dear: Vec<Msat> =
        plan.parts.iter().filter(|part| channels(part) == [3]).map(|part| part.delivered_msat).collect();
    assert!(plan.parts.len() > 50 && dear.iter().all(|&msat| msat >= sat(2)), "{dear:?}");
}

#[test]
fn crumbs_are_not_mistaken_for_no_path() {
    let crumbs: Vec<(u64, u8, u8, u64, u32)> = (0..8).map(|scid| (scid, 1, 9, 100, 0)).collect();
    let graph = graph(&crumbs);
    let mut request = request(vec![own(1, 10_000_000)], 9, 1_000_000);
    let refused = |request: &Request| Planner::new().plan(&graph, &Beliefs::new(), request, 0).unwrap_err();
    assert_eq!(refused(&request), NoPlan::Inbound { largest_msat: sat(8 * 99) });
    request.max_parts = 3;
    assert_eq!(refused(&request), NoPlan::Parts { limit: 3, largest_msat: sat(3 * 99) });
    request.destination = id(7);
    assert_eq!(refused(&request), NoPlan::NoPath);
}

#[test]
fn a_payment_too_large_for_one_way_is_split() {
    let graph = graph(&[
        (1, 1, 2, 1_000_000, 10),
        (2, 2, 9, 1_000_000, 10),
        (3, 1, 3, 1_000_000, 10),
        (4, 3, 9, 1_000_000, 10),
    ]);
    let plan = plan(&graph, &Beliefs::new(), &request(vec![own(1, 10_000_000)], 9, 1_500_000)).unwrap();
    let through = |scid| {
        plan.parts
            .iter()
            .filter(|part| channels(part)[0] == scid)
            .map(|part| part.delivered_msat)
            .sum::<Msat>()
            .get()
    };
    assert!(through(1).abs_diff(through(3)) < 1_500_000_000 / 8, "{} {}", through(1), through(3));
}

#[test]
fn several_gateways_are_used_at_once() {
    let graph = graph(&[(1, 1, 9, 1_000_000, 10), (2, 2, 9, 1_000_000, 10)]);
    let request = request(vec![own(1, 600_000), own(2, 600_000)], 9, 1_000_000);
    let plan = plan(&graph, &Beliefs::new(), &request).unwrap();
    let mut first: Vec<_> = plan.parts.iter().map(|part| part.hops[0].link).collect();
    first.dedup();
    assert!(first.contains(&Link::Own(0)) && first.contains(&Link::Own(1)));
}

#[test]
fn each_refusal_says_what_would_work() {
    let graph = graph(&[(1, 1, 2, 5_000_000, 10), (2, 2, 9, 1_000_000, 5_000)]);
    let ask = |sat, own_sat| request(vec![own(1, own_sat)], 9, sat);
    let refuse = |request: &Request| plan(&graph, &Beliefs::new(), request).unwrap_err();
    let NoPlan::Balance { largest_msat } = refuse(&ask(300_000, 100_000)) else { panic!() };
    assert_eq!(largest_msat, sat(100_000));
    let NoPlan::Inbound { largest_msat } = refuse(&ask(2_000_000, 4_000_000)) else { panic!() };
    assert_eq!(largest_msat, sat(990_000));
    let mut tight = ask(500_000, 4_000_000);
    tight.max_fee_msat = sat(1_000);
    let NoPlan::FeeBudget { needed_msat, largest_msat } = refuse(&tight) else { panic!() };
    assert_eq!(needed_msat, Msat::from(2_505_025), "0.5 % at the last hop, 10 ppm of both at the first");
    tight.amount_msat = largest_msat;
    assert!(plan(&graph, &Beliefs::new(), &tight).is_ok(), "{largest_msat}");
    let mut short = ask(500_000, 4_000_000);
    short.max_cltv = 60;
    assert_eq!(refuse(&short), NoPlan::Cltv { limit: 60, largest_msat: Msat::ZERO });
    let mut nowhere = ask(1_000, 4_000_000);
    nowhere.destination = id(77);
    assert_eq!(refuse(&nowhere), NoPlan::NoPath);
    assert_eq!(refuse(&ask(0, 1)), NoPlan::Amount);
    let mut single = ask(500_000, 4_000_000);
    single.first_hops = vec![own(1, 300_000), own(1, 300_000)];
    single.max_parts = 1;
    let NoPlan::Parts { limit: 1, largest_msat } = refuse(&single) else { panic!() };
    single.amount_msat = largest_msat;
    assert!(plan(&graph, &Beliefs::new(), &single).is_ok(), "{largest_msat}");
}

#[test]
fn htlc_limits_split_and_slots_hold() {
    let mut graph = graph(&[(1, 1, 9, 50_000_000, 0)]);
    let channel = graph.channel(Scid(1)).unwrap();
    graph.set_policy(channel, Direction::Forward, Policy { max_msat: sat(100_000), ..policy(0) });
    let mut request = request(vec![own(1, 10_000_000)], 9, 950_000);
    let split = plan(&graph, &Beliefs::new(), &request).unwrap();
    assert_eq!(split.parts.len(), 10);
    request.first_hops[0].slots = 9;
    assert!(matches!(plan(&graph, &Beliefs::new(), &request), Err(NoPlan::Capacity { .. })));
}

#[test]
fn hints_and_blinded_paths_end_a_part() {
    let graph = graph(&[(1, 1, 2, 5_000_000, 10)]);
    let hop = |from, ppm| HintHop {
        from: id(from),
        scid: Scid(7),
        base_msat: 100,
        ppm,
        cltv: 30,
        min_msat: Msat::from(1),
        max_msat: Msat::MAX,
    };
    let mut request = request(vec![own(1, 4_000_000)], 66, 100_000);
    request.last_hops = vec![LastHops::RouteHint(vec![hop(2, 20), hop(50, 30)])];
    let hinted = plan(&graph, &Beliefs::new(), &request).unwrap();
    assert_eq!(hinted.parts[0].hops.len(), 4);
    assert_eq!(hinted.parts[0].cltv, 18 + 40 + 30 + 30);
    request.last_hops = vec![LastHops::BlindedPath(hop(2, 20))];
    let blinded = plan(&graph, &Beliefs::new(), &request).unwrap();
    assert_eq!(blinded.parts[0].hops.last().unwrap().link, Link::LastHop(0, 0));
    request.last_hops = vec![LastHops::RouteHint(Vec::new())];
    assert!(matches!(plan(&graph, &Beliefs::new(), &request), Err(NoPlan::Malformed(_))));
}

#[test]
fn the_remainder_is_planned_around_what_failed() {
    let graph = graph(&[
        (1, 1, 2, 2_000_000, 10),
        (2, 2, 9, 2_000_000, 10),
        (3, 1, 3, 1_500_000, 10),
        (4, 3, 9, 1_500_000, 10),
    ]);
    let mut planner = Planner::new();
    let mut beliefs = Beliefs::new();
    let mut payment = Payment::new(request(vec![own(1, 10_000_000)], 9, 300_000));
    let first = payment.next(&mut planner, &graph, &beliefs, 0).unwrap();
    assert!(first.parts.iter().all(|part| channels(part) == [1, 2]), "the wider way");
    for part in &first.parts {
        payment.report(part, Outcome::Failed(2, Certainty::Certain), &graph, &mut beliefs, 0);
    }
    let belief = beliefs.get(Scid(1), 0).unwrap();
    let crossed = first.parts.iter().map(|part| part.hops[1].amount_msat).max().unwrap();
    assert_eq!(belief.interval(Direction::Forward).0, crossed, "the hop before carried it");
    assert_eq!(
        belief.interval(Direction::Backward).1,
        sat(2_000_000).less(crossed),
        "so the other side lacks it"
    );
    let second = payment.next(&mut planner, &graph, &beliefs, 0).unwrap();
    assert!(second.parts.iter().all(|part| channels(part) == [3, 4]), "{second:?}");
    for part in &second.parts {
        payment.report(part, Outcome::Arrived, &graph, &mut beliefs, 0);
    }
    assert_eq!(payment.remaining_msat(), Msat::ZERO);
    assert_eq!(
        beliefs.in_flight_msat(Scid(3), Direction::Forward),
        second.parts.iter().map(|part| part.hops[1].amount_msat).sum::<Msat>()
    );
}

#[test]
fn an_explanation_names_the_way_not_taken() {
    let graph = graph(&[
        (1, 1, 2, 9_000_000, 10),
        (2, 2, 9, 9_000_000, 10),
        (3, 1, 3, 3_000_000, 50),
        (4, 3, 9, 3_000_000, 50),
    ]);
    let request = request(vec![own(1, 10_000_000)], 9, 100_000);
    let mut planner = Planner::new();
    let plan = planner.plan(&graph, &Beliefs::new(), &request, 0).unwrap();
    let reasons = planner.explain(&graph, &Beliefs::new(), (&request, &plan), 0).unwrap();
    let instead = reasons[0].instead.as_ref().unwrap();
    assert_eq!((channels(&plan.parts[0]), channels(instead)), (vec![1, 2], vec![3, 4]));
    assert!(instead.probability < plan.parts[0].probability && instead.fee_msat > plan.parts[0].fee_msat);
}
