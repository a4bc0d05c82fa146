//! The evaluation's driver in one process, for measuring many seeds and settings quickly:
//! `simulate WORKDIR DIST AMOUNTS_SAT [--gateways N] [--rounds N] [--pairs N] [--set NAME=VALUE]... [--why] [--bound] [--judge]
//! [--limit rule|quote]`: the fee limit is the evaluation's (1 % + 50 sat), the rule's (1 %, at least 50 sat), or quoted below that.
//! `--judge` adds a line relative to what can be had (`judge`). `drive.py` remains the judge of each part; this must print the same
//! figures (its README says how they are taken).

mod judge;
mod pay;
mod world;

use amplet_protocol::Msat;
use amplet_router::{Mode, Planner, Tuning};
use pay::{Limit, Options, Row, digest, pay, request};
use std::error::Error;
use world::World;

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
        judge: false,
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
            "--judge" => options.judge = true,
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
        let worlds = dirs.split(',').map(|dir| world::load(dir, dist)).collect::<Result<Vec<_>, _>>()?;
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
        "slice_gain" => &mut tuning.slice_gain,
        "size" => &mut tuning.size,
        "later_size" => &mut tuning.later_size,
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
                println!("  pair {index}: {}{}{}", if row.crumb { "CRUMB " } else { "" }, row.why, row.trace);
            }
            rows.push(row);
        }
    }
    let n = rows.len() as f64;
    let share = |test: fn(&Row) -> bool| rows.iter().filter(|row| test(row)).count() as f64 / n;
    let good = || rows.iter().filter(|row| row.ok);
    println!(
        "{dist:8} {amount_sat:>9}: first {:.3} (predicted {:.3})  ok {:.3}  ppm {:.0}, mean {:.0} (first plan {:.0})  parts {:.1} of {:.1}, at most {}  crumbs {}  first ms {:.1} p95 {:.1} slowest {:.1}  most looks {}  plans {:016x}",
        share(|row| row.first),
        rows.iter().map(|row| row.predicted).sum::<f64>() / n,
        share(|row| row.ok),
        quantile(good().map(|row| row.fee_ppm), 0.5),
        good().map(|row| row.fee_ppm).sum::<f64>() / good().count().max(1) as f64,
        quantile(rows.iter().filter(|row| row.planned_ppm > 0.0).map(|row| row.planned_ppm), 0.5),
        good().map(|row| row.parts as f64).sum::<f64>() / good().count().max(1) as f64,
        rows.iter().map(|row| row.htlcs as f64).sum::<f64>() / n,
        rows.iter().map(|row| row.parts).max().unwrap_or(0),
        rows.iter().filter(|row| row.crumb).count(),
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
    if let ([world], true) = (worlds, options.judge) {
        judge::judge(world, dist, amount_msat, (&rows, options));
    }
}
