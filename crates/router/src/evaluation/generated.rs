//! Made-up networks, for where the real one's data are not at hand: tests, fuzzing, benchmarks elsewhere. The same seed
//! makes the same network everywhere: integers only.

use crate::graph::{Direction, Graph, NodeId};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use amplet_protocol::Msat;

/// `SplitMix64` (Steele, Lea and Flood, *Fast Splittable Pseudorandom Number Generators*, 2014): enough to make up input
/// with, and its seed replays it.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `limit`; 0 if that is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit.max(1)
    }

    /// One of a list that is not empty.
    pub fn pick<T: Copy + Default>(&mut self, list: &[T]) -> T {
        list.get(self.below(list.len() as u64) as usize).copied().unwrap_or_default()
    }

    /// A number of `low` to `high` bits, each length alike: as capacities are spread.
    fn magnitude(&mut self, low: u64, high: u64) -> u64 {
        let bits = low + self.below(high - low);
        1 << bits | self.roll() & ((1 << bits) - 1)
    }
}

/// Capacity of a well-connected node's channels: 0.1 BTC.
const WELL_FUNDED: Msat = Msat::up_to_max(10_000_000_000);

const PPM: [u32; 10] = [0, 1, 10, 50, 100, 150, 250, 500, 1000, 2500];
const CLTV: [u16; 5] = [18, 34, 40, 80, 144];

/// A network in the evaluation's CSV: each node joins where others have joined (few large, many small, as the real
/// one), what channels are left over join any two that have many.
#[must_use]
pub fn csv(nodes: u32, channels: u32, seed: u64) -> String {
    let mut dice = Dice(seed);
    let ids: Vec<NodeId> = (0..nodes).map(|_| node_id(&mut dice)).collect();
    let mut ends: Vec<u32> = Vec::new();
    let mut text = String::from("scid,node1,node2,capacity_sat");
    for direction in 0..2 {
        for column in ["enabled", "base_msat", "ppm", "cltv", "min_msat", "max_msat"] {
            text += &format!(",d{direction}_{column}");
        }
    }
    text.push('\n');
    for channel in 0..channels {
        let fresh = channel + 1;
        let first = if fresh < nodes { fresh } else { dice.pick(&ends) };
        let second = if ends.is_empty() { 0 } else { dice.pick(&ends) };
        ends.extend([first, second]);
        let [Some(one), Some(other)] = [first, second].map(|node| ids.get(node as usize)) else { continue };
        if first == second {
            continue;
        }
        let capacity_sat = dice.magnitude(17, 27);
        text += &format!(
            "{}x{}x0,{},{},{capacity_sat}",
            500_000 + channel / 100,
            channel % 100,
            one.min(other),
            one.max(other)
        );
        for _ in 0..2 {
            text += &policy(&mut dice, capacity_sat);
        }
        text.push('\n');
    }
    text
}

fn node_id(dice: &mut Dice) -> NodeId {
    let mut id = [0; 33];
    for chunk in id.chunks_mut(8) {
        let bytes = dice.roll().to_be_bytes();
        chunk.copy_from_slice(&bytes[..chunk.len()]);
    }
    id[0] = 2 | id[0] & 1;
    NodeId(id)
}

fn policy(dice: &mut Dice, capacity_sat: u64) -> String {
    if dice.below(7) == 0 {
        return ",0,,,,,".into();
    }
    let base_msat = dice.pick(&[0, 0, 1000]);
    let max_msat = capacity_sat * dice.pick(&[990, 990, 450]);
    format!(",1,{base_msat},{},{},{},{max_msat}", dice.pick(&PPM), dice.pick(&CLTV), dice.pick(&[0, 1, 1000]))
}

/// Pairs of well-connected nodes, as the evaluation draws them: ten channels that are open both ways, 0.1 BTC in them.
/// Fewer than `count` only where there are no two such nodes.
#[must_use]
pub fn pairs(graph: &Graph, count: usize, seed: u64) -> Vec<[NodeId; 2]> {
    let well_connected = |node: &u32| {
        let both_ways = graph.incident(*node).iter().map(|incident| incident.out / 2).filter(|&channel| {
            let open = |direction| graph.policy(channel, direction).is_some_and(|policy| policy.enabled);
            open(Direction::Forward) && open(Direction::Backward)
        });
        let capacities = both_ways.filter_map(|channel| graph.channels().get(channel as usize));
        let (degree, sum) = capacities.fold((0, Msat::ZERO), |(degree, sum), channel| {
            (degree + 1, sum.plus_up_to_max(channel.capacity_msat))
        });
        degree >= 10 && sum >= WELL_FUNDED
    };
    let known: Vec<u32> = (0..graph.node_count() as u32).filter(well_connected).collect();
    let mut dice = Dice(seed);
    let mut pairs = Vec::new();
    while known.len() > 1 && pairs.len() < count {
        let ends = [dice.pick(&known), dice.pick(&known)].map(|node| graph.nodes()[node as usize]);
        if ends[0] != ends[1] {
            pairs.push(ends);
        }
    }
    pairs
}
