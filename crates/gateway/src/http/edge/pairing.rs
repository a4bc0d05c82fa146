//! `POST /pairing/v1/put/{id}` and `POST /pairing/v1/take/{id}`: letters between two devices of one wallet
//! ([`Mailbox`](crate::desk::pairing::Mailbox)). `id`: 32 hex digits.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Extension, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bitcoin::hex::FromHex;

use super::{Edge, Peer, client_ip};
use crate::desk::pairing::{Found, LetterId, MAX_LETTER, Mailbox, Refused};
use crate::http::chain_api::answers::cors;
use crate::limits::client_of;

/// The letters of all wallets.
pub(super) type Letters = Mutex<Mailbox>;

/// The routes, for pages of every origin.
pub(super) fn routes() -> Router<Edge> {
    Router::new()
        .route("/pairing/v1/put/{id}", post(put))
        .route("/pairing/v1/take/{id}", post(take))
        .layer(DefaultBodyLimit::max(MAX_LETTER))
        .layer(from_fn(cors))
}

/// 201; 409 when the name was used, 413 when it is too long, 429 and 503 when there is no room.
async fn put(
    State(edge): State<Edge>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    let Some(id) = letter_id(&id) else { return no_name() };
    let client = client_of(client_ip(peer, &headers, &edge.config.http.trusted_proxies));
    let mut letters = edge.letters.lock().unwrap_or_else(PoisonError::into_inner);
    match letters.put(id, body.to_vec(), client, Instant::now()) {
        Ok(()) => StatusCode::CREATED.into_response(),
        Err(refused) => {
            let status = match refused {
                Refused::Used => StatusCode::CONFLICT,
                Refused::Mine => StatusCode::TOO_MANY_REQUESTS,
                Refused::All => StatusCode::SERVICE_UNAVAILABLE,
            };
            (status, format!("{refused}\n")).into_response()
        }
    }
}

/// 200 with the letter, 204 when there is none yet, 410 when it was taken.
async fn take(State(edge): State<Edge>, Path(id): Path<String>) -> Response {
    let Some(id) = letter_id(&id) else { return no_name() };
    let found = edge.letters.lock().unwrap_or_else(PoisonError::into_inner).take(&id, Instant::now());
    let headers = [(header::CACHE_CONTROL, "no-store"), (header::CONTENT_TYPE, "application/octet-stream")];
    match found {
        Found::Nothing => StatusCode::NO_CONTENT.into_response(),
        Found::Letter(body) => (headers, body).into_response(),
        Found::Taken => (StatusCode::GONE, "somebody took this letter\n").into_response(),
    }
}

fn letter_id(text: &str) -> Option<LetterId> {
    LetterId::from_hex(text).ok()
}

fn no_name() -> Response {
    (StatusCode::BAD_REQUEST, "the name of a letter is 32 hex digits\n").into_response()
}
