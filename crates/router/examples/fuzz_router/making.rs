//! Generators for all targets: amounts, graphs, requests, damage.

use amplet_protocol::{MAX_MONEY_MSAT, Msat};
use amplet_router::evaluation::Dice;
use amplet_router::{
    Beliefs, Certainty, Direction, FirstHop, Graph, HintHop, LastHops, Mode, NodeId, Policy, Request, Scid,
};

/// Number of distinct node ids.
const NODES: u64 = 34;

/// An amount as attackers like them: at the edges, or of any magnitude.
pub fn amount(dice: &mut Dice) -> u64 {
    let edges = [0, 1, 2, 999, 1000, u64::MAX, u64::MAX - 1, MAX_MONEY_MSAT, MAX_MONEY_MSAT + 1, 1 << 63];
    match dice.below(4) {
        0 => dice.pick(&edges),
        _ => dice.roll() >> dice.below(64),
    }
}

/// The same, as far as it is one.
pub fn msat(dice: &mut Dice) -> Msat {
    Msat::up_to_max(amount(dice))
}

pub fn node(dice: &mut Dice, nodes: u64) -> NodeId {
    let mut id = [2; 33];
    id[32] = dice.below(nodes) as u8;
    NodeId(id)
}

pub fn direction(dice: &mut Dice) -> Direction {
    Direction::from_bit(dice.below(2) as u32)
}

fn policy(dice: &mut Dice) -> Policy {
    Policy {
        enabled: dice.below(8) > 0,
        base_msat: amount(dice) as u32,
        ppm: if dice.below(3) > 0 { dice.below(5000) as u32 } else { amount(dice) as u32 },
        cltv: dice.roll() as u16,
        min_msat: if dice.below(4) > 0 { Msat::up_to_max(dice.below(5000)) } else { msat(dice) },
        max_msat: msat(dice),
    }
}

pub fn graph(dice: &mut Dice) -> Graph {
    let mut graph = Graph::new();
    let nodes = 2 + dice.below(30);
    for _ in 0..dice.below(120) {
        let ends = [node(dice, nodes), node(dice, nodes)].map(|id| graph.add_node(id).unwrap_or(u32::MAX));
        let capacity = (dice.below(5) > 0).then(|| msat(dice));
        let scid = Scid(dice.below(200));
        if let Ok(channel) = graph.add_channel(scid, ends, capacity) {
            for direction in [Direction::Forward, Direction::Backward] {
                graph.set_policy(channel, direction, policy(dice));
            }
        }
    }
    graph.index();
    graph
}

/// Beliefs that were learned on `graph`, some of them contradicting each other.
pub fn beliefs(dice: &mut Dice, graph: &Graph) -> Beliefs {
    let mut beliefs = Beliefs::new();
    for _ in 0..dice.below(60) {
        let (scid, direction, amount) = (Scid(dice.below(200)), direction(dice), msat(dice));
        let now_s = dice.roll() as u32;
        match dice.below(5) {
            0 => beliefs.sent(scid, direction, amount),
            1 => beliefs.released(scid, direction, amount),
            2 => beliefs.settled(scid, direction, amount, now_s),
            3 => beliefs.reached(graph, scid, direction, amount, now_s),
            _ => beliefs.refused(graph, (scid, direction), amount, certainty(dice), now_s),
        }
    }
    beliefs.exclude((0..dice.below(6)).map(|_| Scid(dice.below(200))));
    beliefs
}

pub fn certainty(dice: &mut Dice) -> Certainty {
    if dice.below(2) == 0 { Certainty::Certain } else { Certainty::Soft }
}

fn hint(dice: &mut Dice) -> HintHop {
    let policy = policy(dice);
    HintHop {
        from: node(dice, NODES),
        scid: Scid(dice.roll()),
        base_msat: policy.base_msat,
        ppm: policy.ppm,
        cltv: policy.cltv,
        min_msat: policy.min_msat,
        max_msat: policy.max_msat,
    }
}

pub fn request(dice: &mut Dice) -> Request {
    let first_hops = (0..dice.below(4)).map(|_| FirstHop {
        peer: node(dice, NODES),
        spendable_msat: msat(dice),
        min_msat: Msat::up_to_max(dice.below(3000)),
        max_msat: msat(dice),
        slots: dice.roll() as u16,
    });
    let first_hops = first_hops.collect();
    let last_hops = (0..dice.below(3)).map(|_| match dice.below(2) {
        0 => LastHops::RouteHint((0..dice.below(4)).map(|_| hint(dice)).collect()),
        _ => LastHops::BlindedPath(hint(dice)),
    });
    Request {
        first_hops,
        last_hops: last_hops.collect(),
        destination: node(dice, NODES),
        amount_msat: msat(dice),
        max_fee_msat: msat(dice),
        final_cltv: amount(dice) as u32,
        max_cltv: amount(dice) as u32,
        max_parts: dice.below(200) as usize,
        max_part_msat: if dice.below(2) == 0 { Msat::MAX } else { Msat::up_to_max(amount(dice)) },
        retries: amount(dice) as u32,
        mode: Mode::Custom(f64::from_bits(dice.roll())),
    }
}

/// Damages data.
pub fn damage(dice: &mut Dice, data: &mut Vec<u8>) {
    amplet_fuzz::damage(&mut amplet_fuzz::Dice(dice.roll()), data, &[]);
}

/// Bytes that mean nothing, after a beginning that does.
pub fn garbage(dice: &mut Dice, beginning: &[u8]) -> Vec<u8> {
    let kept = beginning.len().min(dice.below(80) as usize);
    let noise = (0..dice.below(400)).map(|_| dice.roll() as u8);
    beginning[..kept].iter().copied().chain(noise).collect()
}
