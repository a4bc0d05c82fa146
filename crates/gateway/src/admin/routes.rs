//! Each path to its command of the node.

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};

use super::keys::{self, KeyDesk};
use super::types::{
    Address, ChannelId, Channels, CloseChannel, ConnectPeer, CreateInvoice, Info, Invoice, OpenChannel, Pay,
    Payment, Peer, SendKeysend, Synced,
};
use super::{AdminCode, AdminError};
use crate::merchant::Hub;
use crate::node_thread::{Command, NodeHandle};

pub(super) type Answer<T> = Result<Json<T>, AdminError>;

pub(super) fn all(node: NodeHandle, hub: Hub) -> Router {
    let keys = Router::new()
        .route("/admin/v1/keys", get(keys::list).post(keys::create))
        .route("/admin/v1/keys/{id}", delete(keys::revoke))
        .with_state(KeyDesk { node: node.clone(), hub });
    Router::new()
        .route("/admin/v1/info", get(info))
        .route("/admin/v1/address", post(address))
        .route("/admin/v1/peers", post(connect))
        .route("/admin/v1/channels", get(channels).post(open_channel))
        .route("/admin/v1/channels/{id}", delete(close_channel))
        .route("/admin/v1/invoices", post(create_invoice))
        .route("/admin/v1/invoices/{hash}", get(invoice))
        .route("/admin/v1/payments", post(pay))
        .route("/admin/v1/payments/{hash}", get(payment))
        .route("/admin/v1/keysend", post(keysend))
        .route("/admin/v1/sync", post(sync))
        .with_state(node)
        .merge(keys)
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
}

async fn not_found() -> AdminError {
    AdminError::new(
        AdminCode::NotFound,
        "no such path; the paths begin with /admin/v1/ and are listed in the gateway's README",
    )
}

async fn wrong_method() -> AdminError {
    AdminError::new(AdminCode::MethodNotAllowed, "this path has another method; see the gateway's README")
}

/// A JSON body; what is wrong with it is said as an [`AdminError`].
#[derive(FromRequest)]
#[from_request(via(Json), rejection(AdminError))]
pub(super) struct Body<T>(pub(super) T);

impl From<JsonRejection> for AdminError {
    fn from(rejection: JsonRejection) -> Self {
        let code = if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            AdminCode::TooLarge
        } else {
            AdminCode::InvalidInput
        };
        let what = rejection.body_text();
        Self::new(
            code,
            format!("{what}; send JSON with `Content-Type: application/json`, as the gateway's README shows"),
        )
    }
}

/// A query string.
#[derive(FromRequestParts)]
#[from_request(via(Query), rejection(AdminError))]
struct Asked<T>(T);

impl From<QueryRejection> for AdminError {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(
            AdminCode::InvalidInput,
            format!("{}; the gateway's README lists the queries", rejection.body_text()),
        )
    }
}

async fn info(State(node): State<NodeHandle>) -> Answer<Info> {
    node.ask(Command::Info).await.map(Json)
}

async fn address(State(node): State<NodeHandle>) -> Answer<Address> {
    node.ask(Command::NewAddress).await.map(Json)
}

async fn connect(State(node): State<NodeHandle>, Body(request): Body<ConnectPeer>) -> Answer<Peer> {
    node.ask(|reply| Command::Connect(request, reply)).await.map(Json)
}

async fn channels(State(node): State<NodeHandle>) -> Answer<Channels> {
    node.ask(Command::Channels).await.map(Json)
}

async fn open_channel(State(node): State<NodeHandle>, Body(request): Body<OpenChannel>) -> Answer<ChannelId> {
    node.ask(|reply| Command::OpenChannel(request, reply)).await.map(Json)
}

async fn close_channel(
    State(node): State<NodeHandle>,
    Path(id): Path<String>,
    Asked(request): Asked<CloseChannel>,
) -> Result<StatusCode, AdminError> {
    let id = hex_id(&id, "a channel id")?;
    node.ask(|reply| Command::CloseChannel(id, request, reply)).await.map(|()| StatusCode::NO_CONTENT)
}

async fn create_invoice(
    State(node): State<NodeHandle>,
    Body(request): Body<CreateInvoice>,
) -> Answer<Invoice> {
    node.ask(|reply| Command::CreateInvoice(request, reply)).await.map(Json)
}

async fn invoice(State(node): State<NodeHandle>, Path(hash): Path<String>) -> Answer<Invoice> {
    let hash = hex_id(&hash, "a payment hash")?;
    node.ask(|reply| Command::Invoice(hash, reply)).await.map(Json)
}

async fn pay(State(node): State<NodeHandle>, Body(request): Body<Pay>) -> Answer<Payment> {
    node.ask(|reply| Command::Pay(request, reply)).await.map(Json)
}

async fn keysend(State(node): State<NodeHandle>, Body(request): Body<SendKeysend>) -> Answer<Payment> {
    node.ask(|reply| Command::Keysend(request, reply)).await.map(Json)
}

async fn payment(State(node): State<NodeHandle>, Path(hash): Path<String>) -> Answer<Payment> {
    let hash = hex_id(&hash, "a payment hash")?;
    node.ask(|reply| Command::Payment(hash, reply)).await.map(Json)
}

async fn sync(State(node): State<NodeHandle>) -> Answer<Synced> {
    node.ask(Command::Sync).await.map(Json)
}

/// 32 bytes of hex in a path.
fn hex_id(text: &str, what: &str) -> Result<[u8; 32], AdminError> {
    use bitcoin::hex::FromHex;
    <[u8; 32]>::from_hex(text).map_err(|_| {
        AdminError::new(
            AdminCode::InvalidInput,
            format!("{text:?} is not {what}; it has 64 hexadecimal digits"),
        )
    })
}
