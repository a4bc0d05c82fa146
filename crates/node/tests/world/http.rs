//! The HTTP servers: the chain source, and gateways' routing data.

use std::rc::Rc;
use std::time::Duration;

use amplet_node::bitcoin::Transaction;
use amplet_node::bitcoin::consensus::encode::deserialize_hex;
use amplet_transport::{FetchError, HttpMethod, HttpResponse, Platform};
use futures::FutureExt;

use super::World;
use super::mempool::accept;

/// What the chain source does with transactions.
#[derive(Default)]
pub enum Taking {
    /// Takes and relays them.
    #[default]
    Honest,
    /// Refuses them with this text.
    Refuses(&'static str),
    /// Refuses them with this text, and relays them.
    RefusesAndRelays(&'static str),
}

impl Taking {
    fn answer(
        &self,
        path: &str,
        body: &str,
        mut take: impl FnMut(&[Transaction]) -> Result<(), String>,
    ) -> HttpResponse {
        let single = path == "/tx";
        let hexes: Vec<String> =
            if single { vec![body.to_owned()] } else { serde_json::from_str(body).unwrap() };
        let package: Vec<Transaction> = hexes.iter().map(|hex| deserialize_hex(hex).unwrap()).collect();
        let taken = if matches!(self, Self::Refuses(_)) { Ok(()) } else { take(&package) };
        let (status, body) = match (self, taken) {
            (Self::Refuses(text) | Self::RefusesAndRelays(text), _) => (400, (*text).to_owned()),
            (Self::Honest, Err(reason)) => (400, reason),
            (Self::Honest, Ok(())) if single => (200, "ok".to_owned()),
            (Self::Honest, Ok(())) => (200, r#"{"package_msg":"success"}"#.to_owned()),
        };
        HttpResponse { status, headers: Vec::new(), body: body.into_bytes() }
    }
}

impl World {
    pub(super) fn answer_http(&self) {
        let (server, mempool) = (Rc::clone(&self.server), Rc::clone(&self.mempool));
        let (nodes, asked) = (Rc::clone(&self.nodes), Rc::clone(&self.snapshots));
        let (instead, taking) = (Rc::clone(&self.routing_data), Rc::clone(&self.taking));
        let (network, second) = (self.platform.clone(), Rc::clone(&self.second_source));
        let vss = self.vss.clone();
        self.platform.on_fetch(move |request| {
            let snapshot = request.url.split_once("://").and_then(|(_, rest)| rest.split_once("/rgs/snapshot/"));
            if let Some((host, since)) = snapshot {
                asked.borrow_mut().push(request.url.clone());
                let node = nodes.borrow().get(host).cloned();
                let theirs = || node.and_then(|node| Some(node.graph().rgs_snapshots()?(since.parse().unwrap())));
                let answer = match &*instead.borrow() {
                    Some(bytes) => Some(bytes.clone()).filter(|bytes| !bytes.is_empty()),
                    None => theirs(),
                };
                let answer = answer.ok_or_else(|| unreachable(&request.url));
                return async move { answer.map(|body| HttpResponse { status: 200, headers: Vec::new(), body }) }
                    .boxed_local();
            }
            if let Some(path) = request.url.strip_prefix("http://vss") {
                return super::backup::answer(&vss, &network, path.to_owned(), request);
            }
            if let Some(path) = request.url.strip_prefix("http://second") {
                let source = second.borrow().clone().ok_or_else(|| unreachable(&request.url));
                let answer = source.and_then(|source| source.respond(path, &request));
                return async move { answer }.boxed_local();
            }
            let path = request.url.strip_prefix("http://chain").unwrap_or("/nowhere").to_owned();
            if server.is_stalled(&path) {
                let (url, after) = (request.url, request.timeout);
                let silence = network.sleep(after);
                return async move {
                    silence.await;
                    Err(FetchError::Timeout { url, after })
                }
                .boxed_local();
            }
            let answer = if request.method == HttpMethod::Post && !server.down.get() {
                let text = String::from_utf8(request.body).unwrap();
                let take = |package: &[Transaction]| {
                    accept(&server.chain.borrow(), &mut mempool.borrow_mut(), package)
                };
                Ok(taking.borrow().answer(&path, &text, take))
            } else {
                server.respond(&path, &request)
            };
            // An answer takes time, so that whoever waits for it lets others act.
            let travel = network.sleep(Duration::from_millis(1));
            async move {
                travel.await;
                answer
            }
            .boxed_local()
        });
    }
}

fn unreachable(url: &str) -> FetchError {
    FetchError::Unreachable { url: url.to_owned(), detail: "killed".into() }
}
