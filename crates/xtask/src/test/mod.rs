//! Everything that CI runs, step by step; one line at the end says how it went.

mod counts;
mod peer;
mod steps;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

pub use self::counts::Counts;
use self::steps::{STEPS, StepSpec};
use crate::cache::Cache;
use crate::tools::{self, Tool};
use crate::{proc, report, ui};

/// Runs all steps, or those named; `list` prints them instead. Steps after a failed one run too.
///
/// # Errors
/// When a name is unknown or a test failed.
pub fn run(cache: &Cache, only: &[String], list: bool) -> Result<()> {
    if list {
        for step in STEPS {
            println!("{:<12} {} ({})", step.name, step.what, ui::human(step.usual));
        }
        return Ok(());
    }
    if let Some(unknown) = only.iter().find(|name| !STEPS.iter().any(|s| s.name == **name)) {
        bail!("no step `{unknown}`: see `cargo xtask test --list`");
    }
    // What compiled this program counts as its children too.
    let (began, cpu_before) = (Instant::now(), report::cpu());
    if only.is_empty() {
        // All at once, two at a time; a step that lacks its tool then fails with its own message.
        if let Err(error) = tools::ensure(cache, &Tool::ALL) {
            ui::line(&format!("✗ {error:#}"));
        }
    }
    let mut total = Counts::default();
    let mut table = Vec::new();
    for spec in STEPS.iter().filter(|s| only.is_empty() || only.iter().any(|name| name == s.name)) {
        let (counts, spent) = one(cache, spec);
        total += counts;
        table.push((spec.name, counts, spent));
        if proc::interrupted() {
            bail!("interrupted");
        }
    }
    println!("\n{}", report::pieces(began, &ui::ended()));
    println!("{:<12} {:>8} {:>8} {:>14}", "step", "passed", "failed", "took");
    for (name, counts, spent) in table {
        println!("{name:<12} {:>8} {:>8} {:>14}", counts.passed, counts.failed, ui::human(spent));
    }
    println!("in {}, processor time {}", ui::human(began.elapsed()), ui::human(report::cpu() - cpu_before));
    println!("{} passed, {} failed", total.passed, total.failed);
    if total.failed > 0 {
        bail!("tests failed");
    }
    Ok(())
}

/// Runs one step; whatever goes wrong counts as a failure and is shown.
fn one(cache: &Cache, spec: &StepSpec) -> (Counts, Duration) {
    let began = Instant::now();
    let result = (spec.run)(cache, spec).and_then(|counts| judge(spec.name, counts));
    let counts = match result {
        Ok(counts) => counts,
        Err(Failure { counts, error }) => {
            ui::line(&format!("✗ {}: {error:#}", spec.name));
            counts
        }
    };
    (counts, began.elapsed())
}

/// A step that failed, with what its suites counted.
pub struct Failure {
    counts: Counts,
    error: anyhow::Error,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { counts: Counts { failed: 1, ..Counts::default() }, error }
    }
}

/// A step that ran nothing, or left something out, has not passed.
fn judge(name: &str, counts: Counts) -> Result<Counts, Failure> {
    let complaint = match counts {
        Counts { skipped: 1.., .. } => format!("{} tests were skipped", counts.skipped),
        Counts { failed: 1.., .. } => format!("{} tests failed", counts.failed),
        Counts { passed: 0, .. } => "no test ran".to_owned(),
        _ => return Ok(counts),
    };
    let counts = Counts { failed: counts.failed.max(1), ..counts };
    Err(Failure { counts, error: anyhow::anyhow!("{name}: {complaint}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_without_tests_or_with_skipped_ones_fails() {
        let counts = |passed, failed, skipped| Counts { passed, failed, skipped };
        let failed = |c: Counts| judge("step", c).map_or_else(|failure| failure.counts.failed, |_| 0);
        assert_eq!(failed(counts(3, 0, 0)), 0);
        assert_eq!(failed(counts(0, 0, 0)), 1);
        assert_eq!(failed(counts(3, 0, 2)), 1);
        assert_eq!(failed(counts(3, 2, 0)), 2);
    }
}
