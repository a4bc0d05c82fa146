//! Errors of the services: one type for the operator's API and the API for sites, as their JSON has it.

use amplet_node::{PayError, Unsaved};
use amplet_protocol::page::{ErrorCode, WalletError};
use amplet_storage::StoreError;
use amplet_wallet::actions::PayProblem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The reason, for programs. Each belongs to one HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ApiCode {
    /// 401: there is no key in the request, or it is unknown or revoked; for the operator: the bearer token is missing or wrong.
    Unauthorized,
    /// 403: the key has not the scope that this needs.
    Forbidden,
    /// 404: there is no such path, channel, invoice or payment, or nothing of this account has that name.
    NotFound,
    /// 405: the path is right, the method is not.
    MethodNotAllowed,
    /// 409: the idempotency key was used with another request.
    IdempotencyMismatch,
    /// 409: the invoice has expired, was paid already, is this node's own, or belongs to another network.
    InvoiceUnusable,
    /// 409: the key's spending limit does not allow it.
    LimitExceeded,
    /// 409: not enough on-chain or channel money, or no peer, channel or route that could do it now.
    NotNow,
    /// 413: the body is too large.
    TooLarge,
    /// 400: the request is malformed; the message names what is wrong.
    InvalidInput,
    /// 429: too many requests of this key; `Retry-After` says when to come back.
    RateLimited,
    /// 502: the network, the peer or the chain source could not do it, or refused.
    Remote,
    /// 503: the node is starting, stopping or down.
    NodeDown,
    /// 507: the gateway's disk is full or fails, so that nothing can be saved, and nothing was done.
    StorageFull,
    /// 500: a defect of this program.
    Internal,
}

/// The body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// For programs.
    pub code: ApiCode,
    /// The defect and its remedy.
    pub message: String,
}

impl ApiError {
    /// An error of `code` whose message names the remedy.
    pub fn new(code: ApiCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// A malformed request.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ApiCode::InvalidInput, message)
    }
}

/// The result of a service.
pub(super) type Result<T> = std::result::Result<T, ApiError>;

/// The store failed: the details are the operator's, and in the log.
pub(super) fn unreadable(error: &StoreError) -> ApiError {
    tracing::error!(%error, "a record cannot be read");
    ApiError::new(
        ApiCode::Internal,
        "the gateway cannot read its database; its log says why, tell its operator",
    )
}

impl From<WalletError> for ApiError {
    fn from(error: WalletError) -> Self {
        let code = match error.code {
            ErrorCode::InvalidInput | ErrorCode::InvalidPaymentRequest | ErrorCode::AmountMismatch => {
                ApiCode::InvalidInput
            }
            ErrorCode::WrongNetwork | ErrorCode::Expired | ErrorCode::AlreadyPaid => ApiCode::InvoiceUnusable,
            ErrorCode::BudgetRefused | ErrorCode::ApprovalNeeded => ApiCode::LimitExceeded,
            ErrorCode::Closed | ErrorCode::OldCopy => ApiCode::NodeDown,
            ErrorCode::StorageFull | ErrorCode::Storage => ApiCode::StorageFull,
            ErrorCode::NoRoute
            | ErrorCode::InsufficientBalance
            | ErrorCode::GatewayOffline
            | ErrorCode::GatewayRefused
            | ErrorCode::PayeeRefused
            | ErrorCode::FeeTooHigh
            | ErrorCode::ChainSource
            | ErrorCode::BroadcastRejected
            | ErrorCode::Cancelled
            | ErrorCode::Timeout => ApiCode::Remote,
            _ => ApiCode::Internal,
        };
        Self::new(code, error.message)
    }
}

impl From<Unsaved> for ApiError {
    fn from(unsaved: Unsaved) -> Self {
        WalletError::from(unsaved).into()
    }
}

impl From<PayProblem> for ApiError {
    fn from(problem: PayProblem) -> Self {
        match problem {
            PayProblem::Unpayable(PayError::Own) => Self::new(ApiCode::InvoiceUnusable, problem.to_string()),
            other => WalletError::from(other).into(),
        }
    }
}
