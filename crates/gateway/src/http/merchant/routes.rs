//! The paths of invoices and payments, and all paths together.

use std::sync::Arc;

use amplet_protocol::PaymentId;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use serde::Serialize;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::{Caller, unauthorized};
use super::openapi::Document;
use super::queries::{Page, Wait};
use super::{Api, calls, sessions, webhooks};
use crate::desk::error::ApiError;
use crate::desk::merchant::types::{CreateInvoice, Invoice, Invoices, Payment, Scope, SendPayment};
use crate::desk::merchant::{IdempotencyKey, Made, requests, unknown_invoice};
use crate::desk::payments::payment_id;
use crate::http::error::{Answer, BodyErrors, LookupErrors, QueryErrors};
use crate::http::extract::{Body, Path, Query, not_found, wrong_method};

/// All paths, and their description.
fn described() -> (Router<Api>, utoipa::openapi::OpenApi) {
    let mut document = Document::openapi();
    document.webhooks = Some(calls::described());
    OpenApiRouter::with_openapi(document)
        .routes(routes!(create_invoice, list_invoices))
        .routes(routes!(invoice))
        .routes(routes!(invoice_events))
        .routes(routes!(send_payment))
        .routes(routes!(payment))
        .merge(webhooks::all())
        .merge(sessions::all())
        .split_for_parts()
}

pub(super) fn document() -> utoipa::openapi::OpenApi {
    described().1
}

pub(super) fn all(api: Api) -> Router {
    let (router, document) = described();
    let document = Arc::new(document);
    let document = move || {
        let document = Arc::clone(&document);
        async move { ([(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")], Json(&*document).into_response()) }
    };
    router
        .layer(middleware::from_fn(not_stored))
        .route("/v1/openapi.json", get(document))
        .route("/v1/{*rest}", any(not_found))
        .method_not_allowed_fallback(wrong_method)
        .with_state(api)
}

/// Forbids caches: a response is of this moment, and for this key.
async fn not_stored(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The idempotency key of a request, if it has one.
fn idempotency<T: Serialize>(
    headers: &HeaderMap,
    account: &str,
    path: &str,
    request: &T,
) -> Result<Option<IdempotencyKey>, ApiError> {
    let Some(given) = headers.get("idempotency-key") else { return Ok(None) };
    // What is not printable ASCII is refused as empty text is.
    IdempotencyKey::new(account, path, given.to_str().unwrap_or_default(), request).map(Some)
}

/// The response to what was made; a header shows if it was made before.
fn made<T: Serialize>(made: Made<T>) -> Response {
    const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
    if made.replayed {
        return (StatusCode::OK, [(REPLAYED, "true")], Json(made.value)).into_response();
    }
    (StatusCode::CREATED, Json(made.value)).into_response()
}

/// Reads an invoice's payment hash; a text that is none names no invoice.
fn invoice_id(hash: &str) -> Result<PaymentId, ApiError> {
    hash.parse().map_err(|_| unknown_invoice())
}

/// Make an invoice.
///
/// Scope `invoices:create`.
#[utoipa::path(post, path = "/v1/invoices", tag = "invoices", operation_id = "createInvoice",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "1 to 255 printable characters: the same request again with the same key answers the same invoice.")),
    request_body = CreateInvoice,
    responses(
        (status = 201, body = Invoice, description = "Made."),
        (status = 200, body = Invoice, description = "Made before under this Idempotency-Key; as it is now."),
        (status = 409, body = ApiError, description = "idempotencyMismatch"),
        BodyErrors,
    ))]
async fn create_invoice(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    Body(invoice): Body<CreateInvoice>,
) -> Result<Response, ApiError> {
    let key = caller.may(Scope::InvoicesCreate)?;
    let idempotency = idempotency(&headers, &key.account, "/v1/invoices", &invoice)?;
    api.node.ask(requests::CreateInvoice { key, idempotency, invoice }).await.map(made)
}

/// List invoices, the newest first.
///
/// Scope `invoices:read`.
#[utoipa::path(get, path = "/v1/invoices", tag = "invoices", operation_id = "listInvoices", params(Page),
    responses(
        (status = 200, body = Invoices, description = "A page."),
        QueryErrors,
    ))]
async fn list_invoices(State(api): State<Api>, caller: Caller, Query(page): Query<Page>) -> Answer<Invoices> {
    let Page { cursor, limit } = page;
    let invoices = |account| requests::ListInvoices { account, cursor, limit };
    api.ask(caller, Scope::InvoicesRead, invoices).await.map(Json)
}

/// Look an invoice up; wait until it is paid or has expired.
///
/// Scope `invoices:read`.
#[utoipa::path(get, path = "/v1/invoices/{paymentHash}", tag = "invoices", operation_id = "getInvoice",
    params(("paymentHash" = String, Path, description = "64 hexadecimal digits.", pattern = "^[0-9a-f]{64}$"), Wait),
    responses(
        (status = 200, body = Invoice, description = "As it is now, or when it was decided."),
        LookupErrors,
    ))]
async fn invoice(
    State(api): State<Api>,
    caller: Caller,
    Path(hash): Path<String>,
    Query(wait): Query<Wait>,
) -> Answer<Invoice> {
    let key = caller.may(Scope::InvoicesRead)?;
    let limit = wait.limit()?;
    api.decided(&key, invoice_id(&hash)?, limit).await.map(Json)
}

/// Follow an invoice as server-sent events.
///
/// Scope `invoices:read`. Each event is named `invoice` and carries the invoice: one at once, one at each change; the stream
/// ends when it is paid or has expired.
#[utoipa::path(get, path = "/v1/invoices/{paymentHash}/events", tag = "invoices", operation_id = "followInvoice",
    params(("paymentHash" = String, Path, description = "64 hexadecimal digits.", pattern = "^[0-9a-f]{64}$")),
    responses(
        (status = 200, body = String, content_type = "text/event-stream", description = "Events."),
        LookupErrors,
    ))]
async fn invoice_events(
    State(api): State<Api>,
    caller: Caller,
    Path(hash): Path<String>,
) -> Result<Response, ApiError> {
    let key = caller.may(Scope::InvoicesRead)?;
    api.stream(key, invoice_id(&hash)?).await.map(IntoResponse::into_response)
}

/// Pay somebody else's invoice, within the key's limits.
///
/// Scope `payments:send`. One invoice is paid once, whatever is repeated. The answer waits up to a minute for the outcome.
#[utoipa::path(post, path = "/v1/payments", tag = "payments", operation_id = "sendPayment",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "1 to 255 printable characters: the same request again with the same key answers the same payment.")),
    request_body = SendPayment,
    responses(
        (status = 201, body = Payment, description = "Begun; in its final state, or pending."),
        (status = 200, body = Payment, description = "Begun before under this Idempotency-Key; as it is now."),
        (status = 409, body = ApiError, description = "idempotencyMismatch, invoiceUnusable, limitExceeded or notNow: no funds were sent"),
        (status = 502, body = ApiError, description = "remote: no funds were sent"),
        BodyErrors,
    ))]
async fn send_payment(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    Body(payment): Body<SendPayment>,
) -> Result<Response, ApiError> {
    let key = caller.may(Scope::PaymentsSend)?;
    let idempotency = idempotency(&headers, &key.account, "/v1/payments", &payment)?;
    api.node.ask(requests::SendPayment { key, idempotency, payment }).await.map(made)
}

/// Look a payment up; wait until it is decided.
///
/// Scope `payments:send`.
#[utoipa::path(get, path = "/v1/payments/{paymentHash}", tag = "payments", operation_id = "getPayment",
    params(("paymentHash" = String, Path, description = "64 hexadecimal digits.", pattern = "^[0-9a-f]{64}$"), Wait),
    responses(
        (status = 200, body = Payment, description = "As it is now, or when it was decided."),
        LookupErrors,
    ))]
async fn payment(
    State(api): State<Api>,
    caller: Caller,
    Path(payment_hash): Path<String>,
    Query(wait): Query<Wait>,
) -> Answer<Payment> {
    let wait = wait.limit()?;
    let payment_hash = payment_id(&payment_hash)?;
    let key = caller.may(Scope::PaymentsSend)?;
    let account = key.account.clone();
    tokio::select! {
        payment = api.node.ask(requests::GetPayment { account, payment_hash, wait }) => payment.map(Json),
        () = api.keys.revoked(&key.id) => Err(unauthorized()),
    }
}
