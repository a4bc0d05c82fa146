//! The proof that whoever listens has the admin token, before that is sent to it. When the gateway is down, another program can have
//! its port.

use bitcoin::hashes::{Hash, HashEngine, Hmac, HmacEngine, sha256};
use serde::{Deserialize, Serialize};

use crate::config::Secret;

/// Separates the proof from everything else made of the token.
const CONTEXT: &[u8] = b"amplet gateway admin proof 1\n";

/// Answer of `GET /admin/v1/proof/{nonce}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// HMAC-SHA256 of the nonce, keyed with the token, in hex.
    pub proof: String,
}

impl Proof {
    /// The proof for a nonce.
    pub fn new(token: &Secret, nonce: &str) -> Self {
        let mut engine = HmacEngine::<sha256::Hash>::new(token.expose().as_bytes());
        engine.input(CONTEXT);
        engine.input(nonce.as_bytes());
        Self { proof: format!("{:x}", Hmac::<sha256::Hash>::from_engine(engine)) }
    }
}
