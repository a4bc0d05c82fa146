//! What a gateway keeps of the nodes that have channels with it.

use std::collections::BTreeMap;

use amplet_protocol::copies::{MAX_CHANNELS, Record};
use amplet_protocol::{ChannelId, NodeId};
use amplet_storage::{Store, StoreError, get_unless_damaged};

use crate::ldk::staged::{StagedWrites, names};

/// Records by node.
#[derive(Default)]
pub(super) struct Kept(BTreeMap<NodeId, Record>);

/// The answer to a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Nothing is kept of this node, or nothing changed.
    Nothing,
    /// It is kept.
    Kept,
    /// Another installation is registered for this node id.
    OtherInstallation,
}

impl Kept {
    /// Reads all records. One that cannot be read is as good as none: it comes again.
    pub async fn open(store: &dyn Store) -> Result<Self, StoreError> {
        let mut all = BTreeMap::new();
        for name in store.list(names::KEPT).await? {
            let bytes = get_unless_damaged(store, &name).await?.unwrap_or_default();
            let node = name.strip_prefix(names::KEPT).and_then(|hex| NodeId::from_hex(hex).ok());
            match (node, serde_json::from_slice(&bytes)) {
                (Some(node), Ok(record)) => {
                    all.insert(node, record);
                }
                (_, Err(error)) => log::warn!("{name} cannot be read ({error}) and is begun again"),
                (None, _) => log::warn!("{name} is not the record of a node"),
            }
        }
        Ok(Self(all))
    }

    /// What is kept of a node; empty: nothing.
    pub fn get(&self, node: &NodeId) -> Record {
        self.0.get(node).cloned().unwrap_or_default()
    }

    /// The nodes that have said until when they may stay away, and the height before which each has to run again.
    pub fn safe_until(&self) -> impl Iterator<Item = (NodeId, u32)> {
        self.0.iter().filter_map(|(node, record)| Some((*node, record.safe_until?)))
    }

    /// Takes a report of a node. `channels`: its channels with this gateway; without one nothing is kept, so that a stranger
    /// fills no disk. The first installation that shows one of them is registered.
    pub fn take(
        &mut self,
        node: NodeId,
        report: &Record,
        channels: &[ChannelId],
        staged: &StagedWrites,
    ) -> Taken {
        let mut record = self.get(&node);
        if record.instance.is_some() && record.instance != report.instance {
            return Taken::OtherInstallation;
        }
        let shows_one = || channels.iter().any(|channel| report.counters.contains_key(channel));
        if channels.is_empty() || report.instance.is_none() || (record.instance.is_none() && !shows_one()) {
            return Taken::Nothing;
        }
        let before = record.clone();
        record.instance = report.instance;
        record.canary = report.canary.or(record.canary);
        record.safe_until = report.safe_until;
        for (channel, counter) in &report.counters {
            if record.counters.len() < MAX_CHANNELS || record.counters.contains_key(channel) {
                let kept = record.counters.entry(*channel).or_default();
                *kept = (*kept).max(*counter);
            }
        }
        if record == before {
            return Taken::Nothing;
        }
        let only_counters = record.instance == before.instance && record.canary == before.canary;
        match serde_json::to_vec(&record) {
            // What is lost with the process comes again with the next report.
            Ok(bytes) if only_counters => staged.put_at_leisure(format!("{}{node}", names::KEPT), bytes),
            Ok(bytes) => staged.put_deferred(format!("{}{node}", names::KEPT), bytes),
            // Plain data: its serialization has no failing case.
            Err(error) => log::error!("the record of {node} was not written: {error}"),
        }
        self.0.insert(node, record);
        Taken::Kept
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use amplet_protocol::{Canary, InstanceId};
    use amplet_storage::kdf::{KdfParams, Kek};
    use amplet_storage::{MemoryBackend, SealedStore};
    use std::rc::Rc;

    const NODE: NodeId = NodeId([2; 33]);
    const WITH_US: ChannelId = ChannelId([1; 32]);
    const ELSEWHERE: ChannelId = ChannelId([9; 32]);

    fn report(instance: u8, counters: &[(ChannelId, u64)]) -> Record {
        let counters = counters.iter().copied().collect();
        Record { instance: Some(InstanceId([instance; 16])), counters, ..Record::default() }
    }

    #[test]
    fn the_highest_number_of_each_channel_is_kept() {
        let (mut kept, staged) = (Kept::default(), StagedWrites::default());
        let mut take = |counters: &[_]| kept.take(NODE, &report(1, counters), &[WITH_US], &staged);
        assert_eq!(take(&[(WITH_US, 5), (ELSEWHERE, 7)]), Taken::Kept);
        assert_eq!(take(&[(WITH_US, 4)]), Taken::Nothing);
        assert_eq!(take(&[(WITH_US, 6)]), Taken::Kept);
        assert_eq!(kept.get(&NODE).counters, [(WITH_US, 6), (ELSEWHERE, 7)].into());
    }

    #[test]
    fn the_first_installation_that_shows_a_channel_is_registered_and_no_other() {
        let (mut kept, staged) = (Kept::default(), StagedWrites::default());
        let mut take =
            |instance, counters: &[_]| kept.take(NODE, &report(instance, counters), &[WITH_US], &staged);
        assert_eq!(take(2, &[]), Taken::Nothing, "whoever has no state registers nothing");
        assert_eq!(take(2, &[(ELSEWHERE, 1)]), Taken::Nothing);
        assert_eq!(take(1, &[(WITH_US, 1)]), Taken::Kept);
        assert_eq!(take(2, &[(WITH_US, 9)]), Taken::OtherInstallation);
        assert_eq!(take(1, &[]), Taken::Nothing);
        assert_eq!(kept.get(&NODE).counters, [(WITH_US, 1)].into());
    }

    #[test]
    fn strangers_fill_no_disk() {
        let (mut kept, staged) = (Kept::default(), StagedWrites::default());
        assert_eq!(kept.take(NODE, &report(1, &[(ELSEWHERE, 1)]), &[], &staged), Taken::Nothing);
        let many: Vec<_> = (0..200).map(|at| (ChannelId([at; 32]), 1)).collect();
        assert_eq!(kept.take(NODE, &report(1, &many), &[WITH_US], &staged), Taken::Kept);
        assert_eq!(kept.get(&NODE).counters.len(), MAX_CHANNELS);
    }

    #[test]
    fn what_is_kept_outlives_the_process() {
        futures::executor::block_on(async {
            let backend: amplet_storage::SharedBackend = Rc::new(MemoryBackend::new());
            let kek = Kek::from_bytes([7; 32]);
            let store = SealedStore::create(backend, &KdfParams::external_key(), kek).await.unwrap();
            let (mut kept, staged) = (Kept::default(), StagedWrites::default());
            let canary = Some(Canary([3; 16]));
            let told = Record { canary, ..report(1, &[(WITH_US, 5)]) };
            kept.take(NODE, &told, &[WITH_US], &staged);
            kept.take(NODE, &report(1, &[(WITH_US, 6)]), &[WITH_US], &staged);
            store.commit(staged.take().writes).await.unwrap().durable().await.unwrap();
            let again = Kept::open(&store).await.unwrap().get(&NODE);
            assert_eq!(again, Record { canary, ..report(1, &[(WITH_US, 6)]) });
        });
    }
}
