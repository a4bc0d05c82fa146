//! `POST /boxes/v1/put/{name}` and `POST /boxes/v1/take/{key}?wait=SECONDS`: letters between a wallet and the holders of its budgets
//! ([`Boxes`]). `name` and `key`: 32 hex digits.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Extension, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bitcoin::hex::FromHex;
use serde::Deserialize;
use tokio::sync::Notify;
use tokio::time::timeout_at;

use super::{Edge, Peer, client_ip};
use crate::desk::boxes::{BoxName, Boxes, MAX_LETTER, Refused};
use crate::http::chain_api::answers::cors;
use crate::limits::{Allowance, client_of};

/// Maximum time for which a request waits for a letter, in seconds: proxies cut off what is silent for longer.
const MAX_WAIT_SECS: u64 = 25;

/// The boxes of all wallets, and who waits at them.
pub(super) struct Letters {
    boxes: Mutex<Boxes>,
    /// Who waits, by the first byte of the box's name: a letter wakes few others.
    arrivals: [Notify; 256],
}

impl Default for Letters {
    fn default() -> Self {
        Self { boxes: Mutex::default(), arrivals: std::array::from_fn(|_| Notify::new()) }
    }
}

impl Letters {
    fn boxes(&self) -> MutexGuard<'_, Boxes> {
        self.boxes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arrivals(&self, BoxName([first, ..]): BoxName) -> &Notify {
        // A byte has 256 values.
        &self.arrivals[usize::from(first)]
    }

    /// Takes the oldest letter; waits for one until `until`.
    async fn take(&self, name: BoxName, until: Instant) -> Option<Vec<u8>> {
        loop {
            // Before the look: a letter that comes after it wakes.
            let arrival = self.arrivals(name).notified();
            tokio::pin!(arrival);
            arrival.as_mut().enable();
            let found = self.boxes().take(name, Instant::now());
            if found.is_some() || timeout_at(until.into(), arrival).await.is_err() {
                return found;
            }
        }
    }
}

/// The routes, for pages of every origin.
pub(super) fn routes() -> Router<Edge> {
    Router::new()
        .route("/boxes/v1/put/{name}", post(put))
        .route("/boxes/v1/take/{key}", post(take))
        .layer(DefaultBodyLimit::max(MAX_LETTER))
        .layer(from_fn(cors))
}

/// 201; 413 when it is too long, 409 when the box is full, 429 and 503 when there is no room.
async fn put(
    State(edge): State<Edge>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Path(name): Path<String>,
    body: Bytes,
) -> Response {
    let Ok(name) = <[u8; 16]>::from_hex(&name).map(BoxName) else { return no_name() };
    let client = client_of(client_ip(peer, &headers, &edge.config.http.trusted_proxies));
    let put = edge.boxes.boxes().put(name, body.to_vec(), client, Instant::now());
    match put {
        Ok(()) => {
            edge.boxes.arrivals(name).notify_waiters();
            StatusCode::CREATED.into_response()
        }
        Err(refused) => {
            let status = match refused {
                Refused::Box => StatusCode::CONFLICT,
                Refused::Mine => StatusCode::TOO_MANY_REQUESTS,
                Refused::All => StatusCode::SERVICE_UNAVAILABLE,
            };
            (status, format!("{refused}\n")).into_response()
        }
    }
}

/// `?wait=SECONDS`: for a letter, when there is none.
#[derive(Deserialize)]
struct Wait {
    #[serde(default)]
    wait: u64,
}

/// 200 with the oldest letter, which nobody gets again; 204 when there is none. Where too many wait already, the answer comes at once.
async fn take(
    State(edge): State<Edge>,
    Extension(allowance): Extension<Allowance>,
    Path(key): Path<String>,
    Query(Wait { wait }): Query<Wait>,
) -> Response {
    let Ok(name) = <[u8; 16]>::from_hex(&key).map(|key| BoxName::of_key(&key)) else { return no_name() };
    let seat = allowance.wait().ok();
    let secs = if seat.is_some() { wait.min(MAX_WAIT_SECS) } else { 0 };
    let headers = [(header::CACHE_CONTROL, "no-store"), (header::CONTENT_TYPE, "application/octet-stream")];
    match edge.boxes.take(name, Instant::now() + Duration::from_secs(secs)).await {
        Some(letter) => (headers, letter).into_response(),
        None => (StatusCode::NO_CONTENT, headers).into_response(),
    }
}

fn no_name() -> Response {
    (StatusCode::BAD_REQUEST, "the name or the key of a box is 32 hex digits\n").into_response()
}
