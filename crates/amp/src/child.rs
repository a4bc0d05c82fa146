//! Children: what a part's hash and preimage follow from.

use core::fmt;

use amplet_protocol::PaymentId;
use bitcoin::hashes::{Hash as _, HashEngine as _, sha256};

use crate::share::Share;

/// What claims a part.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Preimage(pub [u8; 32]);

impl fmt::Debug for Preimage {
    /// A secret is not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Preimage(..)")
    }
}

/// A part's share, and the number that makes its hash differ from that of every other part which had the same share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Child {
    /// Share.
    pub share: Share,
    /// Number; each once in a set.
    pub index: u32,
}

impl Child {
    /// Preimage of the part in the set of this root: SHA-256 of root, share and index (32 bits, big endian).
    #[must_use]
    pub fn preimage(&self, root: Share) -> Preimage {
        let mut engine = sha256::Hash::engine();
        engine.input(&root.0);
        engine.input(&self.share.0);
        engine.input(&self.index.to_be_bytes());
        Preimage(sha256::Hash::from_engine(engine).to_byte_array())
    }

    /// Payment hash of the part in the set of this root.
    #[must_use]
    pub fn hash(&self, root: Share) -> PaymentId {
        self.preimage(root).hash()
    }
}

impl Preimage {
    /// Its payment hash.
    #[must_use]
    pub fn hash(&self) -> PaymentId {
        PaymentId(sha256::Hash::hash(&self.0).to_byte_array())
    }
}
