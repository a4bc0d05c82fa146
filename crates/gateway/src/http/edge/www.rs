//! The web wallet's files, for the gateway's own household.

use std::path::Path;

use amplet_protocol::page::Gateway;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde::Serialize;
use tower_http::services::ServeDir;

use super::Edge;
use crate::config::network_name;

/// Scripts and styles of this origin only; connections to any gateway that a user configures.
const CSP: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; \
     font-src 'self'; media-src 'self' blob:; connect-src 'self' https: wss: http: ws:; worker-src 'self'; \
     manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, CSP),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(self), geolocation=(), microphone=()"),
];

/// Vite puts what has its hash in its name there: it never changes.
const HASHED: &str = "/assets/";

/// The files below `dir`, with `.br` beside them where the client takes it.
pub(super) fn files(dir: &Path) -> Router {
    Router::new().fallback_service(ServeDir::new(dir).precompressed_br()).layer(middleware::from_fn(guard))
}

async fn guard(request: Request, next: Next) -> Response {
    let hashed = request.uri().path().starts_with(HASHED);
    let mut response = next.run(request).await;
    let found = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
    let cache = if hashed && found { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The proposal of the web wallet to a new wallet: this gateway.
#[derive(Serialize)]
struct Proposal {
    network: &'static str,
    gateways: Vec<Gateway>,
}

/// `GET /config.json`: the folder's own if it has one, else made from the gateway's configuration.
pub(super) async fn config(State(edge): State<Edge>) -> Response {
    let headers = [(header::CACHE_CONTROL, "no-cache"), (header::CONTENT_TYPE, "application/json")];
    let own = edge.config.http.www.as_ref().map(|dir| dir.join("config.json"));
    if let Some(own) = own.filter(|own| own.is_file()) {
        return match tokio::fs::read(&own).await {
            Ok(text) => (headers, text).into_response(),
            Err(error) => {
                tracing::warn!(file = %own.display(), %error, "config.json cannot be read");
                (StatusCode::INTERNAL_SERVER_ERROR, "config.json cannot be read\n").into_response()
            }
        };
    }
    let Some(node_id) = edge.node.status().node_id else {
        let again = [(header::RETRY_AFTER, "2")];
        return (StatusCode::SERVICE_UNAVAILABLE, again, "the node is starting\n").into_response();
    };
    let gateway = Gateway {
        address: format!("{node_id}@{}", edge.relay),
        chain_url: edge.config.http.public.as_ref().map(|public| public.base.clone()),
        // Whoever serves the wallet is trusted with more than an unconfirmed channel.
        trust_zero_conf: edge.config.channels.terms.zero_conf,
    };
    let network = network_name(edge.config.network);
    (headers, Json(Proposal { network, gateways: vec![gateway] })).into_response()
}
