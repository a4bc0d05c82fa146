//! Who asks: a client, with its allowance, or the gateway's own node, which waits for nobody.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use bytes::Bytes;

use super::error::ChainApiError;
use super::turn::Lane;
use crate::limits::{Allowance, Full, Guard, Reservation};

/// The sender of a request.
#[derive(Clone)]
pub(crate) struct Asker(Option<Allowance>);

impl<S: Send + Sync> FromRequestParts<S> for Asker {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get().cloned()))
    }
}

/// Memory for an answer.
pub(crate) struct Room(Option<Reservation>);

impl Room {
    /// Ties the memory to the answer's bytes.
    pub(crate) fn hold(self, bytes: Bytes) -> Bytes {
        match self.0 {
            Some(reservation) => reservation.hold(bytes),
            None => bytes,
        }
    }
}

impl Asker {
    /// The queue that its questions to bitcoind stand in.
    pub(super) fn lane(&self) -> Lane {
        if self.0.is_some() { Lane::Strangers } else { Lane::Own }
    }

    /// Sets memory for so many bytes of an answer aside, before they are fetched.
    ///
    /// # Errors
    /// 503: this client, or all together, have not taken their other answers yet.
    pub(crate) async fn room(&self, bytes: usize) -> Result<Room, ChainApiError> {
        let Some(allowance) = &self.0 else { return Ok(Room(None)) };
        let reserved = allowance.reserve(bytes).await;
        reserved.map(|it| Room(Some(it))).ok_or_else(|| {
            let text = "other answers are not taken yet; take those, then ask again\n";
            ChainApiError(StatusCode::SERVICE_UNAVAILABLE, text.to_owned())
        })
    }

    /// Counts a wait for something to happen; `None`: it has to be answered now.
    pub(crate) fn wait(&self) -> Option<Wait> {
        match &self.0 {
            Some(allowance) => allowance.wait().ok().map(|guard| Wait { _guard: Some(guard) }),
            None => Some(Wait { _guard: None }),
        }
    }

    /// Counts a transaction to be sent.
    ///
    /// # Errors
    /// 429 or 503: there are too many at a time.
    pub(super) fn send(&self) -> Result<Option<Guard>, ChainApiError> {
        let Some(allowance) = &self.0 else { return Ok(None) };
        allowance.send().map(Some).map_err(|full| {
            let status = match full {
                Full::Mine => StatusCode::TOO_MANY_REQUESTS,
                Full::All => StatusCode::SERVICE_UNAVAILABLE,
            };
            ChainApiError(status, "too many transactions at a time; send this one in a moment\n".to_owned())
        })
    }
}

/// A request that waits for something to happen.
pub(crate) struct Wait {
    _guard: Option<Guard>,
}
