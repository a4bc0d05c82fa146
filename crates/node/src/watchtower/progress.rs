//! How far each gateway keeps the states of each channel.

use std::collections::BTreeMap;

use amplet_protocol::NodeId;
use amplet_storage::{Store, StoreError, get_unless_damaged};
use serde::{Deserialize, Serialize};

use crate::ldk::staged::StagedWrites;

const RECORD: &str = "node/towers";
const FORMAT: u32 = 1;

/// How far one channel's states are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// Number of the state to be sent next.
    pub next: u64,
    /// States that the gateway has taken: fewer, where some could not be signed or read.
    pub sent: u64,
}

/// By gateway and LDK's monitor name; stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    v: u32,
    #[serde(default)]
    towers: BTreeMap<NodeId, BTreeMap<String, Cursor>>,
}

impl Progress {
    /// The stored one. A damaged record is begun again: gateways pass over what they have.
    pub async fn open(store: &dyn Store) -> Result<Self, StoreError> {
        let bytes = get_unless_damaged(store, RECORD).await?;
        let stored: Option<Self> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(stored.unwrap_or_default())
    }

    /// Stages it. What is lost is sent again.
    pub fn stage(&self, staged: &StagedWrites) {
        let stored = Self { v: FORMAT, towers: self.towers.clone() };
        // Plain data: its serialization has no failing case.
        if let Ok(bytes) = serde_json::to_vec(&stored) {
            staged.put_at_leisure(RECORD, bytes);
        }
    }

    /// A gateway keeps so many states: fewer than it was given are none, and all are sent again.
    pub fn keeps(&mut self, tower: NodeId, states: u64) {
        let cursors = self.towers.entry(tower).or_default();
        let sent = cursors.values().map(|cursor| cursor.sent).fold(0, u64::saturating_add);
        if states < sent {
            log::warn!("{tower} keeps {states} of {sent} revoked states; it gets them again");
            cursors.values_mut().for_each(|cursor| *cursor = Cursor::default());
        }
    }

    /// How far a gateway keeps a channel's states.
    pub fn cursor(&self, tower: &NodeId, name: &str) -> Cursor {
        self.towers.get(tower).and_then(|cursors| cursors.get(name)).copied().unwrap_or_default()
    }

    /// A gateway keeps a channel's states so far.
    pub fn set(&mut self, tower: NodeId, name: &str, cursor: Cursor) {
        self.towers.entry(tower).or_default().insert(name.to_owned(), cursor);
    }

    /// A gateway keeps nothing of a channel any more.
    pub fn forget(&mut self, tower: &NodeId, name: &str) {
        self.towers.get_mut(tower).map(|cursors| cursors.remove(name));
    }

    /// Channels of which a gateway keeps something.
    pub fn channels_of(&self, tower: &NodeId) -> Vec<String> {
        self.towers.get(tower).map(|cursors| cursors.keys().cloned().collect()).unwrap_or_default()
    }

    /// Gateways that keep all of a channel's states up to number `next`, other than its peer.
    pub fn watchers(&self, name: &str, next: u64, peer: &NodeId) -> usize {
        let keeps = |cursors: &BTreeMap<String, Cursor>| {
            next == 0 || cursors.get(name).is_some_and(|cursor| cursor.next >= next)
        };
        self.towers.iter().filter(|(tower, cursors)| *tower != peer && keeps(cursors)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_that_lost_what_it_was_given_gets_it_again() {
        let (tower, peer) = (NodeId([2; 33]), NodeId([3; 33]));
        let mut progress = Progress::default();
        progress.set(tower, "a", Cursor { next: 7, sent: 5 });
        progress.keeps(tower, 5);
        assert_eq!(progress.watchers("a", 7, &peer), 1);
        assert_eq!(progress.watchers("a", 8, &peer), 0, "one state is not there yet");
        assert_eq!(progress.watchers("a", 7, &tower), 0, "whoever would cheat is no watcher");
        progress.keeps(tower, 4);
        assert_eq!(progress.cursor(&tower, "a"), Cursor::default());
    }
}
