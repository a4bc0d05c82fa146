//! A node's needs beside plans: first hops that are the payee, excluded channels, HTLCs in flight as the node counts them,
//! and routing data written for others.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use amplet_protocol::Msat;
use amplet_router::rgs::{Share, apply, write};
use amplet_router::{
    Beliefs, Direction, FirstHop, Graph, Link, Mode, NoPlan, NodeId, Planner, Policy, Request, Scid, verify,
};
use proptest::prelude::*;

fn id(name: u8) -> NodeId {
    NodeId([2; 33].map(|byte: u8| byte.wrapping_add(name)))
}

fn msat(amount: u64) -> Msat {
    Msat::new(amount).unwrap()
}

fn request(to: u8, amount_msat: u64) -> Request {
    Request {
        first_hops: vec![FirstHop {
            peer: id(1),
            spendable_msat: msat(1_000_000_000),
            min_msat: msat(1),
            max_msat: msat(1_000_000_000),
            slots: 30,
        }],
        destination: id(to),
        last_hops: Vec::new(),
        amount_msat: msat(amount_msat),
        max_fee_msat: msat(10_000_000),
        final_cltv: 144,
        max_cltv: 1008,
        max_parts: 10,
        max_part_msat: Msat::MAX,
        retries: 0,
        mode: Mode::Balanced,
    }
}

/// Two paths from 1 to 9: by channel 1, and by channels 2 and 3.
fn graph() -> Graph {
    let mut graph = Graph::new();
    for (scid, from, to) in [(1, 1, 9), (2, 1, 4), (3, 4, 9)] {
        let ends = [from, to].map(|name| graph.add_node(id(name)).unwrap());
        let channel = graph.add_channel(Scid(scid), ends, Some(msat(5_000_000_000))).unwrap();
        let policy = Policy {
            enabled: true,
            base_msat: 1000,
            ppm: 100,
            cltv: 144,
            min_msat: msat(1),
            max_msat: msat(5_000_000_000),
        };
        graph.set_policy(channel, Direction::Forward, policy);
        graph.set_policy(channel, Direction::Backward, policy);
    }
    graph.index();
    graph
}

fn scids(graph: &Graph, beliefs: &Beliefs, request: &Request) -> Result<Vec<u64>, NoPlan> {
    let plan = Planner::new().plan(graph, beliefs, request, 0)?;
    verify(graph, request, &plan).unwrap();
    let links = plan.parts.into_iter().flat_map(|part| part.hops).map(|hop| hop.link);
    let scid = |link| if let Link::Channel(scid, _) = link { Some(scid.0) } else { None };
    // A doubtful part goes out in slices.
    let used: std::collections::BTreeSet<u64> = links.filter_map(scid).collect();
    Ok(used.into_iter().collect())
}

#[test]
fn a_peer_is_paid_without_any_graph_and_a_stranger_is_not() {
    let (graph, beliefs) = (Graph::new(), Beliefs::new());
    assert_eq!(scids(&graph, &beliefs, &request(1, 500_000_000)), Ok(Vec::new()));
    assert_eq!(scids(&graph, &beliefs, &request(9, 500_000_000)), Err(NoPlan::NoPath));
}

#[test]
fn barred_channels_are_not_used_and_are_again_when_no_longer_barred() {
    let (graph, mut beliefs) = (graph(), Beliefs::new());
    let request = request(9, 100_000_000);
    assert_eq!(scids(&graph, &beliefs, &request), Ok(vec![1]));
    beliefs.exclude([Scid(1), Scid(77)]);
    assert_eq!(scids(&graph, &beliefs, &request), Ok(vec![2, 3]));
    beliefs.exclude([Scid(1), Scid(3)]);
    assert!(scids(&graph, &beliefs, &request).is_err());
    beliefs.exclude([]);
    assert_eq!(scids(&graph, &beliefs, &request), Ok(vec![1]));
}

#[test]
fn what_is_in_flight_is_taken_over_and_forgotten() {
    let (graph, mut beliefs) = (graph(), Beliefs::new());
    let request = request(9, 900_000_000);
    beliefs.set_in_flight(Scid(1), Direction::Forward, msat(4_900_000_000));
    assert_eq!(scids(&graph, &beliefs, &request), Ok(vec![2, 3]));
    beliefs.set_in_flight(Scid(1), Direction::Forward, msat(7));
    assert_eq!(beliefs.in_flight_msat(Scid(1), Direction::Forward), msat(7));
    beliefs.set_in_flight(Scid(1), Direction::Forward, Msat::ZERO);
    assert_eq!(scids(&graph, &beliefs, &request), Ok(vec![1]));
}

fn policy() -> impl Strategy<Value = Policy> {
    let fees =
        (any::<bool>(), prop_oneof![Just(1000u32), any::<u32>()], prop_oneof![Just(1u32), any::<u32>()]);
    let amount = || (0..=Msat::MAX.get()).prop_map(msat);
    (fees, any::<u16>(), amount(), amount()).prop_map(
        |((enabled, base_msat, ppm), cltv, min_msat, max_msat)| Policy {
            enabled,
            base_msat,
            ppm,
            cltv,
            min_msat,
            max_msat,
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        channels in prop::collection::btree_map(any::<u64>(), (0u8..20, 0u8..20, policy(), policy(), any::<[bool; 3]>()), 0..40),
        timestamp: u32,
    ) {
        let mut graph = Graph::new();
        let mut shares = Vec::new();
        for (scid, (from, to, forward, backward, share)) in &channels {
            let ends = [*from, *to].map(|name| graph.add_node(id(name)).unwrap());
            let Ok(channel) = graph.add_channel(Scid(*scid), ends, None) else { continue };
            graph.set_policy(channel, Direction::Forward, *forward);
            graph.set_policy(channel, Direction::Backward, *backward);
            shares.push(Share { announcement: share[0], policies: [share[1], share[2]] });
        }
        graph.index();
        let chain = [7; 32];
        let same = |a: &Graph, b: &Graph| a.channels().iter().all(|channel| {
            let [here, there] = [a, b].map(|graph| graph.channel(channel.scid).unwrap());
            let ends = b.channels()[there as usize].nodes.map(|node| b.nodes()[node as usize]);
            ends == channel.nodes.map(|node| a.nodes()[node as usize])
                && [Direction::Forward, Direction::Backward].into_iter().all(|d| a.policy(here, d) == b.policy(there, d))
        });
        let mut read = Graph::new();
        let whole = write(&graph, &chain, timestamp, |_| Share::WHOLE);
        let applied = apply(&mut read, &whole, &chain).unwrap();
        prop_assert_eq!((applied.channels as usize, applied.unknown), (graph.channels().len(), 0));
        prop_assert!(same(&graph, &read) && read.timestamp == timestamp);
        // What changes nothing, changes nothing.
        let delta = write(&graph, &chain, timestamp, |channel| shares[channel as usize]);
        apply(&mut read, &delta, &chain).unwrap();
        prop_assert!(same(&graph, &read));
    }
}
