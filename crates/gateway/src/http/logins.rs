//! Wrong logins in the log: for fail2ban and whoever reads it.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::warn;

/// Lines within [`WINDOW`]: more would fill the disk for whoever wants to.
const MAX_LINES: u32 = 20;
const WINDOW: Duration = Duration::from_secs(10);

/// Lines of the present window.
struct Lines {
    since: Option<Instant>,
    written: u32,
    left_out: u32,
}

static LINES: Mutex<Lines> = Mutex::new(Lines { since: None, written: 0, left_out: 0 });

/// Logs that a client came to this door with no token, or a wrong one.
pub(super) fn refused(client: IpAddr, door: &str) {
    let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    if lines.since.is_none_or(|since| since.elapsed() >= WINDOW) {
        if lines.left_out > 0 {
            warn!(left_out = lines.left_out, "login refused: more lines were left out");
        }
        *lines = Lines { since: Some(Instant::now()), written: 0, left_out: 0 };
    }
    if lines.written < MAX_LINES {
        lines.written = lines.written.saturating_add(1);
        warn!(%client, door, "login refused: the token is missing or wrong");
    } else {
        lines.left_out = lines.left_out.saturating_add(1);
    }
}
