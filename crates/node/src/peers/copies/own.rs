//! What a wallet keeps to be told apart from its copies.

use std::collections::BTreeMap;

use amplet_protocol::{Canary, InstanceId, NodeId};
use amplet_storage::{Store, StoreError, get_unless_damaged};
use amplet_transport::Platform;
use serde::{Deserialize, Serialize};

use crate::ldk::staged::{StagedWrites, names};

const FORMAT: u32 = 1;

/// Canaries kept per gateway: one that was not delivered, or that the gateway lost, is no sign of another copy.
const MAX_CANARIES: usize = 16;

/// The installation, and the canaries that it left with gateways; stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Own {
    v: u32,
    pub instance: InstanceId,
    /// By gateway, the newest last.
    #[serde(default)]
    canaries: BTreeMap<NodeId, Vec<Canary>>,
}

impl Own {
    /// The stored one; a new one, staged, where there is none.
    pub async fn open(
        store: &dyn Store,
        staged: &StagedWrites,
        platform: &dyn Platform,
    ) -> Result<Self, StoreError> {
        let stored = get_unless_damaged(store, names::COPIES).await?;
        if let Some(own) = stored.and_then(|bytes| read(&bytes)) {
            return Ok(own);
        }
        let mut random = [0; 16];
        platform.random(&mut random);
        let own = Self { v: FORMAT, instance: InstanceId(random), canaries: BTreeMap::new() };
        if let Some(bytes) = own.encode() {
            staged.put_deferred(names::COPIES, bytes);
        }
        Ok(own)
    }

    fn encode(&self) -> Option<Vec<u8>> {
        // Plain data: its serialization has no failing case.
        let bytes = serde_json::to_vec(self);
        bytes.map_err(|error| log::error!("this installation's record was not written: {error}")).ok()
    }

    /// Returns whether this storage left the canary with the gateway.
    pub fn knows(&self, gateway: &NodeId, canary: &Canary) -> bool {
        self.canaries.get(gateway).is_some_and(|known| known.contains(canary))
    }

    /// Makes a new canary for the gateway and stages it. `seen`: the one that the gateway has, which is forgotten last.
    pub fn renew(
        &mut self,
        gateway: NodeId,
        seen: Option<Canary>,
        staged: &StagedWrites,
        platform: &dyn Platform,
    ) -> Canary {
        let mut random = [0; 16];
        platform.random(&mut random);
        let known = self.canaries.entry(gateway).or_default();
        if let Some(at) = known.iter().position(|canary| Some(*canary) == seen) {
            let seen = known.remove(at);
            known.push(seen);
        }
        known.push(Canary(random));
        let surplus = known.len().saturating_sub(MAX_CANARIES);
        known.drain(..surplus);
        // It rides with the next step: a connection alone is not worth a commit.
        if let Some(bytes) = self.encode() {
            staged.put_at_leisure(names::COPIES, bytes);
        }
        Canary(random)
    }
}

fn read(bytes: &[u8]) -> Option<Own> {
    let own = serde_json::from_slice(bytes);
    // Without it the gateways take this installation for another one: they are asked again by name, and no money is at stake.
    own.map_err(|error| log::error!("this installation's record cannot be read: {error}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use amplet_transport::testing::TestPlatform;
    use std::time::Duration;

    #[test]
    fn the_canary_that_the_gateway_has_is_forgotten_last() {
        let (staged, platform) = (StagedWrites::default(), TestPlatform::new(1, Duration::ZERO));
        let gateway = NodeId([2; 33]);
        let mut own = Own { v: FORMAT, instance: InstanceId([1; 16]), canaries: BTreeMap::new() };
        let first = own.renew(gateway, None, &staged, &platform);
        // None of these arrives.
        let mut newest = first;
        for _ in 0..100 {
            newest = own.renew(gateway, Some(first), &staged, &platform);
            assert!(own.knows(&gateway, &first) && own.knows(&gateway, &newest));
        }
        assert_eq!(own.canaries[&gateway].len(), MAX_CANARIES);
        assert!(!own.knows(&NodeId([3; 33]), &newest), "another gateway's");
        // One that was forgotten is another copy's.
        let left = own.renew(gateway, Some(newest), &staged, &platform);
        assert!(own.knows(&gateway, &left));
        assert!(!own.knows(&gateway, &Canary([0; 16])));
    }
}
