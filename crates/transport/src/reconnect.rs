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
