//! When to try again.

use std::time::Duration;

use crate::{CloseCode, CloseReason, ConnectError};

/// Exponential back-off with full jitter: attempt n waits a uniformly random time between [`MIN`](Self::MIN) and
/// `MIN * 2^n`, at most [`MAX`](Self::MAX), so that the clients of a restarted gateway do not all come at once. It acts
/// only when called; time and randomness are arguments.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    failures: u32,
    up_since: Option<Duration>,
}

impl Backoff {
    /// Shortest wait.
    pub const MIN: Duration = Duration::from_millis(500);
    /// Longest wait.
    pub const MAX: Duration = Duration::from_secs(60);
    /// A connection that lived so long counts as success: waits begin short again.
    pub const STABLE: Duration = Duration::from_secs(60);

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The connection is up at `now` (any clock that never goes backwards).
    pub fn connected(&mut self, now: Duration) {
        self.up_since = Some(now);
    }

    /// An attempt failed or the connection went down at `now`: how long to wait. `random` is uniform over all values.
    pub fn failed(&mut self, now: Duration, random: u64) -> Duration {
        let stable = self.up_since.take().is_some_and(|since| now.saturating_sub(since) >= Self::STABLE);
        self.failures = if stable { 1 } else { self.failures.saturating_add(1) };
        let doubled = 1u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        Self::jittered(Self::MIN.saturating_mul(doubled).min(Self::MAX), random)
    }

    fn jittered(ceiling: Duration, random: u64) -> Duration {
        let span = ceiling.saturating_sub(Self::MIN).as_millis() as u64; // at most 60,000
        // The high 64 bits of the product are uniform over 0..=span, whatever the span.
        let part = (u128::from(random) * (u128::from(span) + 1)) >> 64;
        Self::MIN + Duration::from_millis(part as u64)
    }
}

/// Where the connection to one peer stands: what a person is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// An attempt is under way.
    Connecting {
        /// Counted from 1 since the last success.
        attempt: u32,
    },
    /// The peer is connected.
    Connected,
    /// The next attempt waits.
    Waiting {
        /// When, on the platform's monotonic clock.
        until: Duration,
        /// Why the last one failed or ended.
        last_error: ConnectError,
    },
}

/// The reconnect policy of one peer. It acts only when called:
///
/// ```text
/// begin() -> connect -> connected(now) ... lost -> failed(error, now, random) -> sleep(wait) -> begin() ...
/// ```
#[derive(Clone, Debug)]
pub struct Reconnect {
    backoff: Backoff,
    state: ConnectionState,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self { backoff: Backoff::default(), state: ConnectionState::Connecting { attempt: 1 } }
    }
}

impl Reconnect {
    /// Where the connection stands.
    pub fn state(&self) -> &ConnectionState {
        &self.state
    }

    /// An attempt begins.
    pub fn begin(&mut self) {
        self.state = ConnectionState::Connecting { attempt: self.backoff.failures().saturating_add(1) };
    }

    /// The peer is connected and has proved its key, at `now` (monotonic).
    pub fn connected(&mut self, now: Duration) {
        self.backoff.connected(now);
        self.state = ConnectionState::Connected;
    }

    /// The attempt failed or the connection ended, at `now` (monotonic): how long to wait before the next. An error
    /// that only a person can mend is tried again at the longest wait.
    pub fn failed(&mut self, error: ConnectError, now: Duration, random: u64) -> Duration {
        let mut wait = self.backoff.failed(now, random);
        if error.needs_person() {
            wait = Backoff::MAX;
        }
        self.state = ConnectionState::Waiting { until: now.saturating_add(wait), last_error: error };
        wait
    }

    /// The network came back or a person asked: the next attempt need not wait, nor the ones after it long.
    pub fn hurry(&mut self, now: Duration) {
        self.backoff = Backoff::default();
        if let ConnectionState::Waiting { until, .. } = &mut self.state {
            *until = now;
        }
    }
}

impl ConnectError {
    /// Whether trying again cannot help until somebody changes something.
    pub fn needs_person(&self) -> bool {
        match self {
            ConnectError::WrongKey { .. }
            | ConnectError::Unsupported { .. }
            | ConnectError::NotAllowed { .. } => true,
            ConnectError::Closed(CloseReason::Remote { code, .. }) => {
                matches!(code, CloseCode::NotAllowed | CloseCode::Replaced | CloseCode::Violation)
            }
            ConnectError::Closed(CloseReason::Violation { .. }) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::NodeId;

    fn lost() -> ConnectError {
        CloseReason::Lost { detail: "test".into() }.into()
    }

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
                prop_assert_eq!(backoff.failures(), failures + 1);
            }
        }
    }

    #[test]
    fn the_state_follows_the_attempts() {
        let mut reconnect = Reconnect::default();
        assert_eq!(reconnect.state(), &ConnectionState::Connecting { attempt: 1 });
        let now = Duration::from_secs(100);
        let wait = reconnect.failed(lost(), now, 0);
        assert_eq!(reconnect.state(), &ConnectionState::Waiting { until: now + wait, last_error: lost() });
        reconnect.begin();
        assert_eq!(reconnect.state(), &ConnectionState::Connecting { attempt: 2 });
        reconnect.connected(now);
        assert_eq!(reconnect.state(), &ConnectionState::Connected);
        reconnect.failed(lost(), now, 0);
        reconnect.hurry(now);
        assert_eq!(reconnect.state(), &ConnectionState::Waiting { until: now, last_error: lost() });
        reconnect.begin();
        assert_eq!(reconnect.state(), &ConnectionState::Connecting { attempt: 1 });
    }

    #[test]
    fn what_only_a_person_can_mend_waits_longest() {
        let mut key = [9; 33];
        key[0] = 2;
        let Ok(expected) = NodeId::new(key) else { unreachable!("the prefix is valid") };
        let Ok(endpoint) = "wss://gateway.example".parse() else { unreachable!("the address is valid") };
        let wrong = ConnectError::WrongKey { endpoint, expected };
        assert_eq!(Reconnect::default().failed(wrong, Duration::ZERO, 0), Backoff::MAX);
        assert_eq!(Reconnect::default().failed(lost(), Duration::ZERO, 0), Backoff::MIN);
    }
}
