//! Delays between attempts to connect.

use std::time::Duration;

/// Back-off by the time for which there has been no connection: an attempt comes after a uniformly random time between
/// [`MIN`](Self::MIN) and an eighth of that time, so that whoever was away for a while is back within an eighth of it. The ceiling is
/// [`QUICK`](Self::QUICK) at least, because a restart is over soon, and [`MAX`](Self::MAX) at most. Ten thousand clients of a gateway
/// that is down make 4,500 attempts a second within the first half minute, spread evenly, and 330 after eight minutes. Refusals
/// double the ceiling instead: whoever is not wanted, or finds no place, does not come again soon. It acts only when called; time
/// and randomness are arguments.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    refusals: u32,
    down_since: Option<Duration>,
    up_since: Option<Duration>,
}

impl Backoff {
    /// Minimum delay.
    pub const MIN: Duration = Duration::from_millis(500);
    /// Maximum delay of the first attempts: with the time that a connection takes, all are back within 5 s.
    pub const QUICK: Duration = Duration::from_secs(4);
    /// Maximum delay.
    pub const MAX: Duration = Duration::from_secs(60);
    /// Lifetime after which a connection counts as success: delays start short again.
    pub const STABLE: Duration = Duration::from_secs(10);
    /// Part of the time without a connection that the next attempt waits at most.
    const PART: u32 = 8;

    /// Records that the connection is up at `now` (any clock that never goes backwards).
    pub fn connected(&mut self, now: Duration) {
        self.up_since = Some(now);
    }

    /// Records that an attempt failed or the connection went down at `now`, or was `refused` by the peer; returns the delay before the
    /// next attempt. `random` is uniform over all values.
    pub fn failed(&mut self, now: Duration, random: u64, refused: bool) -> Duration {
        if self.up_since.take().is_some_and(|since| now.saturating_sub(since) >= Self::STABLE) {
            *self = Self::default();
        }
        let down = now.saturating_sub(*self.down_since.get_or_insert(now));
        self.refusals = self.refusals.saturating_add(u32::from(refused));
        let doubled = 1u32.checked_shl(self.refusals).unwrap_or(u32::MAX);
        let ceiling = (down / Self::PART).max(Self::QUICK.saturating_mul(doubled)).min(Self::MAX);
        Self::jittered(ceiling, random)
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

    fn failed_at(backoff: &mut Backoff, secs: u64) -> Duration {
        backoff.failed(Duration::from_secs(secs), u64::MAX, false)
    }

    proptest! {
        #[test]
        fn waits_are_bounded_by_an_eighth_of_the_absence(
            attempts in proptest::collection::vec((any::<u64>(), 0u64..30_000), 1..60),
        ) {
            let (mut backoff, mut now) = (Backoff::default(), Duration::from_secs(7));
            let first = now;
            for (random, took) in attempts {
                let wait = backoff.failed(now, random, false);
                let ceiling = ((now - first) / 8).clamp(Backoff::QUICK, Backoff::MAX);
                prop_assert!(wait >= Backoff::MIN && wait <= ceiling, "{wait:?} of {ceiling:?}");
                now += wait + Duration::from_millis(took);
            }
        }

        #[test]
        fn after_half_a_minute_the_next_attempt_comes_within_four_seconds(randoms in proptest::collection::vec(any::<u64>(), 90)) {
            let (mut backoff, mut now) = (Backoff::default(), Duration::ZERO);
            let back = Duration::from_secs(30);
            for random in randoms {
                now += backoff.failed(now, random, false);
                if now >= back {
                    break;
                }
            }
            prop_assert!(now >= back && now <= back + Duration::from_secs(4), "{now:?}");
        }

        #[test]
        fn jitter_grows_with_the_random_value_and_reaches_both_ends(a in any::<u64>(), b in any::<u64>()) {
            let wait = |random| Backoff { refusals: 9, ..Backoff::default() }.failed(Duration::ZERO, random, true);
            prop_assert!(wait(a.min(b)) <= wait(a.max(b)));
            prop_assert_eq!(wait(0), Backoff::MIN);
            prop_assert_eq!(wait(u64::MAX), Backoff::MAX);
        }

        #[test]
        fn only_a_stable_connection_makes_waits_short_again(start in 60u64..1_000_000, up in 0u64..40) {
            let mut backoff = Backoff::default();
            failed_at(&mut backoff, 0);
            backoff.connected(Duration::from_secs(start));
            let wait = failed_at(&mut backoff, start + up);
            if up >= 10 {
                prop_assert_eq!(wait, Backoff::QUICK);
            } else {
                prop_assert!(wait > Backoff::QUICK);
            }
        }
    }

    #[test]
    fn whoever_is_refused_waits_twice_as_long_each_time() {
        let mut backoff = Backoff::default();
        let waits = [(); 5].map(|()| backoff.failed(Duration::ZERO, u64::MAX, true).as_secs());
        assert_eq!(waits, [8, 16, 32, 60, 60]);
        backoff.connected(Duration::ZERO);
        assert_eq!(failed_at(&mut backoff, 10), Backoff::QUICK);
    }
}
