//! Scripts that a recovery phrase can spend, and the keys behind them.

use amplet_node::keys::{KeyError, Keys, parse_mnemonic};
use amplet_node::lightning::sign::{DelayedPaymentOutputDescriptor, KeysManager};
use amplet_node::lost_keys::{Place, StaticKeys, places};
use bitcoin::bip32::{ChildNumber, Xpriv};
use bitcoin::key::{CompressedPublicKey, Keypair, TapTweak};
use bitcoin::secp256k1::{All, Secp256k1, SecretKey};
use bitcoin::{Address, Network, NetworkKind, OutPoint, ScriptBuf, TxOut};
use zeroize::Zeroizing;

use crate::ExitError;

/// Purposes of savings (BIP 43): taproot, which wallets use, and native segwit.
pub const PURPOSES: [u32; 2] = [86, 84];

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// `m/purpose'/coin'/0'/chain/index`.
    Savings {
        /// One of [`PURPOSES`].
        purpose: u32,
        /// 0: receiving, 1: change.
        chain: u32,
        /// Index of the address.
        index: u32,
    },
    /// What a peer's commitment paid.
    Closed(Place),
    /// What our own commitment, or an HTLC of it, left for us after a delay: a kit's.
    Delayed {
        /// The installation.
        number: u32,
        /// What LDK spends it with.
        output: Box<DelayedPaymentOutputDescriptor>,
    },
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Savings { purpose, chain, index } => write!(f, "savings (BIP {purpose}, {chain}/{index})"),
            Self::Closed(place) => write!(f, "a closed channel (installation {})", place.number),
            Self::Delayed { .. } => write!(f, "a channel that was closed by its kit"),
        }
    }
}

/// An unspent output.
#[derive(Clone, Debug)]
pub struct Coin {
    /// Where it is.
    pub outpoint: OutPoint,
    /// What it is.
    pub output: TxOut,
    /// Its key.
    pub owner: Owner,
    /// It is in a block.
    pub confirmed: bool,
}

/// Everything that a phrase can spend.
pub struct SeedKeys {
    /// `m/purpose'/coin'/0'/chain`, by purpose and chain.
    chains: Vec<(u32, u32, Xpriv)>,
    keys: Keys,
    network: Network,
    secp: Secp256k1<All>,
}

impl SeedKeys {
    /// From a recovery phrase.
    ///
    /// # Errors
    /// [`ExitError::Phrase`], [`ExitError::Keys`].
    pub fn new(phrase: &str, network: Network) -> Result<Self, ExitError> {
        let mnemonic = parse_mnemonic(phrase)?;
        let keys = Keys::new(&mnemonic, network, 0)?;
        let seed = Zeroizing::new(mnemonic.to_seed_normalized(""));
        let secp = Secp256k1::new();
        let coin = if NetworkKind::from(network).is_mainnet() { 0 } else { 1 };
        let chain = |purpose: u32, chain: u32| -> Result<Xpriv, bitcoin::bip32::Error> {
            let path = [
                ChildNumber::from_hardened_idx(purpose)?,
                ChildNumber::from_hardened_idx(coin)?,
                ChildNumber::from_hardened_idx(0)?,
                ChildNumber::from_normal_idx(chain)?,
            ];
            Xpriv::new_master(network, seed.as_ref())?.derive_priv(&secp, &path)
        };
        let mut chains = Vec::new();
        for purpose in PURPOSES {
            for number in [0, 1] {
                chains.push((purpose, number, chain(purpose, number)?));
            }
        }
        Ok(Self { chains, keys, network, secp })
    }

    /// Chains of the savings: purpose and number.
    pub fn chains(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.chains.iter().map(|(purpose, chain, _)| (*purpose, *chain))
    }

    /// The context of signatures.
    #[must_use]
    pub fn secp(&self) -> &Secp256k1<All> {
        &self.secp
    }

    fn savings_key(&self, purpose: u32, chain: u32, index: u32) -> Result<SecretKey, ExitError> {
        let parent = self.chains.iter().find(|it| (it.0, it.1) == (purpose, chain));
        let parent = parent.ok_or(ExitError::Unspendable)?;
        let child = ChildNumber::from_normal_idx(index)?;
        Ok(parent.2.derive_priv(&self.secp, &child)?.private_key)
    }

    /// The script of an address of the savings.
    ///
    /// # Errors
    /// [`ExitError`]: the index is out of range.
    pub fn savings(&self, purpose: u32, chain: u32, index: u32) -> Result<(ScriptBuf, Owner), ExitError> {
        let key = self.savings_key(purpose, chain, index)?;
        let script = match purpose {
            84 => {
                let point = CompressedPublicKey(key.public_key(&self.secp));
                Address::p2wpkh(&point, self.network).script_pubkey()
            }
            _ => {
                let pair = Keypair::from_secret_key(&self.secp, &key);
                let output = pair.tap_tweak(&self.secp, None).public_parts().0;
                ScriptBuf::new_p2tr_tweaked(output)
            }
        };
        Ok((script, Owner::Savings { purpose, chain, index }))
    }

    /// Scripts to which closed channels of an installation may have paid.
    ///
    /// # Errors
    /// [`KeyError`]: the number is out of range.
    pub fn closed(&self, number: u32) -> Result<Vec<(ScriptBuf, Owner)>, KeyError> {
        let keys = StaticKeys::of(&self.keys, number)?;
        let all = places(number, keys.points().map(|point| point.serialize()));
        Ok(all.map(|(script, place)| (script, Owner::Closed(place))).collect())
    }

    /// The key that spends a coin of a kind that has one.
    ///
    /// # Errors
    /// [`ExitError`]: an index is out of range.
    pub fn secret(&self, owner: &Owner) -> Result<SecretKey, ExitError> {
        match owner {
            Owner::Savings { purpose, chain, index } => self.savings_key(*purpose, *chain, *index),
            Owner::Closed(place) => {
                let secret = StaticKeys::of(&self.keys, place.number)?.secret(place.index);
                secret.ok_or(ExitError::Unspendable)
            }
            Owner::Delayed { .. } => Err(ExitError::Unspendable),
        }
    }

    /// LDK's keys of an installation.
    ///
    /// # Errors
    /// [`ExitError`]: the number is out of range.
    pub fn lightning(&self, number: u32) -> Result<KeysManager, ExitError> {
        let seed = self.keys.of_installation(number).lightning_seed()?;
        // No key is made with it that would have to be unique.
        Ok(KeysManager::new(&seed, 0, 0, true))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn savings_follow_bip_86_and_bip_84() {
        let words =
            "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";
        let keys = SeedKeys::new(words, Network::Bitcoin).unwrap();
        // Their test vectors: first and second receiving address, first change address.
        for (purpose, chain, index, address) in [
            (86, 0, 0, "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr"),
            (86, 1, 0, "bc1p3qkhfews2uk44qtvauqyr2ttdsw7svhkl9nkm9s9c3x4ax5h60wqwruhk7"),
            (84, 0, 0, "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"),
            (84, 0, 1, "bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g"),
            (84, 1, 0, "bc1q8c6fshw2dlwun7ekn9qwf37cu2rn755upcp6el"),
        ] {
            let (script, _) = keys.savings(purpose, chain, index).unwrap();
            assert_eq!(Address::from_script(&script, Network::Bitcoin).unwrap().to_string(), address);
        }
    }
}
