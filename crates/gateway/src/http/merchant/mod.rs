//! The API for sites: `/v1/…` on the public HTTP side, for requests with an API key. Described by `/v1/openapi.json`.

mod auth;
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

use self::rate::RateLimit;
use crate::config::MerchantSection;
use crate::desk::merchant::EventBus;
use crate::desk::merchant::api_keys::ApiKeys;
use crate::node::NodeHandle;

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

/// All of `/v1`.
pub fn router(node: NodeHandle, keys: Arc<ApiKeys>, events: EventBus, config: &MerchantSection) -> Router {
    let rate = Arc::new(RateLimit::new(config.requests_per_second));
    routes::all(Api { node, keys, events, rate }).layer(DefaultBodyLimit::max(MAX_BODY))
}
