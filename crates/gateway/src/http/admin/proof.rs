//! `GET /admin/v1/proof/{nonce}`: proves that whoever listens here has the admin token, before that is sent to it. When the gateway is
//! down, another program can have its port.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bitcoin::hashes::{Hash, HashEngine, Hmac, HmacEngine, sha256};
use serde::{Deserialize, Serialize};

use crate::config::Secret;
use crate::desk::error::ApiError;

/// Separates the proof from everything else made of the token.
const CONTEXT: &[u8] = b"amplet gateway admin proof 1\n";

/// Length of a nonce, in characters.
const NONCE: usize = 64;

/// The answer.
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

pub(super) async fn answer(
    State(token): State<Arc<Secret>>,
    Path(nonce): Path<String>,
) -> Result<Response, ApiError> {
    if nonce.len() != NONCE || !nonce.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(ApiError::invalid(format!(
            "the nonce is not {NONCE} hexadecimal digits; take random ones"
        )));
    }
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(Proof::new(&token, &nonce))).into_response())
}
