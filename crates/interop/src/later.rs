//! A platform whose wall clock can be put forward: what takes a day is not waited for.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use amplet_transport::{ConnectError, Duplex, FetchError, HttpRequest, HttpResponse, PeerAddress, Platform};
use futures::future::LocalBoxFuture;

/// See the head of this file.
pub struct Later {
    inner: Rc<dyn Platform>,
    by: Cell<Duration>,
}

impl Later {
    /// A platform that has the time of `inner`.
    pub fn new(inner: Rc<dyn Platform>) -> Self {
        Self { inner, by: Cell::default() }
    }

    /// Puts the clock forward.
    pub fn put_forward(&self, time: Duration) {
        self.by.set(self.by.get().saturating_add(time));
    }
}

impl Platform for Later {
    fn now(&self) -> Duration {
        self.inner.now().saturating_add(self.by.get())
    }
    fn monotonic(&self) -> Duration {
        self.inner.monotonic()
    }
    fn random(&self, out: &mut [u8]) {
        self.inner.random(out);
    }
    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        self.inner.spawn(task);
    }
    fn sleep(&self, time: Duration) -> LocalBoxFuture<'static, ()> {
        self.inner.sleep(time)
    }
    fn fetch(&self, request: HttpRequest) -> LocalBoxFuture<'static, Result<HttpResponse, FetchError>> {
        self.inner.fetch(request)
    }
    fn connect(&self, address: PeerAddress) -> LocalBoxFuture<'static, Result<Rc<dyn Duplex>, ConnectError>> {
        self.inner.connect(address)
    }
}
