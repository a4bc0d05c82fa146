//! The table that is printed.

use std::fmt::Write;

use super::Options;
use super::judge::{GROWTH, IDLE_BYTES, Phase, Report, SLOWER, WRITTEN_BYTES, growth, number};

/// What was measured, beside the bounds.
pub fn of(options: &Options, report: &Report) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut text, options, report);
    text
}

fn write(text: &mut String, options: &Options, report: &Report) -> std::fmt::Result {
    let Options { wallets, idle, hostile, seconds, pause_ms, debug, .. } = options;
    let program = if *debug { "an unoptimised gateway" } else { "one optimised gateway" };
    writeln!(
        text,
        "{program}: {wallets} wallets, each with one payment at a time and {} s pause; {idle} idle WebSockets; \
         {hostile} hostile connections; {seconds} s each",
        *pause_ms as f64 / 1e3
    )?;
    if !report.phases.is_empty() {
        writeln!(
            text,
            "{:<24} {:>10} {:>10} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
            "",
            "payments/s",
            "median ms",
            "p95",
            "p99",
            "slowest",
            "others",
            "idle",
            "again/s",
            "hostile",
            "again/s",
            "CPU"
        )?;
    }
    report.phases.iter().try_for_each(|phase| row(text, phase))?;
    if let Some((each, count)) = report.idle {
        let bound = IDLE_BYTES / 1e3;
        writeln!(text, "{:.1} kB for each of {count} idle WebSockets (bound {bound})", each / 1e3)?;
    }
    if let Some(slower) = report.slower() {
        writeln!(text, "p99 under attack: {slower:.2} times as long (bound {SLOWER})")?;
    }
    if let Some((growth, mean)) = growth(&report.soak) {
        let (first, last) = (report.soak.first(), report.soak.last());
        let megabytes = |look: Option<&(f64, f64)>| look.map_or(f64::NAN, |look| look.1 / 1e6);
        writeln!(
            text,
            "memory: {:.1} MB at first, {:.1} MB at last, {:.1} MB on average once warm; growth {:.2} % (bound {})",
            megabytes(first),
            megabytes(last),
            mean / 1e6,
            100.0 * growth,
            100.0 * GROWTH
        )?;
    }
    let Some(audit) = &report.audit else { return Ok(()) };
    let numbers = |name| number(&audit.numbers, name);
    writeln!(
        text,
        "{} payments: {} succeeded and {} failed on both sides, {} differ; {} msat missing; {} msat of fees paid, {} earned",
        numbers("payments"),
        numbers("succeeded"),
        numbers("failed"),
        audit.differing.len(),
        numbers("missingMsat"),
        numbers("feesMsat"),
        numbers("earnedMsat")
    )?;
    if let Some(written) = report.written() {
        let bound = WRITTEN_BYTES / 1e3;
        let all = numbers("writtenBytes") / 1e6;
        writeln!(
            text,
            "{:.1} kB written for each payment (bound {bound}), {all:.1} MB in all",
            written / 1e3
        )?;
    }
    audit.failures.iter().try_for_each(|failure| writeln!(text, "  failed: {failure}"))
}

fn row(text: &mut String, phase: &Phase) -> std::fmt::Result {
    let numbers = |name| number(&phase.numbers, name);
    let seconds = numbers("seconds");
    writeln!(
        text,
        "{:<24} {:>10.1} {:>10.0} {:>8.0} {:>8.0} {:>8.0} {:>8} {:>8.0} {:>8.0} {:>8.0} {:>8.0} {:>7.0} %",
        phase.name,
        phase.latencies.len() as f64 / seconds,
        phase.quantile(0.5),
        phase.quantile(0.95),
        phase.quantile(0.99),
        phase.quantile(1.0),
        numbers("others"),
        numbers("idle"),
        numbers("idleAgain"),
        numbers("hostile"),
        numbers("hostileAgain"),
        100.0 * numbers("gatewayCpu") / seconds
    )
}
