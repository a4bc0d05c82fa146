//! The figures that issue 4 sets, fees at 10M sat as reached since, and what is said of a measurement beside them.

use anyhow::Result;

use super::rows::{self, Row, median, quantile};

/// One line of the table: what is paid in which world, and what is wished for.
pub struct Goal {
    /// Amount that a payment delivers, in sat.
    pub amount_sat: u64,
    /// Over so many gateways.
    pub gateways: usize,
    /// Distribution from which the scenario drew the balances.
    pub balances: &'static str,
    /// Share that succeeds at the first try, at least.
    first: Option<f64>,
    /// Share that succeeds within ten rounds, at least.
    ok: Option<f64>,
    /// Median fee, ppm, at most.
    fee_ppm: Option<f64>,
    /// CPU of the first plan, median, ms, at most; its 95th percentile has [`SLOW_MS`].
    first_ms: Option<f64>,
    /// Usual time of 200 payments on 2 cores, s.
    pub usual_s: u64,
}

const SLOW_MS: f64 = 100.0;

const fn goal(
    (amount_sat, gateways, balances): (u64, usize, &'static str),
    [first, ok, fee_ppm, first_ms]: [Option<f64>; 4],
    usual_s: u64,
) -> Goal {
    Goal { amount_sat, gateways, balances, first, ok, fee_ppm, first_ms, usual_s }
}

/// All of them. Where the issue names no figure there is none.
pub const GOALS: [Goal; 10] = [
    goal((10_000, 1, "uniform"), [None, None, None, Some(10.0)], 3),
    goal((10_000, 1, "bimodal"), [None, None, None, Some(10.0)], 3),
    goal((100_000, 1, "uniform"), [Some(0.94), Some(1.0), Some(40.0), None], 3),
    goal((100_000, 1, "bimodal"), [None, Some(1.0), Some(40.0), None], 3),
    goal((1_000_000, 1, "uniform"), [Some(0.78), Some(1.0), Some(100.0), Some(10.0)], 4),
    goal((1_000_000, 1, "bimodal"), [Some(0.40), Some(0.995), Some(150.0), Some(10.0)], 4),
    goal((10_000_000, 1, "uniform"), [Some(0.17), Some(0.81), Some(240.0), Some(15.0)], 20),
    goal((10_000_000, 1, "bimodal"), [Some(0.04), Some(0.785), Some(350.0), Some(15.0)], 20),
    goal((10_000_000, 3, "uniform"), [Some(0.35), Some(0.91), None, Some(15.0)], 20),
    goal((10_000_000, 3, "bimodal"), [None, None, None, Some(15.0)], 20),
];

/// The table's head.
pub const HEAD: &str = "sat, gateways, balances            first try         <= 10 rounds      median fee ppm  mean   parts  first plan ms     p95 ms";

impl Goal {
    /// For people.
    pub fn name(&self) -> String {
        format!("{} sat, {}, {}", self.amount_sat, self.gateways, self.balances)
    }

    /// The line for what the driver printed, and for each figure that is set whether it is reached.
    ///
    /// # Errors
    /// When the driver's output cannot be read.
    pub fn judge(&self, log: &str) -> Result<(String, Vec<bool>)> {
        let rows = rows::read(log)?;
        let of = |rows: &[Row], value: fn(&Row) -> f64| rows.iter().map(value).collect::<Vec<f64>>();
        let share =
            |test: fn(&Row) -> bool| rows.iter().filter(|row| test(row)).count() as f64 / rows.len() as f64;
        let good: Vec<Row> = rows.iter().filter(|row| row.ok).copied().collect();
        let mean_parts = of(&good, |row| row.parts).iter().sum::<f64>() / good.len() as f64;
        let mean_fee_ppm = of(&good, |row| row.fee_ppm).iter().sum::<f64>() / good.len() as f64;
        let mut times = of(&rows, |row| row.first_ms);
        let mut verdicts = Vec::new();
        let mut cell = |value: f64, goal: Option<f64>, (at_least, digits): (bool, usize)| {
            let Some(goal) = goal else { return format!("{value:.digits$}") };
            let reached = if at_least { value >= goal - 1e-9 } else { value <= goal };
            verdicts.push(reached);
            let sign = if at_least { ">=" } else { "<=" };
            format!("{value:.digits$} {sign} {goal:.digits$} {}", if reached { "pass" } else { "MISS" })
        };
        let line = format!(
            "{:<30} {:>18} {:>19} {:>18} {mean_fee_ppm:>5.0} {mean_parts:>7.1} {:>18} {:>18}",
            self.name(),
            cell(share(|row| row.first), self.first, (true, 3)),
            cell(share(|row| row.ok), self.ok, (true, 3)),
            cell(median(&mut of(&good, |row| row.fee_ppm)), self.fee_ppm, (false, 0)),
            cell(median(&mut times), self.first_ms, (false, 1)),
            cell(quantile(&mut times, 0.95), self.first_ms.map(|_| SLOW_MS), (false, 0)),
        );
        Ok((line, verdicts))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_figure_that_is_set_is_judged() {
        let log = |first: u8, fee: f64| {
            format!(
                "dist,amount_sat,pair,first_ok,ok,rounds,htlcs,parts,fee_ppm,ms_first,ms_total,why\n\
                 uniform,1,0,{first},1,1,1,2,{fee},2.0,2.0,ok\n"
            )
        };
        let set = goal((1, 1, "uniform"), [Some(0.5), Some(1.0), Some(40.0), None], 1);
        assert_eq!(set.judge(&log(1, 40.0)).unwrap().1, [true, true, true]);
        let (line, verdicts) = set.judge(&log(0, 41.0)).unwrap();
        assert_eq!(verdicts, [false, true, false]);
        assert!(line.contains("0.000 >= 0.500 MISS") && line.contains("1.000 >= 1.000 pass"), "{line}");
        let unset = goal((1, 1, "uniform"), [None; 4], 1);
        assert!(unset.judge(&log(0, 0.0)).unwrap().1.is_empty());
    }
}
