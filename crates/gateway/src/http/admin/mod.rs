//! The operator's API, on its own loopback address, with a bearer token; one for monitors reads only.
//!
//! | request | body or query | answer |
//! |---|---|---|
//! | `GET /admin/v1/info` | | [`types::Info`] |
//! | `POST /admin/v1/address` | | [`types::Address`] |
//! | `POST /admin/v1/peers` | [`types::ConnectPeer`] | [`types::Peer`] |
//! | `GET /admin/v1/channels` | | [`types::Channels`] |
//! | `POST /admin/v1/channels` | [`types::OpenChannel`] | [`types::ChannelId`] |
//! | `POST /admin/v1/channels/batch` | [`channels::OpenChannels`] | [`channels::ChannelIds`] |
//! | `DELETE /admin/v1/channels/{id}` | [`types::CloseChannel`] | 204 |
//! | `POST /admin/v1/invoices` | [`types::CreateInvoice`] | [`Invoice`](crate::desk::payments::Invoice) |
//! | `GET /admin/v1/invoices/{hash}` | | [`Invoice`](crate::desk::payments::Invoice) |
//! | `POST /admin/v1/payments` | [`types::Pay`] | [`types::Payment`], in its final state; pending after 60 s |
//! | `POST /admin/v1/keysend` | [`types::SendKeysend`] | [`types::Payment`], as for an invoice |
//! | `GET /admin/v1/payments/{hash}` | | [`types::Payment`] |
//! | `POST /admin/v1/send` | [`types::SendOnchain`] | `{txid, amountSat, feeSat}` |
//! | `POST /admin/v1/payments/{txid}/bump` | [`types::Bump`] | `{txid, method, feeRate, feeSat, replacedFeeSat}` |
//! | `GET /admin/v1/forwards` | [`types::GetForwards`] | [`Report`](crate::desk::forwards::Report) |
//! | `GET /admin/v1/fees` | | [`AllTerms`](crate::desk::fees::AllTerms) |
//! | `POST /admin/v1/fees` | [`fees::SetFees`] | the same |
//! | `DELETE /admin/v1/fees/{of}` | | 204 |
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

pub mod channels;
pub mod fees;
pub mod keys;
mod proof;
mod routes;
pub mod tokens;
pub mod types;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use subtle::ConstantTimeEq;
use tracing::info;

use self::keys::Keyring;
use crate::config::{Live, Secret};
use crate::desk::error::{ApiCode, ApiError};
use crate::desk::merchant::api_keys::ApiKeys;
use crate::http::edge::Peer;
use crate::http::health::Health;
use crate::http::logins;
use crate::node::NodeHandle;

/// Largest body of a request, in bytes.
const MAX_BODY: usize = 64 << 10;

/// Paths that the read-only token does not open, although they change nothing: proofs of payment belong to whoever paid.
const NOT_TO_READ: [&str; 2] = ["/admin/v1/payments", "/admin/v1/invoices"];

/// The API for the node behind `node`, open to callers that have a token of the configuration.
pub fn router(node: NodeHandle, health: Health, keys: Arc<ApiKeys>, live: Arc<Live>) -> Router {
    let proof =
        Router::new().route("/admin/v1/proof/{nonce}", get(proof::answer)).with_state(Arc::clone(&live));
    routes::all(Keyring { node, keys }, health)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(live, authorize))
        .merge(proof)
}

async fn authorize(
    State(live): State<Arc<Live>>,
    Extension(peer): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(bearer).unwrap_or_default();
    let is_given = |token: &Secret| given.as_bytes().ct_eq(token.expose().as_bytes()).unwrap_u8() == 1;
    let admin = &live.get().admin;
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let is_reading = method == Method::GET;
    match (is_given(&admin.token), admin.read_token.as_ref().is_some_and(is_given)) {
        (true, _) => {}
        (false, true) if is_reading && !NOT_TO_READ.iter().any(|hidden| path.starts_with(hidden)) => {}
        (false, true) => {
            let message = "this token reads the gateway's state only; send the one of token_file";
            return ApiError::new(ApiCode::Forbidden, message).into_response();
        }
        (false, false) => {
            logins::refused(peer.0.ip(), "admin");
            let message = "the bearer token is missing or wrong; send the contents of the admin token file as `Authorization: Bearer …`";
            return ApiError::new(ApiCode::Unauthorized, message).into_response();
        }
    }
    let mut response = next.run(request).await;
    if !is_reading {
        info!(%method, path, status = response.status().as_u16(), "the operator's request");
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
