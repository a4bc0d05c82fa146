//! The cost of the graph: memory, loading from CSV and from storage, and the growth of planning with it: `load [WORKDIR]`, over
//! `WORKDIR/graph.csv` or a made-up graph of mainnet's size. The larger graph is ten copies of it, each node joined to
//! its next copy's twin.

use amplet_protocol::Msat;
use amplet_router::evaluation;
use amplet_router::{
    Beliefs, Direction, FirstHop, Graph, Mode, NodeId, Planner, Policy, Request, Scid, csv, snapshot,
};
use cpu_time::ProcessTime;
use std::error::Error;

const COPIES: u32 = 10;

fn twin(id: &NodeId, copy: u32) -> NodeId {
    let mut twin = *id;
    twin.0[1] = twin.0[1].wrapping_add(copy as u8);
    twin.0[2] ^= copy as u8;
    twin
}

fn ten_times(graph: &Graph) -> Result<Graph, Box<dyn Error>> {
    let mut large = Graph::new();
    for copy in 0..COPIES {
        for (index, channel) in graph.channels().iter().enumerate() {
            let scid = Scid(u64::from(copy) << 40 | index as u64);
            let [first, second] = channel.nodes.map(|node| twin(&graph.nodes()[node as usize], copy));
            let ends = [large.add_node(first)?, large.add_node(second)?];
            let added = large.add_channel(scid, ends, Some(channel.capacity_msat))?;
            for direction in [Direction::Forward, Direction::Backward] {
                let policy = graph.policy(index as u32, direction).copied().unwrap_or(Policy::UNKNOWN);
                large.set_policy(added, direction, policy);
            }
        }
    }
    for (place, id) in graph.nodes().iter().enumerate().filter(|(place, _)| place % 40 == 0) {
        for copy in 0..COPIES {
            let ends = [copy, (copy + 1) % COPIES].map(|copy| large.add_node(twin(id, copy)));
            let [first, second] = ends;
            let scid = Scid(1 << 63 | (place as u64) << 8 | u64::from(copy));
            let added = large.add_channel(scid, [first?, second?], Some(Msat::up_to_max(5_000_000_000)))?;
            let policy = Policy {
                enabled: true,
                base_msat: 1000,
                ppm: 100,
                cltv: 80,
                min_msat: Msat::from(1),
                max_msat: Msat::MAX,
            };
            large.set_policy(added, Direction::Forward, policy);
            large.set_policy(added, Direction::Backward, policy);
        }
    }
    large.index();
    Ok(large)
}

fn planning(graph: &Graph, pairs: &[[NodeId; 2]], amount_sat: u32) -> f64 {
    let amount_sat = u64::from(amount_sat);
    let mut planner = Planner::new();
    let beliefs = Beliefs::new();
    let mut times: Vec<f64> = Vec::new();
    for &[source, destination] in pairs {
        let request = Request {
            first_hops: vec![FirstHop {
                peer: source,
                spendable_msat: Msat::MAX,
                min_msat: Msat::ZERO,
                max_msat: Msat::MAX,
                slots: 483,
            }],
            destination,
            last_hops: Vec::new(),
            amount_msat: Msat::up_to_max(amount_sat * 1000),
            max_fee_msat: Msat::up_to_max(amount_sat * 10 + 50_000),
            final_cltv: 18,
            max_cltv: 1008,
            max_parts: 100,
            max_part_msat: Msat::MAX,
            retries: 0,
            mode: Mode::Balanced,
        };
        let started = ProcessTime::now();
        let planned = planner.plan(graph, &beliefs, &request, 0);
        times.push(started.elapsed().as_secs_f64() * 1000.0);
        drop(planned);
    }
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() -> Result<(), Box<dyn Error>> {
    let text = match std::env::args().nth(1) {
        Some(dir) => std::fs::read_to_string(format!("{dir}/graph.csv"))?,
        None => evaluation::csv(17_324, 50_808, 1),
    };
    let started = ProcessTime::now();
    let graph = csv::read(&text)?.graph;
    let csv_ms = started.elapsed().as_secs_f64() * 1000.0;
    let stored = snapshot::write_graph(&graph);
    let started = ProcessTime::now();
    let graph = snapshot::read_graph(&stored).map(|_| graph)?;
    let stored_ms = started.elapsed().as_secs_f64() * 1000.0;
    println!(
        "{} nodes, {} channels: {:.1} MB in memory, {:.1} MB stored; CPU ms to load: CSV {csv_ms:.0}, storage {stored_ms:.0}",
        graph.nodes().len(),
        graph.channels().len(),
        graph.memory_bytes() as f64 / 1e6,
        stored.len() as f64 / 1e6,
    );
    let large = ten_times(&graph)?;
    let pairs = evaluation::pairs(&graph, 200, 1);
    for amount_sat in [10_000, 1_000_000, 10_000_000] {
        let (small, ten) = (planning(&graph, &pairs, amount_sat), planning(&large, &pairs, amount_sat));
        println!(
            "{amount_sat:>9} sat: median CPU ms {small:.2}; ten times the graph {ten:.2} ({:.1} times)",
            ten / small
        );
    }
    Ok(())
}
