//! Graph data and beliefs: loading, storing, learning, forgetting.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use amplet_protocol::Msat;
use amplet_router::belief::{HALF_LIFE_S, MAX_BELIEFS, SOFT_HALF_LIFE_S};
use amplet_router::graph::GraphError;
use amplet_router::rgs::{self, MAINNET, RgsError};
use amplet_router::snapshot::{self, SnapshotError};
use amplet_router::{Beliefs, Certainty, Direction, Graph, NodeId, Scid, csv};

const SMALL_CSV: &str = include_str!("../data/small.csv");
const SMALL_RGS: &[u8] = include_bytes!("../data/small.rgs");
const FORWARD: Direction = Direction::Forward;

fn msat(amount: u64) -> Msat {
    Msat::new(amount).unwrap()
}

fn small() -> Graph {
    csv::read(SMALL_CSV).unwrap().graph
}

#[test]
fn gossip_fills_a_graph_and_a_delta_changes_it() {
    let mut graph = Graph::new();
    let applied = rgs::apply(&mut graph, SMALL_RGS, &MAINNET).unwrap();
    assert_eq!((applied.channels, applied.policies, applied.unknown), (3, 4, 0));
    let policy = |graph: &Graph, scid, direction| {
        *graph.policy(graph.channel(Scid(scid)).unwrap(), direction).unwrap()
    };
    let (first, back) = (policy(&graph, 500, FORWARD), policy(&graph, 500, Direction::Backward));
    assert_eq!(
        (first.base_msat, first.ppm, first.cltv, first.min_msat, first.max_msat),
        (1000, 250, 40, msat(1000), msat(900_000_000))
    );
    assert_eq!((back.base_msat, back.ppm, back.cltv, back.max_msat), (5, 250, 80, msat(500_000_000)));
    assert_eq!(policy(&graph, 501, FORWARD).ppm, 77);
    assert!(!policy(&graph, 801, Direction::Backward).enabled);
    assert_eq!(
        graph.channels()[0].capacity_msat,
        msat(900_000_000),
        "without an announced capacity, the greatest HTLC"
    );
    // A version 2 delta: no features, nodes or announcements; channel 500's fee becomes 9 ppm, then ignored data.
    let mut delta = SMALL_RGS[..40].to_vec();
    delta[3] = 2;
    delta.extend([0].iter().chain(&[0; 8]).chain(&[0, 0, 0, 2]).chain(&[0; 26]));
    delta.extend([0xfd, 0x01, 0xf4, 0b1000_1000, 0, 0, 0, 9]);
    delta.extend([0, 0, 0, 2, 0xaa, 0xbb]);
    let applied = rgs::apply(&mut graph, &delta, &MAINNET).unwrap();
    assert_eq!(
        (applied.policies, policy(&graph, 500, FORWARD).ppm, policy(&graph, 500, FORWARD).base_msat),
        (1, 9, 1000)
    );
}

#[test]
fn gossip_that_is_cut_or_foreign_is_refused() {
    for length in 0..SMALL_RGS.len() {
        let cut = rgs::apply(&mut Graph::new(), &SMALL_RGS[..length], &MAINNET);
        assert!(matches!(cut, Err(RgsError::Truncated(_) | RgsError::Count(_))), "{length}: {cut:?}");
    }
    assert_eq!(rgs::apply(&mut Graph::new(), SMALL_RGS, &[0; 32]), Err(RgsError::Chain));
    let mut later = SMALL_RGS.to_vec();
    later[3] = 9;
    assert_eq!(rgs::apply(&mut Graph::new(), &later, &MAINNET), Err(RgsError::Version(9)));
}

#[test]
fn impossible_channels_are_left_out_and_named() {
    let (header, row) = (SMALL_CSV.lines().next().unwrap(), SMALL_CSV.lines().nth(1).unwrap());
    let fields: Vec<&str> = row.split(',').collect();
    let with = |change: &[(usize, &str)]| {
        let mut fields = fields.clone();
        change.iter().for_each(|&(place, value)| fields[place] = value);
        csv::read(&format!("{header}\n{row}\n{}\n", fields.join(",")))
    };
    let skipped = |change: &[(usize, &str)]| with(change).unwrap().skipped.pop();
    assert!(matches!(skipped(&[(0, "1x1x1"), (2, fields[1])]), Some(GraphError::SelfLoop(_))));
    assert!(matches!(skipped(&[(0, "1x1x1"), (3, "0")]), Some(GraphError::ZeroCapacity(_))));
    assert!(matches!(skipped(&[(1, &"02".repeat(33))]), Some(GraphError::Contradiction(_))));
    assert_eq!(skipped(&[(0, "1x1x1"), (3, &u64::MAX.to_string())]), None, "absurd capacities are clamped");
    assert_eq!(with(&[(3, "many")]).map(drop).unwrap_err().column, "capacity_sat");
    assert_eq!(with(&[(0, "1x2")]).map(drop).unwrap_err().line, 3);
    assert_eq!(csv::read(row).map(drop).unwrap_err().line, 1, "a first row is no header");
}

#[test]
fn storage_gives_back_what_it_got() {
    let graph = small();
    let stored = snapshot::write_graph(&graph);
    let again = snapshot::read_graph(&stored).unwrap();
    assert_eq!(graph.channels(), again.channels());
    assert_eq!(snapshot::write_graph(&again), stored);
    for length in 0..stored.len() {
        assert!(snapshot::read_graph(&stored[..length]).is_err(), "{length}");
    }
    let later = [b"AmpG".as_slice(), &[2]].concat();
    assert_eq!(snapshot::read_graph(&later).map(drop), Err(SnapshotError::Version(2)));
}

#[test]
fn version_1_of_beliefs_stays_readable() {
    // Frozen when version 1 was first released: one certain failure of 400,000 msat on scid 5, capacity 10^6 msat.
    let frozen = [
        b"AmpB".as_slice(),
        &[1],
        &1.5f64.to_be_bytes(),
        &[7],
        &[1],
        &[5],
        &[0],
        &[0xff, 0xb4, 0x18],
        &[0xc0, 0x84, 0x3d],
        &[7],
        &[0],
    ]
    .concat();
    let beliefs = snapshot::read_beliefs(&frozen).unwrap();
    assert_eq!(beliefs.get(Scid(5), 7).unwrap().interval(FORWARD), (Msat::ZERO, msat(399_999)));
    assert_eq!(snapshot::write_beliefs(&beliefs), frozen);
}

#[test]
fn beliefs_fade_and_yield_to_contradiction() {
    let graph = small();
    let (scid, capacity) = (graph.channels()[0].scid, graph.channels()[0].capacity_msat.get());
    let mut beliefs = Beliefs::new();
    beliefs.refused(&graph, (scid, FORWARD), msat(capacity / 2), Certainty::Certain, 0);
    assert_eq!(beliefs.get(scid, 0).unwrap().interval(FORWARD), (Msat::ZERO, msat(capacity / 2 - 1)));
    let (_, high) = beliefs.get(scid, HALF_LIFE_S).unwrap().interval(FORWARD);
    assert!(high.get().abs_diff(capacity / 4 * 3) < capacity / 1000, "half of what it said is gone");
    beliefs.reached(&graph, scid, FORWARD, msat(capacity / 4 * 3), 0);
    assert_eq!(
        beliefs.get(scid, 0).unwrap().interval(FORWARD),
        (msat(capacity / 4 * 3), msat(capacity)),
        "what was seen wins"
    );
    beliefs.settled(scid, FORWARD, msat(capacity / 4), 0);
    assert_eq!(
        beliefs.get(scid, 0).unwrap().interval(FORWARD).0,
        msat(capacity / 4 * 3 - capacity / 4),
        "paid is gone"
    );
    beliefs.refused(&graph, (scid, FORWARD), msat(1000), Certainty::Soft, 0);
    assert!(beliefs.get(scid, 20 * SOFT_HALF_LIFE_S).unwrap().is_vague(), "a doubtful failure fades fast");
}

#[test]
fn newer_beliefs_of_others_are_imported() {
    let graph = small();
    let (scid, capacity) = (graph.channels()[0].scid, graph.channels()[0].capacity_msat.get());
    let (mut own, mut gateway) = (Beliefs::new(), Beliefs::new());
    own.reached(&graph, scid, FORWARD, msat(capacity / 3), 10);
    gateway.reached(&graph, scid, FORWARD, msat(capacity / 2), 20);
    own.import(&gateway, 40);
    assert_eq!(own.get(scid, 20).unwrap().interval(FORWARD).0, msat(capacity / 2));
    gateway.reached(&graph, scid, FORWARD, msat(capacity / 3 * 2), 5);
    own.reached(&graph, scid, FORWARD, msat(capacity / 10 * 9), 30);
    own.import(&gateway, 40);
    assert_eq!(own.get(scid, 30).unwrap().interval(FORWARD).0, msat(capacity / 10 * 9), "ours is newer");
}

#[test]
fn what_claims_to_come_from_the_future_fades_too() {
    let graph = small();
    let scid = graph.channels()[0].scid;
    let (mut own, mut gateway) = (Beliefs::new(), Beliefs::new());
    gateway.reached(&graph, scid, FORWARD, msat(graph.channels()[0].capacity_msat.get() / 2), u32::MAX);
    own.import(&gateway, 100);
    assert!(own.get(scid, 100 + 20 * HALF_LIFE_S).unwrap().is_vague());
}

#[test]
fn of_too_many_beliefs_the_oldest_go() {
    let ends = [[2; 33], [3; 33]].map(NodeId);
    let mut graph = Graph::new();
    let nodes = ends.map(|id| graph.add_node(id).unwrap());
    let channels = 2 * MAX_BELIEFS as u64;
    for scid in 0..channels {
        graph.add_channel(Scid(scid), nodes, Some(msat(1_000_000))).unwrap();
    }
    graph.index();
    let mut beliefs = Beliefs::new();
    for scid in 0..channels {
        beliefs.reached(&graph, Scid(scid), FORWARD, msat(500_000), scid as u32);
    }
    assert!((MAX_BELIEFS / 2..=MAX_BELIEFS).contains(&beliefs.len()));
    let now_s = channels as u32;
    assert!(beliefs.get(Scid(0), now_s).is_none() && beliefs.get(Scid(channels - 1), now_s).is_some());
}
