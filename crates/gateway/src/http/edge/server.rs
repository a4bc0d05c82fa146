//! HTTP on a listener: connections are always accepted, and those that take too long make room; a clean end.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tower::ServiceExt;
use tracing::{debug, warn};

use super::Peer;
use super::bodies::{Hurried, Kept};
use crate::limits::{Lobby, Paced, Rarely, Seat};

/// Time for the head of a request; also the life of an unused connection.
const HEAD_LIMIT: Duration = Duration::from_secs(30);

/// Time for a request's body, from its first part to its last.
const BODY_LIMIT: Duration = Duration::from_secs(60);

/// Time for answers in flight when the gateway stops.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);

/// Time for a connection that is told to go to be gone.
const ROOM_LIMIT: Duration = Duration::from_secs(1);

/// Wait after the system refused a connection (out of file descriptors, for one).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `router` until `stop` resolves: then accepts nothing more and lets answers in flight finish, 5 seconds at
/// most. An upgraded WebSocket is not waited for. Connections without a request wait in `lobby`.
pub async fn serve(listener: TcpListener, router: Router, lobby: Lobby, stop: impl Future<Output = ()>) {
    let (stopping, stopped) = watch::channel(false);
    let mut stop = std::pin::pin!(stop);
    let (mut failures, mut refusals) = (Rarely::default(), Rarely::default());
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => match enter(&lobby, peer).await {
                Some(seat) => {
                    tokio::spawn(connection(stream, peer, router.clone(), seat, stopped.clone()));
                }
                // It is closed: there is no file for it, and no answer that would not need one.
                None => {
                    if let Some(times) = refusals.count(Instant::now()) {
                        warn!(%peer, times, "a connection is refused: there are as many as there may be");
                    }
                }
            },
            Err(error) => {
                if let Some(times) = failures.count(Instant::now()) {
                    warn!(%error, times, "connections cannot be accepted");
                }
                lobby.make_room();
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop((listener, stopped));
    stopping.send_replace(true);
    if tokio::time::timeout(DRAIN_LIMIT, stopping.closed()).await.is_err() {
        debug!("some answers were cut off");
    }
}

/// Takes a connection in, unless there is no room, or who makes room is not gone in time.
async fn enter(lobby: &Lobby, peer: SocketAddr) -> Option<Arc<Seat>> {
    let entered = tokio::time::timeout(ROOM_LIMIT, lobby.enter(peer.ip().to_canonical()));
    entered.await.ok().flatten()
}

/// Serves one connection to its end, or to the end of the answer in flight once `stopped` says so.
async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    seat: Arc<Seat>,
    mut stopped: watch::Receiver<bool>,
) {
    // Without it a small frame waits for the acknowledgement of the one before. Failing costs only that.
    let _ = stream.set_nodelay(true);
    let is_websocket = Arc::<AtomicBool>::default();
    let stream = Paced::new(stream, Arc::clone(&is_websocket));
    let place = Arc::clone(&seat);
    let service = service_fn(move |request: Request<Incoming>| {
        let visit = place.begin();
        let mut request = request.map(|body| Body::new(Hurried::new(body, BODY_LIMIT)));
        request.extensions_mut().insert(Peer(peer));
        let (answer, is_websocket) = (router.clone().oneshot(request), Arc::clone(&is_websocket));
        async move {
            let response = answer.await?;
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                is_websocket.store(true, Ordering::Relaxed);
                visit.leave();
                return Ok(response);
            }
            Ok::<_, Infallible>(response.map(|body| Body::new(Kept::new(body, visit))))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = seat.evicted() => {
            debug!(%peer, "closed to make room: its request did not come");
            return;
        }
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%peer, %error, "connection ended early");
    }
}
