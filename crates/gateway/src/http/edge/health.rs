//! `GET /health`: for wallets that could not connect, and for monitors of the gateway.

use amplet_protocol::relay::Health;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Edge;
use crate::node::Phase;

/// The wallet's part and the watcher's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(flatten)]
    wallet: Health,
    /// `starting`, `up`, `stopping` or `down`.
    state: Phase,
    node_id: Option<String>,
    synced: bool,
    height: u32,
    version: &'static str,
}

/// 200 when the node is up, 503 when it is not; readable from any page.
pub(super) async fn answer(State(edge): State<Edge>) -> Response {
    let status = edge.node.status();
    let node = status.phase == Phase::Up;
    let answer = Answer {
        wallet: Health { node },
        state: status.phase,
        node_id: status.node_id.clone(),
        synced: status.synced,
        height: status.height,
        version: env!("CARGO_PKG_VERSION"),
    };
    let code = if node { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let headers = [(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"), (header::CACHE_CONTROL, "no-store")];
    (code, headers, Json(answer)).into_response()
}
