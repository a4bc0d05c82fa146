//! Wallets that stay away for longer than the money in their channels is safe, and when to remind of them.

use std::collections::BTreeMap;

use amplet_node::Node;
use amplet_protocol::NodeId;
use serde::Serialize;

/// Blocks before the end at which one is told: three days, one day, and the end.
const STAGES: [u32; 3] = [3 * 144, 144, 0];

/// What was told of each wallet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reminders {
    /// Blocks before the end, of those of [`STAGES`].
    told: BTreeMap<NodeId, u32>,
}

/// A wallet with channels that is not connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Away {
    /// Its node id.
    pub wallet: NodeId,
    /// Height before which its owner has to open it for the money in its channels to be safe, as it said last.
    pub safe_until: u32,
    /// Blocks until then; 0: it is over.
    pub blocks_left: u32,
}

impl Away {
    fn at(height: u32, (wallet, safe_until): (NodeId, u32)) -> Self {
        Self { wallet, safe_until, blocks_left: safe_until.saturating_sub(height) }
    }

    /// All of them, the most urgent first.
    pub fn all(node: &Node) -> Vec<Self> {
        let height = node.sync().best_block().0;
        let away = node.peers().copies().away().into_iter();
        let mut away: Vec<Self> = away.map(|away| Self::at(height, away)).collect();
        away.sort_by_key(|away| away.safe_until);
        away
    }
}

impl Reminders {
    /// Takes a look at the wallets that are away, and returns of whom to remind now: of each once at three days, at one day and at
    /// the end.
    pub fn look(&mut self, away: Vec<Away>) -> Vec<Away> {
        let stage = |away: &Away| STAGES.into_iter().rfind(|stage| away.blocks_left <= *stage);
        let now: BTreeMap<NodeId, u32> =
            away.iter().filter_map(|away| Some((away.wallet, stage(away)?))).collect();
        let before = std::mem::replace(&mut self.told, now);
        let is_due = |away: &Away| {
            let stage = self.told.get(&away.wallet);
            stage.is_some_and(|stage| before.get(&away.wallet).is_none_or(|told| told > stage))
        };
        away.into_iter().filter(is_due).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const A: NodeId = NodeId([2; 33]);
    const B: NodeId = NodeId([3; 33]);

    fn due(reminders: &mut Reminders, away: &[(NodeId, u32)], height: u32) -> Vec<(NodeId, u32)> {
        let away = away.iter().map(|away| Away::at(height, *away));
        reminders.look(away.collect()).into_iter().map(|due| (due.wallet, due.blocks_left)).collect()
    }

    #[test]
    fn one_is_reminded_at_three_days_at_one_and_at_the_end() {
        let mut reminders = Reminders::default();
        let away = [(A, 1000), (B, 5000)];
        assert_eq!(due(&mut reminders, &away, 500), []);
        assert_eq!(due(&mut reminders, &away, 568), [(A, 432)]);
        assert_eq!(due(&mut reminders, &away, 700), []);
        assert_eq!(due(&mut reminders, &away, 900), [(A, 100)]);
        assert_eq!(due(&mut reminders, &away, 999), []);
        assert_eq!(due(&mut reminders, &away, 1000), [(A, 0)]);
        assert_eq!(due(&mut reminders, &away, 2000), []);
    }

    #[test]
    fn a_wallet_that_was_there_is_reminded_of_anew() {
        let mut reminders = Reminders::default();
        assert_eq!(due(&mut reminders, &[(A, 1000)], 950), [(A, 50)]);
        assert_eq!(due(&mut reminders, &[], 951), [], "it is there");
        assert_eq!(due(&mut reminders, &[(A, 1010)], 952), [(A, 58)]);
        assert_eq!(
            due(&mut reminders, &[(A, 4000)], 953),
            [],
            "another storage of it may stay away for longer"
        );
        assert_eq!(due(&mut reminders, &[(A, 4000)], 3990), [(A, 10)]);
    }
}
