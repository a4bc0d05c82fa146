//! `GET /admin/v1/proof/{nonce}`: proves that this is the gateway ([`crate::desk::proof`]).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::config::Live;
use crate::desk::error::ApiError;
use crate::desk::proof::Proof;
use crate::http::extract::Path;

/// Length of a nonce, in characters.
const NONCE: usize = 64;

pub(super) async fn answer(
    State(live): State<Arc<Live>>,
    Path(nonce): Path<String>,
) -> Result<Response, ApiError> {
    if nonce.len() != NONCE || !nonce.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(ApiError::invalid(format!(
            "the nonce is not {NONCE} hexadecimal digits; take random ones"
        )));
    }
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(Proof::new(&live.get().admin.token, &nonce)))
        .into_response())
}
