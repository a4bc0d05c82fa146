//! Each path to its work at the desk.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::auth::Caller;
use super::desk::{Made, Once};
use super::error::{ApiCode, ApiError};
use super::openapi::Document;
use super::types::{CreateInvoice, Invoice, Invoices, Page, Payment, Scope, SendPayment, Wait};
use super::{session_routes, webhook_routes};

pub(super) type Answer<T> = Result<Json<T>, ApiError>;

pub(super) fn all(api: Api) -> Router {
    let (router, document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(create_invoice, list_invoices))
        .routes(routes!(invoice))
        .routes(routes!(invoice_events))
        .routes(routes!(send_payment))
        .routes(routes!(payment))
        .merge(webhook_routes::all())
        .merge(session_routes::all())
        .split_for_parts();
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

/// Answers are of this moment, and for this key.
async fn not_stored(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn not_found() -> ApiError {
    ApiError::new(ApiCode::NotFound, "no such path; /v1/openapi.json lists them")
}

async fn wrong_method() -> ApiError {
    ApiError::new(ApiCode::MethodNotAllowed, "this path has another method; see /v1/openapi.json")
}

/// A JSON object as body; what is wrong with it is said as an [`ApiError`].
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Api> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, ApiError> {
        // By itself serde would take a list for an object.
        let Json(fields) = Json::<serde_json::Map<String, Value>>::from_request(request, api).await?;
        let read = serde_json::from_value(Value::Object(fields));
        read.map(Self).map_err(|error| ApiError::invalid(format!("{error}; /v1/openapi.json shows the body")))
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        let too_large = rejection.status() == StatusCode::PAYLOAD_TOO_LARGE;
        let code = if too_large { ApiCode::TooLarge } else { ApiCode::InvalidInput };
        let what = rejection.body_text();
        Self::new(
            code,
            format!("{what}; send JSON with `Content-Type: application/json`, see /v1/openapi.json"),
        )
    }
}

/// A query string.
#[derive(FromRequestParts)]
#[from_request(via(Query), rejection(ApiError))]
pub(super) struct Asked<T>(pub(super) T);

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::invalid(format!("{}; /v1/openapi.json lists the queries", rejection.body_text()))
    }
}

/// The idempotency key of a request, if it has one.
fn once<T: Serialize>(
    headers: &HeaderMap,
    account: &str,
    path: &str,
    request: &T,
) -> Result<Option<Once>, ApiError> {
    let Some(given) = headers.get("idempotency-key") else { return Ok(None) };
    // What is not printable ASCII is refused as empty text is.
    Once::new(account, path, given.to_str().unwrap_or_default(), request).map(Some)
}

/// Says in a header whether it was made before.
fn made<T: Serialize>(made: Made<T>) -> Response {
    const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
    if made.replayed {
        return (StatusCode::OK, [(REPLAYED, "true")], Json(made.value)).into_response();
    }
    (StatusCode::CREATED, Json(made.value)).into_response()
}

/// Make an invoice.
///
/// Scope `invoices:create`.
#[utoipa::path(post, path = "/v1/invoices", tag = "invoices", operation_id = "createInvoice",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters: the same request again with the same key answers the same invoice.")),
    request_body = CreateInvoice,
    responses(
        (status = 201, body = Invoice, description = "Made."),
        (status = 200, body = Invoice, description = "Made before under this Idempotency-Key; as it is now."),
        (status = 400, body = ApiError, description = "invalidInput"),
        (status = 401, body = ApiError, description = "unauthorized"),
        (status = 403, body = ApiError, description = "forbidden"),
        (status = 409, body = ApiError, description = "idempotencyMismatch"),
        (status = 413, body = ApiError, description = "tooLarge"),
        (status = 429, body = ApiError, description = "rateLimited"),
        (status = 503, body = ApiError, description = "nodeDown"),
    ))]
async fn create_invoice(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    Body(request): Body<CreateInvoice>,
) -> Result<Response, ApiError> {
    let key = caller.may(Scope::InvoicesCreate)?;
    let once = once(&headers, &key.account, "/v1/invoices", &request)?;
    let work = api.node.at_desk(move |desk| async move { desk.create_invoice(&key, once, request).await });
    work.await.map(made)
}

/// List invoices, the newest first.
///
/// Scope `invoices:read`.
#[utoipa::path(get, path = "/v1/invoices", tag = "invoices", operation_id = "listInvoices", params(Page),
    responses(
        (status = 200, body = Invoices, description = "A page."),
        (status = 400, body = ApiError, description = "invalidInput"),
        (status = 401, body = ApiError, description = "unauthorized"),
        (status = 403, body = ApiError, description = "forbidden"),
        (status = 429, body = ApiError, description = "rateLimited"),
        (status = 503, body = ApiError, description = "nodeDown"),
    ))]
async fn list_invoices(State(api): State<Api>, caller: Caller, Asked(page): Asked<Page>) -> Answer<Invoices> {
    let key = caller.may(Scope::InvoicesRead)?;
    api.node.at_desk(move |desk| async move { desk.invoices(&key.account, &page).await }).await.map(Json)
}

/// Look an invoice up; wait until it is paid or has expired.
///
/// Scope `invoices:read`.
#[utoipa::path(get, path = "/v1/invoices/{paymentHash}", tag = "invoices", operation_id = "getInvoice",
    params(("paymentHash" = String, Path, description = "64 hexadecimal digits.", pattern = "^[0-9a-f]{64}$"), Wait),
    responses(
        (status = 200, body = Invoice, description = "As it is now, or when it was decided."),
        (status = 400, body = ApiError, description = "invalidInput"),
        (status = 401, body = ApiError, description = "unauthorized"),
        (status = 403, body = ApiError, description = "forbidden"),
        (status = 404, body = ApiError, description = "notFound"),
        (status = 429, body = ApiError, description = "rateLimited"),
        (status = 503, body = ApiError, description = "nodeDown"),
    ))]
async fn invoice(
    State(api): State<Api>,
    caller: Caller,
    Path(hash): Path<String>,
    Asked(wait): Asked<Wait>,
) -> Answer<Invoice> {
    let key = caller.may(Scope::InvoicesRead)?;
    api.decided(&key, &hash, limit(wait)?).await.map(Json)
}

/// Follow an invoice as server-sent events.
///
/// Scope `invoices:read`. Each event is named `invoice` and carries the invoice: one at once, one at each change; the stream
/// ends when it is paid or has expired.
#[utoipa::path(get, path = "/v1/invoices/{paymentHash}/events", tag = "invoices", operation_id = "followInvoice",
    params(("paymentHash" = String, Path, description = "64 hexadecimal digits.", pattern = "^[0-9a-f]{64}$")),
    responses(
        (status = 200, body = String, content_type = "text/event-stream", description = "Events."),
        (status = 400, body = ApiError, description = "invalidInput"),
        (status = 401, body = ApiError, description = "unauthorized"),
        (status = 403, body = ApiError, description = "forbidden"),
        (status = 404, body = ApiError, description = "notFound"),
        (status = 429, body = ApiError, description = "rateLimited"),
        (status = 503, body = ApiError, description = "nodeDown"),
    ))]
async fn invoice_events(
    State(api): State<Api>,
    caller: Caller,
    Path(hash): Path<String>,
) -> Result<Response, ApiError> {
    let key = caller.may(Scope::InvoicesRead)?;
    api.stream(key, hash).await.map(IntoResponse::into_response)
}

/// Pay somebody else's invoice, within the key's limits.
///
/// Scope `payments:send`. One invoice is paid once, whatever is repeated. The answer waits up to a minute for the outcome.
#[utoipa::path(post, path = "/v1/payments", tag = "payments", operation_id = "sendPayment",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters: the same request again with the same key answers the same payment.")),
    request_body = SendPayment,
    responses(
        (status = 201, body = Payment, description = "Begun; in its final state, or pending."),
        (status = 200, body = Payment, description = "Begun before under this Idempotency-Key; as it is now."),
        (status = 400, body = ApiError, description = "invalidInput"),
        (status = 401, body = ApiError, description = "unauthorized"),
        (status = 403, body = ApiError, description = "forbidden"),
        (status = 409, body = ApiError, description = "idempotencyMismatch, invoiceUnusable, limitExceeded or notNow: no funds were sent"),
        (status = 413, body = ApiError, description = "tooLarge"),
        (status = 429, body = ApiError, description = "rateLimited"),
        (status = 502, body = ApiError, description = "remote: no funds were sent"),
        (status = 503, body = ApiError, description = "nodeDown"),
    ))]
async fn send_payment(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    Body(request): Body<SendPayment>,
) -> Result<Response, ApiError> {
    let key = caller.may(Scope::PaymentsSend)?;
    let once = once(&headers, &key.account, "/v1/payments", &request)?;
    let work = api.node.at_desk(move |desk| async move { desk.send_payment(&key, once, request).await });
    work.await.map(made)
}

/// Look a payment up; wait until it is decided.
///
/// Scope `payments:send`.
#[utoipa::path(get, path = "/v1/payments/{paymentHash}", tag = "payments", operation_id = "getPayment",
    params(("paymentHash" = String, Path, description = "64 hexadecimal digits.", pattern = "^[0-9a-f]{64}$"), Wait),
    responses(
        (status = 200, body = Payment, description = "As it is now, or when it was decided."),
        (status = 400, body = ApiError, description = "invalidInput"),
        (status = 401, body = ApiError, description = "unauthorized"),
        (status = 403, body = ApiError, description = "forbidden"),
        (status = 404, body = ApiError, description = "notFound"),
        (status = 429, body = ApiError, description = "rateLimited"),
        (status = 503, body = ApiError, description = "nodeDown"),
    ))]
async fn payment(
    State(api): State<Api>,
    caller: Caller,
    Path(hash): Path<String>,
    Asked(wait): Asked<Wait>,
) -> Answer<Payment> {
    let (key, limit) = (caller.may(Scope::PaymentsSend)?, limit(wait)?);
    let work = api.node.at_desk(move |desk| async move { desk.payment(&key.account, &hash, limit).await });
    work.await.map(Json)
}

pub(super) fn limit(wait: Wait) -> Result<Duration, ApiError> {
    if wait.wait_secs > Wait::MAX {
        return Err(ApiError::invalid(format!(
            "waitSecs: {} is above {}; ask again instead",
            wait.wait_secs,
            Wait::MAX
        )));
    }
    Ok(Duration::from_secs(u64::from(wait.wait_secs)))
}
