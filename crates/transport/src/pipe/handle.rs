//! The user's end of a pipe.

use std::future::poll_fn;
use std::rc::Rc;

use amplet_protocol::relay::CloseCode;
use futures::future::{FutureExt, LocalBoxFuture};

use super::{Shared, lock};
use crate::{CloseReason, Duplex};

/// The user's end. Dropping it closes the stream.
pub(crate) struct Handle(pub(super) Shared);

impl Handle {
    pub(crate) fn close(&self, code: CloseCode) {
        lock(&self.0).close(code);
    }

    /// Waits until there is something to read, or the stream has ended.
    #[cfg(all(feature = "axum", not(target_arch = "wasm32")))]
    pub(crate) async fn readable(&self) {
        poll_fn(|cx| lock(&self.0).poll_readable(cx)).await
    }

    pub(crate) fn into_duplex(self) -> Rc<dyn Duplex> {
        Rc::new(self)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close(CloseCode::Normal);
    }
}

impl Duplex for Handle {
    fn try_send(&self, bytes: &[u8]) -> usize {
        let mut state = lock(&self.0);
        let taken = state.try_queue(bytes);
        state.flush();
        taken
    }

    fn try_queue(&self, bytes: &[u8]) -> usize {
        lock(&self.0).try_queue(bytes)
    }

    fn flush(&self) {
        lock(&self.0).flush();
    }

    fn writable(&self) -> LocalBoxFuture<'static, ()> {
        let shared = self.0.clone();
        poll_fn(move |cx| lock(&shared).poll_writable(cx)).boxed_local()
    }

    fn recv(&self) -> LocalBoxFuture<'static, Result<Vec<u8>, CloseReason>> {
        let shared = self.0.clone();
        poll_fn(move |cx| lock(&shared).poll_recv(cx)).boxed_local()
    }

    fn close(&self, code: CloseCode) {
        Handle::close(self, code);
    }
}
