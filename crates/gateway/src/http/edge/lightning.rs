//! The WebSocket on which wallets speak BOLT 8 to the node.

use std::net::IpAddr;
use std::time::Duration;

use amplet_protocol::relay::CloseCode;
use amplet_transport::server::{self, ServerLimits};
use axum::Extension;
use axum::extract::State;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::Response;
use tracing::{Instrument, debug, info_span};

use super::{Edge, Peer, client_ip};
use crate::limits::Guard;
use crate::node::Phase;

/// Time for the close handshake with a refused client.
const REFUSAL_LIMIT: Duration = Duration::from_secs(10);

/// Accepts every upgrade: a browser tells a page only why an accepted WebSocket was closed.
pub(super) async fn upgrade(
    State(edge): State<Edge>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let ip = client_ip(peer, &headers, &edge.config.http.trusted_proxies);
    let admitted = match edge.node.status().phase {
        Phase::Up => edge.connections.enter(ip).ok_or(CloseCode::TooManyConnections),
        Phase::Stopping => Err(CloseCode::Restart),
        Phase::Starting | Phase::Down => Err(CloseCode::NodeDown),
    };
    let span = info_span!("websocket", %ip);
    server::configure(upgrade).on_upgrade(move |socket| serve(edge, admitted, socket, ip).instrument(span))
}

async fn serve(edge: Edge, admitted: Result<Guard, CloseCode>, socket: WebSocket, ip: IpAddr) {
    let (remote, connection) = server::accept(socket, ServerLimits::default());
    match &admitted {
        Ok(_) => {
            debug!("connected");
            edge.node.accept(remote, ip);
        }
        Err(code) => {
            debug!(%code, "refused");
            remote.refuse(*code);
        }
    }
    match admitted {
        Ok(guard) => {
            connection.await;
            drop(guard);
            debug!("disconnected");
        }
        // Nobody counts a refused client: it has to take its answer soon.
        Err(_) => drop(tokio::time::timeout(REFUSAL_LIMIT, connection).await),
    }
}
