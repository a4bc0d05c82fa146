//! The header, the one record that is not sealed: it holds the wrapped data key.
//!
//! Format 1, 175 bytes, integers big endian:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | magic `AmpletKV` |
//! | 2 | format |
//! | 29 | key derivation ([`KdfParams::to_bytes`]) |
//! | 32 | key check: HMAC of all the above under a key derived from the KEK; detects a wrong passphrase |
//! | 72 | the data key sealed under another key derived from the KEK (nonce, ciphertext, tag), authenticating the first 39 bytes |
//! | 32 | SHA-256 of all the above; detects damage |
//!
//! Every later format retains the first two fields and the last, so that "newer" and "damaged" can always be distinguished.

use crate::kdf::{KdfParams, Kek};
use crate::seal::{Key, NONCE, TAG};
use crate::{StoreError, random};
use sha2::{Digest, Sha256};

/// The name under which the header lies. Sealed names are longer.
pub(crate) const HEADER_NAME: &[u8] = b"header";

/// The format this release writes, and the newest that it reads.
pub(crate) const FORMAT: u16 = 1;

const MAGIC: &[u8; 8] = b"AmpletKV";
const PUBLIC: usize = 8 + 2 + KdfParams::BYTES;
const CHECK: usize = 32;
const WRAPPED: usize = NONCE + 32 + TAG;

const CHECK_LABEL: &[u8] = b"amplet storage 1 key check key";
const WRAP_LABEL: &[u8] = b"amplet storage 1 wrapping key";

/// A header whose damage check has passed.
pub(crate) struct Header {
    public: [u8; PUBLIC],
    check: [u8; CHECK],
    wrapped: [u8; WRAPPED],
    kdf: KdfParams,
}

impl Header {
    /// Wraps the data key under `kek`.
    pub(crate) fn wrap(kdf: &KdfParams, kek: &Kek, data_key: &Key) -> Result<Vec<u8>, StoreError> {
        let public = [MAGIC.as_slice(), &FORMAT.to_be_bytes(), &kdf.to_bytes()].concat();
        let kek = Key(*kek.as_bytes());
        // Tells a wrong passphrase from damage: the wrapped key alone would fail to open in both cases.
        let check = kek.derive(CHECK_LABEL).mac(&[&public]);
        let wrapped = kek.derive(WRAP_LABEL).seal(random()?, &public, &data_key.0)?;
        let mut header = [public.as_slice(), &check, &wrapped].concat();
        let digest: [u8; 32] = Sha256::digest(&header).into();
        header.extend_from_slice(&digest);
        Ok(header)
    }

    /// Reads a header; needs no secret.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, StoreError> {
        let damaged = |what: &str| StoreError::Corrupt { name: "header".into(), what: what.to_owned() };
        let (body, digest) = bytes.split_last_chunk::<32>().ok_or_else(|| damaged("it is cut short"))?;
        let rest = body.strip_prefix(MAGIC).ok_or_else(|| damaged("it does not start with AmpletKV"))?;
        let (format, rest) = rest.split_first_chunk().ok_or_else(|| damaged("it is cut short"))?;
        // Before the format, so that a damaged format is not taken for a newer one.
        if <[u8; 32]>::from(Sha256::digest(body)) != *digest {
            return Err(damaged("its checksum is wrong"));
        }
        match u16::from_be_bytes(*format) {
            FORMAT => {}
            0 => return Err(damaged("it has format 0, which was never written")),
            found => return Err(StoreError::NewerFormat { found: found.into(), supported: FORMAT.into() }),
        }
        let length = || damaged("it has the wrong length");
        let (kdf, rest) = rest.split_first_chunk::<{ KdfParams::BYTES }>().ok_or_else(length)?;
        let (check, rest) = rest.split_first_chunk::<CHECK>().ok_or_else(length)?;
        let wrapped: [u8; WRAPPED] = rest.try_into().map_err(|_| length())?;
        let kdf = KdfParams::from_bytes(kdf).map_err(|error| damaged(&error.to_string()))?;
        let public = *body.first_chunk::<PUBLIC>().ok_or_else(length)?;
        Ok(Self { public, check: *check, wrapped, kdf })
    }

    pub(crate) fn kdf(&self) -> &KdfParams {
        &self.kdf
    }

    /// The data key, if `kek` is the right one.
    pub(crate) fn unwrap(&self, kek: &Kek) -> Result<Key, StoreError> {
        let kek = Key(*kek.as_bytes());
        if !kek.derive(CHECK_LABEL).mac_is(&[&self.public], &self.check) {
            return Err(StoreError::WrongPassphrase);
        }
        kek.derive(WRAP_LABEL)
            .open(&self.public, &self.wrapped)
            .map(zeroize::Zeroizing::new)
            .and_then(|key| key.as_slice().try_into().ok())
            .map(Key)
            .ok_or_else(|| StoreError::Corrupt {
                name: "header".into(),
                what: "its wrapped key does not open, though the passphrase is right".into(),
            })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    fn kdf() -> KdfParams {
        KdfParams::argon2id(8, 1, 1, [5; 16]).unwrap()
    }

    fn header() -> Vec<u8> {
        Header::wrap(&kdf(), &Kek::from_bytes([1; 32]), &Key([2; 32])).unwrap()
    }

    /// The header with one byte changed and, as a tamperer would, the checksum made right again.
    fn tampered(at: usize) -> Vec<u8> {
        let mut header = header();
        header[at] ^= 1;
        let end = header.len() - 32;
        let digest = Sha256::digest(&header[..end]);
        header[end..].copy_from_slice(&digest);
        header
    }

    #[test]
    fn the_right_key_opens_and_a_wrong_one_is_told_from_damage() {
        assert_eq!(header().len(), 175);
        let parsed = Header::parse(&header()).unwrap();
        assert_eq!(*parsed.kdf(), kdf());
        assert_eq!(parsed.unwrap(&Kek::from_bytes([1; 32])).unwrap().0, [2; 32]);
        assert!(matches!(parsed.unwrap(&Kek::from_bytes([9; 32])), Err(StoreError::WrongPassphrase)));
    }

    #[test]
    fn a_changed_wrapped_key_is_damage_even_under_a_right_checksum() {
        for at in [PUBLIC + CHECK, PUBLIC + CHECK + NONCE, PUBLIC + CHECK + WRAPPED - 1] {
            let parsed = Header::parse(&tampered(at)).unwrap();
            assert!(matches!(parsed.unwrap(&Kek::from_bytes([1; 32])), Err(StoreError::Corrupt { .. })));
        }
    }

    #[test]
    fn changed_derivation_costs_do_not_pass_as_the_same_wallet() {
        let parsed = Header::parse(&tampered(14)).unwrap();
        assert!(matches!(parsed.unwrap(&Kek::from_bytes([1; 32])), Err(StoreError::WrongPassphrase)));
    }

    #[test]
    fn a_newer_format_is_named_and_a_damaged_format_field_is_not_taken_for_one() {
        assert!(matches!(
            Header::parse(&tampered(8)),
            Err(StoreError::NewerFormat { found: 257, supported: 1 })
        ));
        let mut damaged = header();
        damaged[8] ^= 1;
        assert!(matches!(Header::parse(&damaged), Err(StoreError::Corrupt { .. })));
    }

    proptest! {
        #[test]
        fn any_flipped_bit_is_seen(at in 0usize..175, bit in 0u8..8) {
            let mut header = header();
            header[at] ^= 1 << bit;
            let is_corrupt = matches!(Header::parse(&header), Err(StoreError::Corrupt { .. }));
            prop_assert!(is_corrupt);
        }

        #[test]
        fn any_bytes_are_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(Header::parse(&bytes).is_err());
        }

        #[test]
        fn a_cut_header_is_refused(len in 0usize..175) {
            prop_assert!(Header::parse(&header()[..len]).is_err());
        }
    }
}
