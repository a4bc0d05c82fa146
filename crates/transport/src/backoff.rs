//! Delays between attempts to connect.

use std::time::Duration;

/// Exponential back-off with full jitter: attempt n waits a uniformly random time between [`MIN`](Self::MIN) and
/// `MIN * 2^n`, at most [`MAX`](Self::MAX), so that the clients of a restarted gateway do not all come at once. It acts
/// only when called; time and randomness are arguments.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    failures: u32,
    up_since: Option<Duration>,
}

impl Backoff {
    /// Minimum delay.
    pub const MIN: Duration = Duration::from_millis(500);
    /// Maximum delay.
    pub const MAX: Duration = Duration::from_secs(60);
    /// Lifetime after which a connection counts as success: delays start short again.
    pub const STABLE: Duration = Duration::from_secs(60);

    /// Records that the connection is up at `now` (any clock that never goes backwards).
    pub fn connected(&mut self, now: Duration) {
        self.up_since = Some(now);
    }

    /// Records that an attempt failed or the connection went down at `now`; returns the delay before the next attempt. `random` is
    /// uniform over all values.
    pub fn failed(&mut self, now: Duration, random: u64) -> Duration {
        let stable = self.up_since.take().is_some_and(|since| now.saturating_sub(since) >= Self::STABLE);
        self.failures = if stable { 1 } else { self.failures.saturating_add(1) };
        let doubled = 1u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        Self::jittered(Self::MIN.saturating_mul(doubled).min(Self::MAX), random)
    }

    fn jittered(ceiling: Duration, random: u64) -> Duration {
        let span = ceiling.saturating_sub(Self::MIN).as_millis() as u64; // at most 60,000
        // The high 64 bits of the product are uniform over 0..=span, for any span.
        let part = (u128::from(random) * (u128::from(span) + 1)) >> 64;
        Self::MIN + Duration::from_millis(part as u64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn waits_are_bounded_and_their_ceiling_doubles(
            randoms in proptest::collection::vec(any::<u64>(), 1..40),
        ) {
            let mut backoff = Backoff::default();
            for (attempt, random) in randoms.into_iter().enumerate() {
                let wait = backoff.failed(Duration::ZERO, random);
                let ceiling = Backoff::MIN.saturating_mul(2u32.saturating_pow(attempt as u32 + 1)).min(Backoff::MAX);
                prop_assert!(wait >= Backoff::MIN && wait <= ceiling, "{wait:?} of {ceiling:?}");
            }
        }

        #[test]
        fn jitter_grows_with_the_random_value_and_reaches_both_ends(a in any::<u64>(), b in any::<u64>()) {
            let wait = |random| Backoff { failures: 9, up_since: None }.failed(Duration::ZERO, random);
            prop_assert!(wait(a.min(b)) <= wait(a.max(b)));
            prop_assert_eq!(wait(0), Backoff::MIN);
            prop_assert_eq!(wait(u64::MAX), Backoff::MAX);
        }

        #[test]
        fn only_a_stable_connection_makes_waits_short_again(
            failures in 3u32..20, start in 0u64..1_000_000, up in 0u64..200,
        ) {
            let mut backoff = Backoff::default();
            for _ in 0..failures {
                backoff.failed(Duration::ZERO, 0);
            }
            let start = Duration::from_secs(start);
            backoff.connected(start);
            let wait = backoff.failed(start + Duration::from_secs(up), u64::MAX);
            if up >= 60 {
                prop_assert_eq!(wait, Backoff::MIN * 2);
            } else {
                prop_assert!(wait > Backoff::MIN * 2);
                prop_assert_eq!(backoff.failures, failures + 1);
            }
        }
    }
}
