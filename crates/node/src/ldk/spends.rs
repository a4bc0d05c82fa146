//! What spends the fundings of our channels in blocks: closing transactions and commitments. LDK keeps neither their outputs nor, of
//! a closing transaction, a note; both tell what a close cost (`onchain::closes`).

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use amplet_chain::{BlockId, BlockListener};
use amplet_storage::{Store, get_unless_damaged};
use bitcoin::block::Header;
use bitcoin::{Block, OutPoint, Script, Transaction, Txid, Witness};
use serde::{Deserialize, Serialize};

use crate::ldk::commitment::is_commitment;
use crate::ldk::error::ReadError;
use crate::ldk::staged::{StagedWrites, names};
use crate::ldk::watch::Watch;

const FORMAT: u32 = 1;

/// `OP_2`, with which a funding's script begins (BOLT 3), and its last two operations.
const TWO: u8 = 0x52;
const OF_TWO: [u8; 2] = [TWO, 0xae];

/// A transaction that spends a funding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Spend {
    /// Its id.
    pub txid: Txid,
    /// It is a commitment, and else one that both sides have signed to close.
    pub is_commitment: bool,
    /// Values of its outputs.
    pub outputs_sat: Vec<u64>,
}

impl Spend {
    fn of(tx: &Transaction) -> Self {
        let outputs_sat = tx.output.iter().map(|output| output.value.to_sat()).collect();
        Self { txid: tx.compute_txid(), is_commitment: is_commitment(tx), outputs_sat }
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    v: u32,
    funding: OutPoint,
    spend: Spend,
}

/// Spends that blocks had, by the funding; the last one, where a block was replaced.
pub(crate) struct FundingSpends {
    found: Mutex<BTreeMap<OutPoint, Spend>>,
    watch: Arc<Watch>,
    staged: Arc<StagedWrites>,
}

impl FundingSpends {
    /// What earlier runs found.
    ///
    /// # Errors
    /// The store's. A damaged record is passed over: what that close cost is not told.
    pub async fn open(
        store: &dyn Store,
        watch: Arc<Watch>,
        staged: Arc<StagedWrites>,
    ) -> Result<Self, ReadError> {
        let mut found = BTreeMap::new();
        for name in store.list(names::FUNDING_SPENDS).await? {
            let bytes = get_unless_damaged(store, &name).await?;
            let stored: Option<Stored> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            found.extend(stored.map(|Stored { funding, spend, .. }| (funding, spend)));
        }
        Ok(Self { found: Mutex::new(found), watch, staged })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<OutPoint, Spend>> {
        self.found.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// What spends this funding.
    pub fn of(&self, funding: &OutPoint) -> Option<Spend> {
        self.lock().get(funding).cloned()
    }

    /// The funding that a transaction spends.
    pub fn by_txid(&self, txid: Txid) -> Option<(OutPoint, Spend)> {
        let found = self.lock();
        found.iter().find(|(_, spend)| spend.txid == txid).map(|(funding, spend)| (*funding, spend.clone()))
    }

    /// Forgets those of other fundings than these.
    pub fn retain(&self, fundings: &HashSet<OutPoint>) {
        let mut found = self.lock();
        let gone: Vec<OutPoint> =
            found.keys().filter(|funding| !fundings.contains(funding)).copied().collect();
        for funding in gone {
            found.remove(&funding);
            self.staged.remove(name(&funding));
        }
    }

    fn note(&self, funding: OutPoint, spend: Spend) {
        let mut found = self.lock();
        if found.get(&funding) == Some(&spend) {
            return;
        }
        // Plain data: its serialization has no failing case.
        if let Ok(bytes) = serde_json::to_vec(&Stored { v: FORMAT, funding, spend: spend.clone() }) {
            self.staged.put_deferred(name(&funding), bytes);
        }
        found.insert(funding, spend);
    }
}

fn name(funding: &OutPoint) -> String {
    format!("{}{funding}", names::FUNDING_SPENDS)
}

/// The script of a funding (BOLT 3: 2 of 2), if this witness spends one.
fn funding_script(witness: &Witness) -> Option<&Script> {
    let script = witness.last().map(Script::from_bytes)?;
    let bytes = script.as_bytes();
    (bytes.first() == Some(&TWO) && bytes.ends_with(&OF_TWO)).then_some(script)
}

impl BlockListener for FundingSpends {
    fn block_connected(&self, block: &Block, _: u32) {
        for tx in &block.txdata {
            for input in &tx.input {
                let script = funding_script(&input.witness);
                if script.is_some_and(|script| self.watch.contains(&script.to_p2wsh())) {
                    self.note(input.previous_output, Spend::of(tx));
                }
            }
        }
    }

    fn filtered_block_connected(&self, _: &Header, _: u32) {}

    /// Another block has the same transaction, or another one, which takes its place here.
    fn blocks_disconnected(&self, _: BlockId) {}
}
