//! Commitment transactions, told from others by what BOLT 3 writes into them.

use bitcoin::Transaction;

/// First byte of a commitment transaction's lock time (BOLT 3).
const LOCK_TIME: u32 = 0x20;
/// First byte of a commitment transaction's sequence number (BOLT 3).
const SEQUENCE: u32 = 0x80;

/// Returns whether a transaction is a commitment (BOLT 3: the obscured number is in its lock time and sequence).
pub(crate) fn is_commitment(tx: &Transaction) -> bool {
    tx.lock_time.to_consensus_u32() >> 24 == LOCK_TIME
        && tx.input.iter().all(|input| input.sequence.0 >> 24 == SEQUENCE)
}
