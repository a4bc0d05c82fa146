//! The small answers, and parts that all answers have in common.

use std::sync::Arc;
use std::time::Duration;

use amplet_protocol::chain::WAIT_SECS;
use axum::extract::{Path, Query, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bitcoin::BlockHash;
use serde::Deserialize;

use super::asker::Asker;
use super::error::ChainApiError;
use super::view::{Published, View, ViewError};

/// Maximum size of a block, in bytes: 4,000,000 weight units.
const MAX_BLOCK: usize = 4_000_000;

/// Never changes.
pub(super) const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// May have changed: ask with the ETag.
pub(crate) const REVALIDATE: HeaderValue = HeaderValue::from_static("public, no-cache");
impl From<ViewError> for ChainApiError {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::Rpc(e) => e.into(),
            ViewError::Moved => Self(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
        }
    }
}

/// Returns what is served now, or 503.
pub(super) fn current(view: &View) -> Result<Published, ChainApiError> {
    view.current().map_err(|why| {
        tracing::debug!("chain API: asked before it is ready: {why}");
        let text = "the gateway has no blocks to serve yet; try again later, its log says why";
        ChainApiError(StatusCode::SERVICE_UNAVAILABLE, text.to_string())
    })
}

/// 304 when the client has it already.
pub(crate) fn unchanged(request: &HeaderMap, etag: &str) -> bool {
    let known = request.get_all(IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
    known.flat_map(|list| list.split(',')).any(|tag| tag.trim().trim_start_matches("W/") == etag)
}

/// An answer's headers.
pub(crate) fn labels(etag: &str, cache: HeaderValue, kind: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CACHE_CONTROL, cache);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(ETAG, etag);
    }
    headers
}

/// `?after=<hash>`: wait for another tip than that.
#[derive(Deserialize)]
pub(super) struct After {
    after: Option<String>,
}

pub(super) async fn status(
    State(view): State<Arc<View>>,
    Query(After { after }): Query<After>,
    asker: Asker,
    request: HeaderMap,
) -> Result<Response, ChainApiError> {
    let after = after.map(|text| text.parse::<BlockHash>()).transpose();
    let after = after
        .map_err(|_| ChainApiError(StatusCode::BAD_REQUEST, "after must be a block hash".to_string()))?;
    let mut published = current(&view)?;
    // Where too many wait already, the answer comes at once, as from a server that cannot wait.
    if after == Some(published.hash)
        && let Some(_wait) = asker.wait()
    {
        let mut changes = view.subscribe();
        // Handlers must not keep the view alive for the whole wait: the follower ends with the last of them.
        drop(view);
        let other = changes.wait_for(|p| p.as_ref().is_ok_and(|p| Some(p.hash) != after));
        if let Ok(Ok(found)) = tokio::time::timeout(Duration::from_secs(WAIT_SECS), other).await
            && let Ok(found) = &*found
        {
            published = found.clone();
        }
    }
    let etag = format!("\"status-{}\"", published.hash);
    let headers = labels(&etag, REVALIDATE, "application/json");
    if unchanged(&request, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    Ok((headers, published.status).into_response())
}

pub(super) async fn block(
    State(view): State<Arc<View>>,
    Path(hash): Path<String>,
    asker: Asker,
    request: HeaderMap,
) -> Result<Response, ChainApiError> {
    let hash: BlockHash =
        hash.parse().map_err(|_| ChainApiError(StatusCode::BAD_REQUEST, "invalid block hash".to_string()))?;
    let etag = format!("\"{hash}\"");
    let headers = labels(&etag, FOREVER, "application/octet-stream");
    if unchanged(&request, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let room = asker.room(MAX_BLOCK).await?;
    let block = view.block(&hash, asker.lane()).await?;
    Ok((headers, room.hold(block)).into_response())
}

/// Lets pages of every origin ask: nothing here depends on who asks.
pub(crate) async fn cors(request: Request, next: Next) -> Response {
    let mut response = match *request.method() {
        Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
        _ => next.run(request).await,
    };
    cors_headers(response.headers_mut());
    response
}

/// The headers that let them.
pub(crate) fn cors_headers(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS"));
    headers.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("authorization, content-type, if-none-match, amplet-device"),
    );
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
}
