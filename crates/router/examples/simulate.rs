//! The evaluation's driver in one process, for measuring many seeds and settings quickly:
//! `simulate WORKDIR DIST AMOUNTS_SAT [--gateways N] [--rounds N] [--pairs N] [--set NAME=VALUE]... [--why] [--bound]
//! [--limit rule|quote]`: the fee limit is the evaluation's (1 % + 50 sat), the rule's (1 %, at least 50 sat), or quoted below that.
//! `drive.py` remains the judge; this must print the same figures (its README says how they are taken).

use amplet_protocol::{Msat, default_max_fee_msat};
use amplet_router::{
    Beliefs, Certainty, Direction, FirstHop, Graph, Link, Mode, NodeId, Outcome, Part, Payment, Planner,
    Request, Tuning, quote,
};
use cpu_time::ProcessTime;
use std::collections::HashMap;
use std::error::Error;

struct World {
    graph: Graph,
    /// Balance of each channel's first node.
    balances: Vec<Msat>,
    pairs: Vec<(NodeId, NodeId)>,
}

struct Options {
    gateways: usize,
    rounds: u32,
    pairs: usize,
    mode: Mode,
    tuning: Tuning,
    why: bool,
    bound: bool,
    limit: Limit,
}

/// Origin of the fee limit.
#[derive(Clone, Copy, PartialEq)]
enum Limit {
    Evaluation,
    Rule,
    Quote,
}

#[derive(Default)]
struct Row {
    first: bool,
    ok: bool,
    fee_ppm: f64,
    parts: usize,
    first_ms: f64,
    slowest_ms: f64,
    predicted: f64,
    planned_ppm: f64,
    /// Fee limit, sat.
    limit_sat: f64,
    quote_ms: f64,
    why: String,
    trace: String,
    /// Looks at arcs of the dearest plan.
    work: u64,
    /// Of all plans and refusals.
    digest: u64,
}

fn load(dir: &str, dist: &str) -> Result<World, Box<dyn Error>> {
    let graph = amplet_router::csv::read(&std::fs::read_to_string(format!("{dir}/graph.csv"))?)?.graph;
    let bytes = std::fs::read(format!("{dir}/liq_{dist}.bin"))?;
    let balances =
        bytes.chunks_exact(8).map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap_or_default()));
    let balances = balances.map(Msat::up_to_max);
    let text = std::fs::read_to_string(format!("{dir}/pairs.csv"))?;
    let pairs = text.lines().skip(1).filter_map(|line| {
        let mut fields = line.split(',').skip(1).filter_map(|hex| NodeId::from_hex(hex).ok());
        Some((fields.next()?, fields.next()?))
    });
    Ok(World { graph, balances: balances.collect(), pairs: pairs.collect() })
}

type InFlight = HashMap<(u32, u32), Msat>;

fn send(world: &World, part: &Part, in_flight: &mut InFlight) -> Outcome {
    let mut crossed = Vec::new();
    for (index, hop) in part.hops.iter().enumerate() {
        let Link::Channel(scid, direction) = hop.link else { continue };
        let channel = world.graph.channel(scid).unwrap_or_default();
        let capacity = world.graph.channels()[channel as usize].capacity_msat;
        let first = world.balances[channel as usize];
        let balance = if direction == Direction::Forward { first } else { capacity.less(first) };
        let key = (channel, direction.bit());
        if hop.amount_msat > balance.less(in_flight.get(&key).copied().unwrap_or_default()) {
            return Outcome::Failed(index, Certainty::Certain);
        }
        crossed.push((key, hop.amount_msat));
    }
    for (key, amount) in crossed {
        let sum: &mut Msat = in_flight.entry(key).or_default();
        *sum = sum.plus_up_to_max(amount);
    }
    Outcome::Arrived
}

fn request(world: &World, index: usize, amount_msat: Msat, options: &Options) -> Request {
    let count = world.pairs.len();
    let sources = (0..options.gateways).map(|gateway| world.pairs[(index + 17 * gateway) % count].0);
    let first_hops = sources.map(|peer| FirstHop {
        peer,
        spendable_msat: Msat::MAX,
        min_msat: Msat::ZERO,
        max_msat: Msat::MAX,
        slots: 483,
    });
    Request {
        first_hops: first_hops.collect(),
        destination: world.pairs[index].1,
        last_hops: Vec::new(),
        amount_msat,
        max_fee_msat: match options.limit {
            Limit::Evaluation => Msat::up_to_max(amount_msat.get() / 100 + 50_000),
            Limit::Rule | Limit::Quote => default_max_fee_msat(amount_msat),
        },
        final_cltv: 18,
        max_cltv: 1008,
        max_parts: 100,
        max_part_msat: Msat::MAX,
        retries: 0,
        mode: options.mode,
    }
}

fn omniscient(world: &World) -> Beliefs {
    let mut beliefs = Beliefs::new();
    for (channel, &balance) in world.graph.channels().iter().zip(&world.balances) {
        beliefs.reached(&world.graph, channel.scid, Direction::Forward, balance, 0);
        let more = balance.plus_up_to_max(Msat::from(1));
        beliefs.refused(&world.graph, (channel.scid, Direction::Forward), more, Certainty::Certain, 0);
    }
    beliefs
}

fn pay(world: &World, planner: &mut Planner, request: Request, options: &Options) -> Row {
    let mut row = Row::default();
    let mut beliefs = if options.bound { omniscient(world) } else { Beliefs::new() };
    let mut in_flight = InFlight::new();
    let amount_msat = request.amount_msat.get();
    let mut request = request;
    if options.limit == Limit::Quote {
        let ask = |beliefs: &Beliefs, wanted: &Request| planner.plan(&world.graph, beliefs, wanted, 0);
        let started = ProcessTime::now();
        let quoted = quote((&world.graph, &beliefs), &request, 0, ask);
        row.quote_ms = started.elapsed().as_secs_f64() * 1000.0;
        request.max_fee_msat = quoted.map_or(request.max_fee_msat, |quoted| quoted.max_msat);
    }
    row.limit_sat = request.max_fee_msat.get() as f64 / 1000.0;
    let mut payment = Payment::new(request);
    for round in 1..=options.rounds {
        let started = ProcessTime::now();
        let plan = payment.next(planner, &world.graph, &beliefs, 0);
        let ms = started.elapsed().as_secs_f64() * 1000.0;
        row.work = row.work.max(planner.work());
        row.slowest_ms = row.slowest_ms.max(ms);
        if round == 1 {
            row.first_ms = ms;
        }
        row.digest = digest(row.digest, &format!("{plan:?}"));
        let plan = match plan {
            Ok(plan) => plan,
            Err(reason) => {
                row.why = format!("round {round}: {reason}");
                return row;
            }
        };
        if round == 1 {
            row.predicted = plan.probability;
            row.planned_ppm = plan.fee_msat.get() as f64 * 1e6 / amount_msat as f64;
        }
        let (before, sent) = (payment.remaining_msat().get(), plan.parts.len());
        for part in &plan.parts {
            let outcome = send(world, part, &mut in_flight);
            row.parts += usize::from(outcome == Outcome::Arrived);
            payment.report(part, outcome, &world.graph, &mut beliefs, 0);
        }
        let left = payment.remaining_msat().get();
        let gained = (before - left) * 100 / before.max(1);
        row.trace.push_str(&format!(
            " [{}% of {}%, {sent} parts, P {:.3}, {} ppm, V {:.0}, w {:.2}]",
            gained,
            before * 100 / amount_msat,
            plan.probability,
            plan.fee_msat.get() * 1_000_000 / before.max(1),
            plan.ppm_per_nat,
            beliefs.prior(&planner.tuning.prior, 0).bimodal,
        ));
        if left == 0 {
            row.first = round == 1;
            row.ok = true;
            row.fee_ppm = payment.fee_msat().get() as f64 * 1e6 / amount_msat as f64;
            return row;
        }
    }
    row.why = format!("rounds, {} % left", payment.remaining_msat().get() * 100 / amount_msat);
    row
}

/// FNV-1a: the same plans, the same number.
fn digest(before: u64, text: &str) -> u64 {
    let seed = if before == 0 { 0xcbf2_9ce4_8422_2325 } else { before };
    text.bytes().fold(seed, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn quantile(values: impl Iterator<Item = f64>, q: f64) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(((values.len() as f64 - 1.0) * q).round().max(0.0) as usize).copied().unwrap_or(f64::NAN)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (mut dirs, mut dist, mut amounts) = (String::new(), String::new(), String::new());
    for place in [&mut dirs, &mut dist, &mut amounts] {
        *place = args.next().ok_or("usage: simulate WORKDIR[,WORKDIR] DIST AMOUNTS_SAT [options]")?;
    }
    let mut options = Options {
        gateways: 1,
        rounds: 10,
        pairs: 200,
        mode: Mode::Balanced,
        tuning: Tuning::default(),
        why: false,
        bound: false,
        limit: Limit::Evaluation,
    };
    while let Some(option) = args.next() {
        let mut value = || args.next().ok_or("an option needs a value");
        match option.as_str() {
            "--gateways" => options.gateways = value()?.parse()?,
            "--rounds" => options.rounds = value()?.parse()?,
            "--pairs" => options.pairs = value()?.parse()?,
            "--mode" => options.mode = Mode::Custom(value()?.parse()?),
            "--set" => {
                let setting = value()?;
                let (name, number) = setting.split_once('=').ok_or("--set NAME=VALUE")?;
                *tunable(&mut options.tuning, name).ok_or("no such setting")? = number.parse()?;
            }
            "--why" => options.why = true,
            "--bound" => options.bound = true,
            "--limit" => {
                options.limit = match value()?.as_str() {
                    "rule" => Limit::Rule,
                    "quote" => Limit::Quote,
                    other => return Err(format!("--limit {other}?").into()),
                }
            }
            other => return Err(format!("{other}?").into()),
        }
    }
    for dist in dist.split(',') {
        let worlds = dirs.split(',').map(|dir| load(dir, dist)).collect::<Result<Vec<_>, _>>()?;
        for amount in amounts.split(',') {
            measure(&worlds, dist, amount.parse()?, &options);
        }
    }
    Ok(())
}

fn tunable<'a>(tuning: &'a mut Tuning, name: &str) -> Option<&'a mut f64> {
    Some(match name {
        "bimodal" => &mut tuning.prior.bimodal,
        "hop" => &mut tuning.hop,
        "block" => &mut tuning.block,
        "part" => &mut tuning.part,
        "later" => &mut tuning.later,
        "urgency" => &mut tuning.urgency,
        "slices" => &mut tuning.slices,
        "doubtful" => &mut tuning.doubtful,
        "slice_msat" => &mut tuning.slice_msat,
        "size" => &mut tuning.size,
        "small" => &mut tuning.small,
        "least" => &mut tuning.least,
        "hopeless" => &mut tuning.hopeless,
        _ => return None,
    })
}

fn measure(worlds: &[World], dist: &str, amount_sat: u64, options: &Options) {
    let amount_msat = Msat::from_sat(amount_sat).unwrap_or(Msat::MAX);
    let mut planner = Planner::with(options.tuning);
    let mut rows = Vec::new();
    for world in worlds {
        for index in 0..options.pairs.min(world.pairs.len()) {
            let row = pay(world, &mut planner, request(world, index, amount_msat, options), options);
            if options.why && row.slowest_ms > 150.0 {
                println!(
                    "  pair {index}: a plan took {:.0} ms, {} looks: {} {}",
                    row.slowest_ms, row.work, row.trace, row.why
                );
            }
            if options.why && !row.ok {
                println!("  pair {index}: {}{}", row.why, row.trace);
            }
            rows.push(row);
        }
    }
    let n = rows.len() as f64;
    let share = |test: fn(&Row) -> bool| rows.iter().filter(|row| test(row)).count() as f64 / n;
    let good = || rows.iter().filter(|row| row.ok);
    println!(
        "{dist:8} {amount_sat:>9}: first {:.3} (predicted {:.3})  ok {:.3}  ppm {:.0} (first plan {:.0})  parts {:.1}  first ms {:.1} p95 {:.1} slowest {:.1}  most looks {}  plans {:016x}",
        share(|row| row.first),
        rows.iter().map(|row| row.predicted).sum::<f64>() / n,
        share(|row| row.ok),
        quantile(good().map(|row| row.fee_ppm), 0.5),
        quantile(rows.iter().filter(|row| row.planned_ppm > 0.0).map(|row| row.planned_ppm), 0.5),
        good().map(|row| row.parts as f64).sum::<f64>() / good().count().max(1) as f64,
        quantile(rows.iter().map(|row| row.first_ms), 0.5),
        quantile(rows.iter().map(|row| row.first_ms), 0.95),
        quantile(rows.iter().map(|row| row.slowest_ms), 1.0),
        rows.iter().map(|row| row.work).max().unwrap_or(0),
        rows.iter().fold(0, |sum, row| digest(sum, &row.digest.to_string())),
    );
    if options.limit != Limit::Evaluation {
        let limit = |q| quantile(rows.iter().map(|row| row.limit_sat), q);
        let took = |q| quantile(rows.iter().map(|row| row.quote_ms), q);
        println!(
            "  limit in sat, 50th, 90th and 99th percentile: {:.3} {:.3} {:.3}; quoted in ms, 50th and 99th: {:.1} {:.1}",
            limit(0.5),
            limit(0.9),
            limit(0.99),
            took(0.5),
            took(0.99),
        );
    }
}
