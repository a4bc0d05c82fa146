//! A key slot: the data key, wrapped under a key that one passphrase or one passkey gives.

use crate::kdf::{KdfError, KdfParams, Kek};
use crate::seal::{Key, NONCE, TAG};
use crate::{StoreError, random};

/// Maximum length of a passkey's description, in bytes: the longest credential id (WebAuthn section 5.1: 1023 bytes) in base64url,
/// and what is kept beside it.
pub const MAX_PASSKEY: usize = 2048;

const PASSKEY: u8 = 3;

pub(crate) const CHECK: usize = 32;
pub(crate) const WRAPPED: usize = NONCE + 32 + TAG;

/// What each slot authenticates before its source: the same in headers of format 1 and 2, so that a slot outlives the change.
pub(crate) const DOMAIN: &[u8; 10] = b"AmpletKV\x00\x01";
const CHECK_LABEL: &[u8] = b"amplet storage 1 key check key";
const WRAP_LABEL: &[u8] = b"amplet storage 1 wrapping key";

/// Where a [`Kek`] comes from. Nothing of it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A passphrase, or a key from elsewhere. A wallet has at most one.
    Kdf(KdfParams),
    /// A passkey, by the description that the page has written and alone reads: credential id, input of WebAuthn's PRF extension,
    /// name. At most [`MAX_PASSKEY`] bytes.
    Passkey(Vec<u8>),
}

impl From<&KdfParams> for KeySource {
    fn from(params: &KdfParams) -> Self {
        Self::Kdf(params.clone())
    }
}

impl KeySource {
    /// Kind (1 byte), then what belongs to it: of a [`KdfParams`] its [`to_bytes`](KdfParams::to_bytes), of a passkey (kind 3) its
    /// description.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Kdf(params) => params.to_bytes().to_vec(),
            Self::Passkey(description) => [&[PASSKEY], description.as_slice()].concat(),
        }
    }

    /// The reverse of [`to_bytes`](Self::to_bytes).
    ///
    /// # Errors
    /// [`KdfError::Malformed`] or [`KdfError::OutOfBounds`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KdfError> {
        match bytes {
            [PASSKEY, description @ ..] if (1..=MAX_PASSKEY).contains(&description.len()) => {
                Ok(Self::Passkey(description.to_vec()))
            }
            _ => KdfParams::from_bytes(bytes).map(Self::Kdf),
        }
    }

    /// True if a wallet has room for one of the two only.
    pub(crate) fn excludes(&self, other: &Self) -> bool {
        self == other || matches!((self, other), (Self::Kdf(_), Self::Kdf(_)))
    }
}

/// See the head of this file.
#[derive(Clone)]
pub(crate) struct Slot {
    pub(crate) source: KeySource,
    pub(crate) check: [u8; CHECK],
    pub(crate) wrapped: [u8; WRAPPED],
}

impl Slot {
    /// Wraps the data key under `kek`.
    pub(crate) fn wrap(source: KeySource, kek: &Kek, data_key: &Key) -> Result<Self, StoreError> {
        let public = [DOMAIN.as_slice(), &source.to_bytes()].concat();
        let kek = Key(*kek.as_bytes());
        // Tells a wrong key from damage: the wrapped key alone would fail to open in both cases.
        let check = kek.derive(CHECK_LABEL).mac(&[&public]);
        let sealed = kek.derive(WRAP_LABEL).seal(random()?, &public, &data_key.0)?;
        let mut wrapped = [0; WRAPPED];
        wrapped.iter_mut().zip(sealed).for_each(|(to, from)| *to = from);
        Ok(Self { source, check, wrapped })
    }

    /// True if `kek` is this slot's.
    pub(crate) fn fits(&self, kek: &Kek) -> bool {
        let source = self.source.to_bytes();
        Key(*kek.as_bytes()).derive(CHECK_LABEL).mac_is(&[DOMAIN, &source], &self.check)
    }

    /// The data key; `None` when the slot is damaged, or `kek` another slot's.
    pub(crate) fn unwrap(&self, kek: &Kek) -> Option<Key> {
        let public = [DOMAIN.as_slice(), &self.source.to_bytes()].concat();
        let key = Key(*kek.as_bytes()).derive(WRAP_LABEL).open(&public, &self.wrapped)?;
        zeroize::Zeroizing::new(key).as_slice().try_into().ok().map(Key)
    }
}
