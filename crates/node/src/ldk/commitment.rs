//! Commitment transactions, and what spends their outputs, told from others by what BOLT 3 writes into them.

use bitcoin::hashes::{Hash, ripemd160};
use bitcoin::{Script, Transaction, Witness};

/// First byte of a commitment transaction's lock time (BOLT 3).
const LOCK_TIME: u32 = 0x20;
/// First byte of a commitment transaction's sequence number (BOLT 3).
const SEQUENCE: u32 = 0x80;

/// `OP_HASH160` and a push of 20 bytes: what stands before a hash in an HTLC's script.
const HASH160: [u8; 2] = [0xa9, 20];
/// `OP_DUP`, with which an HTLC's script begins.
const DUP: u8 = 0x76;
/// Bytes of a preimage, and of a revocation key.
const PREIMAGE: usize = 32;
const KEY: usize = 33;

/// Returns whether a transaction is a commitment (BOLT 3: the obscured number is in its lock time and sequence).
#[must_use]
pub fn is_commitment(tx: &Transaction) -> bool {
    tx.lock_time.to_consensus_u32() >> 24 == LOCK_TIME
        && tx.input.iter().all(|input| input.sequence.0 >> 24 == SEQUENCE)
}

/// RIPEMD160 hashes in an HTLC's script: of the payment hash, and of a key.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct HtlcHashes(Vec<[u8; 20]>);

impl HtlcHashes {
    /// Those of an HTLC's script (BOLT 3, "Commitment Transaction Outputs"); `None`: it is another script.
    pub fn of(script: &Script) -> Option<Self> {
        let bytes = script.as_bytes();
        let is_htlc = bytes.strip_prefix(&[DUP]).is_some_and(|rest| rest.starts_with(&HASH160));
        let windows = bytes.windows(HASH160.len() + 20);
        let hashes = windows.filter_map(|window| window.strip_prefix(&HASH160)?.try_into().ok());
        is_htlc.then(|| Self(hashes.collect()))
    }

    /// Returns whether it is an HTLC with this payment hash.
    pub fn are_of(&self, payment_hash: &[u8; 32]) -> bool {
        self.0.contains(&ripemd160::Hash::hash(payment_hash).to_byte_array())
    }
}

/// How a witness spends an output of the other side's commitment, without a second transaction in between.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Direct {
    /// An HTLC: its payee with the preimage, or its payer after the expiry.
    Htlc(HtlcHashes),
    /// An output of a revoked commitment, or of what spends its HTLCs.
    Revoked,
}

impl Direct {
    /// `None`: otherwise.
    pub fn of(witness: &Witness) -> Option<Self> {
        let items: Vec<&[u8]> = witness.iter().collect();
        let [_, way, script] = items[..] else { return None };
        let hashes = HtlcHashes::of(Script::from_bytes(script));
        match (way.len(), hashes) {
            (0 | PREIMAGE, Some(hashes)) => Some(Self::Htlc(hashes)),
            (KEY, Some(_)) => Some(Self::Revoked),
            // The delayed output's way for whoever has the revocation key.
            (1, None) if way == [1] => Some(Self::Revoked),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// As an offered HTLC's, as far as it is looked at.
    fn offered(hash: [u8; 20]) -> Vec<u8> {
        let mut script = vec![0x76, 0xa9, 20];
        script.extend([7; 20]);
        script.extend([0x87, 0x63, 0xac, 0x67, 0xa9, 20]);
        script.extend(hash);
        script.push(0x88);
        script
    }

    #[test]
    fn an_htlc_is_known_by_its_payment_hash() {
        let hash = ripemd160::Hash::hash(&[5; 32]).to_byte_array();
        let script = offered(hash);
        let hashes = HtlcHashes::of(Script::from_bytes(&script)).unwrap();
        assert_eq!(hashes, HtlcHashes(vec![[7; 20], hash]));
        assert!(hashes.are_of(&[5; 32]) && !hashes.are_of(&[6; 32]));
        assert_eq!(HtlcHashes::of(Script::from_bytes(&script[1..])), None);
    }

    #[test]
    fn ways_of_spending_the_other_sides_commitment_are_told_apart() {
        let htlc = offered([9; 20]);
        let delayed = [0x63, 33, 2];
        let of = |items: &[&[u8]]| Direct::of(&Witness::from_slice(items));
        let hashes = || HtlcHashes(vec![[7; 20], [9; 20]]);
        let (sig, preimage, key) = ([1; 71], [2; 32], [3; 33]);
        assert_eq!(of(&[&sig, &preimage, &htlc]), Some(Direct::Htlc(hashes())));
        assert_eq!(of(&[&sig, &[], &htlc]), Some(Direct::Htlc(hashes())));
        assert_eq!(of(&[&sig, &key, &htlc]), Some(Direct::Revoked));
        assert_eq!(of(&[&sig, &[1], &delayed]), Some(Direct::Revoked));
        // Our own delayed output, its peer's undelayed one, an HTLC of our own commitment.
        assert_eq!(of(&[&sig, &[], &delayed]), None);
        assert_eq!(of(&[&sig, &key]), None);
        assert_eq!(of(&[&[], &sig, &sig, &preimage, &htlc]), None);
    }
}
