//! One payment over hidden balances, round by round, and the figures of it.

use crate::world::{InFlight, World};
use amplet_protocol::{Msat, default_max_fee_msat};
use amplet_router::{Beliefs, Mode, NoPlan, Outcome, Payment, Planner, Request, Tuning, quote};
use cpu_time::ProcessTime;

/// A refusal for less than this share of what is left is one for a crumb.
const CRUMB: u64 = 1000;

pub struct Options {
    pub gateways: usize,
    pub rounds: u32,
    pub pairs: usize,
    pub mode: Mode,
    pub tuning: Tuning,
    pub why: bool,
    pub bound: bool,
    pub judge: bool,
    pub limit: Limit,
}

/// Origin of the fee limit.
#[derive(Clone, Copy, PartialEq)]
pub enum Limit {
    Evaluation,
    Rule,
    Quote,
}

#[derive(Default)]
pub struct Row {
    pub first: bool,
    pub ok: bool,
    pub fee_ppm: f64,
    /// Parts that arrived, and parts sent.
    pub parts: usize,
    pub htlcs: usize,
    pub first_ms: f64,
    pub slowest_ms: f64,
    pub predicted: f64,
    pub planned_ppm: f64,
    /// Fee limit, sat.
    pub limit_sat: f64,
    pub quote_ms: f64,
    pub why: String,
    /// Refused for less than a thousandth of what was left.
    pub crumb: bool,
    pub trace: String,
    /// Looks at arcs of the dearest plan.
    pub work: u64,
    /// Of all plans and refusals.
    pub digest: u64,
}

/// The request of a pair within the limits of these options.
pub fn request(world: &World, index: usize, amount_msat: Msat, options: &Options) -> Request {
    let mut request = world.request(index, amount_msat, options.gateways, options.mode);
    if options.limit != Limit::Evaluation {
        request.max_fee_msat = default_max_fee_msat(amount_msat);
    }
    request
}

pub fn pay(world: &World, planner: &mut Planner, mut request: Request, options: &Options) -> Row {
    let mut row = Row::default();
    let mut beliefs = if options.bound { world.omniscient() } else { Beliefs::new() };
    let mut in_flight = InFlight::new();
    let amount_msat = request.amount_msat.get();
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
        let (before, plan) = match (payment.remaining_msat().get(), plan) {
            (before, Ok(plan)) => (before, plan),
            (before, Err(reason)) => {
                row.crumb = is_for_a_crumb(&reason, before);
                row.why = format!("round {round}, {before} msat left: {reason}");
                return row;
            }
        };
        if round == 1 {
            row.predicted = plan.probability;
            row.planned_ppm = plan.fee_msat.get() as f64 * 1e6 / amount_msat as f64;
        }
        let sent = plan.parts.len();
        row.htlcs += sent;
        for part in &plan.parts {
            let outcome = world.send(part, &mut in_flight);
            row.parts += usize::from(outcome == Outcome::Arrived);
            payment.report(part, outcome, &world.graph, &mut beliefs, 0);
        }
        let left = payment.remaining_msat().get();
        row.trace.push_str(&format!(
            " [{}% of {}%, {sent} parts, P {:.3}, {} ppm, V {:.0}, w {:.2}]",
            (before - left) * 100 / before.max(1),
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

fn is_for_a_crumb(reason: &NoPlan, left_msat: u64) -> bool {
    let (NoPlan::Capacity { largest_msat, .. } | NoPlan::Balance { largest_msat }) = reason else {
        return false;
    };
    left_msat - largest_msat.get().min(left_msat) <= left_msat / CRUMB
}

/// FNV-1a: the same plans, the same number.
pub fn digest(before: u64, text: &str) -> u64 {
    let seed = if before == 0 { 0xcbf2_9ce4_8422_2325 } else { before };
    text.bytes().fold(seed, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
