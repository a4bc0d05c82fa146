//! What a wallet writes and says, counted.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use amplet_storage::{Backend, StoreError, Write};
use amplet_transport::{
    CloseCode, CloseReason, ConnectError, Duplex, FetchError, HttpRequest, HttpResponse, NativePlatform,
    PeerAddress, Platform,
};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use serde::Serialize;

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Storage transactions.
    pub transactions: u64,
    /// Bytes of sealed values in them.
    pub stored: u64,
    /// Frames sent to gateways.
    pub frames_sent: u64,
    /// Their bytes.
    pub bytes_sent: u64,
    /// Frames received.
    pub frames_received: u64,
    /// Their bytes.
    pub bytes_received: u64,
}

/// Shared by all that count.
pub type Meter = Rc<Cell<Counts>>;

fn count(meter: &Meter, change: impl FnOnce(&mut Counts)) {
    let mut counts = meter.get();
    change(&mut counts);
    meter.set(counts);
}

fn bytes(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

impl Counts {
    /// What came since `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            transactions: self.transactions.saturating_sub(earlier.transactions),
            stored: self.stored.saturating_sub(earlier.stored),
            frames_sent: self.frames_sent.saturating_sub(earlier.frames_sent),
            bytes_sent: self.bytes_sent.saturating_sub(earlier.bytes_sent),
            frames_received: self.frames_received.saturating_sub(earlier.frames_received),
            bytes_received: self.bytes_received.saturating_sub(earlier.bytes_received),
        }
    }
}

/// Storage.
pub struct MeteredBackend<B> {
    pub inner: B,
    pub meter: Meter,
}

impl<B: Backend> Backend for MeteredBackend<B> {
    fn place(&self) -> String {
        self.inner.place()
    }
    fn read<'a>(&'a self, name: &'a [u8]) -> LocalBoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.inner.read(name)
    }
    fn names(&self) -> LocalBoxFuture<'_, Result<Vec<Vec<u8>>, StoreError>> {
        self.inner.names()
    }
    fn take_over(&self) -> LocalBoxFuture<'_, Result<u64, StoreError>> {
        self.inner.take_over()
    }
    fn commit(&self, writes: Vec<Write>, epoch: u64) -> LocalBoxFuture<'_, Result<(), StoreError>> {
        let stored = writes.iter().filter_map(|write| write.value.as_ref()).map(|value| bytes(value.len()));
        let stored: u64 = stored.sum();
        count(&self.meter, |counts| {
            counts.transactions += 1;
            counts.stored += stored;
        });
        self.inner.commit(writes, epoch)
    }
    fn destroy(&self) -> LocalBoxFuture<'_, Result<(), StoreError>> {
        self.inner.destroy()
    }
    fn close(&self) -> LocalBoxFuture<'_, ()> {
        self.inner.close()
    }
}

/// The platform.
pub struct MeteredPlatform {
    pub inner: NativePlatform,
    pub meter: Meter,
}

impl Platform for MeteredPlatform {
    fn now(&self) -> Duration {
        self.inner.now()
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
        let (opening, meter) = (self.inner.connect(address), Rc::clone(&self.meter));
        async move {
            let inner = opening.await?;
            let metered: Rc<dyn Duplex> = Rc::new(MeteredDuplex { inner, meter, queued: Cell::default() });
            Ok(metered)
        }
        .boxed_local()
    }
}

/// A connection. What is queued is one frame with the next flush.
struct MeteredDuplex {
    inner: Rc<dyn Duplex>,
    meter: Meter,
    queued: Cell<usize>,
}

impl MeteredDuplex {
    fn sent(&self, length: usize) {
        if length > 0 {
            count(&self.meter, |counts| {
                counts.frames_sent += 1;
                counts.bytes_sent += bytes(length);
            });
        }
    }
}

impl Duplex for MeteredDuplex {
    fn try_send(&self, bytes: &[u8]) -> usize {
        let taken = self.inner.try_send(bytes);
        self.sent(taken);
        taken
    }
    fn try_queue(&self, bytes: &[u8]) -> usize {
        let taken = self.inner.try_queue(bytes);
        self.queued.set(self.queued.get() + taken);
        taken
    }
    fn flush(&self) {
        self.sent(self.queued.take());
        self.inner.flush();
    }
    fn writable(&self) -> LocalBoxFuture<'static, ()> {
        self.inner.writable()
    }
    fn recv(&self) -> LocalBoxFuture<'static, Result<Vec<u8>, CloseReason>> {
        let (receiving, meter) = (self.inner.recv(), Rc::clone(&self.meter));
        async move {
            let frame = receiving.await?;
            count(&meter, |counts| {
                counts.frames_received += 1;
                counts.bytes_received += bytes(frame.len());
            });
            Ok(frame)
        }
        .boxed_local()
    }
    fn close(&self, code: CloseCode) {
        self.inner.close(code);
    }
}
