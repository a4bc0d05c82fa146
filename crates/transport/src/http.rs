//! The native HTTP client: HTTP/1.1 with persistent connections, TLS by rustls, limits of time and size.
//!
//! Redirects are not followed: the response is the 3xx itself.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::ready;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::header::{HeaderMap, HeaderValue};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower_service::Service;

use crate::{CONNECT_TIMEOUT, FetchError, HttpRequest, HttpResponse, is_public};

/// Reason for which an address is not connected to.
const NOT_PUBLIC: &str = "it is not on the internet, and this request may go nowhere else";

/// The HTTP client of [`NativePlatform`](crate::NativePlatform), for servers' tasks too: clones share its connections, and
/// it may go to other threads. It needs a tokio runtime.
#[derive(Clone)]
pub struct HttpClient {
    client: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
    public_only: bool,
}

impl HttpClient {
    /// A client; with `public_only` it never connects to an address that is not globally reachable ([`is_public`]), by any name.
    pub(crate) fn new(tls: rustls::ClientConfig, public_only: bool) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver { public_only });
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        Self { client, public_only }
    }

    /// One HTTP exchange; see [`Platform::fetch`](crate::Platform::fetch).
    ///
    /// # Errors
    /// [`FetchError`]; a response of any status is none.
    pub async fn fetch(&self, request: HttpRequest) -> Result<HttpResponse, FetchError> {
        let (url, after) = (request.url.clone(), request.timeout);
        let exchange = async {
            let HttpStream { status, headers, body } = self.stream(request).await?;
            let whole = body.try_fold(Vec::new(), |mut whole, part| {
                whole.extend_from_slice(&part);
                ready(Ok(whole))
            });
            Ok(HttpResponse { status, headers, body: whole.await? })
        };
        let ended = tokio::time::timeout(after, exchange).await;
        ended.unwrap_or(Err(FetchError::Timeout { url, after }))
    }

    /// The beginning of an HTTP exchange, and the response's body as it comes. The time limit holds for the beginning, then for
    /// each part.
    ///
    /// # Errors
    /// [`FetchError`], of the body too.
    pub async fn stream(&self, request: HttpRequest) -> Result<HttpStream, FetchError> {
        let (url, after, limit) = (request.url.clone(), request.timeout, request.max_body);
        let request = build(request)?;
        self.refuse_private(&url, request.uri())?;
        let late = move |url: String| FetchError::Timeout { url, after };
        let begun = tokio::time::timeout(after, self.client.request(request)).await;
        let response = begun.map_err(|_| late(url.clone()))?.map_err(|error| unreachable(&url, &error))?;
        let (head, frames) = response.into_parts();
        let parts = stream::try_unfold((frames, 0_usize), move |(mut frames, mut read)| {
            let url = url.clone();
            async move {
                loop {
                    let next = tokio::time::timeout(after, frames.frame()).await;
                    let Some(frame) = next.map_err(|_| late(url.clone()))? else { return Ok(None) };
                    let frame = frame.map_err(|error| unreachable(&url, &error))?;
                    let Ok(data) = frame.into_data() else { continue };
                    read = read.saturating_add(data.len());
                    if read > limit {
                        return Err(FetchError::TooLarge { url, limit });
                    }
                    return Ok(Some((data, (frames, read))));
                }
            }
        });
        Ok(HttpStream {
            status: head.status.as_u16(),
            headers: header_texts(&head.headers),
            body: parts.boxed(),
        })
    }

    /// Refuses a host that is a private address: an address never reaches the resolver.
    fn refuse_private(&self, url: &str, uri: &hyper::Uri) -> Result<(), FetchError> {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        match host.parse::<IpAddr>() {
            Ok(ip) if self.public_only && !is_public(ip) => {
                Err(FetchError::Unreachable { url: url.into(), detail: NOT_PUBLIC.into() })
            }
            _ => Ok(()),
        }
    }
}

/// A response whose body is still to come.
pub struct HttpStream {
    /// Status code, 100 to 599.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body, at most the request's `max_body` bytes.
    pub body: BoxStream<'static, Result<Bytes, FetchError>>,
}

/// Resolves names and filters the addresses in one step, so that a second lookup cannot lead elsewhere (DNS rebinding).
#[derive(Clone, Copy)]
struct Resolver {
    public_only: bool,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = std::io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let public_only = self.public_only;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|at| !public_only || is_public(at.ip())).collect();
            if public_only && allowed.is_empty() {
                return Err(std::io::Error::other(NOT_PUBLIC));
            }
            Ok(allowed.into_iter())
        })
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

/// Names in lower case, and values; what is not UTF-8 of a value is replaced.
pub fn header_texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().into(), text(value))).collect()
}

/// The error with all its causes: the outermost message is only "client error", which is of no use.
fn unreachable(url: &str, error: &(dyn Error + 'static)) -> FetchError {
    let mut detail = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        detail = format!("{detail}: {error}");
        cause = error.source();
    }
    FetchError::Unreachable { url: url.into(), detail }
}
