//! The side that wallets and browsers reach: WebSocket, chain API, health, web wallet. Runs beside the node, on other threads.

mod admission;
mod bodies;
mod boxes;
mod health;
mod lightning;
mod pairing;
mod rgs;
pub mod server;
mod www;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use amplet_protocol::relay;
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;

use crate::config::Config;
use crate::http::chain_api::answers::cors;
use crate::http::health::Health;
use crate::limits::Connections;
use crate::node::NodeHandle;

pub use admission::Admission;

/// The address that a connection came from; an extension of every request.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// WebSockets that are open only to be told why they are refused: in all, and of one client.
const REFUSALS: [usize; 2] = [256, 16];

/// What is no file of the web wallet is data: never a page, a script or a worker of its origin, whatever its bytes are.
const DATA: [(HeaderName, &str); 2] = [
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// State that the handlers share.
#[derive(Clone)]
pub struct Edge {
    config: Arc<Config>,
    node: NodeHandle,
    health: Health,
    connections: Connections,
    refusals: Connections,
    relay: String,
    letters: Arc<pairing::Letters>,
    boxes: Arc<boxes::Letters>,
}

impl Edge {
    /// The shared state of a gateway whose relay wallets reach at the URL `relay`; WebSockets are counted in `connections`.
    pub fn new(
        config: Arc<Config>,
        node: NodeHandle,
        health: Health,
        connections: Connections,
        relay: String,
    ) -> Self {
        let [all, each] = REFUSALS;
        let refusals = Connections::new(all, each);
        let (letters, boxes) = (Arc::default(), Arc::default());
        Self { config, node, health, connections, refusals, relay, letters, boxes }
    }

    /// Everything that is served, with the chain API and the API for sites in `more`, to those who are admitted.
    pub fn router(self, more: Router, admission: Admission) -> Router {
        let www = self.config.http.www.clone();
        let mut router = Router::new()
            .route(relay::PATH, get(lightning::upgrade))
            .route(relay::HEALTH_PATH, get(health::answer));
        if www.is_some() {
            router = router.route("/config.json", get(www::config));
        }
        let open = Router::new().route("/rgs/snapshot/{since}", get(rgs::snapshot)).layer(from_fn(cors));
        let data =
            router.merge(open).merge(pairing::routes()).merge(boxes::routes()).with_state(self).merge(more);
        let all = match www {
            Some(dir) => data.layer(from_fn(as_data)).merge(www::files(&dir)),
            None => data.fallback(nothing).layer(from_fn(as_data)),
        };
        all.layer(from_fn_with_state(admission, admission::admit))
    }
}

async fn as_data(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in DATA {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn nothing() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "nothing is here: an amplet-gateway answers at /health and /lightning/v1\n")
}

/// The client's address: the connection's, or the one that a trusted reverse proxy reports.
fn client_ip(peer: Peer, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let direct = peer.0.ip().to_canonical();
    if !trusted.contains(&direct) {
        return direct;
    }
    // Each proxy appends its client: from the end, the first that is not a trusted proxy is the client; what stands before it is the client's own claim.
    let lines: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok()).collect();
    let hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
    let mut clients = hops.map_while(|hop| hop.trim().parse::<IpAddr>().ok()).map(|ip| ip.to_canonical());
    clients.find(|ip| !trusted.contains(ip)).unwrap_or(direct)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted = ["127.0.0.1".parse().unwrap(), "10.0.0.1".parse().unwrap()];
        client_ip(Peer(format!("{peer}:1").parse().unwrap()), &headers, &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(client("198.51.100.7", &["192.0.2.1"]), "198.51.100.7");
        assert_eq!(client("127.0.0.1", &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(client("[::ffff:127.0.0.1]", &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(client("127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn what_a_client_claims_itself_is_not_believed() {
        assert_eq!(client("127.0.0.1", &["6.6.6.6, 192.0.2.1"]), "192.0.2.1");
        assert_eq!(client("127.0.0.1", &["6.6.6.6", "192.0.2.1, 10.0.0.1"]), "192.0.2.1");
        assert_eq!(client("127.0.0.1", &["6.6.6.6, garbage, 10.0.0.1"]), "127.0.0.1");
    }
}
