//! The WebSocket on which wallets speak BOLT 8 to the node.

use std::net::IpAddr;
use std::time::Duration;

use amplet_protocol::NodeId;
use amplet_protocol::relay::CloseCode;
use amplet_transport::server::{self, Remote, ServerLimits};
use axum::Extension;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tracing::{Instrument, debug, info_span};

use super::{Edge, Peer, client_ip};
use crate::limits::Guard;
use crate::node::{Destination, Phase};

/// What a WebSocket reads at once, in bytes: held for as long as it is open, so by far most of what an idle wallet costs. A message
/// of BOLT 8 may be larger; the buffer grows for it.
const READ_BUFFER: usize = 4 << 10;

/// Time for a wallet's first bytes. Until they come the node knows nothing of it: LDK goes through all its connections whenever
/// something is to be sent on one.
const SILENCE_LIMIT: Duration = Duration::from_secs(15);

/// Time for the close handshake with a refused client.
const REFUSAL_LIMIT: Duration = Duration::from_secs(10);

/// Query of the WebSocket's URL.
#[derive(Deserialize)]
pub(super) struct Wanted {
    /// Id of the node to be reached, in hex, if not this gateway's own.
    node: Option<String>,
}

/// Accepts every upgrade: a browser tells a page only why an accepted WebSocket was closed.
pub(super) async fn upgrade(
    State(edge): State<Edge>,
    Extension(peer): Extension<Peer>,
    Query(Wanted { node }): Query<Wanted>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let ip = client_ip(peer, &headers, &edge.config.http.trusted_proxies);
    let entered = match edge.node.status().phase {
        Phase::Up => edge.connections.enter(ip).map_err(|_| CloseCode::TooManyConnections),
        Phase::Stopping => Err(CloseCode::Restart),
        Phase::Starting | Phase::Down => Err(CloseCode::NodeDown),
    };
    let admitted = entered.and_then(|guard| Ok((guard, edge.destination(node.as_deref())?)));
    let admitted = match admitted {
        Ok((guard, to)) => Admitted::In(guard, to),
        // One that is refused is open for a moment, so those have a limit, too.
        Err(code) => match edge.refusals.enter(ip) {
            Ok(guard) => Admitted::Refused(code, guard),
            Err(_) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        },
    };
    let span = info_span!("websocket", %ip);
    let upgrade = server::configure(upgrade).read_buffer_size(READ_BUFFER);
    upgrade.on_upgrade(move |socket| serve(edge, admitted, socket, ip).instrument(span))
}

impl Edge {
    /// Where a wallet's bytes go that asks for this node.
    fn destination(&self, node: Option<&str>) -> Result<Destination, CloseCode> {
        let Some(wanted) = node else { return Ok(Destination::Node) };
        let wanted = NodeId::from_hex(wanted).map_err(|_| CloseCode::NotAllowed)?;
        if self.node.status().node_id == Some(wanted) {
            return Ok(Destination::Node);
        }
        let known = self.config.node.relays.iter().find(|relay| relay.node_id == wanted);
        known.cloned().map(Destination::Relay).ok_or(CloseCode::NotAllowed)
    }
}

/// Whether a wallet's WebSocket may stay; the guard counts it.
enum Admitted {
    In(Guard, Destination),
    Refused(CloseCode, Guard),
}

async fn serve(edge: Edge, admitted: Admitted, socket: WebSocket, ip: IpAddr) {
    let (remote, connection) = server::accept(socket, ServerLimits::default());
    match admitted {
        Admitted::In(guard, to) => {
            debug!("connected");
            tokio::join!(connection, introduce(&edge, remote, ip, to));
            drop(guard);
            debug!("disconnected");
        }
        Admitted::Refused(code, guard) => {
            debug!(%code, "refused");
            remote.refuse(code);
            // It has to take its answer soon.
            let _ = tokio::time::timeout(REFUSAL_LIMIT, connection).await;
            drop(guard);
        }
    }
}

/// Hands a wallet over to the node once it has spoken.
async fn introduce(edge: &Edge, remote: Remote, ip: IpAddr, to: Destination) {
    let is_silent = tokio::select! {
        () = remote.spoken() => false,
        // The refusal then says why.
        () = edge.node.down() => false,
        () = tokio::time::sleep(SILENCE_LIMIT) => true,
    };
    if is_silent {
        remote.refuse(CloseCode::Idle);
    } else {
        edge.node.accept(remote, ip, to);
    }
}
