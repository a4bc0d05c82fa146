//! Channels to wallets in which nothing moves: the operator's money comes back from them. Pure.

use std::collections::BTreeMap;

use amplet_protocol::{ChannelId, Msat};
use serde::{Deserialize, Serialize};

/// A channel at one look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Channel id.
    pub id: ChannelId,
    /// Our side.
    pub ours_msat: Msat,
    /// It can be closed together with its peer now.
    pub usable: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Since {
    ours_msat: Msat,
    /// Seconds since the UNIX epoch.
    at: u64,
}

/// Time since which nothing has moved, by channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idle {
    since: BTreeMap<ChannelId, Since>,
}

impl Idle {
    /// Takes a look, and returns the channels in which nothing has moved for `limit_secs` and that can be closed now. `now`:
    /// seconds since the UNIX epoch.
    pub fn look(&mut self, channels: &[Seen], now: u64, limit_secs: u64) -> Vec<ChannelId> {
        self.since.retain(|id, _| channels.iter().any(|seen| seen.id == *id));
        let mut over = Vec::new();
        for seen in channels {
            let fresh = Since { ours_msat: seen.ours_msat, at: now };
            let since = self.since.entry(seen.id).or_insert_with(|| fresh.clone());
            if since.ours_msat != seen.ours_msat {
                *since = fresh;
            }
            if seen.usable && since.at.saturating_add(limit_secs) <= now {
                over.push(seen.id);
            }
        }
        over
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const A: ChannelId = ChannelId([0xa; 32]);
    const B: ChannelId = ChannelId([0xb; 32]);
    const C: ChannelId = ChannelId([0xc; 32]);

    fn seen(id: ChannelId, ours_msat: u32, usable: bool) -> Seen {
        Seen { id, ours_msat: ours_msat.into(), usable }
    }

    #[test]
    fn a_record_of_the_first_release_is_read_and_written_as_it_was() {
        let stored = format!(r#"{{"since":{{"{A}":{{"ours_msat":7,"at":50}}}}}}"#);
        let mut idle: Idle = serde_json::from_str(&stored).unwrap();
        assert_eq!(serde_json::to_string(&idle).unwrap(), stored);
        assert_eq!(idle.look(&[seen(A, 7, true)], 150, 100), [A]);
    }

    #[test]
    fn a_channel_is_idle_when_nothing_has_moved_for_so_long() {
        let mut idle = Idle::default();
        assert!(idle.look(&[seen(A, 7, true), seen(B, 7, true), seen(C, 7, false)], 0, 100).is_empty());
        assert!(idle.look(&[seen(A, 8, true), seen(B, 7, true), seen(C, 7, false)], 50, 100).is_empty());
        let all = [seen(A, 8, true), seen(B, 7, true), seen(C, 7, false)];
        assert_eq!(idle.look(&all, 100, 100), [B], "a has moved, c is away");
        assert_eq!(idle.look(&[seen(A, 8, true), seen(C, 7, true)], 150, 100), [A, C]);
        assert!(idle.look(&[], 200, 100).is_empty());
        assert_eq!(idle, Idle::default(), "nothing is kept of a channel that is gone");
    }
}
