//! The API for sites: `/v1/…` on the public HTTP side, for whoever has an API key. Described by `/v1/openapi.json`.
//!
//! `desk` does the work, on the node's thread and in its transactions; the rest of this module is HTTP.

mod auth;
mod call;
pub mod desk;
pub mod error;
mod hub;
pub mod keys;
mod limit;
mod openapi;
mod routes;
mod session_routes;
pub mod types;
mod wait;
mod webhook_routes;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;

use self::limit::RateLimit;
use crate::config::MerchantSection;
use crate::node_thread::NodeHandle;

pub use desk::Desk;
pub use hub::{Hub, Job};

/// Largest body of a request, in bytes.
const MAX_BODY: usize = 64 << 10;

/// What the handlers share.
#[derive(Clone)]
pub struct Api {
    node: NodeHandle,
    hub: Hub,
    rate: Arc<RateLimit>,
}

/// All of `/v1`.
pub fn router(node: NodeHandle, hub: Hub, config: &MerchantSection) -> Router {
    let rate = Arc::new(RateLimit::new(config.requests_per_second));
    routes::all(Api { node, hub, rate }).layer(DefaultBodyLimit::max(MAX_BODY))
}
