//! Why the API for sites did not do what it was asked.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::{AdminCode, AdminError};

/// The reason, for programs. Each belongs to one HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ApiCode {
    /// 401: there is no key in the request, or it is unknown or revoked.
    Unauthorized,
    /// 403: the key has not the scope that this needs.
    Forbidden,
    /// 404: there is no such path, or nothing of this account has that name.
    NotFound,
    /// 405: the path is right, the method is not.
    MethodNotAllowed,
    /// 409: the idempotency key was used with another request.
    IdempotencyMismatch,
    /// 409: the invoice has expired, was paid already, or belongs to another network.
    InvoiceUnusable,
    /// 409: the key's spending limit does not allow it.
    LimitExceeded,
    /// 409: not enough money in channels, or no route now.
    NotNow,
    /// 413: the body is too large.
    TooLarge,
    /// 400: the request is malformed; the message names what is wrong.
    InvalidInput,
    /// 429: too many requests of this key; `Retry-After` says when to come back.
    RateLimited,
    /// 502: the network could not do it.
    Remote,
    /// 503: the node is starting, stopping or down.
    NodeDown,
    /// 500: a defect of this program, or its disk.
    Internal,
}

impl ApiCode {
    fn status(self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::IdempotencyMismatch | Self::InvoiceUnusable | Self::LimitExceeded | Self::NotNow => {
                StatusCode::CONFLICT
            }
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::InvalidInput => StatusCode::BAD_REQUEST,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Remote => StatusCode::BAD_GATEWAY,
            Self::NodeDown => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// The body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// For programs.
    pub code: ApiCode,
    /// What is wrong and what to do.
    pub message: String,
}

impl ApiError {
    /// An error of `code` whose message names the remedy.
    pub fn new(code: ApiCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ApiCode::InvalidInput, message)
    }
}

impl From<AdminError> for ApiError {
    fn from(error: AdminError) -> Self {
        let code = match error.code {
            AdminCode::Unauthorized => ApiCode::Unauthorized,
            AdminCode::NotFound => ApiCode::NotFound,
            AdminCode::MethodNotAllowed => ApiCode::MethodNotAllowed,
            AdminCode::TooLarge => ApiCode::TooLarge,
            AdminCode::InvalidInput => ApiCode::InvalidInput,
            AdminCode::NodeDown => ApiCode::NodeDown,
            AdminCode::NotNow => ApiCode::NotNow,
            AdminCode::LimitExceeded => ApiCode::LimitExceeded,
            AdminCode::InvoiceUnusable => ApiCode::InvoiceUnusable,
            AdminCode::Remote => ApiCode::Remote,
            AdminCode::Internal => ApiCode::Internal,
        };
        Self { code, message: error.message }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.code.status();
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
