//! Authentication: the API key of a request.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::Api;
use crate::desk::error::{ApiCode, ApiError};
use crate::desk::merchant::api_keys::Key;
use crate::desk::merchant::types::Scope;
use crate::desk::token::{Token, TokenKind};

/// The key that a request came with. Its scope is checked by [`may`](Self::may).
pub(super) struct Caller(Arc<Key>);

impl Caller {
    /// Returns the key, when it has this scope.
    pub(super) fn may(self, scope: Scope) -> Result<Arc<Key>, ApiError> {
        if self.0.has(scope) {
            return Ok(self.0);
        }
        Err(ApiError::new(
            ApiCode::Forbidden,
            format!(
                "this key has not the scope {}; use one that has, the gateway's operator makes them",
                scope.name()
            ),
        ))
    }
}

impl FromRequestParts<Api> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        // Keys are read with the node; until then no caller is known.
        api.node.require_up()?;
        let key = token(&parts.headers).and_then(|token| api.keys.open(&token));
        let key = key.ok_or_else(unauthorized)?;
        if !api.rate.allow(&key.id, Instant::now()) {
            let message = "too many requests with this key; wait a second, and wait for invoices with waitSecs, events or a webhook instead of asking again and again";
            return Err(ApiError::new(ApiCode::RateLimited, message));
        }
        Ok(Self(key))
    }
}

/// The token of a request, if it has the form of one.
pub(in crate::http) fn token(headers: &HeaderMap) -> Option<Token> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Token::parse(TokenKind::ApiKey, token.trim()))?
}

pub(super) fn unauthorized() -> ApiError {
    ApiError::new(
        ApiCode::Unauthorized,
        "there is no API key in the request, or it is unknown or revoked; send `Authorization: Bearer amplet_…`",
    )
}
