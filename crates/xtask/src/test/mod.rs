//! Everything that CI runs, in steps; a table at the end says how it went and what it took.

mod counts;
mod peer;
mod schedule;
mod steps;

use std::time::Instant;

use anyhow::{Result, bail};

pub use self::counts::Counts;
use self::schedule::{Done, Job};
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
    let chosen: Vec<&StepSpec> =
        STEPS.iter().filter(|s| only.is_empty() || only.iter().any(|name| name == s.name)).collect();
    let (jobs, places) = jobs(cache, &chosen);
    let done = schedule::run(jobs);
    if proc::interrupted() {
        bail!("interrupted");
    }
    println!("\n{}", report::pieces(began, &ui::ended()));
    println!("{:<12} {:>8} {:>8} {:>14} {:>14}", "step", "passed", "failed", "compiled in", "ran in");
    let mut total = Counts::default();
    for (spec, (build, run)) in chosen.iter().zip(places) {
        let of = |at: Option<usize>| at.and_then(|at| done.get(at).copied().flatten());
        let (built, ran) = (of(build), of(Some(run)));
        let counts = outcome(built, ran);
        total += counts;
        let time = |done: Option<Done>| done.map_or_else(String::new, |done| ui::human(done.spent));
        let (built, ran) = (time(built), time(ran));
        println!("{:<12} {:>8} {:>8} {built:>14} {ran:>14}", spec.name, counts.passed, counts.failed);
    }
    println!("in {}, processor time {}", ui::human(began.elapsed()), ui::human(report::cpu() - cpu_before));
    println!("{} passed, {} failed", total.passed, total.failed);
    if total.failed > 0 {
        bail!("tests failed");
    }
    Ok(())
}

/// Lists what each step wants done, and the places of its two jobs in that list: compiling, if it needs that, and running.
fn jobs<'a>(cache: &'a Cache, chosen: &[&'a StepSpec]) -> (Vec<Job<'a>>, Vec<(Option<usize>, usize)>) {
    let mut jobs = Vec::new();
    let mut places = Vec::new();
    for spec in chosen.iter().copied() {
        let needs = spec.build.map(|(worker, build)| {
            let work =
                Box::new(move || build(cache, spec).map(|()| Counts::default()).map_err(Failure::from));
            jobs.push(Job { step: spec.name, worker, needs: None, work });
            jobs.len() - 1
        });
        let work = Box::new(move || (spec.run)(cache, spec).and_then(|counts| judge(spec.name, counts)));
        places.push((needs, jobs.len()));
        jobs.push(Job { step: spec.name, worker: spec.by, needs, work });
    }
    (jobs, places)
}

/// The sum of a step's two jobs. One that was not begun has failed if nothing else has.
fn outcome(built: Option<Done>, ran: Option<Done>) -> Counts {
    let mut counts = Counts::default();
    for done in [built, ran].into_iter().flatten() {
        counts += done.counts;
    }
    if ran.is_none() {
        counts.failed = counts.failed.max(1);
    }
    counts
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
    fn a_step_that_was_never_begun_has_failed() {
        let done = |passed, failed| {
            let counts = Counts { passed, failed, skipped: 0 };
            Some(Done { counts, spent: std::time::Duration::ZERO })
        };
        assert_eq!(outcome(None, None).failed, 1);
        assert_eq!(outcome(done(0, 1), None).failed, 1);
        assert_eq!(outcome(done(0, 0), None).failed, 1);
        assert_eq!(outcome(done(0, 0), done(4, 0)), Counts { passed: 4, failed: 0, skipped: 0 });
    }

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
