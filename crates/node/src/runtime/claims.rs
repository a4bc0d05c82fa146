//! Claims of on-chain money that do not wait for a commit.
//!
//! What is spent from a commitment transaction in a block is ours only until a deadline, and depends on no promise to a peer:
//! a restart finds the same claims again. So they go out also while nothing can be saved. A commitment of our own does not:
//! forgotten in a crash, its channel would be used further and the commitment revoked.

use std::collections::{BTreeSet, HashSet};

use bitcoin::{OutPoint, Transaction, Txid};

use crate::ldk::Ldk;
use crate::ldk::commitment::is_commitment;

/// Outputs that a claim may spend at any time.
pub(super) struct Claimable {
    /// Commitments in blocks, and the transactions in blocks that spend their outputs.
    transactions: HashSet<Txid>,
    /// Outputs that come home to the on-chain wallet.
    swept: HashSet<OutPoint>,
}

impl Claimable {
    /// As LDK's monitors and its sweeper have it now.
    pub(super) fn of(ldk: &Ldk) -> Self {
        let mut transactions = HashSet::new();
        for monitor in ldk.all_monitors() {
            // Beside the funding a monitor watches what it has seen in blocks.
            let funding = monitor.get_funding_txo().txid;
            let watched = monitor.get_outputs_to_watch().into_iter().map(|(txid, _)| txid);
            transactions.extend(watched.filter(|txid| *txid != funding));
        }
        let tracked = ldk.sweeper.tracked_spendable_outputs().into_iter();
        let swept = tracked.map(|output| output.descriptor.spendable_outpoint().into_bitcoin_outpoint());
        Self { transactions, swept: swept.collect() }
    }

    /// Returns whether a package may leave without a commit: it claims what is on the chain, or raises the fee of a commitment
    /// that has left durably (`broadcast`).
    pub(super) fn may_leave(&self, package: &[Transaction], broadcast: &BTreeSet<Txid>) -> bool {
        let own: Vec<Txid> = package.iter().map(Transaction::compute_txid).collect();
        let claims = |tx: &Transaction| {
            tx.input.iter().map(|input| input.previous_output).any(|spent| {
                self.transactions.contains(&spent.txid)
                    || self.swept.contains(&spent)
                    || own.contains(&spent.txid)
            })
        };
        package.iter().zip(&own).all(|(tx, txid)| match is_commitment(tx) {
            true => broadcast.contains(txid),
            false => claims(tx),
        })
    }
}

#[cfg(test)]
mod tests {
    use bitcoin::absolute::LockTime;
    use bitcoin::hashes::Hash;
    use bitcoin::{ScriptBuf, Sequence, TxIn, TxOut, Witness};

    use super::*;

    fn spending(outpoint: OutPoint, lock_time: u32, sequence: u32) -> Transaction {
        let input = TxIn {
            previous_output: outpoint,
            sequence: Sequence(sequence),
            script_sig: ScriptBuf::new(),
            witness: Witness::new(),
        };
        Transaction {
            version: bitcoin::transaction::Version::TWO,
            lock_time: LockTime::from_consensus(lock_time),
            input: vec![input],
            output: vec![TxOut::NULL],
        }
    }

    fn outpoint(byte: u8) -> OutPoint {
        OutPoint { txid: Txid::from_byte_array([byte; 32]), vout: 0 }
    }

    #[test]
    fn a_claim_leaves_and_a_commitment_waits_unless_it_left_before() {
        let claimable = Claimable {
            transactions: HashSet::from([outpoint(1).txid]),
            swept: HashSet::from([outpoint(2)]),
        };
        let nothing = BTreeSet::new();
        for (claim, lock_time) in [(outpoint(1), 0), (outpoint(1), 700_000), (outpoint(2), 700_000)] {
            assert!(claimable.may_leave(&[spending(claim, lock_time, 1)], &nothing));
        }
        // A funding, a payment, or a closing that both agreed on.
        assert!(!claimable.may_leave(&[spending(outpoint(3), 0, 0xffff_fffd)], &nothing));
        let commitment = spending(outpoint(4), 0x2000_0007, 0x8000_0009);
        let anchor = spending(OutPoint { txid: commitment.compute_txid(), vout: 0 }, 0, 0);
        let package = [commitment.clone(), anchor];
        assert!(!claimable.may_leave(&package[..1], &nothing));
        assert!(!claimable.may_leave(&package, &nothing));
        let left = BTreeSet::from([commitment.compute_txid()]);
        assert!(claimable.may_leave(&package, &left));
        // Not even when what it spends looks like what may be claimed.
        assert!(!claimable.may_leave(&[spending(outpoint(1), 0x2000_0007, 0x8000_0009)], &nothing));
    }
}
