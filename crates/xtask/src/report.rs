//! Report of where the time of a run went, as a table at its end.

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

use crate::ui::{Ended, human};

/// Pieces of work shorter than this are not worth a line.
const WORTH_A_LINE: Duration = Duration::from_secs(5);

/// The pieces of work of a run, in the order of their beginning: when each began, counted from `start`, and what it took.
#[must_use]
pub fn pieces(start: Instant, ended: &[Ended]) -> String {
    let mut text = format!("{:<44} {:>14} {:>14}\n", "piece", "began after", "took");
    for piece in ended.iter().filter(|piece| piece.began >= start && piece.spent >= WORTH_A_LINE) {
        let after = piece.began.duration_since(start);
        text += &format!("{:<44} {:>14} {:>14}\n", piece.name, human(after), human(piece.spent));
    }
    text
}

/// Processor time of all child processes that this process, also under an earlier program, has seen end; theirs included.
#[must_use]
pub fn cpu() -> Duration {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else { return Duration::ZERO };
    let parts = [usage.user_time(), usage.system_time()];
    let micros: i64 = parts.iter().map(|time| time.tv_sec() * 1_000_000 + time.tv_usec()).sum();
    Duration::from_micros(micros.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_this_run_that_took_long_are_listed() {
        let start = Instant::now();
        let piece = |name: &str, after: u64, spent: u64| Ended {
            name: name.to_owned(),
            began: start + Duration::from_secs(after),
            spent: Duration::from_secs(spent),
        };
        let text = pieces(start, &[piece("gateway (debug)", 65, 130), piece("fmt", 0, 1)]);
        assert!(
            text.contains("gateway (debug)") && text.contains("1 min 5 s") && text.contains("2 min 10 s")
        );
        assert!(!text.contains("fmt"), "{text}");
        let later = start + Duration::from_secs(100);
        assert!(!pieces(later, &[piece("before", 65, 130)]).contains("before"));
    }
}
