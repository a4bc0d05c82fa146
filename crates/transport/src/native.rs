//! The platform outside a browser: tokio, WebSocket and TCP clients, HTTP.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::future::{FutureExt, LocalBoxFuture};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::http::HttpClient;
use crate::{
    CONNECT_TIMEOUT, ConnectError, Duplex, Endpoint, FetchError, HttpRequest, HttpResponse, PeerAddress,
    Platform, Scheme, tcp, websocket,
};

/// [`Platform`] on tokio. Its futures and tasks run on the thread's [`tokio::task::LocalSet`].
#[derive(Clone)]
pub struct NativePlatform {
    origin: Instant,
    tls: Arc<rustls::ClientConfig>,
    http: HttpClient,
}

impl NativePlatform {
    /// A platform that trusts Mozilla's certificate authorities.
    ///
    /// # Errors
    /// When the cryptography this was built with offers no protocol version of TLS.
    pub fn new() -> Result<Self, rustls::Error> {
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Self::trusting(roots)
    }

    /// A platform that trusts these certificate authorities only.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn trusting(roots: rustls::RootCertStore) -> Result<Self, rustls::Error> {
        // The provider is named, not taken from the process: another crate may bring a second one.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { origin: Instant::now(), http: HttpClient::new(tls.clone(), false), tls: Arc::new(tls) })
    }

    /// The HTTP client alone, which other threads may use.
    pub fn http(&self) -> HttpClient {
        self.http.clone()
    }

    /// An HTTP client for addresses from untrusted sources: it connects only to public addresses, never to this machine or its
    /// network, by any name.
    pub fn http_for_strangers(&self) -> HttpClient {
        HttpClient::new((*self.tls).clone(), true)
    }

    /// The stream of a peer that connected to this machine over TCP.
    pub fn accept_tcp(&self, stream: TcpStream) -> Rc<dyn Duplex> {
        tcp::duplex(stream)
    }

    async fn open(self, endpoint: Endpoint) -> Result<Rc<dyn Duplex>, ConnectError> {
        let stream = TcpStream::connect((endpoint.host(), endpoint.port())).await.map_err(|error| {
            ConnectError::GatewayUnreachable { endpoint: endpoint.clone(), detail: error.to_string() }
        })?;
        // Without it a small message waits for the acknowledgement of the one before. Failing costs only that.
        let _ = stream.set_nodelay(true);
        match endpoint.scheme() {
            Scheme::Tcp => Ok(tcp::duplex(stream)),
            Scheme::Ws | Scheme::Wss => {
                websocket::open(&endpoint, stream, self.tls.clone(), &self.http).await
            }
        }
    }
}

impl Platform for NativePlatform {
    fn now(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }

    fn random(&self, out: &mut [u8]) {
        crate::platform::fill_random(out);
    }

    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        tokio::task::spawn_local(task);
    }

    fn sleep(&self, time: Duration) -> LocalBoxFuture<'static, ()> {
        tokio::time::sleep(time).boxed_local()
    }

    fn fetch(&self, request: HttpRequest) -> LocalBoxFuture<'static, Result<HttpResponse, FetchError>> {
        let http = self.http.clone();
        async move { http.fetch(request).await }.boxed_local()
    }

    fn connect(&self, address: PeerAddress) -> LocalBoxFuture<'static, Result<Rc<dyn Duplex>, ConnectError>> {
        let endpoint = address.endpoint;
        let open = self.clone().open(endpoint.clone());
        async move {
            timeout(CONNECT_TIMEOUT, open)
                .await
                .unwrap_or(Err(ConnectError::Timeout { endpoint, after: CONNECT_TIMEOUT }))
        }
        .boxed_local()
    }
}
