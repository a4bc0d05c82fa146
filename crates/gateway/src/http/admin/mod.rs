//! The operator's API, on its own loopback address, with a bearer token.
//!
//! | request | body or query | answer |
//! |---|---|---|
//! | `GET /admin/v1/info` | | [`types::Info`] |
//! | `POST /admin/v1/address` | | [`types::Address`] |
//! | `POST /admin/v1/peers` | [`types::ConnectPeer`] | [`types::Peer`] |
//! | `GET /admin/v1/channels` | | [`types::Channels`] |
//! | `POST /admin/v1/channels` | [`types::OpenChannel`] | [`types::ChannelId`] |
//! | `DELETE /admin/v1/channels/{id}` | [`types::CloseChannel`] | 204 |
//! | `POST /admin/v1/invoices` | [`types::CreateInvoice`] | [`Invoice`](crate::desk::payments::Invoice) |
//! | `GET /admin/v1/invoices/{hash}` | | [`Invoice`](crate::desk::payments::Invoice) |
//! | `POST /admin/v1/payments` | [`types::Pay`] | [`types::Payment`], in its final state; pending after 60 s |
//! | `POST /admin/v1/keysend` | [`types::SendKeysend`] | [`types::Payment`], as for an invoice |
//! | `GET /admin/v1/payments/{hash}` | | [`types::Payment`] |
//! | `POST /admin/v1/send` | [`types::SendOnchain`] | `{txid, amountSat, feeSat}` |
//! | `POST /admin/v1/payments/{txid}/bump` | [`types::Bump`] | `{txid, method, feeRate, feeSat, replacedFeeSat}` |
//! | `GET /admin/v1/keys` | | [`keys::Keys`] |
//! | `POST /admin/v1/keys` | [`keys::CreateKey`] | [`keys::MadeKey`] |
//! | `DELETE /admin/v1/keys/{id}` | | 204 |
//! | `GET /admin/v1/channel-tokens` | | [`tokens::Tokens`] |
//! | `POST /admin/v1/channel-tokens` | [`tokens::CreateToken`] | [`tokens::MadeToken`] |
//! | `DELETE /admin/v1/channel-tokens/{id}` | | 204 |
//! | `POST /admin/v1/sync` | | [`types::Synced`], once the chain source was asked and its newest block is seen |
//! | `GET /admin/v1/proof/{nonce}` | | [`Proof`](crate::desk::proof::Proof), without a token: that this is the gateway |
//!
//! Everything else is an [`ApiError`].

pub mod keys;
mod proof;
mod routes;
pub mod tokens;
pub mod types;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use subtle::ConstantTimeEq;

use self::keys::Keyring;
use crate::config::Secret;
use crate::desk::error::{ApiCode, ApiError};
use crate::desk::merchant::api_keys::ApiKeys;
use crate::http::health::Health;
use crate::node::NodeHandle;

/// Largest body of a request, in bytes.
const MAX_BODY: usize = 64 << 10;

/// The API for the node behind `node`, open to callers that have `token`.
pub fn router(node: NodeHandle, health: Health, keys: Arc<ApiKeys>, token: Secret) -> Router {
    let token = Arc::new(token);
    let proof =
        Router::new().route("/admin/v1/proof/{nonce}", get(proof::answer)).with_state(Arc::clone(&token));
    routes::all(Keyring { node, keys }, health)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(token, authorize))
        .merge(proof)
}

async fn authorize(State(token): State<Arc<Secret>>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(bearer).unwrap_or_default();
    if given.as_bytes().ct_eq(token.expose().as_bytes()).unwrap_u8() == 0 {
        let message = "the bearer token is missing or wrong; send the contents of the admin token file as `Authorization: Bearer …`";
        return ApiError::new(ApiCode::Unauthorized, message).into_response();
    }
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
