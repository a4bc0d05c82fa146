//! Open files: each connection is one.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::{info, warn};

/// Files beside connections of strangers: the database, logs, bitcoind, the admin API, peers that are dialled, webhooks.
const BESIDE: u64 = 512;

/// Raises this process's limit of open files as far as the system lets it, and says so when that does not suffice for so many
/// connections. Returns the number of connections that there are files for.
pub fn raise_open_files(connections: usize) -> usize {
    let needed = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(BESIDE);
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return connections };
    let limit = needed.min(hard).max(soft);
    if limit > soft && setrlimit(Resource::RLIMIT_NOFILE, limit, hard).is_ok() {
        info!(limit, "open files");
    }
    let given = getrlimit(Resource::RLIMIT_NOFILE).map_or(soft, |(soft, _)| soft);
    let room = usize::try_from(room(given)).unwrap_or(usize::MAX).min(connections);
    if given < needed {
        warn!(
            limit = given,
            needed,
            connections = room,
            "the system gives fewer open files than the configured connections need: there will be fewer connections; raise it (systemd: LimitNOFILE), or lower [http] max_connections and max_requests"
        );
    }
    room
}

/// Files of `limit` that are for connections. Where there are few, half of them are the gateway's own.
fn room(limit: u64) -> u64 {
    limit.saturating_sub(BESIDE.min(limit / 2))
}

#[cfg(test)]
mod tests {
    use super::room;

    #[test]
    fn the_gateway_keeps_files_for_itself() {
        assert_eq!([room(0), room(200), room(1_024), room(16_384)], [0, 100, 512, 15_872]);
    }
}
