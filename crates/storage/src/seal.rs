//! Sealing of names and values under a wallet's data key.
//!
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) throughout, each use with its own key, derived from the data key by
//! HMAC-SHA256. A sealed record is `nonce (24) || ciphertext || tag (16)`.
//!
//! - **Names** are sealed deterministically, so that a record is found without opening any other: the nonce is an HMAC of
//!   the name, as in SIV. The number of records, the lengths of their names and the times of changes are visible.
//! - **Values** get a random nonce, and authenticate the sealed name beside them: a value put under another name does not
//!   open. An older value of the same name does: an attacker who can write to the disk can restore an old wallet.

use crate::{StoreError, random};
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

pub(crate) const NONCE: usize = 24;
pub(crate) const TAG: usize = 16;

/// 32 secret bytes.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Key(pub(crate) [u8; 32]);

impl Key {
    pub(crate) fn generate() -> Result<Self, StoreError> {
        random().map(Self)
    }

    /// A key for one use, distinguished by its label.
    pub(crate) fn derive(&self, label: &[u8]) -> Self {
        Self(self.mac(&[label]))
    }

    /// HMAC-SHA256 (RFC 2104) over the parts, end to end.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        parts.iter().fold(self.hmac(), |mac, part| mac.chain_update(part)).finalize().into_bytes().into()
    }

    /// True if `expected` is [`mac`](Self::mac) of the parts, in constant time.
    pub(crate) fn mac_is(&self, parts: &[&[u8]], expected: &[u8; 32]) -> bool {
        parts.iter().fold(self.hmac(), |mac, part| mac.chain_update(part)).verify(&(*expected).into()).is_ok()
    }

    /// A key shorter than HMAC's block is padded with zeros (RFC 2104 section 2); padding it here makes it infallible.
    fn hmac(&self) -> Hmac<Sha256> {
        let mut block = Zeroizing::new([0; 64]);
        block.iter_mut().zip(self.0).for_each(|(to, from)| *to = from);
        Hmac::new(&(*block).into())
    }

    /// Seals `plain` as `nonce || ciphertext || tag`.
    pub(crate) fn seal(&self, nonce: [u8; NONCE], aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut sealed = Vec::with_capacity(NONCE.saturating_add(plain.len()).saturating_add(TAG));
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let (_, text) = sealed.split_at_mut(NONCE);
        let tag = XChaCha20Poly1305::new(&self.0.into())
            .encrypt_inout_detached(&XNonce::from(nonce), aad, text.into())
            .map_err(|_| StoreError::Backend { action: "seal a record", source: "it is too long".into() })?;
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// The reverse of [`seal`](Self::seal); `None` if it was made with another key or aad, or changed since.
    pub(crate) fn open(&self, aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE>()?;
        let (text, tag) = rest.split_last_chunk::<TAG>()?;
        let mut plain = text.to_vec();
        XChaCha20Poly1305::new(&self.0.into())
            .decrypt_inout_detached(&(*nonce).into(), aad, plain.as_mut_slice().into(), &(*tag).into())
            .ok()?;
        Some(plain)
    }
}

/// Seals and opens the records of one wallet, format 1.
pub(crate) struct Sealer {
    name_nonce: Key,
    name: Key,
    value: Key,
}

/// Authenticated with each value, before its sealed name. It names the format, so that records of one format never open
/// as records of another.
const VALUE_AAD: &[u8] = b"amplet storage 1 value of ";
const NAME_AAD: &[u8] = b"amplet storage 1 name";

impl Sealer {
    pub(crate) fn new(data_key: &Key) -> Self {
        Self {
            name_nonce: data_key.derive(b"amplet storage 1 name nonce key"),
            name: data_key.derive(b"amplet storage 1 name key"),
            value: data_key.derive(b"amplet storage 1 value key"),
        }
    }

    pub(crate) fn seal_name(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0; NONCE];
        let mac = self.name_nonce.mac(&[name.as_bytes()]);
        nonce.iter_mut().zip(mac).for_each(|(to, from)| *to = from);
        self.name.seal(nonce, NAME_AAD, name.as_bytes())
    }

    pub(crate) fn open_name(&self, sealed: &[u8]) -> Result<String, StoreError> {
        self.name.open(NAME_AAD, sealed).and_then(|name| String::from_utf8(name).ok()).ok_or_else(|| {
            StoreError::Corrupt { name: hex(sealed), what: "its sealed name does not open".into() }
        })
    }

    pub(crate) fn seal_value(&self, sealed_name: &[u8], value: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.value.seal(random()?, &[VALUE_AAD, sealed_name].concat(), value)
    }

    pub(crate) fn open_value(
        &self,
        name: &str,
        sealed_name: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        self.value.open(&[VALUE_AAD, sealed_name].concat(), sealed).ok_or_else(|| StoreError::Corrupt {
            name: name.to_owned(),
            what: "its value does not open under this name".into(),
        })
    }
}

/// The first bytes of a name that has no readable form.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(8).fold("sealed name ".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    fn sealer() -> Sealer {
        Sealer::new(&Key([3; 32]))
    }

    #[test]
    fn names_seal_to_the_same_bytes_each_time_and_values_never() {
        let name = sealer().seal_name("ldk/manager").unwrap();
        assert_eq!(name, sealer().seal_name("ldk/manager").unwrap());
        assert_ne!(name, sealer().seal_name("ldk/managers").unwrap());
        assert_ne!(sealer().seal_value(&name, b"x").unwrap(), sealer().seal_value(&name, b"x").unwrap());
    }

    #[test]
    fn a_value_opens_only_under_its_own_name() {
        let (a, b) = (sealer().seal_name("a").unwrap(), sealer().seal_name("b").unwrap());
        let value = sealer().seal_value(&a, b"money").unwrap();
        assert_eq!(sealer().open_value("a", &a, &value).unwrap(), b"money");
        let swapped = sealer().open_value("b", &b, &value).unwrap_err();
        assert!(matches!(swapped, StoreError::Corrupt { name, .. } if name == "b"));
    }

    #[test]
    fn neither_name_nor_value_shows() {
        let name = sealer().seal_name("a name that is long").unwrap();
        let value = sealer().seal_value(&name, b"a value that is long").unwrap();
        for window in [&b"that"[..], b"long", b"name", b"value"] {
            assert!(!name.windows(window.len()).any(|part| part == window));
            assert!(!value.windows(window.len()).any(|part| part == window));
        }
        assert_eq!(value.len(), NONCE + 20 + TAG);
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens(name in "\\PC{1,40}", value in prop::collection::vec(any::<u8>(), 0..200)) {
            let sealed = sealer().seal_name(&name).unwrap();
            prop_assert_eq!(sealer().open_name(&sealed).unwrap(), name.clone());
            let sealed_value = sealer().seal_value(&sealed, &value).unwrap();
            prop_assert_eq!(sealer().open_value(&name, &sealed, &sealed_value).unwrap(), value);
        }

        #[test]
        fn a_flipped_bit_anywhere_is_seen(at in 0usize..60, bit in 0u8..8) {
            let name = sealer().seal_name("ldk/manager").unwrap();
            let mut value = sealer().seal_value(&name, &[9; 20]).unwrap();
            value[at] ^= 1 << bit;
            prop_assert!(sealer().open_value("ldk/manager", &name, &value).is_err());
            let mut name = name;
            let at = at % name.len();
            name[at] ^= 1 << bit;
            prop_assert!(sealer().open_name(&name).is_err());
        }

        #[test]
        fn any_bytes_are_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(sealer().open_name(&bytes).is_err());
            prop_assert!(sealer().open_value("x", b"x", &bytes).is_err());
        }
    }
}
