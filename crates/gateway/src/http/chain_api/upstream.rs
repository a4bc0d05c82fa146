//! The chain API passed through from another server: this machine needs no bitcoind, and its wallets no second address.

use std::time::Duration;

use amplet_protocol::chain::{MAX_PACKAGE_BODY, MAX_TX_BODY, WAIT_SECS};
use amplet_transport::{FetchError, HttpClient, HttpRequest, HttpResponse};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::error::ChainApiError;

/// Maximum file (filters).
const MAX_FILE: usize = 96 << 20;
/// Maximum answer to a broadcast.
const MAX_REPLY: usize = 1 << 20;
const TIMEOUT: Duration = Duration::from_secs(WAIT_SECS + 35);
/// The upstream's headers that describe the answer itself.
const FORWARDED: [HeaderName; 3] = [CACHE_CONTROL, CONTENT_TYPE, ETAG];

#[derive(Clone)]
struct Upstream {
    http: HttpClient,
    url: String,
}

pub(super) fn router(http: HttpClient, url: String) -> Router {
    let mut router = Router::new();
    for path in [
        "/status",
        "/headers/{start}",
        "/filter-headers/{start}",
        "/filters/{start}",
        "/filters/single/{height}",
        "/block/{hash}",
        "/fee-estimates",
        "/mempool/{prefix}",
        "/fees/estimate/{blocks}",
    ] {
        router = router.route(path, get(ask));
    }
    router
        .route("/tx", post(send).layer(DefaultBodyLimit::max(MAX_TX_BODY)))
        .route("/txs/package", post(send).layer(DefaultBodyLimit::max(MAX_PACKAGE_BODY)))
        .with_state(Upstream { http, url })
}

impl Upstream {
    fn url(&self, request: &Request) -> String {
        let path = request.uri().path_and_query().map_or("/", |p| p.as_str());
        format!("{}{path}", self.url)
    }

    async fn fetch(&self, request: HttpRequest) -> Result<Response, ChainApiError> {
        let response = self.http.fetch(request.timeout(TIMEOUT)).await.map_err(|e| unreachable(&e))?;
        answer(response)
    }
}

async fn ask(State(upstream): State<Upstream>, request: Request) -> Result<Response, ChainApiError> {
    let mut get = HttpRequest::get(upstream.url(&request)).max_body(MAX_FILE);
    if let Some(etag) = request.headers().get(IF_NONE_MATCH).and_then(|v| v.to_str().ok()) {
        get = get.header("if-none-match", etag);
    }
    upstream.fetch(get).await
}

async fn send(State(upstream): State<Upstream>, request: Request) -> Result<Response, ChainApiError> {
    let url = upstream.url(&request);
    let limited = axum::RequestExt::with_limited_body(request).into_body();
    let body = axum::body::to_bytes(limited, MAX_TX_BODY).await;
    let body = body.map_err(|e| ChainApiError(StatusCode::PAYLOAD_TOO_LARGE, e.to_string()))?;
    let post = HttpRequest::post(url, body.to_vec()).header("content-type", "text/plain");
    upstream.fetch(post.max_body(MAX_REPLY)).await
}

fn unreachable(error: &FetchError) -> ChainApiError {
    tracing::warn!("chain API: {error}");
    ChainApiError(
        StatusCode::BAD_GATEWAY,
        "the gateway's chain server does not answer; try again later".to_string(),
    )
}

fn answer(response: HttpResponse) -> Result<Response, ChainApiError> {
    let status = StatusCode::from_u16(response.status)
        .map_err(|e| ChainApiError(StatusCode::BAD_GATEWAY, format!("the gateway's chain server: {e}")))?;
    let mut answer = (status, response.body).into_response();
    for name in FORWARDED {
        let value = response.headers.iter().find(|(n, _)| *n == name.as_str()).map(|(_, v)| v);
        match value.and_then(|v| HeaderValue::from_str(v).ok()) {
            Some(value) => answer.headers_mut().insert(name, value),
            None => answer.headers_mut().remove(name),
        };
    }
    Ok(answer)
}
