//! HTTP on a listener: with limits of connections, a limit of time for a request's head, and a clean end.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;
use tower_http::timeout::RequestBodyTimeoutLayer;
use tracing::{debug, warn};

use super::Peer;
use crate::limits::Connections;

/// Time for the head of a request; also the life of an unused connection.
const HEAD_LIMIT: Duration = Duration::from_secs(30);

/// Time between two parts of a request's body.
const BODY_LIMIT: Duration = Duration::from_secs(30);

/// Time for answers in flight when the gateway stops.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);

/// Wait after the system refused a connection (out of file descriptors, for one).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Limits of connections that are not, or not yet, WebSockets.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Of all clients; more wait unaccepted.
    pub total: usize,
    /// Of one client; more are closed.
    pub per_client: usize,
    /// Clients without their own limit: reverse proxies, and this machine.
    pub exempt: Vec<IpAddr>,
}

/// Serves `router` until `stop` resolves: then accepts nothing more and lets answers in flight finish, 5 seconds at
/// most. An upgraded WebSocket is not waited for.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: impl Future<Output = ()>) {
    let router = router.layer(RequestBodyTimeoutLayer::new(BODY_LIMIT));
    let room = Arc::new(Semaphore::new(limits.total.min(Semaphore::MAX_PERMITS)));
    let clients = Connections::new(usize::MAX, limits.per_client);
    let (stopping, stopped) = watch::channel(false);
    let mut stop = std::pin::pin!(stop);
    loop {
        let next = async { (Arc::clone(&room).acquire_owned().await, listener.accept().await) };
        let (permit, accepted) = tokio::select! {
            () = &mut stop => break,
            next = next => next,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let ip = peer.ip().to_canonical();
        let counted = clients.enter(ip);
        if counted.is_none() && !limits.exempt.contains(&ip) && !ip.is_loopback() {
            debug!(%peer, "too many connections of this client");
            continue;
        }
        let connection = connection(stream, peer, router.clone(), stopped.clone());
        tokio::spawn(async move {
            connection.await;
            drop((permit, counted));
        });
    }
    drop((listener, stopped));
    stopping.send_replace(true);
    if tokio::time::timeout(DRAIN_LIMIT, stopping.closed()).await.is_err() {
        debug!("some answers were cut off");
    }
}

/// Serves one connection to its end, or to the end of the answer in flight once `stopped` says so.
async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, mut stopped: watch::Receiver<bool>) {
    // Without it a small frame waits for the acknowledgement of the one before. Failing costs only that.
    let _ = stream.set_nodelay(true);
    let service = router.map_request(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        request
    });
    let service: BoxCloneSyncService<Request<Incoming>, Response, Infallible> =
        BoxCloneSyncService::new(service);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%peer, %error, "connection ended early");
    }
}
