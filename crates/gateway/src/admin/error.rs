//! Why the admin API did not do what it was asked.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

/// The reason, for programs. Each belongs to one HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AdminCode {
    /// 401: the bearer token is missing or wrong.
    Unauthorized,
    /// 404: there is no such path, channel, invoice or payment.
    NotFound,
    /// 405: the path is right, the method is not.
    MethodNotAllowed,
    /// 413: the body is too large.
    TooLarge,
    /// 400: the request is malformed; the message names what is wrong.
    InvalidInput,
    /// 503: the node is starting, stopping or down.
    NodeDown,
    /// 409: not enough on-chain or channel money, or no peer, or no channel that could do it now.
    NotNow,
    /// 409: the budget that pays gives no money for it.
    LimitExceeded,
    /// 409: the invoice has expired, was paid already, or belongs to another network.
    InvoiceUnusable,
    /// 502: the peer or the chain source could not be reached, or refused.
    Remote,
    /// 500: a defect of this program, or its disk.
    Internal,
}

impl AdminCode {
    fn status(self) -> StatusCode {
        match self {
            AdminCode::Unauthorized => StatusCode::UNAUTHORIZED,
            AdminCode::NotFound => StatusCode::NOT_FOUND,
            AdminCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            AdminCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            AdminCode::InvalidInput => StatusCode::BAD_REQUEST,
            AdminCode::NodeDown => StatusCode::SERVICE_UNAVAILABLE,
            AdminCode::NotNow | AdminCode::LimitExceeded | AdminCode::InvoiceUnusable => StatusCode::CONFLICT,
            AdminCode::Remote => StatusCode::BAD_GATEWAY,
            AdminCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// The body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct AdminError {
    /// For programs.
    pub code: AdminCode,
    /// What is wrong and what to do.
    pub message: String,
}

impl AdminError {
    /// An error of `code` whose message names the remedy.
    pub fn new(code: AdminCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl IntoResponse for AdminError {
    fn into_response(self) -> Response {
        let status = self.code.status();
        let mut response = (status, Json(self)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let scheme = axum::http::HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
