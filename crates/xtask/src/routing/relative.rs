//! Figures relative to what can be had, from the router's `simulate --judge`: a row's own figures are good to a few hundredths, because
//! its balances are drawn once; these are not drawn, or not once.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

/// Parts that the evaluation allows a payment, those of all rounds together.
const MAX_PARTS: f64 = 100.0;

/// A row of payments, and what must hold of it on any seed.
pub struct Guard {
    /// Amount that a payment delivers, in sat.
    pub amount_sat: u64,
    /// Over so many gateways.
    pub gateways: usize,
    /// Distribution from which the scenario drew the balances.
    pub balances: &'static str,
    /// Expected share of successful first tries, over that of the best flows at the same median fee, and at the same mean
    /// fee, at least.
    first: f64,
    /// Payments that succeed within ten rounds, over those that balances allow, at least.
    ok: f64,
    /// Mean number of HTLCs of a payment, those that failed included, at most.
    htlcs: f64,
    /// Usual time of 200 payments on 2 cores, s.
    pub usual_s: u64,
}

const fn guard(
    (amount_sat, gateways, balances): (u64, usize, &'static str),
    [first, ok, htlcs]: [f64; 3],
    usual_s: u64,
) -> Guard {
    Guard { amount_sat, gateways, balances, first, ok, htlcs, usual_s }
}

/// All of them.
pub const GUARDS: [Guard; 6] = [
    guard((1_000_000, 1, "uniform"), [0.97, 0.985, 5.5], 40),
    guard((1_000_000, 1, "bimodal"), [0.85, 0.985, 9.5], 40),
    guard((10_000_000, 1, "uniform"), [0.93, 0.96, 45.0], 100),
    guard((10_000_000, 1, "bimodal"), [0.75, 0.96, 58.0], 100),
    guard((10_000_000, 3, "uniform"), [0.93, 0.97, 35.0], 100),
    guard((10_000_000, 3, "bimodal"), [0.75, 0.97, 45.0], 100),
];

/// The table's head.
pub const HEAD: &str = "sat, gateways, balances        first try expected (sd of a row); of best at median fee, at mean fee   <= 10 rounds of feasible  crumbs  \
                        HTLCs  most held  fee ppm first try: median, mean  paid mean  even parts: first, fee";

impl Guard {
    /// For people.
    pub fn name(&self) -> String {
        format!("{} sat, {}, {}", self.amount_sat, self.gateways, self.balances)
    }

    /// The line for what the program printed, and what does not hold.
    ///
    /// # Errors
    /// When its output cannot be read.
    pub fn judge(&self, log: &str) -> Result<(String, Vec<String>)> {
        let figures = read(log)?;
        let of = |name: &str| {
            figures.get(name).copied().with_context(|| format!("the router's line lacks {name}"))
        };
        let (first, ok) = (of("expected")? / of("best")?, of("ok")? / of("feasible")?);
        let mean = of("expected")? / of("best_mean")?;
        let mut broken = Vec::new();
        let mut must = |holds: bool, what: String| {
            if !holds {
                broken.push(format!("{}: {what}", self.name()));
            }
        };
        must(first >= self.first, format!("{first:.3} of the best first try, not {}", self.first));
        must(mean >= self.first, format!("{mean:.3} of it at the same mean fee, not {}", self.first));
        must(ok >= self.ok, format!("{ok:.3} of what is feasible within ten rounds, not {}", self.ok));
        must(of("htlcs")? <= self.htlcs, format!("{:.1} HTLCs, more than {}", of("htlcs")?, self.htlcs));
        must(of("crumbs")? == 0.0, format!("{} refused for a crumb", of("crumbs")?));
        must(of("most_parts")? <= MAX_PARTS, format!("{} parts held", of("most_parts")?));
        let line = format!(
            "{:<30} {:.3} ({:.3}); {first:.3} of {:.3}, {mean:.3} of {:.3} {:>10} of {}: {ok:.3} {:>6} {:>7.1} {:>8} {:>12.0}, {:.0} {:>12.0} {:>12.3}, {:.0}",
            self.name(),
            of("expected")?,
            of("deviation")?,
            of("best")?,
            of("best_mean")?,
            of("ok")?,
            of("feasible")?,
            of("crumbs")?,
            of("htlcs")?,
            of("most_parts")?,
            of("fee")?,
            of("fee_mean")?,
            of("paid_mean")?,
            of("even")?,
            of("even_fee")?,
        );
        Ok((line, broken))
    }
}

/// The figures `name=number` of the program's line.
fn read(log: &str) -> Result<BTreeMap<&str, f64>> {
    let line =
        log.lines().find(|line| line.starts_with("judge ")).context("the router printed no figures")?;
    let mut figures = BTreeMap::new();
    for field in line.split_whitespace() {
        let Some((name, number)) = field.split_once('=') else { continue };
        let Ok(number) = number.parse::<f64>() else { bail!("{field} is not a figure") };
        figures.insert(name, number);
    }
    Ok(figures)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LINE: &str = "uniform 1000000: first 0.7\njudge uniform 1000000 1 expected=0.69 deviation=0.03 best=0.70 best_mean=0.69 fee=80 fee_mean=200 \
                        ok=199 feasible=200 pairs=200 crumbs=0 paid_mean=300 htlcs=4.5 most_parts=20 even=0.6 even_fee=90\n";

    #[test]
    fn what_holds_is_told_from_what_does_not() {
        let (line, broken) = GUARDS[0].judge(LINE).unwrap();
        assert!(
            broken.is_empty() && line.contains("0.690 (0.030); 0.986 of 0.700, 1.000 of 0.690"),
            "{line} {broken:?}"
        );
        let worse = LINE.replace("crumbs=0", "crumbs=1").replace("expected=0.69", "expected=0.5");
        let (_, broken) = GUARDS[0].judge(&worse).unwrap();
        assert_eq!(broken.len(), 3, "{broken:?}");
        assert!(GUARDS[0].judge("Traceback").is_err());
        assert!(GUARDS[0].judge(&LINE.replace("ok=", "fine=")).is_err());
        assert!(GUARDS[0].judge(&LINE.replace("=0.69", "=?")).is_err());
    }
}
