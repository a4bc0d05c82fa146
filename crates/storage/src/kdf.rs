//! Derivation of the key that wraps a wallet's data key, from a passphrase.
//!
//! Pure and slow on purpose. In the browser [`derive()`] runs in a Worker of its own that is thrown away after it, because a
//! wasm memory never shrinks; the [`Kek`] comes back as 32 bytes.

use crate::{StoreError, random};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Length of a salt, in bytes.
pub const SALT_BYTES: usize = 16;

/// Cost of new wallets: 64 MiB, 3 passes, 1 lane (RFC 9106 section 4, the choice for constrained memory, with one lane as
/// a Worker has one thread).
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 1;

/// Maximum costs in a stored header. Above them the header is damaged or hostile.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
const MAX_PASSES: u32 = 100;
const MAX_LANES: u32 = 16;

const ARGON2ID: u8 = 1;
const EXTERNAL: u8 = 2;

/// The derivation of a wallet's [`Kek`]. Stored in the wallet's header, so the costs can be raised later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KdfParams(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Argon2id { memory_kib: u32, passes: u32, lanes: u32, salt: [u8; SALT_BYTES] },
    ExternalKey,
}

/// A failed derivation.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum KdfError {
    /// An empty passphrase protects nothing.
    #[error("the passphrase is empty: choose one")]
    EmptyPassphrase,
    /// The wallet was sealed with a key from elsewhere (a key file, a passkey), not with a passphrase.
    #[error("this wallet is not opened by a passphrase: use its key file or passkey")]
    ExternalKey,
    /// A parameter is out of bounds.
    #[error("key derivation parameter {name} is {value}, it must be {min} to {max}")]
    OutOfBounds {
        /// The parameter's name and unit.
        name: &'static str,
        /// Its value.
        value: u32,
        /// The minimum.
        min: u32,
        /// The maximum.
        max: u32,
    },
    /// The bytes are not key derivation parameters, or of a kind that this release does not know.
    #[error("these bytes are no key derivation parameters ({0})")]
    Malformed(&'static str),
    /// The device has not enough free memory.
    #[error("unlocking needs {memory_kib} KiB of free memory: close other tabs or programs, then try again")]
    OutOfMemory {
        /// Needed, in KiB.
        memory_kib: u32,
    },
}

/// A key that wraps the data key. Wiped from memory when dropped, shown by no formatter.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Kek([u8; 32]);

impl Kek {
    /// From another thread's [`to_bytes`](Self::to_bytes), a key file or a passkey; these bytes must be uniformly random or
    /// derived by [`derive()`].
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key's bytes, to hand them to the thread that opens the store.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for Kek {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kek(..)")
    }
}

impl KdfParams {
    /// The encoded length, in bytes.
    pub const BYTES: usize = 1 + 3 * 4 + SALT_BYTES;

    /// Parameters for a new wallet or a new passphrase: Argon2id, 64 MiB, 3 passes, 1 lane, a fresh salt.
    ///
    /// # Errors
    /// [`StoreError::Randomness`].
    pub fn generate() -> Result<Self, StoreError> {
        let salt = random()?;
        Ok(Self(Kind::Argon2id { memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES, salt }))
    }

    /// Argon2id (version 0x13) with costs of one's own; for tests, and for raising the costs.
    ///
    /// # Errors
    /// [`KdfError::OutOfBounds`].
    pub fn argon2id(
        memory_kib: u32,
        passes: u32,
        lanes: u32,
        salt: [u8; SALT_BYTES],
    ) -> Result<Self, KdfError> {
        let within = |name, value, min, max| {
            if (min..=max).contains(&value) {
                Ok(())
            } else {
                Err(KdfError::OutOfBounds { name, value, min, max })
            }
        };
        within("lanes", lanes, 1, MAX_LANES)?;
        within("passes", passes, 1, MAX_PASSES)?;
        // Argon2 needs eight blocks of 1 KiB per lane (RFC 9106 section 3.1).
        within("memory in KiB", memory_kib, lanes.saturating_mul(8), MAX_MEMORY_KIB)?;
        Ok(Self(Kind::Argon2id { memory_kib, passes, lanes, salt }))
    }

    /// For a wallet whose key comes from elsewhere: 32 random bytes in a key file, a passkey's PRF.
    #[must_use]
    pub fn external_key() -> Self {
        Self(Kind::ExternalKey)
    }

    /// True if the key comes from elsewhere, so that there is no passphrase to ask for.
    #[must_use]
    pub fn is_external_key(&self) -> bool {
        self.0 == Kind::ExternalKey
    }

    /// Kind (1 byte), memory in KiB, passes, lanes (each 4 bytes, big endian), salt (16 bytes). Not secret.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let (kind, costs, salt) = match &self.0 {
            Kind::Argon2id { memory_kib, passes, lanes, salt } => {
                (ARGON2ID, [*memory_kib, *passes, *lanes], *salt)
            }
            Kind::ExternalKey => (EXTERNAL, [0; 3], [0; SALT_BYTES]),
        };
        let mut bytes = [0; Self::BYTES];
        let encoded = [kind].into_iter().chain(costs.into_iter().flat_map(u32::to_be_bytes)).chain(salt);
        bytes.iter_mut().zip(encoded).for_each(|(to, from)| *to = from);
        bytes
    }

    /// The reverse of [`to_bytes`](Self::to_bytes).
    ///
    /// # Errors
    /// [`KdfError::Malformed`] or [`KdfError::OutOfBounds`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KdfError> {
        let cut = || KdfError::Malformed("wrong length");
        let (kind, rest) = bytes.split_first().ok_or_else(cut)?;
        let mut costs = [0; 3];
        let mut rest = rest;
        for cost in &mut costs {
            let (value, after) = rest.split_first_chunk().ok_or_else(cut)?;
            *cost = u32::from_be_bytes(*value);
            rest = after;
        }
        let salt: [u8; SALT_BYTES] = rest.try_into().map_err(|_| cut())?;
        match (*kind, costs) {
            (ARGON2ID, [memory_kib, passes, lanes]) => Self::argon2id(memory_kib, passes, lanes, salt),
            // Unused fields must be zero, so that a later release can give them a meaning.
            (EXTERNAL, [0, 0, 0]) if salt == [0; SALT_BYTES] => Ok(Self::external_key()),
            _ => Err(KdfError::Malformed("unknown kind")),
        }
    }
}

/// Derives the key by Argon2id (RFC 9106) from the passphrase in Unicode's NFKD form, so that it does not matter how a
/// keyboard composes an accent. The working memory is wiped.
///
/// # Errors
/// [`KdfError::EmptyPassphrase`], [`KdfError::ExternalKey`], [`KdfError::OutOfMemory`].
pub fn derive(passphrase: &str, params: &KdfParams) -> Result<Kek, KdfError> {
    let Kind::Argon2id { memory_kib, passes, lanes, salt } = &params.0 else {
        return Err(KdfError::ExternalKey);
    };
    if passphrase.is_empty() {
        return Err(KdfError::EmptyPassphrase);
    }
    let normal = nfkd(passphrase);
    let costs = Params::new(*memory_kib, *passes, *lanes, Some(32))
        .map_err(|_| KdfError::Malformed("costs that Argon2 refuses"))?;
    // Reserved before Argon2 runs: its own allocation would abort where the memory is not there.
    let mut memory = Zeroizing::new(Vec::new());
    let out_of_memory = || KdfError::OutOfMemory { memory_kib: *memory_kib };
    memory.try_reserve_exact(costs.block_count()).map_err(|_| out_of_memory())?;
    memory.resize(costs.block_count(), Block::new());
    let mut key = Kek([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, costs)
        .hash_password_into_with_memory(normal.as_bytes(), salt, &mut key.0, memory.as_mut_slice())
        .map_err(|_| KdfError::Malformed("a passphrase that Argon2 refuses"))?;
    Ok(key)
}

/// Unicode's NFKD form. It never changes for assigned characters, so releases and platforms agree.
#[cfg(not(target_arch = "wasm32"))]
fn nfkd(text: &str) -> Zeroizing<String> {
    use unicode_normalization::UnicodeNormalization;
    Zeroizing::new(text.nfkd().collect())
}

/// As above, by the browser: its tables need not be downloaded (40 kB).
#[cfg(target_arch = "wasm32")]
fn nfkd(text: &str) -> Zeroizing<String> {
    Zeroizing::new(js_sys::JsString::from(text).normalize("NFKD").into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn cheap() -> KdfParams {
        KdfParams::argon2id(8, 1, 1, [7; 16]).unwrap()
    }

    #[test]
    fn composed_and_decomposed_passphrases_are_the_same() {
        let composed = derive("caf\u{e9}", &cheap()).unwrap();
        assert_eq!(composed.as_bytes(), derive("cafe\u{301}", &cheap()).unwrap().as_bytes());
        assert_ne!(composed.as_bytes(), derive("cafe", &cheap()).unwrap().as_bytes());
    }

    /// Printed by the reference implementation's own program, `argon2 <salt> -id -t .. -k .. -p .. -l 32 -r`.
    #[test]
    fn agrees_with_the_reference_implementation() {
        for (params, expected) in [
            (
                KdfParams::argon2id(65536, 3, 1, *b"somesalt12345678"),
                "6084b0874ad5aa5ab67fe0ef807467581bb5e79ba37a7216992f015cc93f83da",
            ),
            (
                KdfParams::argon2id(64, 2, 2, *b"somesalt12345678"),
                "1ea7ec6de3e14348828f1c42bfc4523a3c58c1ba88a895137ad9afb027054714",
            ),
        ] {
            let key = derive("correct horse", &params.unwrap()).unwrap();
            let hex: String = key.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, expected);
        }
    }

    #[test]
    fn every_parameter_matters() {
        let base = *derive("x", &cheap()).unwrap().to_bytes();
        for other in [
            KdfParams::argon2id(16, 1, 1, [7; 16]),
            KdfParams::argon2id(8, 2, 1, [7; 16]),
            KdfParams::argon2id(16, 1, 2, [7; 16]),
            KdfParams::argon2id(8, 1, 1, [8; 16]),
        ] {
            assert_ne!(base, *derive("x", &other.unwrap()).unwrap().to_bytes());
        }
    }

    #[test]
    fn parameters_survive_their_encoding() {
        for params in [cheap(), KdfParams::generate().unwrap(), KdfParams::external_key()] {
            assert_eq!(KdfParams::from_bytes(&params.to_bytes()), Ok(params));
        }
        assert_ne!(KdfParams::generate().unwrap(), KdfParams::generate().unwrap(), "salts are fresh");
    }

    #[test]
    fn bad_parameters_are_refused() {
        assert_eq!(KdfParams::from_bytes(&[1; 3]), Err(KdfError::Malformed("wrong length")));
        assert_eq!(KdfParams::from_bytes(&[9; KdfParams::BYTES]), Err(KdfError::Malformed("unknown kind")));
        assert!(matches!(
            KdfParams::argon2id(u32::MAX, 1, 1, [0; 16]),
            Err(KdfError::OutOfBounds { value: u32::MAX, .. })
        ));
        assert!(matches!(KdfParams::argon2id(15, 1, 2, [0; 16]), Err(KdfError::OutOfBounds { min: 16, .. })));
        assert!(KdfParams::argon2id(8, 0, 1, [0; 16]).is_err());
        assert!(KdfParams::argon2id(8, 1, 0, [0; 16]).is_err());
        assert_eq!(derive("", &cheap()).err(), Some(KdfError::EmptyPassphrase));
        assert_eq!(derive("x", &KdfParams::external_key()).err(), Some(KdfError::ExternalKey));
    }

    #[test]
    fn a_key_is_not_printed() {
        assert_eq!(format!("{:?}", Kek::from_bytes([65; 32])), "Kek(..)");
    }
}
