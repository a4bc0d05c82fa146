//! The operator's paths.

use amplet_protocol::page::{OnchainBump, OnchainSend, SendAmount};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};

use super::channels as opening;
use super::fees;
use super::keys::{self, Keyring};
use super::tokens;
use super::types::{
    Address, Bump, Channels, CloseChannel, ConnectPeer, CreateInvoice, GetForwards, Info, Pay, Payment, Peer,
    SendKeysend, SendOnchain, Synced,
};
use crate::desk::error::{ApiCode, ApiError};
use crate::desk::forwards::{MAX_DAYS, Report};
use crate::desk::operator as desk;
use crate::desk::payments::{Invoice, payment_id};
use crate::http::error::Answer;
use crate::http::extract::{Body, Path, Query, not_found, wrong_method};
use crate::http::health::Health;
use crate::node::NodeHandle;

/// Days that are reported of unless others are asked for.
const DEFAULT_DAYS: u32 = 30;

pub(super) fn all(keyring: Keyring, health: Health) -> Router {
    let node = keyring.node.clone();
    let chain = Router::new()
        .route("/admin/v1/info", get(info))
        .route("/admin/v1/sync", post(sync))
        .with_state((node.clone(), health));
    let keys = Router::new()
        .route("/admin/v1/keys", get(keys::list).post(keys::create))
        .route("/admin/v1/keys/{id}", delete(keys::revoke))
        .with_state(keyring);
    Router::new()
        .route("/admin/v1/address", post(address))
        .route("/admin/v1/peers", post(connect))
        .route("/admin/v1/channels", get(channels).post(opening::open))
        .route("/admin/v1/channels/batch", post(opening::open_together))
        .route("/admin/v1/channels/{id}", delete(close_channel))
        .route("/admin/v1/fees", get(fees::list).post(fees::set))
        .route("/admin/v1/fees/{of}", delete(fees::clear))
        .route("/admin/v1/forwards", get(forwards))
        .route("/admin/v1/invoices", post(create_invoice))
        .route("/admin/v1/invoices/{hash}", get(invoice))
        .route("/admin/v1/payments", post(pay))
        .route("/admin/v1/payments/{hash}", get(payment))
        .route("/admin/v1/payments/{hash}/bump", post(bump))
        .route("/admin/v1/keysend", post(keysend))
        .route("/admin/v1/send", post(send))
        .route("/admin/v1/channel-tokens", get(tokens::list).post(tokens::create))
        .route("/admin/v1/channel-tokens/{id}", delete(tokens::revoke))
        .with_state(node)
        .merge(chain)
        .merge(keys)
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
}

async fn info(State((node, health)): State<(NodeHandle, Health)>) -> Answer<Info> {
    let info = node.ask(desk::GetInfo).await?;
    let verdict = health.now();
    Ok(Json(Info { node: info, chain: verdict.source, problems: verdict.problems }))
}

async fn address(State(node): State<NodeHandle>) -> Answer<Address> {
    node.ask(desk::NewAddress).await.map(|address| Json(Address { address }))
}

async fn connect(State(node): State<NodeHandle>, Body(request): Body<ConnectPeer>) -> Answer<Peer> {
    let ConnectPeer { address } = request;
    node.ask(desk::ConnectPeer { address }).await.map(|node_id| Json(Peer { node_id }))
}

async fn channels(State(node): State<NodeHandle>) -> Answer<Channels> {
    let channels = node.ask(desk::ListChannels).await?;
    Ok(Json(Channels { channels: channels.into_iter().map(Into::into).collect() }))
}

async fn forwards(
    State(node): State<NodeHandle>,
    Query(GetForwards { days, detail }): Query<GetForwards>,
) -> Answer<Report> {
    let days = days.unwrap_or(DEFAULT_DAYS);
    if !(1..=MAX_DAYS).contains(&days) {
        return Err(ApiError::invalid(format!("days is {days}; choose 1 to {MAX_DAYS}")));
    }
    node.ask(desk::GetForwards { days, detail }).await.map(Json)
}

async fn close_channel(
    State(node): State<NodeHandle>,
    Path(id): Path<String>,
    Query(CloseChannel { force }): Query<CloseChannel>,
) -> Result<StatusCode, ApiError> {
    let id = id.parse().map_err(|_| {
        ApiError::invalid(format!("{id:?} is not a channel id; it has 64 hexadecimal digits"))
    })?;
    node.ask(desk::CloseChannel { id, force }).await.map(|()| StatusCode::NO_CONTENT)
}

async fn create_invoice(
    State(node): State<NodeHandle>,
    Body(request): Body<CreateInvoice>,
) -> Answer<Invoice> {
    let CreateInvoice { amount_msat, description, expiry_secs, amp } = request;
    let amount_msat = amount_msat.map(Into::into);
    node.ask(desk::CreateInvoice { amount_msat, description, expiry_secs, amp }).await.map(Json)
}

async fn invoice(State(node): State<NodeHandle>, Path(hash): Path<String>) -> Answer<Invoice> {
    let id = payment_id(&hash)?;
    node.ask(desk::GetInvoice { id }).await.map(Json)
}

async fn pay(State(node): State<NodeHandle>, Body(request): Body<Pay>) -> Answer<Payment> {
    let Pay { invoice, amount_msat, max_fee_msat } = request;
    let (amount_msat, max_fee_msat) = (amount_msat.map(Into::into), max_fee_msat.map(Into::into));
    node.ask(desk::PayInvoice { invoice, amount_msat, max_fee_msat }).await.map(|paid| Json(paid.into()))
}

async fn keysend(State(node): State<NodeHandle>, Body(request): Body<SendKeysend>) -> Answer<Payment> {
    let SendKeysend { payee, amount_msat, max_fee_msat, records } = request;
    let max_fee_msat = max_fee_msat.map(Into::into);
    let records = records.into_iter().map(Into::into).collect();
    let keysend = desk::SendKeysend { payee, amount_msat: amount_msat.into(), max_fee_msat, records };
    node.ask(keysend).await.map(|paid| Json(paid.into()))
}

async fn payment(State(node): State<NodeHandle>, Path(hash): Path<String>) -> Answer<Payment> {
    let id = payment_id(&hash)?;
    node.ask(desk::GetPayment { id }).await.map(|payment| Json(payment.into()))
}

async fn send(State(node): State<NodeHandle>, Body(request): Body<SendOnchain>) -> Answer<OnchainSend> {
    let SendOnchain { address, amount_sat, all, fee_rate } = request;
    let amount = match (amount_sat, all) {
        (Some(sat), false) => SendAmount::Exact(sat),
        (None, true) => SendAmount::All,
        _ => return Err(ApiError::invalid("amountSat: give an amount, or `all`, and not both")),
    };
    node.ask(desk::SendOnchain { address, amount, fee_rate }).await.map(Json)
}

async fn bump(
    State(node): State<NodeHandle>,
    Path(id): Path<String>,
    Body(Bump { fee_rate, cancel, from_amount }): Body<Bump>,
) -> Answer<OnchainBump> {
    let id = payment_id(&id)?;
    node.ask(desk::BumpPayment { id, fee_rate, cancel, from_amount }).await.map(Json)
}

async fn sync(State((node, health)): State<(NodeHandle, Health)>) -> Answer<Synced> {
    // The node reads what was published last: that must be of now.
    health.refresh().await.map_err(|error| ApiError::new(ApiCode::Remote, error))?;
    node.ask(desk::SyncNow).await.map(|height| Json(Synced { height }))
}
