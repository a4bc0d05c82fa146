//! Open files: each connection is one.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::{info, warn};

/// Files beside connections: the database, logs, bitcoind, peers, webhooks.
const BESIDE: u64 = 512;

/// Raises this process's limit of open files as far as the system lets it, and says so when that does not suffice for so many
/// connections.
pub fn raise_open_files(connections: usize) {
    let needed = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(BESIDE);
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    if soft >= needed {
        return;
    }
    let limit = needed.min(hard);
    if limit > soft && setrlimit(Resource::RLIMIT_NOFILE, limit, hard).is_ok() {
        info!(limit, "open files");
    }
    if limit < needed {
        warn!(
            limit,
            needed,
            "the system gives fewer open files than the configured connections need; raise it (systemd: LimitNOFILE), or lower [http] max_connections and max_requests"
        );
    }
}
