//! Every key of a wallet, from one BIP 39 mnemonic and an installation number.
//!
//! Savings: BIP 86, account 0. Lightning: LDK's 32-byte seed is the private key at `m/535'/<network>'/<installation>'`, so
//! that a mnemonic entered on another device finds the savings but never acts as the same Lightning node. Logins (LUD-05):
//! below `m/138'`, the same on every device. Backup: `m/536'/<network>'/0'` proves whose it is, `m/536'/<network>'/1'` seals it; the same
//! on every device.

use std::time::Duration;

use bdk_wallet::template::Bip86;
pub use bip39::Mnemonic;
use bitcoin::bip32::{ChildNumber, Xpriv};
use bitcoin::hashes::{Hash, HashEngine, Hmac, HmacEngine, sha256};
use bitcoin::secp256k1::{All, Secp256k1, SecretKey};
use bitcoin::{Network, NetworkKind};
use zeroize::Zeroizing;

/// Purpose of the hardened path of Lightning seeds.
const LIGHTNING_PURPOSE: u32 = 535;

/// Purpose of the hardened path of a backup's keys.
const BACKUP_PURPOSE: u32 = 536;

/// Purpose of the hardened path of keys that log in.
const LOGIN_PURPOSE: u32 = 138;

/// A text that is not a mnemonic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MnemonicError {
    /// Neither 12 nor 24 words.
    #[error("a recovery phrase has 12 or 24 words, this one has {0}; check that none is missing")]
    WordCount(usize),
    /// A word that is not on the BIP 39 English list.
    #[error("word {position} ({word:?}) is not on the BIP 39 word list; check its spelling")]
    UnknownWord {
        /// Counted from 1.
        position: usize,
        /// As given.
        word: String,
    },
    /// All words are on the list, but they do not belong together.
    #[error(
        "the words are all known but the checksum is wrong: one of them is another word, or two are swapped"
    )]
    Checksum,
}

/// Parses a mnemonic, forgiving about case and white space.
///
/// # Errors
/// [`MnemonicError`] names the wrong word, count or checksum.
pub fn parse_mnemonic(text: &str) -> Result<Mnemonic, MnemonicError> {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    if words.len() != 12 && words.len() != 24 {
        return Err(MnemonicError::WordCount(words.len()));
    }
    let list = bip39::Language::English.word_list();
    if let Some(index) = words.iter().position(|word| !list.contains(&word.as_str())) {
        let word = words.get(index).cloned().unwrap_or_default();
        return Err(MnemonicError::UnknownWord { position: index.saturating_add(1), word });
    }
    let joined = Zeroizing::new(words.join(" "));
    // Words of the English list are ASCII: no Unicode tables are needed.
    Mnemonic::parse_in_normalized(bip39::Language::English, &joined).map_err(|_| MnemonicError::Checksum)
}

/// The mnemonic of 16 (12 words) or 32 (24 words) random bytes.
///
/// # Errors
/// [`MnemonicError::WordCount`] for any other length.
pub fn mnemonic_from_entropy(entropy: &[u8]) -> Result<String, MnemonicError> {
    if entropy.len() != 16 && entropy.len() != 32 {
        return Err(MnemonicError::WordCount(entropy.len().saturating_mul(3) / 4));
    }
    let mnemonic = Mnemonic::from_entropy(entropy);
    mnemonic.map(|mnemonic| mnemonic.to_string()).map_err(|_| MnemonicError::WordCount(entropy.len()))
}

/// The root of all keys. Not printed by any formatter.
#[derive(Clone)]
pub struct Keys {
    root: Xpriv,
    network: Network,
    installation: u32,
}

/// The root key could not be derived: the network or number is out of range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the keys of installation {installation} cannot be derived: {source}")]
pub struct KeyError {
    installation: u32,
    source: bitcoin::bip32::Error,
}

impl KeyError {
    pub(crate) fn new(installation: u32, source: bitcoin::bip32::Error) -> Self {
        Self { installation, source }
    }
}

impl Keys {
    /// Derives the root from a mnemonic (empty BIP 39 passphrase). `installation`: below 2^31.
    ///
    /// # Errors
    /// [`KeyError`] when a derivation is out of range.
    pub fn new(mnemonic: &Mnemonic, network: Network, installation: u32) -> Result<Self, KeyError> {
        let seed = Zeroizing::new(mnemonic.to_seed_normalized(""));
        let root =
            Xpriv::new_master(network, seed.as_ref()).map_err(|source| KeyError { installation, source })?;
        let keys = Self { root, network, installation };
        keys.lightning_seed()?;
        Ok(keys)
    }

    /// The BIP 32 root, for signing.
    pub(crate) fn root(&self) -> Xpriv {
        self.root
    }

    /// The installation's number.
    #[must_use]
    pub fn installation(&self) -> u32 {
        self.installation
    }

    /// The keys of another installation of the same mnemonic.
    #[must_use]
    pub fn of_installation(&self, installation: u32) -> Self {
        Self { installation, ..self.clone() }
    }

    /// The network of these keys.
    pub fn network(&self) -> Network {
        self.network
    }

    /// BIP 86 descriptors of the savings: receive and change.
    pub fn descriptors(&self) -> (Bip86<Xpriv>, Bip86<Xpriv>) {
        (
            Bip86(self.root, bdk_wallet::KeychainKind::External),
            Bip86(self.root, bdk_wallet::KeychainKind::Internal),
        )
    }

    /// The keys of this mnemonic's backup: one that proves whose it is, and one that seals it.
    ///
    /// # Errors
    /// [`KeyError`] when a derivation is out of range.
    pub(crate) fn backup(&self) -> Result<(SecretKey, Zeroizing<[u8; 32]>), KeyError> {
        let auth = self.derive([BACKUP_PURPOSE, self.coin(), 0])?;
        Ok((auth, Zeroizing::new(self.derive([BACKUP_PURPOSE, self.coin(), 1])?.secret_bytes())))
    }

    /// The key that seals a file with the whole wallet.
    ///
    /// # Errors
    /// [`KeyError`] when a derivation is out of range.
    pub fn backup_file(&self) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        Ok(Zeroizing::new(self.derive([BACKUP_PURPOSE, self.coin(), 2])?.secret_bytes()))
    }

    fn coin(&self) -> u32 {
        if NetworkKind::from(self.network).is_mainnet() { 0 } else { 1 }
    }

    /// The key at a path that is hardened throughout.
    fn derive(&self, path: [u32; 3]) -> Result<SecretKey, KeyError> {
        let fail = |source| KeyError { installation: self.installation, source };
        let path = path.into_iter().map(|index| ChildNumber::from_hardened_idx(index).map_err(fail));
        let path = path.collect::<Result<Vec<_>, _>>()?;
        let secp: Secp256k1<All> = Secp256k1::new();
        Ok(self.root.derive_priv(&secp, &path).map_err(fail)?.private_key)
    }

    /// LDK's seed for this installation.
    ///
    /// # Errors
    /// [`KeyError`] when the installation number is 2^31 or more.
    pub fn lightning_seed(&self) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        let key = self.derive([LIGHTNING_PURPOSE, self.coin(), self.installation])?;
        Ok(Zeroizing::new(key.secret_bytes()))
    }
}

/// The key that stands for the user at `domain` (LUD-05): another one for each, and none of them the node's.
///
/// # Errors
/// A derivation is out of range.
pub(crate) fn linking_key(root: &Xpriv, domain: &str) -> Result<SecretKey, bitcoin::bip32::Error> {
    let secp: Secp256k1<All> = Secp256k1::new();
    let purpose = root.derive_priv(&secp, &[ChildNumber::from_hardened_idx(LOGIN_PURPOSE)?])?;
    let hashing = purpose.derive_priv(&secp, &[ChildNumber::from_normal_idx(0)?])?;
    let path = login_path(&hashing.private_key.secret_bytes(), domain).map(ChildNumber::from);
    Ok(purpose.derive_priv(&secp, &path)?.private_key)
}

/// Path below `m/138'` for a domain: the first 16 bytes of its HMAC, as four numbers.
fn login_path(hashing_key: &[u8; 32], domain: &str) -> [u32; 4] {
    let mut engine = HmacEngine::<sha256::Hash>::new(hashing_key);
    engine.input(domain.as_bytes());
    let hash = Hmac::<sha256::Hash>::from_engine(engine).to_byte_array();
    let mut numbers =
        hash.chunks_exact(4).map(|bytes| bytes.iter().fold(0, |sum, byte| (sum << 8) | u32::from(*byte)));
    std::array::from_fn(|_| numbers.next().unwrap_or_default())
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({}, installation {})", self.network, self.installation)
    }
}

/// Seconds and nanoseconds of a wall-clock time, as LDK's `KeysManager` wants them.
pub(crate) fn split(now: Duration) -> (u64, u32) {
    (now.as_secs(), now.subsec_nanos())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const WORDS: &str =
        "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

    fn keys(network: Network, installation: u32) -> Result<Keys, KeyError> {
        Keys::new(&parse_mnemonic(WORDS).unwrap(), network, installation)
    }

    #[test]
    fn wrong_mnemonics_are_named() {
        assert_eq!(parse_mnemonic("abandon").unwrap_err(), MnemonicError::WordCount(1));
        assert_eq!(
            parse_mnemonic(&WORDS.replace("about", "abowt")).unwrap_err(),
            MnemonicError::UnknownWord { position: 12, word: "abowt".into() }
        );
        assert_eq!(parse_mnemonic(&WORDS.replace("about", "zoo")).unwrap_err(), MnemonicError::Checksum);
        assert_eq!(parse_mnemonic(&format!("  {}\n", WORDS.to_uppercase())).unwrap().to_string(), WORDS);
    }

    #[test]
    fn installations_and_networks_have_seeds_of_their_own() {
        let seed = |network, installation| *keys(network, installation).unwrap().lightning_seed().unwrap();
        assert_eq!(seed(Network::Regtest, 0), seed(Network::Regtest, 0));
        assert_ne!(seed(Network::Regtest, 0), seed(Network::Regtest, 1));
        assert_ne!(seed(Network::Regtest, 0), seed(Network::Bitcoin, 0));
        assert!(keys(Network::Regtest, 1 << 31).is_err());
    }

    #[test]
    fn logins_follow_lud_05() {
        // Its test vector.
        let hashing = <[u8; 32] as hex_conservative::FromHex>::from_hex(
            "7d417a6a5e9a6a4a879aeaba11a11838764c8fa2b959c242d43dea682b3e409b",
        );
        let path = login_path(&hashing.unwrap(), "site.com");
        assert_eq!(path, [1_588_488_367, 2_659_270_754, 38_110_259, 4_136_336_762]);
        let key = |installation, domain| {
            linking_key(&keys(Network::Regtest, installation).unwrap().root(), domain).unwrap()
        };
        assert_eq!(key(0, "site.com"), key(1, "site.com"));
        assert_ne!(key(0, "site.com"), key(0, "www.site.com"));
    }

    #[test]
    fn savings_follow_bip_86() {
        // First receiving address of BIP 86's test vector.
        let (receive, change) = keys(Network::Bitcoin, 0).unwrap().descriptors();
        let wallet = bdk_wallet::Wallet::create(receive, change)
            .network(Network::Bitcoin)
            .create_wallet_no_persist()
            .unwrap();
        assert_eq!(
            wallet.peek_address(bdk_wallet::KeychainKind::External, 0).address.to_string(),
            "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr"
        );
    }
}
