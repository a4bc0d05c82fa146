//! Rate limits of API keys.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Seconds' worth of requests that may come at once.
const BURST_SECS: f64 = 2.0;

/// A token bucket for each key.
pub struct RateLimit {
    per_second: f64,
    /// Tokens left, and the time of that count.
    buckets: Mutex<HashMap<String, (f64, Instant)>>,
}

impl RateLimit {
    /// `per_second` requests on average, twice that at once.
    pub fn new(per_second: u32) -> Self {
        Self { per_second: f64::from(per_second), buckets: Mutex::default() }
    }

    /// Counts a request at `now`; returns whether it is allowed.
    pub fn allow(&self, key: &str, now: Instant) -> bool {
        let max = self.per_second * BURST_SECS;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, since) = buckets.entry(key.to_owned()).or_insert((max, now));
        let gained = now.saturating_duration_since(*since).as_secs_f64() * self.per_second;
        *since = now;
        *left = (*left + gained).min(max);
        let allowed = *left >= 1.0;
        if allowed {
            *left -= 1.0;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let (limit, now) = (RateLimit::new(5), Instant::now());
        assert_eq!((0..20).filter(|_| limit.allow("a", now)).count(), 10);
        assert!(limit.allow("b", now), "another key has its own");
        let later = now + Duration::from_secs(1);
        assert_eq!((0..20).filter(|_| limit.allow("a", later)).count(), 5);
    }
}
