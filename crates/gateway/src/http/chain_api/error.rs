//! Errors of the chain API, as HTTP has them.

use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::rpc::RpcError;

/// Bitcoin Core's "block not found" and "height out of range".
const NOT_FOUND: [i64; 2] = [-5, -8];
/// Bitcoin Core's "block not available (pruned data)" and "not found on disk".
const MISC: i64 = -1;

/// An error of the chain API: status and text.
pub(crate) struct ChainApiError(pub(crate) StatusCode, pub(crate) String);

impl IntoResponse for ChainApiError {
    fn into_response(self) -> Response {
        (self.0, [(CACHE_CONTROL, HeaderValue::from_static("no-store"))], self.1).into_response()
    }
}

impl From<RpcError> for ChainApiError {
    fn from(error: RpcError) -> Self {
        let status = match &error {
            RpcError::Refused { code, .. } if NOT_FOUND.contains(code) => StatusCode::NOT_FOUND,
            RpcError::Refused { code: MISC, .. } => StatusCode::NOT_FOUND,
            RpcError::Refused { .. } => StatusCode::BAD_GATEWAY,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        // The view says once when bitcoind is of no use; whoever asks meanwhile adds no line each.
        tracing::debug!("chain API: {error}");
        // Where bitcoind is and how it is logged in to is the operator's business.
        let text = match error {
            RpcError::Refused { message, .. } => message,
            _ => "the gateway's bitcoind does not answer; try again later".to_string(),
        };
        Self(status, text)
    }
}
