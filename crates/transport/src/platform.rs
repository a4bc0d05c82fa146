//! The one trait that a platform implements.

use std::rc::Rc;
use std::time::Duration;

use futures::future::LocalBoxFuture;

use crate::domain::ascii_domain;
use crate::{ConnectError, Duplex, FetchError, PeerAddress};

/// The operations in which platforms differ. Single-threaded: no `Send` anywhere.
pub trait Platform: 'static {
    /// Wall clock: time since the UNIX epoch. It may jump when the machine's clock is set.
    fn now(&self) -> Duration;
    /// Local time minus UTC, in seconds, at an instant (seconds since the UNIX epoch) in the user's time zone. A server's
    /// is UTC.
    fn utc_offset_secs(&self, unix_secs: i64) -> i32 {
        let _ = unix_secs;
        0
    }
    /// The name that DNS has for a domain with letters beyond ASCII; `None`: there is none.
    fn ascii_domain(&self, domain: &str) -> Option<String> {
        ascii_domain(domain)
    }
    /// A clock that never goes backwards, from an arbitrary origin: for measuring, never for storing.
    fn monotonic(&self) -> Duration;
    /// Fills `out` with cryptographically secure random bytes.
    fn random(&self, out: &mut [u8]);
    /// Runs `task` to its end beside the caller, on this thread.
    fn spawn(&self, task: LocalBoxFuture<'static, ()>);
    /// Resolves after at least `time`. A hidden page's timers may be throttled by the browser.
    fn sleep(&self, time: Duration) -> LocalBoxFuture<'static, ()>;
    /// One HTTP exchange. A response of any status is `Ok`; see [`FetchError`] for the rest. Dropping the future
    /// aborts the request. A browser follows redirects; elsewhere the 3xx itself is the response.
    fn fetch(&self, request: HttpRequest) -> LocalBoxFuture<'static, Result<HttpResponse, FetchError>>;
    /// Opens a byte stream to a peer. The peer's key is checked by BOLT 8, later, in the node.
    fn connect(&self, address: PeerAddress) -> LocalBoxFuture<'static, Result<Rc<dyn Duplex>, ConnectError>>;
}

/// Request methods in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpMethod {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `DELETE`
    Delete,
}

impl HttpMethod {
    /// The method's token on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            HttpMethod::Get => "GET",
            HttpMethod::Post => "POST",
            HttpMethod::Put => "PUT",
            HttpMethod::Delete => "DELETE",
        }
    }
}

/// One HTTP request and the limits of its response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method.
    pub method: HttpMethod,
    /// Absolute `http://` or `https://` URL.
    pub url: String,
    /// Names and values. Names are case-insensitive.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// Maximum time from start to the last byte of the response.
    pub timeout: Duration,
    /// Maximum size of the response's body, in bytes (after content decoding).
    pub max_body: usize,
}

impl HttpRequest {
    /// Time limit of a request that sets none.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
    /// Body limit of a request that sets none: 16 MiB.
    pub const DEFAULT_MAX_BODY: usize = 16 << 20;

    /// A `GET` of `url` with the default limits.
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            method: HttpMethod::Get,
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: Self::DEFAULT_TIMEOUT,
            max_body: Self::DEFAULT_MAX_BODY,
        }
    }

    /// A `POST` of `body` to `url` with the default limits.
    pub fn post(url: impl Into<String>, body: Vec<u8>) -> Self {
        Self { method: HttpMethod::Post, body, ..Self::get(url) }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the time limit.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the limit of the response's body, in bytes.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }
}

/// The response to a request, of any status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    /// Status code, 100 to 599.
    pub status: u16,
    /// Names in lower case, and values. In a browser only those that CORS exposes.
    pub headers: Vec<(String, String)>,
    /// The whole body, at most the request's `max_body` bytes.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// The first header of that name (given in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// True if the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// The operating system's, or the browser's, generator.
///
/// # Panics
/// When it fails: no key and no nonce may be made from anything else, so nothing can continue.
#[allow(clippy::expect_used)]
pub(crate) fn fill_random(out: &mut [u8]) {
    getrandom::getrandom(out).expect("the system's random generator works");
}
