//! Spends of what closed channels of lost installations paid, by LDK's sweeper: as outputs of channels with key ids of our own.

use bitcoin::secp256k1::{All, Message, PublicKey, Secp256k1, SecretKey};
use bitcoin::sighash::SighashCache;
use bitcoin::{Amount, EcdsaSighashType, OutPoint, Psbt, ScriptBuf, Transaction, TxOut, Witness};
use lightning::chain::transaction::OutPoint as LdkOutPoint;
use lightning::ln::chan_utils::{
    ChannelPublicKeys, ChannelTransactionParameters, get_to_countersigner_keyed_anchor_redeemscript,
};
use lightning::ln::channel_keys::{DelayedPaymentBasepoint, HtlcBasepoint, RevocationBasepoint};
use lightning::sign::{SpendableOutputDescriptor, StaticPaymentOutputDescriptor};

use super::keys::{Place, StaticKeys, channel_type, scripts};
use crate::ldk::keys::Keys;

/// First bytes of the key ids: LDK's own begin with a small number.
const MARK: &[u8; 26] = b"amplet: lost installation ";

/// An output as LDK's sweeper takes it. `None`: the key cannot be derived.
pub(crate) fn descriptor(
    keys: &Keys,
    place: Place,
    outpoint: OutPoint,
    sat: u64,
) -> Option<SpendableOutputDescriptor> {
    let secret = StaticKeys::of(keys, place.number).ok()?.secret(place.index)?;
    let point = secret.public_key(&Secp256k1::signing_only());
    let [plain, anchors] = scripts(&point);
    let script_pubkey = if place.anchors { anchors } else { plain };
    let output = TxOut { value: Amount::from_sat(sat), script_pubkey };
    let outpoint = LdkOutPoint { txid: outpoint.txid, index: u16::try_from(outpoint.vout).ok()? };
    Some(SpendableOutputDescriptor::StaticPaymentOutput(StaticPaymentOutputDescriptor {
        outpoint,
        output,
        channel_keys_id: keys_id(place),
        // Of the channel it is not known; LDK wants the same number in both places, and nothing else of it.
        channel_value_satoshis: sat,
        channel_transaction_parameters: Some(parameters(point, place.anchors, sat)),
    }))
}

/// As much of a channel's parameters as spending its `to_remote` takes: the key and the type.
fn parameters(point: PublicKey, anchors: bool, sat: u64) -> ChannelTransactionParameters {
    let holder_pubkeys = ChannelPublicKeys {
        funding_pubkey: point,
        revocation_basepoint: RevocationBasepoint(point),
        payment_point: point,
        delayed_payment_basepoint: DelayedPaymentBasepoint(point),
        htlc_basepoint: HtlcBasepoint(point),
    };
    ChannelTransactionParameters {
        holder_pubkeys,
        holder_selected_contest_delay: 0,
        is_outbound_from_holder: false,
        counterparty_parameters: None,
        funding_outpoint: None,
        splice_parent_funding_txid: None,
        channel_type_features: channel_type(anchors),
        channel_value_satoshis: sat,
    }
}

fn keys_id(place: Place) -> [u8; 32] {
    let mut id = [0; 32];
    let bytes = MARK.iter().copied().chain(place.number.to_be_bytes()).chain(place.index.to_be_bytes());
    id.iter_mut().zip(bytes).for_each(|(to, byte)| *to = byte);
    id
}

/// The key of an output that [`descriptor`] has made; `None`: it is LDK's.
pub(crate) fn place(
    descriptor: &SpendableOutputDescriptor,
) -> Option<(Place, &StaticPaymentOutputDescriptor)> {
    let SpendableOutputDescriptor::StaticPaymentOutput(output) = descriptor else { return None };
    let rest = output.channel_keys_id.strip_prefix(MARK)?;
    let (number, index) = rest.split_first_chunk::<4>()?;
    let place = Place {
        number: u32::from_be_bytes(*number),
        index: u16::from_be_bytes(index.try_into().ok()?),
        anchors: output.needs_csv_1_for_spend(),
    };
    Some((place, output))
}

/// Signs the input that spends such an output. `None`: the transaction has none, or the key is not the output's.
pub(crate) fn sign_input(
    keys: &Keys,
    psbt: &mut Psbt,
    (place, output): (Place, &StaticPaymentOutputDescriptor),
    secp: &Secp256k1<All>,
) -> Option<()> {
    let outpoint = output.outpoint.into_bitcoin_outpoint();
    let at = psbt.unsigned_tx.input.iter().position(|input| input.previous_output == outpoint)?;
    let secret = StaticKeys::of(keys, place.number).ok()?.secret(place.index)?;
    let witness = witness(&psbt.unsigned_tx, at, &output.output, &secret, secp)?;
    psbt.inputs.get_mut(at)?.final_script_witness = Some(witness);
    Some(())
}

/// The witness by which an input spends a `to_remote` output (BOLT 3). `None`: the key is not the output's.
pub fn witness(
    tx: &Transaction,
    at: usize,
    output: &TxOut,
    secret: &SecretKey,
    secp: &Secp256k1<All>,
) -> Option<Witness> {
    let point = secret.public_key(secp);
    let [plain, anchors] = scripts(&point);
    let key = bitcoin::PublicKey::new(point);
    let (script, last) = if output.script_pubkey == anchors {
        let script = get_to_countersigner_keyed_anchor_redeemscript(&point);
        (script.clone(), script.into_bytes())
    } else if output.script_pubkey == plain {
        (ScriptBuf::new_p2pkh(&key.pubkey_hash()), key.to_bytes())
    } else {
        return None;
    };
    let mut cache = SighashCache::new(tx);
    let hash = cache.p2wsh_signature_hash(at, &script, output.value, EcdsaSighashType::All).ok()?;
    let signature = secp.sign_ecdsa_low_r(&Message::from(hash), secret);
    let signature = bitcoin::ecdsa::Signature { signature, sighash_type: EcdsaSighashType::All };
    Some(Witness::from_slice(&[signature.to_vec(), last]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ldk::keys::parse_mnemonic;
    use bitcoin::hashes::Hash;
    use bitcoin::{Network, Txid};
    use lightning::util::ser::{Readable, Writeable};

    #[test]
    fn an_output_keeps_its_key_through_the_sweepers_record() {
        let words =
            "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";
        let keys = Keys::new(&parse_mnemonic(words).unwrap(), Network::Regtest, 0).unwrap();
        for anchors in [false, true] {
            let made = Place { number: 19, index: 999, anchors };
            let outpoint = OutPoint { txid: Txid::all_zeros(), vout: 3 };
            let made_of = descriptor(&keys, made, outpoint, 5_000).unwrap();
            let read = SpendableOutputDescriptor::read(&mut &made_of.encode()[..]).unwrap();
            assert_eq!(read, made_of);
            assert_eq!(place(&read).unwrap().0, made);
        }
    }
}
