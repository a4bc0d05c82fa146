//! Reasons for which a request fails, with the HTTP status of each.

use prost::Message;

use crate::messages::{ErrorCode, ErrorResponse, Limit};

/// A request that was refused. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A key, or the store, has another version than the request says.
    #[error("the store has other versions than the request; nothing was written")]
    Conflict {
        /// The store's global version.
        global_version: i64,
        /// The store's sequence.
        sequence: i64,
    },
    /// The request cannot be understood or accepted.
    #[error("{0}")]
    Invalid(String),
    /// There is no such key.
    #[error("there is no such key")]
    NoSuchKey,
    /// The request proves no key.
    #[error("{0}")]
    Auth(String),
    /// The request is of a device that was removed.
    #[error("this device was removed from its wallet, on another device")]
    DeviceRemoved,
    /// The client's quota does not hold it.
    #[error("the quota of this wallet is {max} {unit}, and this write needs {needed}; nothing was written")]
    Quota {
        /// `bytes` or `keys`.
        unit: &'static str,
        /// The quota.
        max: u64,
        /// What the store would hold.
        needed: u64,
    },
    /// The server takes no more of clients that it does not know.
    #[error("this server takes no more backups; use another one")]
    Full,
    /// The request is too large.
    #[error("a request may have {max} bytes")]
    TooLarge {
        /// Maximum length, in bytes.
        max: usize,
    },
    /// The server failed.
    #[error("{0}")]
    Internal(String),
    /// The server cannot reach what it stores in; it tries again.
    #[error("the server cannot reach its store now; try again in a moment")]
    Unavailable,
}

impl Refusal {
    /// The HTTP status of the response.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Conflict { .. } => 409,
            Self::Invalid(_) => 400,
            Self::NoSuchKey => 404,
            Self::Auth(_) => 401,
            Self::DeviceRemoved => 403,
            Self::Quota { .. } | Self::Full => 507,
            Self::TooLarge { .. } => 413,
            Self::Internal(_) => 500,
            Self::Unavailable => 503,
        }
    }

    /// The response's body.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        self.response().encode_to_vec()
    }

    /// The response.
    #[must_use]
    pub fn response(&self) -> ErrorResponse {
        let code = match self {
            Self::Conflict { .. } => ErrorCode::ConflictException,
            // Repeating these does not help; clients that do not know the limits are told the same.
            Self::Invalid(_) | Self::Quota { .. } | Self::Full | Self::TooLarge { .. } => {
                ErrorCode::InvalidRequestException
            }
            Self::NoSuchKey => ErrorCode::NoSuchKeyException,
            Self::Auth(_) => ErrorCode::AuthException,
            Self::DeviceRemoved => ErrorCode::DeviceRemoved,
            Self::Internal(_) | Self::Unavailable => ErrorCode::InternalServerException,
        };
        let limit = match self {
            Self::Quota { .. } => Limit::Quota,
            Self::Full => Limit::Server,
            Self::TooLarge { .. } => Limit::Request,
            _ => Limit::None,
        };
        let (global_version, sequence) = match self {
            Self::Conflict { global_version, sequence } => (Some(*global_version), Some(*sequence)),
            _ => (None, None),
        };
        ErrorResponse {
            error_code: code.into(),
            message: self.to_string(),
            sequence,
            global_version,
            limit: limit.into(),
        }
    }
}
