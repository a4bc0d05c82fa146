//! `GET /health`: for wallets that could not connect, and for monitors of the gateway.

use amplet_protocol::NodeId;
use amplet_protocol::relay::Health;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Edge;
use crate::http::health::ChainSource;
use crate::node::{Phase, Problem};

/// The wallet's part and the watcher's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(flatten)]
    wallet: Health,
    /// `starting`, `up`, `stopping` or `down`.
    state: Phase,
    node_id: Option<NodeId>,
    synced: bool,
    height: u32,
    version: &'static str,
    /// What is wrong; empty when all is well.
    problems: Vec<Problem>,
    chain: ChainSource,
}

/// 200 when all is well, 503 when the node is not up or money could be at risk; readable from any page.
pub(super) async fn answer(State(edge): State<Edge>) -> Response {
    let verdict = edge.health.now();
    let ok = verdict.is_ok();
    let answer = Answer {
        wallet: Health { node: verdict.status.phase == Phase::Up },
        state: verdict.status.phase,
        node_id: verdict.status.node_id,
        synced: verdict.status.synced,
        height: verdict.status.height,
        version: env!("CARGO_PKG_VERSION"),
        // Anybody may ask: no addresses, no file names.
        problems: verdict.problems.into_iter().map(|problem| problem.detail(None)).collect(),
        chain: verdict.source,
    };
    let code = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let headers = [(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"), (header::CACHE_CONTROL, "no-store")];
    (code, headers, Json(answer)).into_response()
}
