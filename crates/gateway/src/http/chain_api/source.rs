//! The state of the chain source, for whoever watches the gateway's health.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::view::View;

/// Time limit of a question that somebody waits for.
const REFRESH_LIMIT: Duration = Duration::from_secs(10);

/// A bitcoind as it was seen last.
#[derive(Clone, Debug)]
pub struct SourceState {
    /// Time of its last answer.
    answered_at: Option<Instant>,
    /// Time since which it is followed.
    followed_since: Instant,
    /// Height of its newest block.
    pub height: Option<u32>,
    /// Height of its newest header.
    pub headers: u32,
    /// Time in its newest block's header, in seconds since the UNIX epoch.
    pub tip_time: Option<u64>,
    /// True during its initial download.
    pub initial_download: bool,
    /// Height of the lowest block that it has; `None`: it has all.
    pub lowest_block: Option<u32>,
    /// Error of the last question, for the operator's eyes.
    pub error: Option<String>,
}

impl Default for SourceState {
    fn default() -> Self {
        Self {
            answered_at: None,
            followed_since: Instant::now(),
            height: None,
            headers: 0,
            tip_time: None,
            initial_download: false,
            lowest_block: None,
            error: None,
        }
    }
}

impl SourceState {
    /// Time since its last answer; `None`: it never answered.
    pub fn silent_for(&self) -> Option<Duration> {
        self.answered_at.map(|at| at.elapsed())
    }

    /// Time since which it is followed.
    pub fn followed_for(&self) -> Duration {
        self.followed_since.elapsed()
    }

    /// It answered.
    pub fn answered(&mut self, height: u32, headers: u32, tip_time: Option<u64>, initial_download: bool) {
        self.answered_at = Some(Instant::now());
        (self.height, self.headers, self.tip_time) = (Some(height), headers, tip_time);
        (self.initial_download, self.error) = (initial_download, None);
    }

    /// It did not answer, or not as it should.
    pub fn failed(&mut self, error: String) {
        self.error = Some(error);
    }

    /// Lets time pass.
    #[cfg(test)]
    pub fn age_by(&mut self, time: Duration) {
        let back = |at: Instant| at.checked_sub(time).unwrap_or(at);
        self.answered_at = self.answered_at.map(back);
        self.followed_since = back(self.followed_since);
    }
}

/// Where the gateway's blocks come from.
#[derive(Clone, Debug)]
pub struct Source(Option<Weak<View>>);

impl Source {
    pub(super) fn bitcoind(view: &Arc<View>) -> Self {
        Self(Some(Arc::downgrade(view)))
    }

    /// Another server that is passed through.
    pub fn upstream() -> Self {
        Self(None)
    }

    /// State of the bitcoind; `None` where another server is passed through.
    pub fn state(&self) -> Option<SourceState> {
        let view = self.0.as_ref()?;
        Some(view.upgrade().map(|view| view.source_state()).unwrap_or_default())
    }

    /// Asks bitcoind for its newest block now, so that whoever asks the chain API next gets that one. An upstream server is asked
    /// by each request anyway.
    ///
    /// # Errors
    /// Why it did not answer.
    pub async fn refresh(&self) -> Result<(), String> {
        let Some(view) = self.0.as_ref().and_then(Weak::upgrade) else { return Ok(()) };
        match tokio::time::timeout(REFRESH_LIMIT, view.tick()).await {
            Ok(result) => result.map_err(|error| error.to_string()),
            Err(_) => Err(format!("bitcoind does not answer within {} s", REFRESH_LIMIT.as_secs())),
        }
    }
}
