//! Transactions that bring coins to an address.

use amplet_node::lightning::sign::SignerProvider;
use amplet_node::to_remote_witness;
use bitcoin::absolute::LockTime;
use bitcoin::ecdsa;
use bitcoin::key::{Keypair, TapTweak};
use bitcoin::secp256k1::Message;
use bitcoin::sighash::{EcdsaSighashType, Prevouts, SighashCache, TapSighashType};
use bitcoin::taproot;
use bitcoin::transaction::Version;
use bitcoin::{Amount, FeeRate, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness};

use crate::ExitError;
use crate::coins::{Coin, Owner, SeedKeys};

/// Number of coins in one transaction: far below what is relayed.
const MAX_INPUTS: usize = 400;

/// Virtual size of an input, at most (of our own commitment, after its delay), in vB.
const INPUT_VBYTES: u64 = 80;

/// A signed transaction.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The transaction.
    pub tx: Transaction,
    /// What arrives, in sat.
    pub sat: u64,
    /// Its fee, in sat.
    pub fee_sat: u64,
}

/// Transactions that bring all confirmed coins that are worth their fee to `script`.
///
/// # Errors
/// [`ExitError::NotWorth`], [`ExitError::Unspendable`].
pub fn sweep(
    keys: &SeedKeys,
    coins: &[Coin],
    script: &ScriptBuf,
    rate: FeeRate,
) -> Result<Vec<Sweep>, ExitError> {
    let cost = rate.fee_vb(INPUT_VBYTES).unwrap_or(Amount::MAX_MONEY);
    let worth: Vec<&Coin> = coins.iter().filter(|coin| coin.confirmed && coin.output.value > cost).collect();
    worth.chunks(MAX_INPUTS).map(|coins| one(keys, coins, script, rate)).collect()
}

fn one(keys: &SeedKeys, coins: &[&Coin], script: &ScriptBuf, rate: FeeRate) -> Result<Sweep, ExitError> {
    let total = coins.iter().map(|coin| coin.output.value.to_sat()).fold(0, u64::saturating_add);
    let input = |coin: &&Coin| TxIn {
        previous_output: coin.outpoint,
        sequence: match &coin.owner {
            // BOLT 3: of a channel with anchors, one block after the commitment.
            Owner::Closed(place) if place.anchors => Sequence::from_consensus(1),
            // BOLT 3: after the delay that we owe the peer.
            Owner::Delayed { output, .. } => Sequence::from_height(output.to_self_delay),
            _ => Sequence::ENABLE_RBF_NO_LOCKTIME,
        },
        ..TxIn::default()
    };
    let mut tx = Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: coins.iter().map(input).collect(),
        output: vec![TxOut { value: Amount::from_sat(total), script_pubkey: script.clone() }],
    };
    // Signed once to be weighed; signatures of another amount may be a byte longer each.
    sign(keys, coins, &mut tx)?;
    let vbytes = u64::try_from(tx.vsize().saturating_add(coins.len())).unwrap_or(u64::MAX);
    let fee_sat = rate.fee_vb(vbytes).map_or(u64::MAX, Amount::to_sat);
    let sat = total.saturating_sub(fee_sat);
    if sat < script.minimal_non_dust().to_sat() || fee_sat > total / 2 {
        return Err(ExitError::NotWorth { total_sat: total, fee_sat });
    }
    for output in &mut tx.output {
        output.value = Amount::from_sat(sat);
    }
    sign(keys, coins, &mut tx)?;
    Ok(Sweep { tx, sat, fee_sat })
}

fn sign(keys: &SeedKeys, coins: &[&Coin], tx: &mut Transaction) -> Result<(), ExitError> {
    let outputs: Vec<&TxOut> = coins.iter().map(|coin| &coin.output).collect();
    let mut witnesses = Vec::with_capacity(coins.len());
    for (at, coin) in coins.iter().enumerate() {
        witnesses.push(witness(keys, coin, tx, at, &outputs).ok_or(ExitError::Unspendable)?);
    }
    for (input, witness) in tx.input.iter_mut().zip(witnesses) {
        input.witness = witness;
    }
    Ok(())
}

/// What spends a coin in the input number `at` of a transaction, which spends `outputs`. `None`: the keys are not ours.
pub(crate) fn witness(
    keys: &SeedKeys,
    coin: &Coin,
    tx: &Transaction,
    at: usize,
    outputs: &[&TxOut],
) -> Option<Witness> {
    let secp = keys.secp();
    let secret = || keys.secret(&coin.owner).ok();
    let mut cache = SighashCache::new(tx);
    match &coin.owner {
        Owner::Closed(_) => to_remote_witness(tx, at, &coin.output, &secret()?, secp),
        Owner::Delayed { number, output } => {
            let signer = keys.lightning(*number).ok()?.derive_channel_signer(output.channel_keys_id);
            signer.sign_dynamic_p2wsh_input(tx, at, output, secp).ok()
        }
        Owner::Savings { purpose: 84, .. } => {
            let (secret, script) = (secret()?, &coin.output.script_pubkey);
            let kind = EcdsaSighashType::All;
            let hash = cache.p2wpkh_signature_hash(at, script, coin.output.value, kind).ok()?;
            let signature = secp.sign_ecdsa_low_r(&Message::from(hash), &secret);
            let signature = ecdsa::Signature { signature, sighash_type: kind };
            Some(Witness::p2wpkh(&signature, &secret.public_key(secp)))
        }
        Owner::Savings { .. } => {
            let (prevouts, kind) = (Prevouts::All(outputs), TapSighashType::Default);
            let hash = cache.taproot_key_spend_signature_hash(at, &prevouts, kind).ok()?;
            let pair = Keypair::from_secret_key(secp, &secret()?).tap_tweak(secp, None);
            let signature = secp.sign_schnorr_no_aux_rand(&Message::from(hash), &pair.to_keypair());
            Some(Witness::p2tr_key_spend(&taproot::Signature { signature, sighash_type: kind }))
        }
    }
}
