//! Errors as HTTP responses, and as the OpenAPI document lists them.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};

use crate::desk::error::{ApiCode, ApiError};

/// Return type of handlers.
pub(super) type Answer<T> = Result<Json<T>, ApiError>;

fn status(code: ApiCode) -> StatusCode {
    match code {
        ApiCode::Unauthorized => StatusCode::UNAUTHORIZED,
        ApiCode::Forbidden => StatusCode::FORBIDDEN,
        ApiCode::NotFound => StatusCode::NOT_FOUND,
        ApiCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ApiCode::IdempotencyMismatch
        | ApiCode::InvoiceUnusable
        | ApiCode::LimitExceeded
        | ApiCode::NotNow => StatusCode::CONFLICT,
        ApiCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ApiCode::InvalidInput => StatusCode::BAD_REQUEST,
        ApiCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ApiCode::Remote => StatusCode::BAD_GATEWAY,
        ApiCode::NodeDown => StatusCode::SERVICE_UNAVAILABLE,
        ApiCode::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
        ApiCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = status(self.code);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

type Responses = BTreeMap<String, RefOr<utoipa::openapi::Response>>;

fn responses(codes: &[(&str, &str)]) -> Responses {
    let response = |what: &str| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("ApiError"))).build();
        ResponseBuilder::new().description(what).content("application/json", content).build().into()
    };
    codes.iter().map(|(status, what)| ((*status).to_owned(), response(what))).collect()
}

/// Errors that any route of the API for sites can return.
const ALWAYS: [(&str, &str); 5] = [
    ("401", "unauthorized"),
    ("403", "forbidden"),
    ("429", "rateLimited"),
    ("503", "nodeDown"),
    ("507", "storageFull"),
];

/// Errors of a route that reads nothing but the key.
pub(super) struct KeyErrors;

impl utoipa::IntoResponses for KeyErrors {
    fn responses() -> Responses {
        responses(&ALWAYS)
    }
}

/// Errors of a route that reads a query or a path, too.
pub(super) struct QueryErrors;

impl utoipa::IntoResponses for QueryErrors {
    fn responses() -> Responses {
        let mut all = responses(&ALWAYS);
        all.extend(responses(&[("400", "invalidInput")]));
        all
    }
}

/// Errors of a route that names one thing.
pub(super) struct LookupErrors;

impl utoipa::IntoResponses for LookupErrors {
    fn responses() -> Responses {
        let mut all = QueryErrors::responses();
        all.extend(responses(&[("404", "notFound")]));
        all
    }
}

/// Errors of a route that reads a body.
pub(super) struct BodyErrors;

impl utoipa::IntoResponses for BodyErrors {
    fn responses() -> Responses {
        let mut all = QueryErrors::responses();
        all.extend(responses(&[("413", "tooLarge")]));
        all
    }
}
