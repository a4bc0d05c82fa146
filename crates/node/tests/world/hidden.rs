//! A page that nobody sees: the browser runs its timers once a minute.

use std::rc::Rc;
use std::time::Duration;

use amplet_transport::testing::TestPlatform;
use amplet_transport::{ConnectError, Duplex, FetchError, HttpRequest, HttpResponse, PeerAddress, Platform};
use futures::future::LocalBoxFuture;

/// What a browser makes of shorter timers.
const THROTTLED: Duration = Duration::from_secs(60);

/// The platform of such a page.
pub(super) struct HiddenPlatform(pub TestPlatform);

impl Platform for HiddenPlatform {
    fn now(&self) -> Duration {
        self.0.now()
    }
    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }
    fn random(&self, out: &mut [u8]) {
        self.0.random(out);
    }
    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        self.0.spawn(task);
    }
    fn sleep(&self, time: Duration) -> LocalBoxFuture<'static, ()> {
        self.0.sleep(time.max(THROTTLED))
    }
    fn fetch(&self, request: HttpRequest) -> LocalBoxFuture<'static, Result<HttpResponse, FetchError>> {
        self.0.fetch(request)
    }
    fn connect(&self, address: PeerAddress) -> LocalBoxFuture<'static, Result<Rc<dyn Duplex>, ConnectError>> {
        self.0.connect(address)
    }
}
