//! The chain API passed through from another server: this machine needs no bitcoind, and its wallets no second address.
//!
//! The server is a stranger: of its answers the bytes are passed on, as they come, with the type that their path has.

use std::time::Duration;

use amplet_protocol::chain::{MAX_PACKAGE_BODY, MAX_TX_BODY, Status, WAIT_SECS};
use amplet_transport::{FetchError, HttpClient, HttpRequest, HttpStream};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bitcoin::Network;
use futures::StreamExt;

use super::Probed;
use super::asker::Asker;
use super::error::ChainApiError;
use super::sending;
use super::start::StartError;

/// Maximum file (filters).
const MAX_FILE: usize = 96 << 20;
/// Maximum answer to a broadcast.
const MAX_REPLY: usize = 1 << 20;
/// Bytes that the server's connection may hold while a client takes its answer.
const IN_FLIGHT: usize = 64 << 10;
const TIMEOUT: Duration = Duration::from_secs(WAIT_SECS + 35);
/// The upstream's headers that describe the answer itself.
const FORWARDED: [HeaderName; 2] = [CACHE_CONTROL, ETAG];

const JSON: &str = "application/json";
const BYTES: &str = "application/octet-stream";
const TEXT: &str = "text/plain; charset=utf-8";

#[derive(Clone)]
struct Upstream {
    http: HttpClient,
    url: String,
}

/// Asks the server once for its newest block.
pub(super) async fn probe(http: &HttpClient, url: &str, network: Network) -> Result<Probed, StartError> {
    let request = HttpRequest::get(format!("{url}/status")).max_body(MAX_REPLY);
    let answer = http.fetch(request).await.map_err(|error| StartError::Upstream(error.to_string()))?;
    let status: Status = serde_json::from_slice(&answer.body).map_err(|_| {
        StartError::Upstream(format!("its answer to /status, HTTP {}, is not a chain API's", answer.status))
    })?;
    let genesis = bitcoin::blockdata::constants::genesis_block(network).block_hash();
    if status.chain_genesis_hash != genesis.to_string() {
        let found = format!("{} ({url})", status.chain_name);
        return Err(StartError::WrongNetwork { found, expected: network });
    }
    Ok(Probed::default())
}

pub(super) fn router(http: HttpClient, url: String) -> Router {
    let mut router = Router::new();
    for (path, kind) in [
        ("/headers/{start}", BYTES),
        ("/filter-headers/{start}", BYTES),
        ("/filters/{start}", BYTES),
        ("/filters/single/{height}", BYTES),
        ("/block/{hash}", BYTES),
        ("/fee-estimates", JSON),
        ("/mempool/{prefix}", BYTES),
        ("/fees/estimate/{blocks}", JSON),
    ] {
        let handler = move |State(upstream): State<Upstream>, asker: Asker, request: Request| async move {
            upstream.ask(upstream.get(&request), kind, &asker).await
        };
        router = router.route(path, get(handler));
    }
    router
        .route("/status", get(status))
        .route("/tx", sending(post(transaction), MAX_TX_BODY))
        .route("/txs/package", sending(post(package), MAX_PACKAGE_BODY))
        .with_state(Upstream { http, url })
}

/// May wait for a block (`?after=`); where too many wait already, it is asked without.
async fn status(
    State(upstream): State<Upstream>,
    asker: Asker,
    mut request: Request,
) -> Result<Response, ChainApiError> {
    let wait = request.uri().query().is_some().then(|| asker.wait()).flatten();
    if wait.is_none() {
        *request.uri_mut() = Uri::from_static("/status");
    }
    upstream.ask(upstream.get(&request), JSON, &asker).await
}

async fn transaction(State(upstream): State<Upstream>, request: Request) -> Result<Response, ChainApiError> {
    upstream.send(request, TEXT).await
}

async fn package(State(upstream): State<Upstream>, request: Request) -> Result<Response, ChainApiError> {
    upstream.send(request, JSON).await
}

impl Upstream {
    fn url(&self, request: &Request) -> String {
        let path = request.uri().path_and_query().map_or("/", |p| p.as_str());
        format!("{}{path}", self.url)
    }

    fn get(&self, request: &Request) -> HttpRequest {
        let get = HttpRequest::get(self.url(request)).max_body(MAX_FILE).timeout(TIMEOUT);
        match request.headers().get(IF_NONE_MATCH).and_then(|v| v.to_str().ok()) {
            Some(etag) => get.header("if-none-match", etag),
            None => get,
        }
    }

    async fn ask(
        &self,
        get: HttpRequest,
        kind: &'static str,
        asker: &Asker,
    ) -> Result<Response, ChainApiError> {
        let room = asker.room(IN_FLIGHT).await?;
        let answer = self.http.stream(get).await.map_err(|e| unreachable(&e))?;
        let (status, headers) = head(&answer, kind)?;
        // The room is for the connection, and ends with the stream.
        let body = answer.body.map(move |part| {
            let _held = &room;
            part.inspect_err(|e| tracing::warn!("chain API: an answer broke off: {e}"))
        });
        Ok((status, headers, Body::from_stream(body)).into_response())
    }

    async fn send(&self, request: Request, kind: &'static str) -> Result<Response, ChainApiError> {
        let url = self.url(&request);
        let limited = axum::RequestExt::with_limited_body(request).into_body();
        let body = axum::body::to_bytes(limited, MAX_TX_BODY).await;
        let body = body.map_err(|e| ChainApiError(StatusCode::PAYLOAD_TOO_LARGE, e.to_string()))?;
        let post = HttpRequest::post(url, body.to_vec()).header("content-type", "text/plain");
        let post = post.max_body(MAX_REPLY).timeout(TIMEOUT);
        let answer = self.http.stream(post).await.map_err(|e| unreachable(&e))?;
        let (status, headers) = head(&answer, kind)?;
        Ok((status, headers, Body::from_stream(answer.body)).into_response())
    }
}

fn unreachable(error: &FetchError) -> ChainApiError {
    tracing::warn!("chain API: {error}");
    bad_gateway("the gateway's chain server does not answer; try again later")
}

fn bad_gateway(text: &str) -> ChainApiError {
    ChainApiError(StatusCode::BAD_GATEWAY, text.to_owned())
}

/// Status and headers for an answer of this kind. An error is text, and what is neither an answer nor an error is not passed on.
fn head(answer: &HttpStream, kind: &'static str) -> Result<(StatusCode, HeaderMap), ChainApiError> {
    let status = StatusCode::from_u16(answer.status).ok();
    let kind = match status {
        Some(StatusCode::OK | StatusCode::NOT_MODIFIED) => kind,
        Some(status) if status.is_client_error() || status.is_server_error() => TEXT,
        _ => return Err(bad_gateway("the gateway's chain server gives no answer, but leads elsewhere")),
    };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    for name in FORWARDED {
        let value = answer.headers.iter().find(|(n, _)| *n == name.as_str()).map(|(_, v)| v);
        if let Some(value) = value.and_then(|v| HeaderValue::from_str(v).ok()) {
            headers.insert(name, value);
        }
    }
    let length = answer.headers.iter().find(|(n, _)| *n == CONTENT_LENGTH.as_str());
    let length = length.and_then(|(_, v)| v.parse::<u64>().ok()).filter(|_| status == Some(StatusCode::OK));
    if let Some(length) = length {
        // A client then sees where an answer broke off.
        headers.insert(CONTENT_LENGTH, length.into());
    }
    Ok((status.unwrap_or_default(), headers))
}
