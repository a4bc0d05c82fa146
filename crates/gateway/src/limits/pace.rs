//! The pace at which a client has to take an answer.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Time in which a client takes [`ENOUGH`], or all that waits for it.
const LIMIT: Duration = Duration::from_secs(30);

/// Bytes that are enough in that time: 140 kbit/s.
const ENOUGH: usize = 512 << 10;

/// A connection that fails when its client is too slow to take what is sent to it.
pub struct Paced<S> {
    stream: S,
    /// Set where another has its own limits: a WebSocket.
    is_free: Arc<AtomicBool>,
    limit: Duration,
    /// Runs while something waits to be sent.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Bytes taken since it runs.
    taken: usize,
}

impl<S> Paced<S> {
    /// With a switch that ends the limit.
    pub fn new(stream: S, is_free: Arc<AtomicBool>) -> Self {
        Self { stream, is_free, limit: LIMIT, deadline: None, taken: 0 }
    }

    fn begin_anew(&mut self) {
        (self.deadline, self.taken) = (None, 0);
    }

    fn watch(&mut self, cx: &mut Context<'_>, sent: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if self.is_free.load(Ordering::Relaxed) {
            self.deadline = None;
            return sent;
        }
        match sent {
            Poll::Ready(Ok(bytes)) => {
                self.taken = self.taken.saturating_add(bytes);
                if self.taken >= ENOUGH {
                    self.begin_anew();
                }
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                if self.deadline.is_none() {
                    (self.deadline, self.taken) = (Some(Box::pin(sleep(self.limit))), 0);
                }
                let over = self.deadline.as_mut().is_some_and(|it| it.as_mut().poll(cx).is_ready());
                if over { Poll::Ready(Err(io::ErrorKind::TimedOut.into())) } else { Poll::Pending }
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch(cx, sent)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watch(cx, sent)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Called once nothing waits any more.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.begin_anew();
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    /// A connection whose other end is `client`, with this limit of time.
    fn paced(limit: Duration, size: usize) -> (Paced<DuplexStream>, DuplexStream) {
        let (stream, client) = duplex(size);
        (Paced { limit, ..Paced::new(stream, Arc::default()) }, client)
    }

    #[tokio::test]
    async fn who_takes_nothing_is_cut_off() {
        let (mut stream, _client) = paced(Duration::from_millis(20), 64);
        let error = stream.write_all(&[0; 1000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn who_takes_a_byte_now_and_then_is_cut_off_too() {
        let (mut stream, mut client) = paced(Duration::from_millis(60), 64);
        let drip = tokio::spawn(async move {
            while client.read_u8().await.is_ok() {
                sleep(Duration::from_millis(20)).await;
            }
        });
        let error = stream.write_all(&[0; 1000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(stream);
        drip.await.unwrap();
    }

    #[tokio::test]
    async fn who_takes_enough_or_all_has_time_anew() {
        const SIZE: usize = 8 * ENOUGH;
        let (mut stream, mut client) = paced(LIMIT, ENOUGH / 2);
        let takes = tokio::spawn(async move {
            let mut buffer = vec![0; SIZE];
            client.read_exact(&mut buffer).await.unwrap();
            client
        });
        stream.write_all(&vec![0; SIZE]).await.unwrap();
        assert!(stream.taken < ENOUGH, "it begins anew");
        stream.flush().await.unwrap();
        assert!(stream.deadline.is_none(), "nothing waits");
        drop(takes.await.unwrap());
    }

    #[tokio::test]
    async fn a_websocket_has_its_own_limits() {
        let (mut stream, _client) = paced(Duration::from_millis(1), 64);
        stream.is_free.store(true, Ordering::Relaxed);
        let sending = tokio::time::timeout(Duration::from_millis(50), stream.write_all(&[0; 1000])).await;
        assert!(sending.is_err(), "it waits");
    }
}
