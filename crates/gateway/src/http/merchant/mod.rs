//! The API for sites: `/v1/…` on the public HTTP side, for requests with an API key. Described by `/v1/openapi.json`.

mod auth;
mod calls;
mod openapi;
mod queries;
mod rate;
mod routes;
mod sessions;
mod wait;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;

pub(super) use self::auth::token;

use self::auth::Caller;
use self::rate::RateLimit;
use crate::config::MerchantSection;
use crate::desk::error::ApiError;
use crate::desk::merchant::EventBus;
use crate::desk::merchant::api_keys::ApiKeys;
use crate::desk::merchant::types::Scope;
use crate::node::{NodeHandle, Request};

/// Beginning of its paths.
pub(super) const PREFIX: &str = "/v1/";

/// Maximum body of a request, in bytes.
const MAX_BODY: usize = 64 << 10;

/// State that the handlers share.
#[derive(Clone)]
pub struct Api {
    node: NodeHandle,
    keys: Arc<ApiKeys>,
    events: EventBus,
    rate: Arc<RateLimit>,
}

impl Api {
    /// Asks the node for a caller with this scope; `request` gets the caller's account.
    ///
    /// # Errors
    /// [`ApiCode::Forbidden`](crate::desk::error::ApiCode::Forbidden); the service's, or that the node is not up.
    async fn ask<R: Request>(
        &self,
        caller: Caller,
        scope: Scope,
        request: impl FnOnce(String) -> R,
    ) -> Result<R::Answer, ApiError> {
        let key = caller.may(scope)?;
        self.node.ask(request(key.account.clone())).await
    }
}

/// The description of `/v1` (OpenAPI 3.1), as `/v1/openapi.json` has it.
///
/// # Errors
/// None is known: it is plain data.
pub fn openapi() -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&routes::document())
}

/// All of `/v1`.
pub fn router(node: NodeHandle, keys: Arc<ApiKeys>, events: EventBus, config: &MerchantSection) -> Router {
    let rate = Arc::new(RateLimit::new(config.requests_per_second));
    routes::all(Api { node, keys, events, rate }).layer(DefaultBodyLimit::max(MAX_BODY))
}
