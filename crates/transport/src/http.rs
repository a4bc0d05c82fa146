//! The native HTTP client: HTTP/1.1 with kept connections, TLS by rustls, limits of time and size.
//!
//! Redirects are not followed: the answer is the 3xx itself.

use std::error::Error;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::{CONNECT_TIMEOUT, FetchError, HttpRequest, HttpResponse};

/// The HTTP client of [`NativePlatform`](crate::NativePlatform), for servers' tasks too: clones share its connections, and
/// it may go to other threads. It needs a tokio runtime.
#[derive(Clone)]
pub struct HttpClient(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl HttpClient {
    pub(crate) fn new(tls: rustls::ClientConfig) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Self(Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector))
    }

    /// One HTTP exchange; see [`Platform::fetch`](crate::Platform::fetch).
    ///
    /// # Errors
    /// [`FetchError`]; an answer of any status is none.
    pub async fn fetch(&self, request: HttpRequest) -> Result<HttpResponse, FetchError> {
        let (url, after, limit) = (request.url.clone(), request.timeout, request.max_body);
        let request = build(request)?;
        let exchange = async {
            let answer = self.0.request(request).await.map_err(|error| unreachable(&url, &error))?;
            collect(&url, answer, limit).await
        };
        tokio::time::timeout(after, exchange)
            .await
            .unwrap_or_else(|_| Err(FetchError::Timeout { url: url.clone(), after }))
    }
}

fn build(request: HttpRequest) -> Result<Request<Full<Bytes>>, FetchError> {
    let HttpRequest { method, url, headers, body, .. } = request;
    let invalid = |what: String| FetchError::InvalidRequest { url: url.clone(), what };
    let uri: hyper::Uri = url.parse().map_err(|error| invalid(format!("{error}")))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(invalid("it begins neither with http:// nor with https://".into()));
    }
    headers
        .into_iter()
        .fold(Request::builder().method(method.as_str()).uri(uri), |builder, (name, value)| {
            builder.header(name, value)
        })
        .body(Full::new(body.into()))
        .map_err(|error| invalid(error.to_string()))
}

async fn collect(url: &str, answer: Response<Incoming>, limit: usize) -> Result<HttpResponse, FetchError> {
    let (head, mut frames) = answer.into_parts();
    let mut body = Vec::new();
    while let Some(frame) = frames.frame().await {
        let frame = frame.map_err(|error| unreachable(url, &error))?;
        let Ok(data) = frame.into_data() else { continue };
        if body.len().saturating_add(data.len()) > limit {
            return Err(FetchError::TooLarge { url: url.into(), limit });
        }
        body.extend_from_slice(&data);
    }
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().into(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    Ok(HttpResponse { status: head.status.as_u16(), headers, body })
}

/// The outermost message says only "client error": the causes are what a person can use.
fn unreachable(url: &str, error: &(dyn Error + 'static)) -> FetchError {
    let mut detail = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        detail = format!("{detail}: {error}");
        cause = error.source();
    }
    FetchError::Unreachable { url: url.into(), detail }
}
