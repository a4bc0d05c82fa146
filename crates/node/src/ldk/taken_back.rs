//! HTLCs that their payer took back on chain after they had expired.
//!
//! LDK says that a payment is ours (`PaymentClaimed`) once its preimage is durable. A wallet that ends then, before its peer has heard of
//! the preimage, and comes back after the HTLC's expiry, may find that the peer closed the channel and took the HTLC back; of that LDK
//! says nothing. So blocks are looked through for spends of watched outputs by an HTLC's way for its payer (BOLT 3, "Commitment
//! Transaction Outputs"), and what is found waits until its block is deep enough: `payments::inbound` corrects the record then.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use amplet_chain::{BlockId, BlockListener};
use amplet_storage::{Store, get_unless_damaged};
use bitcoin::block::Header;
use bitcoin::{Amount, Block, OutPoint, Script, Transaction, Witness};
use serde::{Deserialize, Serialize};

use crate::ldk::commitment::HtlcHashes;
use crate::ldk::error::ReadError;
use crate::ldk::staged::{StagedWrites, names};
use crate::ldk::watch::Watch;

const FORMAT: u32 = 1;

/// An HTLC that its payer took back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TakenBack {
    hashes: HtlcHashes,
    /// Its amount; `None`: the spend does not show it.
    pub sat: Option<u64>,
    height: u32,
}

impl TakenBack {
    /// Returns whether it was an HTLC with this payment hash.
    pub fn is_of(&self, payment_hash: &[u8; 32]) -> bool {
        self.hashes.are_of(payment_hash)
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Stored {
    v: u32,
    found: Vec<(OutPoint, TakenBack)>,
}

/// All that were found and are not deep enough, or not looked at yet, by the HTLC's outpoint.
pub(crate) struct TakenBackHtlcs {
    found: Mutex<BTreeMap<OutPoint, TakenBack>>,
    watch: Arc<Watch>,
    staged: Arc<StagedWrites>,
}

impl TakenBackHtlcs {
    /// What an earlier run found.
    ///
    /// # Errors
    /// The store's. A damaged record is passed over: the payments that it is about stay as they are recorded.
    pub async fn open(
        store: &dyn Store,
        watch: Arc<Watch>,
        staged: Arc<StagedWrites>,
    ) -> Result<Self, ReadError> {
        let bytes = get_unless_damaged(store, names::TAKEN_BACK).await?;
        let stored: Stored = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Ok(Self { found: Mutex::new(stored.found.into_iter().collect()), watch, staged })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<OutPoint, TakenBack>> {
        self.found.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Those in blocks up to `height`.
    pub fn up_to(&self, height: u32) -> Vec<(OutPoint, TakenBack)> {
        let found = self.lock();
        found.iter().filter(|(_, it)| it.height <= height).map(|(at, it)| (*at, it.clone())).collect()
    }

    /// Forgets one; call it in the step that corrects the record.
    pub fn remove(&self, outpoint: &OutPoint) {
        self.change(|found| found.remove(outpoint).is_some());
    }

    /// Changes the set, and stages it if `change` says that it did.
    fn change(&self, change: impl FnOnce(&mut BTreeMap<OutPoint, TakenBack>) -> bool) {
        let mut found = self.lock();
        if !change(&mut found) {
            return;
        }
        let stored = Stored { v: FORMAT, found: found.iter().map(|(at, it)| (*at, it.clone())).collect() };
        // Plain data: its serialization has no failing case.
        if let Ok(bytes) = serde_json::to_vec(&stored) {
            self.staged.put(names::TAKEN_BACK, bytes);
        }
    }

    /// What a transaction takes back of watched outputs.
    fn of(&self, tx: &Transaction, height: u32) -> Vec<(OutPoint, TakenBack)> {
        let inputs = tx.input.iter().enumerate();
        let taken = inputs.filter_map(|(at, input)| {
            let (script, by_htlc_tx) = payers_way(&input.witness)?;
            // Our own delayed outputs are spent by a witness of the same form.
            let hashes = HtlcHashes::of(script).filter(|_| self.watch.contains(&script.to_p2wsh()))?;
            // An HTLC transaction's outputs stand as its inputs do, and pay no fee with anchors (BOLT 3).
            let sat = tx.output.get(at).filter(|_| by_htlc_tx).map(|output| output.value);
            let taken = TakenBack { hashes, sat: sat.map(Amount::to_sat), height };
            Some((input.previous_output, taken))
        });
        taken.collect()
    }
}

impl BlockListener for TakenBackHtlcs {
    fn block_connected(&self, block: &Block, height: u32) {
        let taken: Vec<_> = block.txdata.iter().flat_map(|tx| self.of(tx, height)).collect();
        self.change(|found| {
            let any = !taken.is_empty();
            found.extend(taken);
            any
        });
    }

    fn filtered_block_connected(&self, _: &Header, _: u32) {}

    fn blocks_disconnected(&self, fork: BlockId) {
        self.change(|found| {
            let before = found.len();
            found.retain(|_, it| it.height <= fork.height);
            found.len() != before
        });
    }
}

/// The script of an HTLC that a witness spends by the way of its payer, who shows no preimage, and whether by an HTLC-timeout
/// transaction of the payer's own commitment.
fn payers_way(witness: &Witness) -> Option<(&Script, bool)> {
    let items: Vec<&[u8]> = witness.iter().collect();
    match items[..] {
        [_, [], script] => Some((Script::from_bytes(script), false)),
        [[], _, _, [], script] => Some((Script::from_bytes(script), true)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bitcoin::ScriptBuf;

    #[test]
    fn the_payers_ways_are_told_from_the_payees() {
        let script = ScriptBuf::from_bytes(vec![0x76, 0xa9, 20]);
        let witness = |items: &[&[u8]]| Witness::from_slice(items);
        let (sig, preimage, key) = ([1; 71], [2; 32], [3; 33]);
        let timeout = witness(&[&[], &sig, &sig, &[], script.as_bytes()]);
        assert_eq!(payers_way(&timeout), Some((&*script, true)));
        let direct = witness(&[&sig, &[], script.as_bytes()]);
        assert_eq!(payers_way(&direct), Some((&*script, false)));
        for payees in [
            witness(&[&[], &sig, &sig, &preimage, script.as_bytes()]),
            witness(&[&sig, &preimage, script.as_bytes()]),
            witness(&[&sig, &key, script.as_bytes()]),
        ] {
            assert_eq!(payers_way(&payees), None);
        }
    }
}
