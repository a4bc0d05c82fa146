//! Fees quoted before a payment is made, on small graphs.
#![allow(clippy::unwrap_used, clippy::panic)]

use amplet_protocol::Msat;
use amplet_router::{
    Beliefs, Direction, FirstHop, Graph, Mode, NoPlan, NodeId, Planner, Policy, Quote, Request, Scid, quote,
};

fn msat(amount: u64) -> Msat {
    Msat::new(amount).unwrap()
}

fn id(name: u8) -> NodeId {
    NodeId([2; 33].map(|byte: u8| byte.wrapping_add(name)))
}

/// Channels as (scid, from, to, base fee in msat), of a million sat each.
fn graph(channels: &[(u64, u8, u8, u32)]) -> Graph {
    let mut graph = Graph::new();
    for &(scid, from, to, base_msat) in channels {
        let ends = [from, to].map(|name| graph.add_node(id(name)).unwrap());
        let channel = graph.add_channel(Scid(scid), ends, Some(msat(1_000_000_000))).unwrap();
        let (min_msat, max_msat) = (msat(1), Msat::MAX);
        let policy = Policy { enabled: true, base_msat, ppm: 0, cltv: 40, min_msat, max_msat };
        graph.set_policy(channel, Direction::Forward, policy);
        graph.set_policy(channel, Direction::Backward, policy);
    }
    graph.index();
    graph
}

/// From a wallet with a channel to node 1.
fn request(to: u8, amount_msat: u64, max_fee_msat: u64) -> Request {
    let peer = id(1);
    let spendable_msat = msat(500_000_000);
    Request {
        first_hops: vec![FirstHop {
            peer,
            spendable_msat,
            min_msat: msat(1),
            max_msat: Msat::MAX,
            slots: 483,
        }],
        destination: id(to),
        last_hops: Vec::new(),
        amount_msat: msat(amount_msat),
        max_fee_msat: msat(max_fee_msat),
        final_cltv: 18,
        max_cltv: 1008,
        max_parts: 30,
        max_part_msat: Msat::MAX,
        retries: 0,
        mode: Mode::Balanced,
    }
}

fn quoted(graph: &Graph, request: &Request) -> Result<Quote, NoPlan> {
    let (beliefs, mut planner) = (Beliefs::new(), Planner::new());
    quote((graph, &beliefs), request, 0, |beliefs, wanted| planner.plan(graph, beliefs, wanted, 0))
}

#[test]
fn a_channel_to_the_payee_needs_no_room_for_fees() {
    let graph = graph(&[(1, 1, 2, 1_000)]);
    for amount_msat in [1, 1_000, 400_000_000] {
        assert_eq!(quoted(&graph, &request(1, amount_msat, 50_000)), Ok(Quote::default()), "{amount_msat}");
    }
}

#[test]
fn a_satoshi_is_quoted_by_its_routes_and_not_by_the_ceiling() {
    // By 2 for one satoshi, by 3 for three; nothing else leads to 9.
    let graph = graph(&[(1, 1, 2, 500), (2, 2, 9, 500), (3, 1, 3, 1_500), (4, 3, 9, 1_500)]);
    let quote = quoted(&graph, &request(9, 1_000, 50_000)).unwrap();
    assert_eq!(quote.expected_msat, msat(1_000));
    assert!((3_000..=6_000).contains(&quote.max_msat.get()), "room for the other route: {quote:?}");
    let only = self::graph(&[(1, 1, 2, 1), (2, 2, 9, 1)]);
    let quote = quoted(&only, &request(9, 1_000, 50_000)).unwrap();
    assert_eq!(
        (quote.expected_msat, quote.max_msat),
        (msat(2), msat(1_002)),
        "room for fees that have changed"
    );
}

#[test]
fn a_quote_never_exceeds_the_ceiling_and_a_route_above_it_is_none() {
    let graph = graph(&[(1, 1, 2, 500), (2, 2, 9, 500), (3, 1, 3, 15_000), (4, 3, 9, 15_000)]);
    let quote = quoted(&graph, &request(9, 1_000, 2_000)).unwrap();
    assert_eq!((quote.expected_msat, quote.max_msat), (msat(1_000), msat(2_000)));
    let refused = quoted(&graph, &request(9, 1_000, 999));
    let Err(NoPlan::FeeBudget { needed_msat, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(needed_msat, msat(1_000));
}
