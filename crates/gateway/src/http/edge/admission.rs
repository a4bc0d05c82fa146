//! Admission: requests that are answered at a time, of each client or API key and in all.

use std::net::IpAddr;
use std::sync::Arc;

use amplet_protocol::relay;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::bodies::Kept;
use super::{Peer, client_ip};
use crate::config::Config;
use crate::desk::error::{ApiCode, ApiError};
use crate::desk::merchant::api_keys::ApiKeys;
use crate::http::chain_api::answers::cors_headers;
use crate::http::logins;
use crate::http::merchant::{PREFIX, token};
use crate::limits::{Allowances, Connections, Full, Memory, Shares};

const MIB: usize = 1 << 20;

/// The limits of requests. Clones share the counts.
#[derive(Clone)]
pub struct Admission {
    trusted_proxies: Arc<[IpAddr]>,
    requests: Connections,
    /// Requests with an API key, by its id: a shop has one address and many customers.
    of_keys: Shares<String>,
    keys: Arc<ApiKeys>,
    allowances: Allowances,
}

impl Admission {
    /// The limits of this configuration.
    pub fn new(config: &Config, keys: Arc<ApiKeys>) -> Self {
        let (http, merchant) = (&config.http, &config.merchant);
        let memory = Memory::new(
            http.max_answers_mib.saturating_mul(MIB),
            http.max_answers_mib_per_ip.saturating_mul(MIB),
        );
        Self {
            trusted_proxies: http.trusted_proxies.clone().into(),
            requests: Connections::new(http.max_requests, http.max_requests_per_ip),
            of_keys: Shares::new(merchant.max_requests, merchant.max_requests_per_key),
            keys,
            allowances: Allowances::new(Connections::new(http.max_waits, http.max_waits_per_ip), memory),
        }
    }
}

/// Answers when the client, or its key, has a request left. Wallets' WebSockets have limits of their own, and health is answered at
/// once: nothing keeps these two out.
pub(super) async fn admit(
    State(admission): State<Admission>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    if path == relay::PATH || path == relay::HEALTH_PATH {
        return next.run(request).await;
    }
    let client = client_ip(peer, request.headers(), &admission.trusted_proxies);
    let key = path.starts_with(PREFIX).then(|| token(request.headers())).flatten();
    if let Some(key) = key.and_then(|token| admission.keys.open(&token)) {
        return match admission.of_keys.take(key.id.clone()) {
            Ok(share) => next.run(request).await.map(|body| Body::new(Kept::new(body, share))),
            Err(full) => too_many(&request, full),
        };
    }
    match admission.requests.enter(client) {
        Ok(guard) => {
            request.extensions_mut().insert(admission.allowances.of(client));
            let is_site = request.uri().path().starts_with(PREFIX);
            let response = next.run(request).await;
            if is_site && response.status() == StatusCode::UNAUTHORIZED {
                logins::refused(client, "sites");
            }
            response.map(|body| Body::new(Kept::new(body, guard)))
        }
        Err(full) => too_many(&request, full),
    }
}

/// 429 when the client has too many, 503 when all have.
fn too_many(request: &Request, full: Full) -> Response {
    let (status, text) = match full {
        Full::Mine => {
            (StatusCode::TOO_MANY_REQUESTS, "too many requests at a time; wait for the answers to the others")
        }
        Full::All => {
            (StatusCode::SERVICE_UNAVAILABLE, "the gateway has too much to do; try again in a moment")
        }
    };
    let mut response = match request.uri().path().starts_with(PREFIX) {
        true => ApiError::new(ApiCode::RateLimited, text).into_response(),
        false => (status, format!("{text}\n")).into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    cors_headers(headers);
    response
}
