//! Bodies of requests with a deadline, and of answers that keep something until they are sent.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::limits::kept;

/// An error of a body.
type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A request's body that has to come within a time.
pub(super) struct Hurried {
    body: Incoming,
    limit: Duration,
    /// Runs from when the body is read.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Hurried {
    /// With so much time for all of it.
    pub(super) fn new(body: Incoming, limit: Duration) -> Self {
        Self { body, limit, deadline: None }
    }
}

impl HttpBody for Hurried {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let limit = self.limit;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(Some(Err(format!("the body did not come within {} s", limit.as_secs()).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body that keeps something, as a guard, until the last of its bytes is with the system.
pub(super) struct Kept<G> {
    body: Body,
    guard: Arc<G>,
}

impl<G> Kept<G> {
    /// With what it keeps.
    pub(super) fn new(body: Body, guard: G) -> Self {
        Self { body, guard: Arc::new(guard) }
    }
}

impl<G: Send + Sync + 'static> HttpBody for Kept<G> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        // The bytes keep it, too: they may wait in a buffer after the body has ended.
        let keep = |bytes| kept(bytes, Arc::clone(&self.guard));
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(keep))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::convert::Infallible;

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_guard_lives_as_long_as_the_bytes() {
        let guard = Arc::new(());
        let mut body = Body::new(Kept::new(Body::from("text"), Arc::clone(&guard)));
        let bytes = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).now_or_never().unwrap();
        let bytes = bytes.unwrap().unwrap().into_data().unwrap();
        drop(body);
        assert_eq!((&bytes[..], Arc::strong_count(&guard)), (&b"text"[..], 2));
        drop(bytes);
        assert_eq!(Arc::strong_count(&guard), 1);
    }

    /// A client sends the first byte of two, and no more.
    #[tokio::test]
    async fn a_body_that_does_not_come_is_given_up() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut client, server) = tokio::io::duplex(1 << 10);
        let service = hyper::service::service_fn(|request: axum::http::Request<Incoming>| async {
            let body = Body::new(Hurried::new(request.into_body(), Duration::from_millis(20)));
            let read = axum::body::to_bytes(body, 10).await;
            let text = read.map_or_else(|error| error.to_string(), |_| "all of it".into());
            Ok::<_, Infallible>(axum::http::Response::new(Body::from(text)))
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(hyper_util::rt::TokioIo::new(server), service);
        tokio::spawn(connection);
        client.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na").await.unwrap();
        let mut answer = vec![0; 1 << 10];
        let read = client.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
        assert!(answer.contains("did not come within"), "{answer}");
    }
}
