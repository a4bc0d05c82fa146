//! `/vss/v1/...`: backups of wallets, by the Versioned Storage Service's protocol. Whoever proves a key sees what was stored with it,
//! and nothing else.

use std::sync::Arc;

use amplet_vss::{
    CONTENT_TYPE, GET_OBJECT, LIST_KEY_VERSIONS, MAX_BODY_BYTES, PREFIX, Refusal, VERSION, VERSION_HEADER,
    auth,
};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use bitcoin::secp256k1::{All, Secp256k1};

use super::chain_api::answers::cors;
use super::chain_api::asker::{Asker, Room};
use crate::desk::backup::Backup;
use crate::desk::clock::unix_now;
use crate::limits::Allowance;

#[derive(Clone)]
struct Door {
    backup: Backup,
    secp: Arc<Secp256k1<All>>,
}

/// The routes, open to pages of every origin.
pub fn router(backup: Backup) -> Router {
    let door = Door { backup, secp: Arc::new(Secp256k1::new()) };
    Router::new()
        .route(&format!("{PREFIX}/info"), get(info))
        .route(&format!("{PREFIX}/{{operation}}"), post(operate))
        .with_state(door)
        .layer(from_fn(cors))
}

async fn info(State(door): State<Door>) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(door.backup.terms())).into_response()
}

async fn operate(
    State(door): State<Door>,
    Path(operation): Path<String>,
    Extension(allowance): Extension<Allowance>,
    asker: Asker,
    request: Request,
) -> Response {
    let owner = match authenticate(&door, request.headers()) {
        Ok(owner) => owner,
        Err(refusal) => return refuse(&refusal),
    };
    let (room, body) = match read(&asker, &operation, request).await {
        Ok(read) => read,
        Err(response) => return *response,
    };
    let address = allowance.client();
    // A client that goes away does not take back what it asked for halfway.
    let work = async move { door.backup.answer(owner, address, &operation, &body).await };
    match tokio::spawn(work).await {
        Ok(Ok(body)) => respond(StatusCode::OK, room.hold(body.into())),
        Ok(Err(refusal)) => refuse(&refusal),
        Err(_) => refuse(&Refusal::Internal("the request ended early; send it again".into())),
    }
}

/// The key that a request proves.
fn authenticate(door: &Door, headers: &HeaderMap) -> Result<[u8; 33], Refusal> {
    let value = headers.get(auth::HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Ok(auth::verify(&door.secp, value, unix_now())?.serialize())
}

/// Reads the body, once there is room for it and for its answer.
async fn read(asker: &Asker, operation: &str, request: Request) -> Result<(Room, Bytes), Box<Response>> {
    let too_large = || Box::new(refuse(&Refusal::TooLarge { max: MAX_BODY_BYTES }));
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or(MAX_BODY_BYTES);
    if length > MAX_BODY_BYTES {
        return Err(too_large());
    }
    // An answer with values is as large as what was written; what it turns out not to need is given back at once.
    let answer = if [GET_OBJECT, LIST_KEY_VERSIONS].contains(&operation) { MAX_BODY_BYTES } else { 0 };
    let room = asker.room(length.saturating_add(answer)).await;
    let room = room.map_err(|error| Box::new(error.into_response()))?;
    let body = to_bytes(request.into_body(), MAX_BODY_BYTES).await.map_err(|_| too_large())?;
    Ok((room, body))
}

fn refuse(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    respond(status, refusal.body().into())
}

fn respond(status: StatusCode, body: Bytes) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (HeaderName::from_static(VERSION_HEADER), HeaderValue::from_static(VERSION)),
    ];
    (status, headers, Body::from(body)).into_response()
}
