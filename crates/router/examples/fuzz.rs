//! Random and mutated input for the loaders and the planner, on the stable toolchain:
//! `cargo run --release -p amplet-router --example fuzz -- SECONDS [SEED]`. A panic, an overflow (build with
//! `-C overflow-checks` or in debug) or a plan that breaks its own request ends it with a non-zero code.

use amplet_router::graph::MAX_MONEY_MSAT;
use amplet_router::rgs::MAINNET;
use amplet_router::{
    Beliefs, Certainty, Direction, FirstHop, Graph, HintHop, Link, Mode, NodeId, Outcome, Payment, Planner,
    Policy, Request, Scid, Tail, csv, rgs, snapshot,
};
use std::time::{Duration, Instant};

/// SplitMix64: enough to fuzz with, and the seed replays a failure.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// An amount as attackers like them: at the edges, or of any magnitude.
    fn amount(&mut self) -> u64 {
        let edges = [0, 1, 2, 999, 1000, u64::MAX, u64::MAX - 1, MAX_MONEY_MSAT, MAX_MONEY_MSAT + 1, 1 << 63];
        match self.below(4) {
            0 => edges[self.below(edges.len() as u64) as usize],
            _ => self.next() >> self.below(64),
        }
    }

    fn id(&mut self, nodes: u64) -> NodeId {
        let mut id = [2; 33];
        id[32] = self.below(nodes) as u8;
        NodeId(id)
    }

    fn policy(&mut self) -> Policy {
        Policy {
            enabled: self.below(8) > 0,
            base_msat: self.amount() as u32,
            ppm: if self.below(3) > 0 { self.below(5000) as u32 } else { self.amount() as u32 },
            cltv: self.next() as u16,
            min_msat: if self.below(4) > 0 { self.below(5000) } else { self.amount() },
            max_msat: self.amount(),
        }
    }

    fn graph(&mut self) -> Graph {
        let mut graph = Graph::new();
        let nodes = 2 + self.below(30);
        for _ in 0..self.below(120) {
            let ends = [self.id(nodes), self.id(nodes)].map(|id| graph.add_node(id).unwrap_or(u32::MAX));
            let capacity = (self.below(5) > 0).then(|| self.amount());
            let scid = Scid(self.below(200));
            if let Ok(channel) = graph.add_channel(scid, ends, capacity) {
                for direction in [Direction::Forward, Direction::Backward] {
                    let policy = self.policy();
                    graph.set_policy(channel, direction, policy);
                }
            }
        }
        graph.index();
        graph
    }

    fn hint(&mut self, nodes: u64) -> HintHop {
        let policy = self.policy();
        HintHop {
            from: self.id(nodes),
            scid: Scid(self.next()),
            base_msat: policy.base_msat,
            ppm: policy.ppm,
            cltv: policy.cltv,
            min_msat: policy.min_msat,
            max_msat: policy.max_msat,
        }
    }

    fn request(&mut self) -> Request {
        let nodes = 34;
        let first_hops = (0..self.below(4)).map(|_| FirstHop {
            peer: self.id(nodes),
            spendable_msat: self.amount(),
            min_msat: self.below(3000),
            max_msat: self.amount(),
            slots: self.next() as u16,
        });
        let first_hops = first_hops.collect();
        let tails = (0..self.below(3)).map(|_| match self.below(2) {
            0 => Tail::Hint((0..self.below(4)).map(|_| self.hint(nodes)).collect()),
            _ => Tail::Blinded(self.hint(nodes)),
        });
        Request {
            first_hops,
            tails: tails.collect(),
            destination: self.id(nodes),
            amount_msat: self.amount(),
            max_fee_msat: self.amount(),
            final_cltv: self.amount() as u32,
            max_cltv: self.amount() as u32,
            max_parts: self.below(200) as usize,
            retries: self.amount() as u32,
            mode: Mode::Custom(f64::from_bits(self.next())),
        }
    }

    fn mutate(&mut self, data: &mut Vec<u8>) {
        for _ in 0..=self.below(6) {
            let place = self.below(data.len() as u64) as usize;
            match self.below(4) {
                0 => data.truncate(place),
                1 => data.insert(place, self.next() as u8),
                _ => {
                    if let Some(byte) = data.get_mut(place) {
                        *byte =
                            if self.below(2) == 0 { self.next() as u8 } else { *byte ^ 1 << self.below(8) };
                    }
                }
            }
        }
    }
}

fn payments(dice: &mut Dice) {
    let graph = dice.graph();
    let mut planner = Planner::new();
    let mut beliefs = Beliefs::new();
    for _ in 0..8 {
        let request = dice.request();
        let mut payment = Payment::new(request.clone());
        for _ in 0..5 {
            let now_s = dice.next() as u32;
            let asked = payment.request_now();
            let Ok(plan) = payment.next(&mut planner, &graph, &beliefs, now_s) else { break };
            amplet_router::verify(&graph, &asked, &plan)
                .unwrap_or_else(|wrong| panic!("{wrong}: {asked:?} {plan:?}"));
            let _ = planner.explain(&graph, &beliefs, (&asked, &plan), now_s);
            for part in &plan.parts {
                let outcome = match dice.below(2) {
                    0 => Outcome::Arrived,
                    _ => Outcome::Failed(
                        dice.below(part.hops.len() as u64 + 1) as usize,
                        if dice.below(2) == 0 { Certainty::Certain } else { Certainty::Soft },
                    ),
                };
                payment.report(part, outcome, &graph, &mut beliefs, now_s);
                if let (Outcome::Arrived, Some(Link::Channel(scid, direction))) =
                    (outcome, part.hops.last().map(|hop| hop.link))
                {
                    beliefs.settled(scid, direction, dice.amount(), now_s);
                }
            }
        }
    }
    let _ = snapshot::read_beliefs(&snapshot::write_beliefs(&beliefs)).map_err(|error| panic!("{error}"));
}

fn loaders(dice: &mut Dice) {
    let graph = dice.graph();
    let mut stored = snapshot::write_graph(&graph);
    let again = snapshot::read_graph(&stored).unwrap_or_else(|error| panic!("its own graph: {error}"));
    assert!(snapshot::write_graph(&again) == stored, "a graph changes by being stored");
    dice.mutate(&mut stored);
    if let Ok(graph) = snapshot::read_graph(&stored) {
        let _ = Planner::new().plan(&graph, &Beliefs::new(), &dice.request(), 0);
    }
    let mut gossip = include_bytes!("../tests/data/small.rgs").to_vec();
    if dice.below(2) == 0 {
        gossip[3] = 2;
    }
    dice.mutate(&mut gossip);
    let mut target = graph.clone();
    if rgs::apply(&mut target, &gossip, &MAINNET).is_ok() {
        let _ = Planner::new().plan(&target, &Beliefs::new(), &dice.request(), 0);
    }
    let mut text = include_bytes!("../tests/data/small.csv").to_vec();
    dice.mutate(&mut text);
    if let Ok(loaded) = csv::read(&String::from_utf8_lossy(&text)) {
        let _ = Planner::new().plan(&loaded.graph, &Beliefs::new(), &dice.request(), 0);
    }
    let mut beliefs = snapshot::write_beliefs(&Beliefs::new());
    dice.mutate(&mut beliefs);
    let _ = snapshot::read_beliefs(&beliefs);
}

fn main() {
    let mut args = std::env::args().skip(1).filter_map(|arg| arg.parse::<u64>().ok());
    let seconds = args.next().unwrap_or(60);
    let first = args.next().unwrap_or(1);
    let (started, mut runs) = (Instant::now(), 0);
    let mut slowest = Duration::ZERO;
    while runs == 0 || started.elapsed() < Duration::from_secs(seconds) {
        let seed = first + runs;
        let run = Instant::now();
        let caught = std::panic::catch_unwind(|| {
            payments(&mut Dice(seed));
            loaders(&mut Dice(seed));
        });
        if caught.is_err() {
            eprintln!("seed {seed} fails; replay with: fuzz 0 {seed}");
            std::process::exit(1);
        }
        slowest = slowest.max(run.elapsed());
        runs += 1;
    }
    println!("{runs} seeds from {first}, none failed; the slowest took {slowest:?}");
}
