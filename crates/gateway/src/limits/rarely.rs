//! What happens again and again is worth a line in the log once a minute.

use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_secs(60);

/// Counts what happens, and says when it is worth a line.
#[derive(Debug, Default)]
pub struct Rarely {
    last: Option<Instant>,
    times: u64,
}

impl Rarely {
    /// Counts once more; returns how often it happened since the last line, if there shall be one.
    pub fn count(&mut self, now: Instant) -> Option<u64> {
        self.times = self.times.saturating_add(1);
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < EVERY) {
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_minute_counts_what_was_left_out() {
        let mut rarely = Rarely::default();
        let begun = Instant::now();
        assert_eq!(rarely.count(begun), Some(1));
        assert_eq!(rarely.count(begun + Duration::from_secs(1)), None);
        assert_eq!(rarely.count(begun + Duration::from_secs(59)), None);
        assert_eq!(rarely.count(begun + EVERY), Some(3));
    }
}
