//! Staged broadcasts that a block has overtaken.
//!
//! After an absence many blocks are read before anything leaves. LDK claims what a commitment in one of them left, and a later one
//! holds the peer's claim of the same output: LDK claims it no longer, and what it staged before can never confirm. To the on-chain
//! wallet it would be money that comes for ever.

use std::collections::HashMap;

use bitcoin::{Block, OutPoint, Transaction, Txid};

use crate::ldk::staged::StagedWrites;

impl StagedWrites {
    /// Drops transactions that spend what another one spends in this block, with their children. To be called once LDK has read it.
    pub(crate) fn drop_overtaken(&self, block: &Block) {
        let mut step = self.step();
        if step.broadcasts.is_empty() {
            return;
        }
        let spenders = spenders(block);
        for package in &mut step.broadcasts {
            let mut dropped: Vec<Txid> = Vec::new();
            package.retain(|tx| {
                let txid = tx.compute_txid();
                let mut coins = tx.input.iter().map(|input| input.previous_output);
                let is_overtaken = coins.any(|coin| {
                    dropped.contains(&coin.txid)
                        || spenders.get(&coin).is_some_and(|spender| *spender != txid)
                });
                if is_overtaken {
                    log::info!("{txid} is not broadcast: a block spends what it spends");
                    dropped.push(txid);
                }
                !is_overtaken
            });
        }
        step.broadcasts.retain(|package: &Vec<Transaction>| !package.is_empty());
    }
}

fn spenders(block: &Block) -> HashMap<OutPoint, Txid> {
    let spends = block.txdata.iter().flat_map(|tx| {
        let txid = tx.compute_txid();
        tx.input.iter().map(move |input| (input.previous_output, txid))
    });
    spends.collect()
}

#[cfg(test)]
mod tests {
    use bitcoin::hashes::Hash;
    use bitcoin::{BlockHash, CompactTarget, Sequence, TxIn, TxMerkleNode, absolute, block, transaction};

    use super::*;

    /// A transaction that spends the first output of each of these.
    fn spend(of: &[Txid], sequence: u32) -> Transaction {
        let input = |txid: &Txid| TxIn {
            previous_output: OutPoint { txid: *txid, vout: 0 },
            sequence: Sequence(sequence),
            ..TxIn::default()
        };
        Transaction {
            version: transaction::Version::TWO,
            lock_time: absolute::LockTime::ZERO,
            input: of.iter().map(input).collect(),
            output: Vec::new(),
        }
    }

    #[test]
    fn what_a_block_has_overtaken_is_dropped_with_its_children() {
        let coin = |number: u8| Txid::from_byte_array([number; 32]);
        let (overtaken, confirmed, other) =
            (spend(&[coin(1)], 0), spend(&[coin(2)], 0), spend(&[coin(3)], 0));
        let child = spend(&[coin(4), overtaken.compute_txid()], 0);
        let staged = StagedWrites::default();
        staged.broadcast(vec![overtaken, child]);
        staged.broadcast(vec![confirmed.clone()]);
        staged.broadcast(vec![other.clone(), spend(&[coin(1), other.compute_txid()], 1)]);
        let header = block::Header {
            version: block::Version::TWO,
            prev_blockhash: BlockHash::all_zeros(),
            merkle_root: TxMerkleNode::all_zeros(),
            time: 0,
            bits: CompactTarget::from_consensus(0),
            nonce: 0,
        };
        staged.drop_overtaken(&Block { header, txdata: vec![spend(&[coin(1)], 7), confirmed.clone()] });
        assert_eq!(staged.to_broadcast(), [confirmed, other]);
    }
}
