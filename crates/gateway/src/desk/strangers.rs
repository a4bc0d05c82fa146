//! Peers without a channel: LDK takes 250 of them, and then no new wallet. Pure.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Peers without a channel from which on some have to go.
const MAX_STRANGERS: usize = 200;

/// A peer without a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stranger<Id> {
    /// The peer.
    pub id: Id,
    /// The client that it came from, if that is known.
    pub client: Option<IpAddr>,
}

/// Returns the peers to hang up on, so that there is room for a wallet that comes now: always one of the client that has most, the
/// oldest first. `strangers`: the oldest first.
pub fn to_drop<Id: Clone>(strangers: &[Stranger<Id>]) -> Vec<Id> {
    let mut by_client: BTreeMap<Option<IpAddr>, Vec<Id>> = BTreeMap::new();
    for stranger in strangers.iter().rev() {
        by_client.entry(stranger.client).or_default().push(stranger.id.clone());
    }
    let mut dropped = Vec::new();
    while strangers.len().saturating_sub(dropped.len()) > MAX_STRANGERS {
        let most = by_client.values_mut().max_by_key(|ids| ids.len());
        match most.and_then(Vec::pop) {
            Some(id) => dropped.push(id),
            None => break,
        }
    }
    dropped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(ids: std::ops::Range<u32>, client: u8) -> Vec<Stranger<u32>> {
        let client = Some(IpAddr::from([192, 0, 2, client]));
        ids.map(|id| Stranger { id, client }).collect()
    }

    #[test]
    fn who_has_most_connections_loses_them_first() {
        let mut strangers = from(0..5, 1);
        strangers.extend(from(5..205, 2));
        strangers.extend(from(205..210, 3));
        assert_eq!(to_drop(&strangers), (5..15).collect::<Vec<_>>());
    }

    #[test]
    fn below_the_limit_everybody_stays() {
        assert!(to_drop(&from(0..200, 1)).is_empty());
    }
}
