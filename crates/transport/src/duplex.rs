//! A byte stream to a peer.

use futures::future::LocalBoxFuture;

use crate::{CloseCode, CloseReason};

/// A byte stream to a peer with flow control both ways. Dropping it closes it.
///
/// Chunk boundaries carry no meaning. The methods take `&self` and may be used by one reader and one writer at
/// the same time.
pub trait Duplex {
    /// Takes as many of `bytes` as there is room for now and returns their number: the caller offers the rest again once
    /// [`writable`](Self::writable) has resolved. On a closed stream all bytes are taken and dropped:
    /// [`recv`](Self::recv) returns the reason of the close.
    fn try_send(&self, bytes: &[u8]) -> usize;
    /// As [`try_send`](Self::try_send), but the bytes may wait for the next [`flush`](Self::flush), and then leave in as few
    /// frames as they fit into. Without an implementation of its own they leave at once.
    fn try_queue(&self, bytes: &[u8]) -> usize {
        self.try_send(bytes)
    }
    /// Lets queued bytes leave. Closing does so, too.
    fn flush(&self) {}
    /// Resolves when the next `try_send` takes at least one byte, or the stream is closed. One waiter at a time.
    fn writable(&self) -> LocalBoxFuture<'static, ()>;
    /// The next chunk, never empty; taking it returns credit to the sender. After the last chunk the reason of the
    /// close, again and again. One waiter at a time. Dropping the future loses nothing.
    fn recv(&self) -> LocalBoxFuture<'static, Result<Vec<u8>, CloseReason>>;
    /// Closes the stream; bytes taken before are still sent where the transport can. Further calls do nothing.
    fn close(&self, code: CloseCode);
}
