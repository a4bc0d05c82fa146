//! Channels to wallets in which nothing moves: the operator's money comes back from them. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A channel at one look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Channel id, in hex.
    pub id: String,
    /// Our side, in msat.
    pub ours_msat: u64,
    /// It can be closed together with its peer now.
    pub usable: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Since {
    ours_msat: u64,
    /// Seconds since the UNIX epoch.
    at: u64,
}

/// Time since which nothing has moved, by channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idle {
    since: BTreeMap<String, Since>,
}

impl Idle {
    /// Takes a look, and returns the channels in which nothing has moved for `limit_secs` and that can be closed now. `now`:
    /// seconds since the UNIX epoch.
    pub fn look(&mut self, channels: &[Seen], now: u64, limit_secs: u64) -> Vec<String> {
        self.since.retain(|id, _| channels.iter().any(|seen| seen.id == *id));
        let mut over = Vec::new();
        for seen in channels {
            let fresh = Since { ours_msat: seen.ours_msat, at: now };
            let since = self.since.entry(seen.id.clone()).or_insert_with(|| fresh.clone());
            if since.ours_msat != seen.ours_msat {
                *since = fresh;
            }
            if seen.usable && since.at.saturating_add(limit_secs) <= now {
                over.push(seen.id.clone());
            }
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(id: &str, ours_msat: u64, usable: bool) -> Seen {
        Seen { id: id.into(), ours_msat, usable }
    }

    #[test]
    fn a_channel_is_idle_when_nothing_has_moved_for_so_long() {
        let mut idle = Idle::default();
        assert!(idle.look(&[seen("a", 7, true), seen("b", 7, true), seen("c", 7, false)], 0, 100).is_empty());
        assert!(
            idle.look(&[seen("a", 8, true), seen("b", 7, true), seen("c", 7, false)], 50, 100).is_empty()
        );
        let all = [seen("a", 8, true), seen("b", 7, true), seen("c", 7, false)];
        assert_eq!(idle.look(&all, 100, 100), ["b"], "a has moved, c is away");
        assert_eq!(idle.look(&[seen("a", 8, true), seen("c", 7, true)], 150, 100), ["a", "c"]);
        assert!(idle.look(&[], 200, 100).is_empty());
        assert_eq!(idle, Idle::default(), "nothing is kept of a channel that is gone");
    }
}
