//! The node's platform: the machine's, with a way to the gateway's chain API that leads through no door.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use amplet_transport::{
    ConnectError, Duplex, FetchError, HttpRequest, HttpResponse, LocalBoxFuture, NativePlatform, PeerAddress,
    Platform,
};
use futures::FutureExt;
use futures::future::BoxFuture;

/// Base URL of the gateway's own chain API. No name of the internet ends like that (RFC 2606).
pub const CHAIN_URL: &str = "http://gateway.invalid";

/// The outcome of a request.
type Fetched = Result<HttpResponse, FetchError>;

/// Answers requests to [`CHAIN_URL`] within this process. Clones are the same.
#[derive(Clone)]
pub struct Inside(Arc<dyn Fn(HttpRequest) -> BoxFuture<'static, Fetched> + Send + Sync>);

impl Inside {
    /// By this function. Dropping its future ends the request.
    pub fn new(answer: impl Fn(HttpRequest) -> BoxFuture<'static, Fetched> + Send + Sync + 'static) -> Self {
        Self(Arc::new(answer))
    }
}

/// The machine, with that way.
pub(super) struct GatewayPlatform {
    pub(super) machine: NativePlatform,
    pub(super) inside: Inside,
}

impl Platform for GatewayPlatform {
    fn now(&self) -> Duration {
        self.machine.now()
    }

    fn monotonic(&self) -> Duration {
        self.machine.monotonic()
    }

    fn random(&self, out: &mut [u8]) {
        self.machine.random(out);
    }

    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        self.machine.spawn(task);
    }

    fn sleep(&self, time: Duration) -> LocalBoxFuture<'static, ()> {
        self.machine.sleep(time)
    }

    fn fetch(&self, request: HttpRequest) -> LocalBoxFuture<'static, Fetched> {
        if request.url.starts_with(CHAIN_URL) {
            return (self.inside.0)(request).boxed_local();
        }
        self.machine.fetch(request)
    }

    fn connect(&self, address: PeerAddress) -> LocalBoxFuture<'static, Result<Rc<dyn Duplex>, ConnectError>> {
        self.machine.connect(address)
    }
}
