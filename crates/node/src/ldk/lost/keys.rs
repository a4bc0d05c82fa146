//! Keys to which a peer's commitment pays (`to_remote`, BOLT 3): LDK's "v2" derivation, a thousand for each installation.

use bitcoin::bip32::{ChildNumber, Xpriv};
use bitcoin::hashes::{Hash, HashEngine, Hmac, HmacEngine, sha512};
use bitcoin::opcodes::all::{OP_CHECKSIGVERIFY, OP_CSV};
use bitcoin::script::Builder;
use bitcoin::secp256k1::constants::PUBLIC_KEY_SIZE;
use bitcoin::secp256k1::{All, PublicKey, Scalar, Secp256k1, SecretKey};
use bitcoin::{Network, ScriptBuf, WPubkeyHash};
use lightning::sign::STATIC_PAYMENT_KEY_COUNT;
use lightning_types::features::ChannelTypeFeatures;
use serde::{Deserialize, Serialize};

use crate::ldk::keys::{KeyError, Keys};

/// Number of keys of each installation.
pub const COUNT: u16 = STATIC_PAYMENT_KEY_COUNT;

/// LDK's child of its seed that is the node's secret.
const NODE_SECRET: ChildNumber = ChildNumber::Hardened { index: 0 };

/// LDK's child of its seed that they are below.
const STATIC_PAYMENT_KEYS: ChildNumber = ChildNumber::Hardened { index: 8 };

/// First number of hardened children (BIP 32).
const HARDENED: u32 = 1 << 31;

/// A key, and the kind of output that pays to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The installation.
    pub number: u32,
    /// Index of the key, below [`COUNT`].
    pub index: u16,
    /// The channel has anchors: a script hash, to be spent from the next block on; else the key's hash.
    pub anchors: bool,
}

/// All of an installation.
pub struct StaticKeys {
    parent: Xpriv,
    secp: Secp256k1<All>,
}

impl StaticKeys {
    /// Those of the installation `number` of a recovery phrase.
    ///
    /// # Errors
    /// [`KeyError`] when the number is 2^31 or more.
    pub fn of(keys: &Keys, number: u32) -> Result<Self, KeyError> {
        let secp = Secp256k1::new();
        Ok(Self { parent: child(keys, number, STATIC_PAYMENT_KEYS, &secp)?, secp })
    }

    /// A key. `None`: its index is out of range.
    #[must_use]
    pub fn secret(&self, index: u16) -> Option<SecretKey> {
        if index >= COUNT {
            return None;
        }
        // BIP 32 by hand: the library's own way also derives the parent's point, for a fingerprint that nobody asks for.
        let mut engine = HmacEngine::<sha512::Hash>::new(&self.parent.chain_code[..]);
        engine.input(&[0]);
        engine.input(&self.parent.private_key.secret_bytes());
        engine.input(&(u32::from(index) | HARDENED).to_be_bytes());
        let hash = Hmac::<sha512::Hash>::from_engine(engine).to_byte_array();
        let left: [u8; 32] = hash.get(..32)?.try_into().ok()?;
        self.parent.private_key.add_tweak(&Scalar::from_be_bytes(left).ok()?).ok()
    }

    /// The points of all keys, in the order of their indices.
    pub fn points(&self) -> impl Iterator<Item = PublicKey> + '_ {
        // BIP 32's derivation fails for one key in 2^127: the parent's point stands in its place then.
        (0..COUNT).map(|index| self.secret(index).unwrap_or(self.parent.private_key).public_key(&self.secp))
    }
}

/// A child of LDK's seed.
fn child(keys: &Keys, number: u32, child: ChildNumber, secp: &Secp256k1<All>) -> Result<Xpriv, KeyError> {
    let seed = keys.of_installation(number).lightning_seed()?;
    // LDK's constant; of a private key's derivation the network is no part.
    Xpriv::new_master(Network::Testnet, &*seed)
        .and_then(|master| master.derive_priv(secp, &child))
        .map_err(|source| KeyError::new(number, source))
}

/// The secret of the node id of the installation `number` of a recovery phrase.
///
/// # Errors
/// [`KeyError`] when the number is 2^31 or more.
pub fn node_secret(keys: &Keys, number: u32) -> Result<SecretKey, KeyError> {
    Ok(child(keys, number, NODE_SECRET, &Secp256k1::new())?.private_key)
}

/// Scripts that pay to a key: in channels without anchors or without a fee, and in channels with anchors (BOLT 3, `to_remote`).
#[must_use]
pub fn scripts(point: &PublicKey) -> [ScriptBuf; 2] {
    scripts_of(&point.serialize())
}

/// The same of a serialized point, which is not checked: that would cost as much as deriving it.
fn scripts_of(point: &[u8; PUBLIC_KEY_SIZE]) -> [ScriptBuf; 2] {
    let anchors = Builder::new()
        .push_slice(point)
        .push_opcode(OP_CHECKSIGVERIFY)
        .push_int(1)
        .push_opcode(OP_CSV)
        .into_script();
    [ScriptBuf::new_p2wpkh(&WPubkeyHash::hash(point)), anchors.to_p2wsh()]
}

/// Scripts that pay to the keys of the installation `number`, with the places of the keys; of its serialized points, in their order.
pub fn places(
    number: u32,
    points: impl IntoIterator<Item = [u8; PUBLIC_KEY_SIZE]>,
) -> impl Iterator<Item = (ScriptBuf, Place)> {
    (0u16..).zip(points).flat_map(move |(index, point)| {
        let [plain, anchors] = scripts_of(&point);
        let place = |anchors| Place { number, index, anchors };
        [(plain, place(false)), (anchors, place(true))]
    })
}

/// The type of a channel, as far as it matters for `to_remote`.
pub(crate) fn channel_type(anchors: bool) -> ChannelTypeFeatures {
    let mut features = ChannelTypeFeatures::only_static_remote_key();
    if anchors {
        features.set_anchors_zero_fee_htlc_tx_required();
    }
    features
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ldk::keys::parse_mnemonic;
    use lightning::sign::KeysManager;

    #[test]
    fn they_are_those_of_ldk() {
        let words =
            "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";
        let keys = Keys::new(&parse_mnemonic(words).unwrap(), Network::Regtest, 3).unwrap();
        for number in [0, 19] {
            let seed = keys.of_installation(number).lightning_seed().unwrap();
            let theirs = KeysManager::new(&seed, 1, 2, true)
                .possible_v2_counterparty_closed_balance_spks(&Secp256k1::new());
            assert_eq!(
                node_secret(&keys, number).unwrap(),
                KeysManager::new(&seed, 1, 2, true).get_node_secret_key()
            );
            let own = StaticKeys::of(&keys, number).unwrap();
            let ours: Vec<ScriptBuf> = own.points().flat_map(|point| scripts(&point)).collect();
            assert_eq!(ours, theirs);
        }
        assert!(StaticKeys::of(&keys, 1 << 31).is_err());
    }
}
