//! What punishes one revoked commitment: signatures at several fee rates and what the transactions are rebuilt from, sealed by the
//! commitment's own id, so that whoever keeps it learns nothing before that is on the chain.

use amplet_protocol::watchtower::{HINT, Item, SEALED};
use bitcoin::hashes::{Hash, HashEngine, sha256};
use bitcoin::secp256k1::ecdsa::Signature;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, absolute, transaction};
use chacha20_poly1305::ChaCha20Poly1305;
use chacha20_poly1305::chacha20::{Key, Nonce};

/// Fee rates of the transactions, in sat per 1000 weight units: 1, 10, 50 and 200 sat/vB.
pub(super) const RATES: [u64; 4] = [253, 2_500, 12_500, 50_000];

/// Weight of the witness that spends `to_local` by its revocation key (LDK's `WEIGHT_REVOKED_OUTPUT`), in weight units.
const WITNESS_WEIGHT: u64 = 155;

/// Separates the key from everything else that is made of a transaction's id. Changing it makes what is kept unreadable.
const KEY: &[u8] = b"amplet justice 1";
const NONCE: usize = 12;
const TAG: usize = 16;
const PLAIN: usize = SEALED - NONCE - TAG;

const FORMAT: u8 = 1;
/// BOLT 3's script of `to_local` has 78 bytes at most.
const MAX_SCRIPT: usize = 80;
/// A witness program (BIP 141) has 42 bytes at most.
const MAX_DESTINATION: usize = 42;

/// One of the transactions: what its output holds, in sat, and the signature of its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spend {
    pub value_sat: u64,
    pub signature: Signature,
}

/// See the head of this file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kit {
    /// Number of the commitment's output.
    pub vout: u16,
    /// Script of that output.
    pub script: ScriptBuf,
    /// Where the money goes.
    pub destination: ScriptBuf,
    /// By rising fee.
    pub spends: [Spend; RATES.len()],
}

/// The transaction that spends `to_local`, not signed yet.
pub(super) fn unsigned(commitment: OutPoint, destination: &ScriptBuf, value_sat: u64) -> Transaction {
    Transaction {
        version: transaction::Version::TWO,
        lock_time: absolute::LockTime::ZERO,
        input: vec![TxIn {
            previous_output: commitment,
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            ..TxIn::default()
        }],
        output: vec![TxOut { value: Amount::from_sat(value_sat), script_pubkey: destination.clone() }],
    }
}

/// What is left of `value_sat` at each of [`RATES`]; fees take half of it at most.
pub(super) fn values_sat(destination: &ScriptBuf, value_sat: u64) -> [u64; RATES.len()] {
    let unsigned = unsigned(OutPoint::null(), destination, value_sat);
    let weight = unsigned.weight().to_wu().saturating_add(WITNESS_WEIGHT);
    RATES.map(|rate| {
        let fee = rate.saturating_mul(weight).div_ceil(1000);
        value_sat.saturating_sub(fee.min(value_sat / 2))
    })
}

/// By which a revoked commitment is recognised.
pub(super) fn hint(commitment: &Txid) -> [u8; HINT] {
    let hash = sha256::Hash::hash(commitment.as_byte_array()).to_byte_array();
    std::array::from_fn(|at| hash.get(at).copied().unwrap_or_default())
}

fn key(commitment: &Txid) -> Key {
    let mut engine = sha256::Hash::engine();
    engine.input(commitment.as_byte_array());
    engine.input(KEY);
    Key::new(sha256::Hash::from_engine(engine).to_byte_array())
}

impl Kit {
    /// Seals it. `nonce` must be random: the same state may be sealed again with another destination. `None`: a script is longer than
    /// any of BOLT 3's or BIP 141's.
    pub fn seal(&self, commitment: &Txid, nonce: [u8; NONCE]) -> Option<Item> {
        let mut plain = self.encode()?;
        plain.resize(PLAIN, 0);
        let cipher = ChaCha20Poly1305::new(key(commitment), Nonce::new(nonce));
        let tag = cipher.encrypt(&mut plain, None);
        let sealed = [&nonce[..], &plain, &tag].concat();
        Some(Item { hint: hint(commitment), sealed })
    }

    fn encode(&self) -> Option<Vec<u8>> {
        let mut plain = vec![FORMAT];
        plain.extend(self.vout.to_be_bytes());
        for (script, max) in [(&self.script, MAX_SCRIPT), (&self.destination, MAX_DESTINATION)] {
            plain.push(u8::try_from(script.len()).ok().filter(|_| script.len() <= max)?);
            plain.extend(script.as_bytes());
        }
        for spend in &self.spends {
            plain.extend(spend.value_sat.to_be_bytes());
            plain.extend(spend.signature.serialize_compact());
        }
        Some(plain)
    }
}

/// What a gateway does with it.
#[cfg(feature = "tower")]
mod punish {
    use bitcoin::Witness;
    use bitcoin::secp256k1::{Message, PublicKey, Secp256k1};
    use bitcoin::sighash::SighashCache;

    use super::*;

    /// Where the revocation key stands in the script of `to_local` (BOLT 3): behind `OP_IF` and the length of a push.
    const REVOCATION_KEY: std::ops::Range<usize> = 2..35;
    const SIGNATURE: usize = 64;

    impl Kit {
        /// The transaction of one of the spends, ready to be broadcast.
        fn transaction(&self, commitment: Txid, spend: &Spend) -> Transaction {
            let outpoint = OutPoint { txid: commitment, vout: u32::from(self.vout) };
            let mut tx = unsigned(outpoint, &self.destination, spend.value_sat);
            let mut signature = spend.signature.serialize_der().to_vec();
            signature.push(bitcoin::EcdsaSighashType::All as u8);
            let witness = [&signature[..], &[1], self.script.as_bytes()];
            tx.input.iter_mut().for_each(|input| input.witness = Witness::from_slice(&witness));
            tx
        }

        /// Opens what is sealed. `None`: it is not sealed for this commitment, or not by us.
        pub fn open(sealed: &[u8], commitment: &Txid) -> Option<Self> {
            let (nonce, rest) = sealed.split_first_chunk::<NONCE>()?;
            let (plain, tag) = rest.split_last_chunk::<TAG>()?;
            let mut plain = plain.to_vec();
            let cipher = ChaCha20Poly1305::new(key(commitment), Nonce::new(*nonce));
            cipher.decrypt(&mut plain, *tag, None).ok()?;
            Self::decode(&plain)
        }

        fn decode(plain: &[u8]) -> Option<Self> {
            let rest = plain.strip_prefix(&[FORMAT])?;
            let (vout, rest) = rest.split_first_chunk()?;
            let (script, rest) = take_script(rest)?;
            let (destination, rest) = take_script(rest)?;
            let mut rest = rest;
            let mut spends = Vec::new();
            for _ in RATES {
                let (value, behind) = rest.split_first_chunk()?;
                let (signature, behind) = behind.split_first_chunk::<SIGNATURE>()?;
                let signature = Signature::from_compact(signature).ok()?;
                spends.push(Spend { value_sat: u64::from_be_bytes(*value), signature });
                rest = behind;
            }
            let spends = spends.try_into().ok()?;
            Some(Self { vout: u16::from_be_bytes(*vout), script, destination, spends })
        }

        /// The transactions that punish `commitment`, by rising fee: those that are valid, each fee once.
        pub fn transactions(&self, commitment: &Transaction) -> Vec<Transaction> {
            let Some(output) = commitment.output.get(usize::from(self.vout)) else { return Vec::new() };
            let key = self.script.as_bytes().get(REVOCATION_KEY).map(PublicKey::from_slice);
            let (Some(Ok(key)), true) = (key, output.script_pubkey == self.script.to_p2wsh()) else {
                return Vec::new();
            };
            let mut spends: Vec<&Spend> =
                self.spends.iter().filter(|spend| spend.value_sat < output.value.to_sat()).collect();
            spends.sort_by_key(|spend| std::cmp::Reverse(spend.value_sat));
            spends.dedup_by_key(|spend| spend.value_sat);
            let secp = Secp256k1::verification_only();
            let is_valid = |tx: &Transaction, spend: &Spend| {
                let hash = SighashCache::new(tx).p2wsh_signature_hash(
                    0,
                    &self.script,
                    output.value,
                    bitcoin::EcdsaSighashType::All,
                );
                let message = hash.map(|hash| Message::from_digest(hash.to_byte_array()));
                message.is_ok_and(|message| secp.verify_ecdsa(&message, &spend.signature, &key).is_ok())
            };
            let txid = commitment.compute_txid();
            let all = spends.into_iter().map(|spend| (self.transaction(txid, spend), spend));
            all.filter(|(tx, spend)| is_valid(tx, spend)).map(|(tx, _)| tx).collect()
        }
    }

    fn take_script(bytes: &[u8]) -> Option<(ScriptBuf, &[u8])> {
        let (len, rest) = bytes.split_first()?;
        let (script, rest) = rest.split_at_checked(usize::from(*len))?;
        Some((ScriptBuf::from_bytes(script.to_vec()), rest))
    }
}
