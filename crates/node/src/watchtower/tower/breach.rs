//! Revoked commitments that were found on the chain, until what punishes them is deep enough.

use std::collections::BTreeMap;

use amplet_protocol::NodeId;
use amplet_protocol::watchtower::Label;
use amplet_storage::{Store, StoreError, get_unless_damaged};
use bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use bitcoin::{OutPoint, Transaction, Txid};
use serde::{Deserialize, Serialize};

use crate::ldk::commitment::Direct;
use crate::ldk::staged::StagedWrites;

/// Records, by the commitment's txid.
const RECORDS: &str = "tower/breach/";
const FORMAT: u32 = 1;

/// Blocks between one fee and the next. BOLT 2's `to_self_delay` is two weeks with our nodes, and a day at least with most others.
const BUMP_EVERY: u32 = 6;
/// Depth, in blocks, from which on a spend is final.
const FINAL: u32 = 12;

/// A revoked commitment, and what punishes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Breach {
    v: u32,
    /// Whose channel it was.
    pub wallet: NodeId,
    /// The wallet's name for it.
    pub channel: Label,
    /// Transactions in hex, by rising fee, and their rates in sat per 1000 weight units.
    transactions: Vec<(String, u64)>,
    /// The one that is broadcast, and the block since which it is; `None`: none was yet.
    now: Option<(usize, u32)>,
    /// The block in which the output was spent, and whether by the revocation key: the wallet has the money.
    spent: Option<(u32, bool)>,
}

impl Breach {
    /// Found in the block at `height`. `transactions`: see [`Kit::transactions`](crate::watchtower::kit::Kit::transactions).
    pub fn new(
        wallet: NodeId,
        channel: Label,
        commitment: &Transaction,
        height: u32,
        transactions: Vec<Transaction>,
    ) -> Self {
        let rate = |tx: &Transaction| {
            let spent = tx
                .input
                .first()
                .and_then(|input| commitment.output.get(usize::try_from(input.previous_output.vout).ok()?));
            let left = tx.output.first().map_or(0, |output| output.value.to_sat());
            let fee = spent.map_or(0, |output| output.value.to_sat()).saturating_sub(left);
            fee.saturating_mul(1000).checked_div(tx.weight().to_wu()).unwrap_or(0)
        };
        log::info!("{} transactions punish it, from block {height} on", transactions.len());
        let transactions = transactions.iter().map(|tx| (serialize_hex(tx), rate(tx))).collect();
        Self { v: FORMAT, wallet, channel, transactions, now: None, spent: None }
    }

    fn outpoint(&self) -> Option<OutPoint> {
        let tx: Transaction = deserialize_hex(&self.transactions.first()?.0).ok()?;
        Some(tx.input.first()?.previous_output)
    }

    /// What is to be broadcast at `height`, and whether it is another one than before. `rate`: sat per 1000 weight units.
    fn due(&mut self, height: u32, rate: u64) -> Option<(Transaction, bool)> {
        if self.spent.is_some() {
            return None;
        }
        let last = self.transactions.len().checked_sub(1)?;
        let suitable = self.transactions.iter().position(|(_, own)| *own >= rate).unwrap_or(last);
        let next = match self.now {
            None => suitable,
            Some((at, since)) if height.saturating_sub(since) >= BUMP_EVERY => {
                suitable.max(at.saturating_add(1)).min(last)
            }
            Some((at, _)) => suitable.max(at),
        };
        let is_new = self.now.is_none_or(|(at, _)| at != next);
        if is_new {
            self.now = Some((next, height));
        }
        let tx = deserialize_hex(&self.transactions.get(next)?.0).ok()?;
        Some((tx, is_new))
    }
}

/// All that are being punished.
#[derive(Default)]
pub(super) struct Breaches {
    all: BTreeMap<Txid, Breach>,
    /// Number of those punished since the start.
    pub punished: u64,
}

fn stage(txid: &Txid, breach: &Breach, staged: &StagedWrites) {
    // Plain data: its serialization has no failing case.
    if let Ok(bytes) = serde_json::to_vec(breach) {
        staged.put_deferred(format!("{RECORDS}{txid}"), bytes);
    }
}

impl Breaches {
    /// Those of an earlier run.
    pub async fn open(store: &dyn Store) -> Result<Self, StoreError> {
        let mut all = BTreeMap::new();
        for name in store.list(RECORDS).await? {
            let bytes = get_unless_damaged(store, &name).await?.unwrap_or_default();
            let txid = name.strip_prefix(RECORDS).and_then(|txid| txid.parse().ok());
            match (txid, serde_json::from_slice(&bytes)) {
                (Some(txid), Ok(breach)) => {
                    all.insert(txid, breach);
                }
                _ => log::error!("{name} cannot be read: a revoked commitment may go unpunished"),
            }
        }
        Ok(Self { all, punished: 0 })
    }

    /// Number of those that are being punished.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Adds one; the same one is found again when blocks are read again.
    pub fn add(&mut self, txid: Txid, breach: Breach, staged: &StagedWrites) {
        let breach = self.all.entry(txid).or_insert(breach);
        stage(&txid, breach, staged);
    }

    /// Takes note of what a transaction in the block at `height` spends.
    pub fn see(&mut self, tx: &Transaction, height: u32, staged: &StagedWrites) {
        if self.all.is_empty() {
            return;
        }
        for input in &tx.input {
            let commitment = input.previous_output.txid;
            let Some(breach) = self.all.get_mut(&commitment) else { continue };
            if breach.outpoint() == Some(input.previous_output) {
                log::warn!("{} spends what revoked commitment {commitment} left", tx.compute_txid());
                breach.spent = Some((height, Direct::of(&input.witness) == Some(Direct::Revoked)));
                stage(&commitment, breach, staged);
            }
        }
    }

    /// What is to be broadcast.
    pub fn due(&mut self, height: u32, rate: u64, staged: &StagedWrites) -> Vec<Transaction> {
        let mut due = Vec::new();
        for (txid, breach) in &mut self.all {
            let Some((tx, is_new)) = breach.due(height, rate) else { continue };
            if is_new {
                log::warn!("{} is broadcast: it punishes {txid}", tx.compute_txid());
                stage(txid, breach, staged);
            }
            due.push(tx);
        }
        due
    }

    /// Blocks above `height` are on the chain no longer.
    pub fn disconnected(&mut self, height: u32) {
        for breach in self.all.values_mut() {
            breach.spent = breach.spent.filter(|(spent, _)| *spent <= height);
        }
    }

    /// Takes those whose output was spent deep enough below `height`.
    pub fn take_over(&mut self, height: u32, staged: &StagedWrites) -> Vec<Breach> {
        let is_over =
            |breach: &Breach| breach.spent.is_some_and(|(spent, _)| height >= spent.saturating_add(FINAL));
        let over: Vec<(Txid, Breach)> = self.all.extract_if(.., |_, breach| is_over(breach)).collect();
        let punished = over.iter().filter(|(_, breach)| breach.spent.is_some_and(|(_, by_key)| by_key));
        self.punished = self.punished.saturating_add(punished.count() as u64);
        over.iter().for_each(|(txid, _)| staged.remove(format!("{RECORDS}{txid}")));
        over.into_iter().map(|(_, breach)| breach).collect()
    }
}
