//! Snapshots that are not taken over.

use amplet_router::rgs::RgsError;
use amplet_router::{Direction, Graph};
use amplet_transport::FetchError;

/// A graph of fewer open channels than this changes in leaps (a test network): anything is believed of it.
const SMALL: usize = 100;

/// A graph older than this is worth less than any other one.
const USELESS_AFTER_S: u32 = 28 * 24 * 3600;

/// Reason why a source's snapshot was not taken.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// It could not be had.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The server has none.
    #[error("the server responds with status {0}: it is no gateway with routing data, or an older one")]
    Status(u16),
    /// It is not what it should be.
    #[error(transparent)]
    Data(#[from] RgsError),
    /// Most channels are gone in it.
    #[error(
        "of {had} open channels it leaves {has}, and a network does not lose most of them at once: the server's own data is \
         probably damaged; another gateway's, or what is known, is used instead"
    )]
    Emptied {
        /// Open channels known before.
        had: usize,
        /// Open channels in it.
        has: usize,
    },
    /// It is of a time that has not come.
    #[error(
        "it says it was made at {made_at} and it is {now} (seconds since 1970): correct the clock that is wrong"
    )]
    Future {
        /// The snapshot's time.
        made_at: u32,
        /// Ours.
        now: u32,
    },
}

/// Refuses a graph that has lost most of what is known, unless that is too old to be of use.
pub(super) fn refuse_emptied(before: &Graph, after: &Graph, now: u32) -> Result<(), UpdateError> {
    let (had, has) = (open_channels(before), open_channels(after));
    let is_useless = now.saturating_sub(before.timestamp) > USELESS_AFTER_S;
    if had < SMALL || has >= had / 2 || is_useless {
        return Ok(());
    }
    Err(UpdateError::Emptied { had, has })
}

/// Channels that somebody forwards over, in one direction at least.
fn open_channels(graph: &Graph) -> usize {
    let channels = 0..u32::try_from(graph.channels().len()).unwrap_or(u32::MAX);
    let is_open = |channel: &u32| {
        let policy = |direction| graph.policy(*channel, direction);
        [Direction::Forward, Direction::Backward].into_iter().filter_map(policy).any(|policy| policy.enabled)
    };
    channels.filter(is_open).count()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use amplet_protocol::Msat;
    use amplet_router::{NodeId, Policy, Scid};

    use super::*;

    const NOW: u32 = 2_000_000_000;

    /// So many channels, of which so many are open.
    fn graph(channels: u64, open: u64) -> Graph {
        let mut graph = Graph::new();
        graph.timestamp = NOW;
        let ends = [2, 3].map(|name| graph.add_node(NodeId([name; 33])).unwrap());
        for scid in 0..channels {
            let channel = graph.add_channel(Scid(scid + 1), ends, Some(Msat::from(1_000_000))).unwrap();
            let policy = Policy { enabled: scid < open, ..Policy::UNKNOWN };
            graph.set_policy(channel, Direction::Backward, policy);
        }
        graph.index();
        graph
    }

    #[test]
    fn a_graph_that_has_lost_most_channels_is_refused_while_the_old_one_is_of_use() {
        let known = graph(300, 200);
        let refused = |after: &Graph, now| refuse_emptied(&known, after, now).is_err();
        assert!(refused(&graph(0, 0), NOW), "emptied");
        assert!(refused(&graph(300, 0), NOW), "all closed");
        assert!(refused(&graph(300, 99), NOW));
        assert!(!refused(&graph(100, 100), NOW), "half of them");
        assert!(!refused(&graph(0, 0), NOW + USELESS_AFTER_S + 1), "nothing better is known");
        assert!(refuse_emptied(&graph(99, 99), &graph(0, 0), NOW).is_ok(), "small");
        assert!(refuse_emptied(&Graph::new(), &known, NOW).is_ok(), "the first one");
    }
}
