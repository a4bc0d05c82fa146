//! What the load program measured, and whether that is good enough.

use serde_json::Value;

use crate::routing::quantile;

/// Bound of the memory that an idle WebSocket takes, in bytes.
pub const IDLE_BYTES: f64 = 60_000.0;
/// Bound of how many times as long the slowest payments of a hundred take under attack.
pub const SLOWER: f64 = 2.0;
/// Part of a soak that is warming up.
const WARM_UP: f64 = 0.3;
/// Bound of how much the memory grows in the rest of a soak, as a share of its mean.
pub const GROWTH: f64 = 0.05;

/// Bound of what a gateway has written to its disk for each payment that it forwards, in bytes.
pub const WRITTEN_BYTES: f64 = 100_000.0;

/// The lines that it printed, by kind.
#[derive(Default)]
pub struct Report {
    /// Bytes of each idle WebSocket, and how many there were.
    pub idle: Option<(f64, f64)>,
    /// The phases, in their order.
    pub phases: Vec<Phase>,
    /// Seconds and bytes.
    pub soak: Vec<(f64, f64)>,
    /// What became of all payments.
    pub audit: Option<Audit>,
}

/// A phase.
#[derive(Clone)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// Milliseconds of each payment that succeeded.
    pub latencies: Vec<f64>,
    /// Its other numbers, by name.
    pub numbers: Value,
}

/// All payments, looked at from both sides.
pub struct Audit {
    /// Payments on which both sides do not agree.
    pub differing: Vec<String>,
    /// A few that failed, with the reason.
    pub failures: Vec<String>,
    /// Its numbers, by name.
    pub numbers: Value,
}

/// A number of this name; 0 if there is none.
pub fn number(of: &Value, name: &str) -> f64 {
    of.get(name).and_then(Value::as_f64).unwrap_or(0.0)
}

fn texts(of: &Value, name: &str) -> Vec<String> {
    let list = of.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// How far it is, if a line says so.
pub fn progress(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    line.get("progress")?.as_str().map(str::to_owned)
}

/// Number of blocks that a line asks for.
pub fn wish(line: &str) -> Option<u64> {
    let line: Value = serde_json::from_str(line).ok()?;
    line.get("mine")?.as_u64()
}

impl Report {
    /// Reads what was printed; lines of other kinds are passed over.
    pub fn read(text: &str) -> Self {
        let mut report = Self::default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        for line in lines {
            report.add(&line);
        }
        report
    }

    fn add(&mut self, line: &Value) {
        if let Some(memory) = line.get("memory") {
            let more = number(memory, "withBytes") - number(memory, "beforeBytes");
            let count = number(memory, "connections");
            self.idle = Some((more.max(0.0) / count, count));
        }
        if let Some(phase) = line.get("phase") {
            let latencies = phase.get("latenciesMs").and_then(Value::as_array);
            self.phases.push(Phase {
                name: phase.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
                latencies: latencies.into_iter().flatten().filter_map(Value::as_f64).collect(),
                numbers: phase.clone(),
            });
        }
        if let Some(looks) = line.get("soak").and_then(Value::as_array) {
            let look = |look: &Value| Some((look.get(0)?.as_f64()?, look.get(1)?.as_f64()?));
            self.soak = looks.iter().filter_map(look).collect();
        }
        if let Some(audit) = line.get("audit") {
            let [differing, failures] = ["differing", "failures"].map(|name| texts(audit, name));
            self.audit = Some(Audit { differing, failures, numbers: audit.clone() });
        }
    }

    /// How many times as long the slowest of a hundred payments take in the last phase as in the one before.
    pub fn slower(&self) -> Option<f64> {
        let [.., calm, attacked] = self.phases.as_slice() else { return None };
        Some(attacked.quantile(0.99) / calm.quantile(0.99))
    }

    /// Bytes written to the gateway's disk for each payment that it forwarded, as all that succeeded were.
    pub fn written(&self) -> Option<f64> {
        let numbers = &self.audit.as_ref()?.numbers;
        Some(number(numbers, "writtenBytes") / number(numbers, "succeeded"))
    }

    /// Bounds that are missed, each as a sentence.
    pub fn missed(&self, is_soak: bool) -> Vec<String> {
        let mut missed = Vec::new();
        let mut bound = |holds: bool, text: String| {
            if !holds {
                missed.push(text);
            }
        };
        if is_soak {
            let growth = growth(&self.soak).map(|(growth, _)| growth);
            // What cannot be told is missed, too: a comparison with NaN holds for nothing.
            let flat = growth.is_some_and(|growth| growth <= GROWTH);
            bound(
                flat,
                format!("memory is not flat: it grew by {:.1} %", 100.0 * growth.unwrap_or(f64::NAN)),
            );
        } else {
            let each = self.idle.map_or(f64::NAN, |(each, _)| each);
            bound(each <= IDLE_BYTES, format!("{:.1} kB for each idle WebSocket", each / 1e3));
            let slower = self.slower().unwrap_or(f64::NAN);
            bound(slower <= SLOWER, format!("p99 under attack is {slower:.2} times as long"));
        }
        match &self.audit {
            None => bound(false, "payments were not looked at".to_owned()),
            Some(audit) => {
                bound(number(&audit.numbers, "succeeded") > 0.0, "no payment succeeded".to_owned());
                bound(audit.differing.is_empty(), format!("payments lost: {}", audit.differing.join(", ")));
                let missing = number(&audit.numbers, "missingMsat");
                bound(missing == 0.0, format!("{missing} msat are missing"));
                let unearned = number(&audit.numbers, "feesMsat") - number(&audit.numbers, "earnedMsat");
                bound(unearned == 0.0, format!("{unearned} msat of fees did not reach the gateway"));
                let written = self.written().unwrap_or(f64::NAN);
                bound(written <= WRITTEN_BYTES, format!("{:.0} kB written for each payment", written / 1e3));
            }
        }
        missed
    }
}

impl Phase {
    /// The time that a share of its payments do not exceed, in milliseconds.
    pub fn quantile(&self, share: f64) -> f64 {
        quantile(&mut self.latencies.clone(), share)
    }
}

/// By what share of its mean a line through the looks after the warm-up rises from their first to their last, and that mean.
pub fn growth(looks: &[(f64, f64)]) -> Option<(f64, f64)> {
    let (last, _) = looks.last()?;
    let warm: Vec<(f64, f64)> = looks.iter().copied().filter(|(at, _)| *at >= WARM_UP * last).collect();
    let [(from, _), .., (to, _)] = warm.as_slice() else { return None };
    let count = warm.len() as f64;
    let mean = |values: &dyn Fn(&(f64, f64)) -> f64| warm.iter().map(values).sum::<f64>() / count;
    let (at, bytes) = (mean(&|look| look.0), mean(&|look| look.1));
    let covariance = mean(&|look| (look.0 - at) * (look.1 - bytes));
    let variance = mean(&|look| (look.0 - at).powi(2));
    Some((covariance / variance * (to - from) / bytes, bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn phase(name: &str, latencies: &[f64]) -> String {
        json!({ "phase": { "name": name, "latenciesMs": latencies, "seconds": 1.0 } }).to_string()
    }

    fn audit(differing: &[&str], missing_msat: i64, earned_msat: i64, written_bytes: u64) -> String {
        json!({ "audit": {
            "payments": 2, "succeeded": 2, "failed": 0, "failures": [], "differing": differing,
            "missingMsat": missing_msat, "feesMsat": 5, "earnedMsat": earned_msat,
            "writtenBytes": written_bytes,
        } })
        .to_string()
    }

    fn text(slow: f64, with_bytes: u64, audit: &str) -> String {
        let memory =
            json!({ "memory": { "beforeBytes": 1_000_000, "withBytes": with_bytes, "connections": 100 } });
        let calm: Vec<f64> = (1..=100).map(f64::from).collect();
        let attacked: Vec<f64> = calm.iter().map(|ms| ms * slow).collect();
        let phases = [phase("alone", &[1.0]), phase("calm", &calm), phase("attacked", &attacked)];
        format!("a word\n{{\"progress\":\"x\"}}\n{memory}\n{}\n{audit}\n", phases.join("\n"))
    }

    #[test]
    fn lines_that_ask_or_tell_are_known() {
        assert_eq!((wish("{\"mine\":6}"), progress("{\"mine\":6}")), (Some(6), None));
        assert_eq!((wish("{\"progress\":\"a\"}"), wish("mine")), (None, None));
        assert_eq!(progress("{\"progress\":\"a\"}").as_deref(), Some("a"));
    }

    #[test]
    fn bounds_that_hold_are_not_missed() {
        let report = Report::read(&text(2.0, 7_000_000, &audit(&[], 0, 5, 200_000)));
        assert_eq!(report.phases[1].quantile(0.99), 99.0);
        assert_eq!((report.idle, report.slower()), (Some((60_000.0, 100.0)), Some(2.0)));
        assert_eq!(report.missed(false), Vec::<String>::new());
    }

    #[test]
    fn each_bound_can_be_missed() {
        let missed = |text: &str| Report::read(text).missed(false).join("\n");
        let right = audit(&[], 0, 5, 200_000);
        for (text, word) in [
            (text(2.1, 1_000_000, &right), "2.10 times"),
            (text(1.0, 7_100_000, &right), "61.0 kB"),
            (text(1.0, 1_000_000, &audit(&["a1: lost"], 0, 5, 0)), "a1: lost"),
            (text(1.0, 1_000_000, &audit(&[], 7, 5, 0)), "7 msat are missing"),
            (text(1.0, 1_000_000, &audit(&[], 0, 4, 0)), "1 msat of fees"),
            (text(1.0, 1_000_000, &audit(&[], 0, 5, 202_000)), "101 kB written"),
            (text(1.0, 1_000_000, ""), "not looked at"),
        ] {
            let missed = missed(&text);
            assert!(missed.contains(word) && !missed.contains('\n'), "{missed}");
        }
        assert_eq!(Report::default().missed(false).len(), 3, "what was not measured is missed");
        assert_eq!(Report::default().missed(true).len(), 2);
    }

    /// Looks each 5 s for 10 minutes.
    fn soak(bytes: impl Fn(f64) -> f64) -> Report {
        let looks: Vec<_> =
            (0..=120).map(|look| f64::from(look) * 5.0).map(|at| json!([at, bytes(at)])).collect();
        Report::read(&format!("{}\n{}", json!({ "soak": looks }), audit(&[], 0, 5, 0)))
    }

    #[test]
    fn memory_that_only_warms_up_or_swings_is_flat() {
        let warms_up = soak(|at| 1e8 + 1e6 * at.min(170.0));
        assert_eq!(warms_up.missed(true), Vec::<String>::new());
        let swings = soak(|at| 1e8 + 2e7 * at.sin());
        assert_eq!(swings.missed(true), Vec::<String>::new());
        let (growth, mean) = growth(&soak(|at| 1e8 - 1e4 * at).soak).unwrap();
        assert!(growth < 0.0 && mean < 1e8);
    }

    #[test]
    fn memory_that_grows_is_not_flat() {
        let report = soak(|at| 1e8 + 1e6 * at / 60.0);
        // 7 MB from minute 3 to 10, of 106.5 MB.
        let (growth, _) = growth(&report.soak).unwrap();
        assert!((growth - 0.0657).abs() < 1e-4, "{growth}");
        assert!(report.missed(true).join("").contains("not flat"));
    }
}
