//! The bound on the cost of a plan: counted, not timed, so that it ends at the same place everywhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use amplet_protocol::Msat;
use amplet_router::{
    Beliefs, Direction, FirstHop, Graph, Mode, NoPlan, NodeId, Plan, Planner, Policy, Request, Scid, Tuning,
    verify,
};

/// Nodes in the middle, each with many small channels to both ends and to the next.
const MIDDLE: u16 = 40;
const PARALLEL: u64 = 6;

fn id(name: u16) -> NodeId {
    let mut id = [2; 33];
    id[1..3].copy_from_slice(&name.to_be_bytes());
    NodeId(id)
}

/// A network of crumbs: a large payment through it takes thousands of paths.
fn crumbs() -> Graph {
    let mut graph = Graph::new();
    let mut scid = 0;
    let mut join = |graph: &mut Graph, from: u16, to: u16, capacity_sat: u64| {
        scid += 1;
        let ends = [from, to].map(|name| graph.add_node(id(name)).unwrap());
        let channel =
            graph.add_channel(Scid(scid), ends, Some(Msat::from_sat(capacity_sat).unwrap())).unwrap();
        for direction in [Direction::Forward, Direction::Backward] {
            let ppm = (scid % 97) as u32;
            let (min_msat, max_msat) = (Msat::from(1), Msat::MAX);
            let policy = Policy { enabled: true, base_msat: 0, ppm, cltv: 40, min_msat, max_msat };
            graph.set_policy(channel, direction, policy);
        }
    };
    for middle in 2..2 + MIDDLE {
        for parallel in 0..PARALLEL {
            join(&mut graph, 0, middle, 10_000 + parallel);
            join(&mut graph, middle, 1, 10_000 + 7 * parallel);
        }
        join(&mut graph, middle, 2 + (middle - 1) % MIDDLE, 5_000);
    }
    graph.index();
    graph
}

fn request(amount_sat: u64) -> Request {
    let peer = id(0);
    let (min_msat, max_msat) = (Msat::from(1), Msat::MAX);
    let own = FirstHop { peer, spendable_msat: Msat::MAX, min_msat, max_msat, slots: 483 };
    Request {
        first_hops: vec![own],
        destination: id(1),
        last_hops: Vec::new(),
        amount_msat: Msat::from_sat(amount_sat).unwrap(),
        max_fee_msat: Msat::new(amount_sat * 10 + 50_000).unwrap(),
        final_cltv: 18,
        max_cltv: 1008,
        max_parts: 200,
        max_part_msat: Msat::MAX,
        retries: 0,
        mode: Mode::Balanced,
    }
}

/// The plan within a number of looks, and the number it took.
fn plan(graph: &Graph, request: &Request, work: u64) -> (Result<Plan, NoPlan>, u64) {
    let mut planner = Planner::with(Tuning { work, ..Tuning::default() });
    let plan = planner.plan(graph, &Beliefs::new(), request, 0);
    if let Ok(plan) = &plan {
        verify(graph, request, plan).unwrap();
    }
    (plan, planner.work())
}

#[test]
fn what_needs_less_than_the_bound_is_the_same_with_it() {
    let graph = crumbs();
    for amount_sat in [1_000, 100_000, 300_000] {
        let request = request(amount_sat);
        let (free, work) = plan(&graph, &request, u64::MAX);
        assert!(free.is_ok(), "{free:?}");
        assert_eq!(plan(&graph, &request, work + 1), (free, work));
    }
}

#[test]
fn the_bound_holds_whatever_is_asked() {
    let graph = crumbs();
    let mut ends = [0; 2];
    for amount_sat in [300_000, 800_000, 1_200_000] {
        let request = request(amount_sat);
        let (_, free) = plan(&graph, &request, u64::MAX);
        for share in [2, 3, 5, 20, 1000] {
            let bound = free / share;
            let (found, work) = plan(&graph, &request, bound);
            // It is exceeded by no more than the step in progress: a node's channels, a path out of the flow, copies.
            assert!(work < bound + 100_000, "{amount_sat} sat, bound {bound}: {work}");
            match found {
                Ok(_) => ends[0] += 1,
                Err(NoPlan::Effort { largest_msat }) => {
                    assert!(largest_msat < request.amount_msat);
                    ends[1] += 1;
                }
                // True without a bound, too.
                Err(other) => assert_eq!(Err(other), plan(&graph, &request, u64::MAX).0),
            }
        }
    }
    assert!(ends[0] > 0 && ends[1] > 0, "the best known, refusals: {ends:?}");
}
