//! `GET /rgs/snapshot/<timestamp>`: the channel graph for wallets, as Rapid Gossip Sync (version 1) knows it.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::Edge;
use crate::desk::snapshots::GetSnapshot;
use crate::http::chain_api::answers::{REVALIDATE, labels, unchanged};
use crate::http::chain_api::asker::Asker;
use crate::http::chain_api::error::ChainApiError;

/// Everything for 0, otherwise what has changed since that time (seconds since 1970).
pub(super) async fn snapshot(
    State(edge): State<Edge>,
    Path(since): Path<String>,
    asker: Asker,
    request: HeaderMap,
) -> Result<Response, ChainApiError> {
    let Ok(since) = since.parse() else {
        let text = "the path ends with a time in seconds since 1970, or 0 for the whole graph\n";
        return Err(ChainApiError(StatusCode::BAD_REQUEST, text.to_owned()));
    };
    let answer = edge.node.ask(GetSnapshot { since }).await;
    let snapshot =
        answer.map_err(|error| ChainApiError(StatusCode::SERVICE_UNAVAILABLE, error.to_string()))?;
    let headers = labels(&snapshot.etag, REVALIDATE, "application/octet-stream");
    if unchanged(&request, &snapshot.etag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let room = asker.room(snapshot.bytes.len()).await?;
    Ok((headers, room.hold(snapshot.bytes)).into_response())
}
