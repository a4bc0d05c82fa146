//! Judging relative to what can be had: the first try against the best flow at the same fee over redrawn balances, and the payments
//! that end well against those that balances allow. What even parts, as AMP's, would cost.

use crate::pay::{Options, Row, request};
use crate::world::World;
use amplet_protocol::Msat;
use amplet_router::evaluation::Dice;
use amplet_router::prior::Prior;
use amplet_router::{Beliefs, Direction, Graph, Hop, Link, Mode, Part, Plan, Planner, Tuning};
use std::collections::BTreeMap;

/// Sets of balances over which a first try is expected.
const SETS: u64 = 2000;

/// Values of V that flows are looked for at, each this many times the one before, ppm per nat.
const STEPS: i32 = 14;
const FIRST_V: f64 = 30.0;
const STEP: f64 = 2.2;

/// Parts that an even payment is cut into.
const EVEN_PARTS: u64 = 100;

/// Width of a mode of `scenario.py`'s bimodal balances, in capacities.
const MODE_WIDTH: f64 = 0.1;

/// The first plans of all pairs, `None` where there is none.
type Plans = Vec<Option<Plan>>;

/// Prints the line that `cargo xtask eval-routing` reads.
pub fn judge(world: &World, dist: &str, amount_msat: Msat, (rows, options): (&[Row], &Options)) {
    let pairs = rows.len();
    let bimodal = if dist == "bimodal" { 1.0 } else { 0.0 };
    let ours = plans(world, amount_msat, options, (options.tuning, options.mode));
    let (fee, fee_mean) = (median_ppm(&ours, amount_msat), mean_ppm(&ours, amount_msat));
    let frontier = frontier(world, amount_msat, options, bimodal);
    let best_median = best(&frontier, amount_msat, median_ppm, fee);
    let best_mean = best(&frontier, amount_msat, mean_ppm, fee_mean);
    let even: Plans = ours.iter().map(|plan| Some(evened(&world.graph, plan.as_ref()?))).collect();
    let feasible = feasible(world, pairs, amount_msat, options);
    let chance = |plans: &Plans| {
        let chances: Vec<f64> = plans.iter().map(|plan| expected(world, plan.as_ref(), bimodal)).collect();
        let n = chances.len() as f64;
        // Of a row, whose payments are drawn once each.
        let deviation = chances.iter().map(|p| p * (1.0 - p)).sum::<f64>().sqrt() / n;
        (chances.iter().sum::<f64>() / n, deviation)
    };
    let ((expected, deviation), (even_expected, _)) = (chance(&ours), chance(&even));
    let ((at_median, _), (at_mean, _)) = (chance(&best_median), chance(&best_mean));
    let good = || rows.iter().filter(|row| row.ok);
    println!(
        "judge {dist} {} {} expected={expected:.4} deviation={deviation:.4} best={at_median:.4} \
         best_mean={at_mean:.4} fee={fee:.1} fee_mean={fee_mean:.1} ok={} feasible={feasible} pairs={pairs} crumbs={} paid_mean={:.1} htlcs={:.2} \
         most_parts={} even={even_expected:.4} even_fee={:.1}",
        amount_msat.get() / 1000,
        options.gateways,
        good().count(),
        rows.iter().filter(|row| row.crumb).count(),
        good().map(|row| row.fee_ppm).sum::<f64>() / good().count().max(1) as f64,
        rows.iter().map(|row| row.htlcs as f64).sum::<f64>() / pairs as f64,
        rows.iter().map(|row| row.parts).max().unwrap_or(0),
        median_ppm(&even, amount_msat),
    );
}

fn plans(world: &World, amount_msat: Msat, options: &Options, (tuning, mode): (Tuning, Mode)) -> Plans {
    let mut planner = Planner::with(tuning);
    let beliefs = Beliefs::new();
    let plans = (0..options.pairs.min(world.pairs.len())).map(|index| {
        let mut request = request(world, index, amount_msat, options);
        request.mode = mode;
        planner.plan(&world.graph, &beliefs, &request, 0).ok()
    });
    plans.collect()
}

/// The flows that know the distribution and weigh nothing but risk and fee, at each V; some may cost less than the least V's.
fn frontier(world: &World, amount_msat: Msat, options: &Options, bimodal: f64) -> Vec<Plans> {
    let tuning = Tuning {
        prior: Prior { bimodal },
        hop: 0.0,
        block: 0.0,
        part: 1e-6,
        doubtful: 0.0,
        hopeless: 0.0,
        size: 0.0,
        small: 0.0,
        ..Tuning::default()
    };
    let at = |step| Mode::Custom(FIRST_V * STEP.powi(step));
    (0..STEPS).map(|step| plans(world, amount_msat, options, (tuning, at(step)))).collect()
}

/// The best of them for all pairs at a price of success at which `cost` (of all plans) is no more than ours: of each pair the flow
/// whose probability is worth most above its fee.
fn best(frontier: &[Plans], amount_msat: Msat, cost: fn(&Plans, Msat) -> f64, ours: f64) -> Plans {
    let pairs = frontier.first().map_or(0, Vec::len);
    let at = |price: f64| -> Plans {
        let worth = |plan: &&Plan| {
            plan.probability * price - plan.fee_msat.get() as f64 * 1e6 / amount_msat.get() as f64
        };
        let of = |pair: usize| {
            let flows = frontier.iter().filter_map(|plans| plans[pair].as_ref());
            flows.max_by(|a, b| worth(a).total_cmp(&worth(b))).cloned()
        };
        (0..pairs).map(of).collect()
    };
    let (mut low, mut high) = (1.0f64, 1e8f64);
    for _ in 0..40 {
        let middle = (low * high).sqrt();
        *(if cost(&at(middle), amount_msat) > ours { &mut high } else { &mut low }) = middle;
    }
    at(low)
}

/// The number of pairs for which one who knows all balances, and may send any number of parts, has a plan.
fn feasible(world: &World, pairs: usize, amount_msat: Msat, options: &Options) -> usize {
    let (mut planner, beliefs) = (Planner::with(options.tuning), world.omniscient());
    let mut is_feasible = |index: usize| {
        let mut request = request(world, index, amount_msat, options);
        request.max_parts = 1000;
        planner.plan(&world.graph, &beliefs, &request, 0).is_ok()
    };
    (0..pairs).filter(|&index| is_feasible(index)).count()
}

/// The share of sets of balances over which all parts arrive.
fn expected(world: &World, plan: Option<&Plan>, bimodal: f64) -> f64 {
    let Some(plan) = plan else { return 0.0 };
    let mut used: BTreeMap<u32, [u64; 2]> = BTreeMap::new();
    for hop in plan.parts.iter().flat_map(|part| &part.hops) {
        if let Link::Channel(scid, direction) = hop.link {
            let channel = world.graph.channel(scid).unwrap_or_default();
            used.entry(channel).or_default()[direction.bit() as usize] += hop.amount_msat.get();
        }
    }
    let used: Vec<(u32, f64, f64)> = used
        .into_iter()
        .map(|(channel, [there, back])| {
            let capacity = world.graph.channels()[channel as usize].capacity_msat.get() as f64;
            (channel, there as f64 / capacity, 1.0 - back as f64 / capacity)
        })
        .collect();
    let arrives = |set: &u64| {
        used.iter().all(|&(channel, least, most)| {
            let share = share(*set, channel, bimodal > 0.0);
            least <= share && share <= most
        })
    };
    (0..SETS).filter(arrives).count() as f64 / SETS as f64
}

/// The share of a channel that is its first node's in a set of balances, as `scenario.py` draws it.
fn share(set: u64, channel: u32, is_bimodal: bool) -> f64 {
    let mut dice = Dice(set << 32 | u64::from(channel));
    let mut uniform = || (dice.roll() >> 11) as f64 / (1u64 << 53) as f64;
    let share = uniform();
    if !is_bimodal {
        return share;
    }
    let near = -MODE_WIDTH * (1.0 - share * (1.0 - (-1.0 / MODE_WIDTH).exp())).ln();
    if uniform() < 0.5 { near } else { 1.0 - near }
}

/// The plan with parts of one size, a hundredth of the amount: of each size a node sees many, and of no payment the total. Each path
/// gets as many as its share rounds to.
fn evened(graph: &Graph, plan: &Plan) -> Plan {
    let amount = plan.parts.iter().map(|part| part.delivered_msat.get()).sum::<u64>();
    let size = amount.div_ceil(EVEN_PARTS);
    let mut parts: Vec<Part> = Vec::new();
    let (mut planned, mut placed) = (0, 0);
    for part in &plan.parts {
        planned += part.delivered_msat.get();
        // The rounding is carried over, so that the sum is right in the end; only the last part is smaller.
        while placed < amount && (placed + size / 2 < planned || planned == amount) {
            let delivered = size.min(amount - placed);
            parts.push(resized(graph, part, delivered));
            placed += delivered;
        }
    }
    Plan { fee_msat: parts.iter().map(|part| part.fee_msat).sum(), parts, ..plan.clone() }
}

/// A part that delivers another amount on the same path.
fn resized(graph: &Graph, part: &Part, delivered: u64) -> Part {
    let mut crossing = Msat::up_to_max(delivered);
    let mut hops: Vec<Hop> = Vec::new();
    for hop in part.hops.iter().rev() {
        let fee_msat = match hop.link {
            Link::Channel(scid, direction) => {
                let channel = graph.channel(scid).unwrap_or_default();
                graph
                    .policy(channel, Direction::from_bit(direction.bit()))
                    .map_or(Msat::ZERO, |policy| policy.fee_msat(crossing))
            }
            Link::Own(_) | Link::LastHop(..) => Msat::ZERO,
        };
        hops.push(Hop { amount_msat: crossing, fee_msat, ..hop.clone() });
        if !matches!(hop.link, Link::Own(_)) {
            crossing = crossing.plus_up_to_max(fee_msat);
        }
    }
    hops.reverse();
    let delivered_msat = Msat::up_to_max(delivered);
    Part { hops, delivered_msat, fee_msat: crossing.less(delivered_msat), ..part.clone() }
}

fn ppms(plans: &Plans, amount_msat: Msat) -> Vec<f64> {
    let ppm = |plan: &Plan| plan.fee_msat.get() as f64 * 1e6 / amount_msat.get() as f64;
    plans.iter().flatten().map(ppm).collect()
}

fn mean_ppm(plans: &Plans, amount_msat: Msat) -> f64 {
    let ppms = ppms(plans, amount_msat);
    ppms.iter().sum::<f64>() / ppms.len().max(1) as f64
}

fn median_ppm(plans: &Plans, amount_msat: Msat) -> f64 {
    let mut ppms = ppms(plans, amount_msat);
    ppms.sort_by(f64::total_cmp);
    ppms.get(ppms.len() / 2).copied().unwrap_or(0.0)
}
