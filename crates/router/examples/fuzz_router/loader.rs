//! Every format: data loads or is refused, and a loaded graph can be planned over.

use crate::making::{beliefs, damage, garbage, graph, request};
use amplet_router::evaluation::{self, Dice};
use amplet_router::rgs::{MAINNET, Share};
use amplet_router::{Beliefs, Direction, Graph, Planner, csv, rgs, snapshot, verify};

pub fn run(dice: &mut Dice) {
    let graph = graph(dice);
    stored_graph(dice, &graph);
    stored_beliefs(dice, &graph);
    gossip(dice, &graph);
    text(dice);
}

/// Checks the invariants of a loaded graph; then plans one payment over it.
fn check(dice: &mut Dice, graph: &Graph) {
    let nodes = graph.node_count() as u32;
    for channel in graph.channels() {
        assert!(channel.nodes.iter().all(|&node| node < nodes), "{channel:?} names a node that is not there");
        assert!(channel.nodes[0] != channel.nodes[1], "{channel:?} is a loop");
    }
    let incident: usize = (0..nodes).map(|node| graph.incident(node).len()).sum();
    assert_eq!(incident, 2 * graph.channels().len(), "the rows hold each channel twice");
    let request = request(dice);
    if let Ok(plan) = Planner::new().plan(graph, &Beliefs::new(), &request, 0) {
        verify(graph, &request, &plan).unwrap_or_else(|wrong| panic!("{wrong}: {request:?} {plan:?}"));
    }
}

/// Valid data, damaged; sometimes noise instead.
fn spoil(dice: &mut Dice, mut valid: Vec<u8>) -> Vec<u8> {
    if dice.below(8) == 0 {
        return garbage(dice, &valid);
    }
    damage(dice, &mut valid);
    valid
}

fn stored_graph(dice: &mut Dice, graph: &Graph) {
    let stored = snapshot::write_graph(graph);
    let again = snapshot::read_graph(&stored).unwrap_or_else(|error| panic!("its own graph: {error}"));
    assert!(snapshot::write_graph(&again) == stored, "a graph changes by being stored");
    if let Ok(graph) = snapshot::read_graph(&spoil(dice, stored)) {
        check(dice, &graph);
    }
}

fn stored_beliefs(dice: &mut Dice, graph: &Graph) {
    let known = beliefs(dice, graph);
    let stored = snapshot::write_beliefs(&known);
    let again = snapshot::read_beliefs(&stored).unwrap_or_else(|error| panic!("its own beliefs: {error}"));
    assert!(snapshot::write_beliefs(&again) == stored, "beliefs change by being stored");
    let Ok(mut read) = snapshot::read_beliefs(&spoil(dice, stored)) else { return };
    for channel in graph.channels() {
        let Some(belief) = read.get(channel.scid, dice.roll() as u32) else { continue };
        for direction in [Direction::Forward, Direction::Backward] {
            let (low, high) = belief.interval(direction);
            assert!(low <= high && high <= belief.capacity_msat, "{belief:?}");
        }
    }
    read.import(&known, dice.roll() as u32);
    let request = request(dice);
    if let Ok(plan) = Planner::new().plan(graph, &read, &request, dice.roll() as u32) {
        verify(graph, &request, &plan).unwrap_or_else(|wrong| panic!("{wrong}: {request:?} {plan:?}"));
    }
}

fn gossip(dice: &mut Dice, graph: &Graph) {
    let gossip = match dice.below(4) {
        0 => include_bytes!("../../tests/data/small.rgs").to_vec(),
        1 => {
            let mut second_version = include_bytes!("../../tests/data/small.rgs").to_vec();
            second_version[3] = 2;
            second_version
        }
        _ => written(dice, graph),
    };
    // Over nothing, and as a delta over something.
    let mut target = if dice.below(2) == 0 { Graph::new() } else { graph.clone() };
    // On an error too the graph must be one: it may have taken part of the data.
    let _ = rgs::apply(&mut target, &spoil(dice, gossip), &MAINNET);
    check(dice, &target);
}

/// A snapshot as a gateway serves it, after a reader has been seen to get all of it.
fn written(dice: &mut Dice, graph: &Graph) -> Vec<u8> {
    let whole = rgs::write(graph, &MAINNET, 7, |_| Share::WHOLE);
    let mut reader = Graph::new();
    let applied =
        rgs::apply(&mut reader, &whole, &MAINNET).unwrap_or_else(|error| panic!("its own: {error}"));
    assert_eq!(applied.channels as usize, graph.channels().len(), "{applied:?}");
    assert!(rgs::write(&reader, &MAINNET, 7, |_| Share::WHOLE) == whole, "gossip changes by being read");
    let mut some = || dice.below(2) == 0;
    rgs::write(graph, &MAINNET, 8, |_| Share { announcement: some(), policies: [some(), some()] })
}

fn text(dice: &mut Dice) {
    let whole = match dice.below(4) {
        0 => include_str!("../../tests/data/small.csv").to_owned(),
        _ => evaluation::csv(dice.below(30) as u32, dice.below(120) as u32, dice.roll()),
    };
    let spoiled =
        if dice.below(2) == 0 { spoil_field(dice, &whole).into_bytes() } else { spoil(dice, whole.into()) };
    if let Ok(loaded) = csv::read(&String::from_utf8_lossy(&spoiled)) {
        check(dice, &loaded.graph);
    }
}

/// Puts odd values into some fields, or another row's.
fn spoil_field(dice: &mut Dice, text: &str) -> String {
    let mut rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    const ODD: [&str; 12] = [
        "",
        "0",
        "1",
        "-1",
        "4294967295",
        "4294967296",
        "18446744073709551615",
        "18446744073709551616",
        "1.5",
        "x",
        "1x1x1",
        "nan",
    ];
    for _ in 0..=dice.below(8) {
        let (from, to) = (dice.below(rows.len() as u64) as usize, dice.below(rows.len() as u64) as usize);
        let column = dice.below(16) as usize;
        let value = match dice.below(2) {
            0 => rows.get(from).and_then(|row| row.get(column)).copied().unwrap_or_default(),
            _ => dice.pick(&ODD),
        };
        if let Some(field) = rows.get_mut(to).and_then(|row| row.get_mut(column)) {
            *field = value;
        }
    }
    rows.iter().map(|row| row.join(",") + "\n").collect()
}
