//! `/vss/v1/...`: backups of wallets, by the Versioned Storage Service's protocol. Whoever proves a key sees what was stored with it,
//! and nothing else.

use std::net::IpAddr;
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
use crate::desk::backup::{Backup, Caller};
use crate::desk::clock::unix_now;
use crate::limits::Allowance;

/// Maximum length of a request's body that has no values, in bytes.
const MAX_QUESTION_BYTES: usize = 64 << 10;

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
    let caller = match authenticate(&door, allowance.client(), request.headers()) {
        Ok(caller) => caller,
        Err(refusal) => return refuse(&refusal),
    };
    let (room, body) = match read(&asker, &operation, request).await {
        Ok(read) => read,
        Err(response) => return *response,
    };
    // Where too many wait already, the answer comes at once, as from a server that cannot wait.
    if operation == GET_OBJECT
        && let Some(_wait) = asker.wait()
    {
        door.backup.wait(caller, &body).await;
    }
    let room = match for_answer(&asker, &operation, room).await {
        Ok(room) => room,
        Err(response) => return *response,
    };
    // A client that goes away does not take back what it asked for halfway.
    let work = async move { door.backup.answer(caller, &operation, &body).await };
    match tokio::spawn(work).await {
        Ok(Ok(body)) => respond(StatusCode::OK, room.hold(body.into())),
        Ok(Err(refusal)) => refuse(&refusal),
        Err(_) => refuse(&Refusal::Internal("the request ended early; send it again".into())),
    }
}

/// True for operations whose answers have values.
fn has_values(operation: &str) -> bool {
    [GET_OBJECT, LIST_KEY_VERSIONS].contains(&operation)
}

/// The keys that a request proves.
fn authenticate(door: &Door, address: IpAddr, headers: &HeaderMap) -> Result<Caller, Refusal> {
    let value = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let owner = auth::verify(&door.secp, value(auth::HEADER).unwrap_or_default(), unix_now())?;
    let device = value(auth::DEVICE_HEADER);
    let device = device.map(|device| auth::verify_device(&door.secp, &owner, device, unix_now()));
    let device = device.transpose()?.map(|device| device.serialize());
    Ok(Caller { owner: owner.serialize(), device, address })
}

/// Reads the body, once there is room for it.
async fn read(asker: &Asker, operation: &str, request: Request) -> Result<(Room, Bytes), Box<Response>> {
    let max = if has_values(operation) { MAX_QUESTION_BYTES } else { MAX_BODY_BYTES };
    let too_large = || Box::new(refuse(&Refusal::TooLarge { max }));
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or(max);
    if length > max {
        return Err(too_large());
    }
    let room = asker.room(length).await;
    let room = room.map_err(|error| Box::new(error.into_response()))?;
    let body = to_bytes(request.into_body(), max).await.map_err(|_| too_large())?;
    Ok((room, body))
}

/// The memory for an answer in place of that for the question. One with values is as large as what was written; what it turns out not to
/// need is given back at once.
async fn for_answer(asker: &Asker, operation: &str, room: Room) -> Result<Room, Box<Response>> {
    if !has_values(operation) {
        return Ok(room);
    }
    // Whoever holds some may not get as much as that.
    drop(room);
    asker.room(MAX_BODY_BYTES).await.map_err(|error| Box::new(error.into_response()))
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
