//! What nodes reach: chain sources, routing data, each other.

use std::rc::Rc;
use std::time::Duration;

use amplet_chain::testing::TestChain;
use amplet_node::bitcoin::consensus::encode::deserialize_hex;
use amplet_node::bitcoin::{OutPoint, Transaction};
use amplet_transport::testing::duplex_pair;
use amplet_transport::{FetchError, HttpMethod, HttpResponse, Platform};
use futures::FutureExt;

use super::World;

impl World {
    pub(super) fn answer_http(&self) {
        let (server, mempool) = (Rc::clone(&self.server), Rc::clone(&self.mempool));
        let (nodes, asked) = (Rc::clone(&self.nodes), Rc::clone(&self.snapshots));
        let instead = Rc::clone(&self.routing_data);
        let (network, second) = (self.platform.clone(), Rc::clone(&self.second_source));
        self.platform.on_fetch(move |request| {
            let snapshot = request.url.split_once("://").and_then(|(_, rest)| rest.split_once("/rgs/snapshot/"));
            if let Some((host, since)) = snapshot {
                asked.borrow_mut().push(request.url.clone());
                let node = nodes.borrow().get(host).cloned();
                let theirs = || node.and_then(|node| node.graph().rgs_snapshot(since.parse().unwrap()));
                let answer = match &*instead.borrow() {
                    Some(bytes) => Some(bytes.clone()).filter(|bytes| !bytes.is_empty()),
                    None => theirs(),
                };
                let answer = answer.ok_or_else(|| unreachable(&request.url));
                return async move { answer.map(|body| HttpResponse { status: 200, headers: Vec::new(), body }) }
                    .boxed_local();
            }
            if let Some(path) = request.url.strip_prefix("http://second") {
                let source = second.borrow().clone().ok_or_else(|| unreachable(&request.url));
                let answer = source.and_then(|source| source.respond(path, &request));
                return async move { answer }.boxed_local();
            }
            let path = request.url.strip_prefix("http://chain").unwrap_or("/nowhere").to_owned();
            let answer = if request.method == HttpMethod::Post && !server.down.get() {
                let text = String::from_utf8(request.body).unwrap();
                let hexes: Vec<String> =
                    if path == "/tx" { vec![text] } else { serde_json::from_str(&text).unwrap() };
                for hex in hexes {
                    let tx: Transaction = deserialize_hex(&hex).unwrap();
                    accept(&server.chain.borrow(), &mut mempool.borrow_mut(), tx);
                }
                let body =
                    if path == "/tx" { "ok".to_owned() } else { r#"{"package_msg":"success"}"#.to_owned() };
                Ok(HttpResponse { status: 200, headers: Vec::new(), body: body.into_bytes() })
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

    pub(super) fn answer_connections(&self) {
        let (platform, nodes) = (self.platform.clone(), Rc::clone(&self.nodes));
        self.platform.on_connect(move |address| {
            let host = address.endpoint.host().to_owned();
            let result = match nodes.borrow().get(&host) {
                Some(node) => {
                    let (client, server) = duplex_pair(&platform);
                    node.peers().accept(server);
                    Ok(client)
                }
                None => Err(amplet_transport::ConnectError::GatewayUnreachable {
                    endpoint: address.endpoint,
                    detail: "killed".into(),
                }),
            };
            async move { result }.boxed_local()
        });
    }
}

fn unreachable(url: &str) -> FetchError {
    FetchError::Unreachable { url: url.to_owned(), detail: "killed".into() }
}

/// As a node's mempool would: what spends a spent coin is refused, what spends a waiting one's coin replaces it.
fn accept(chain: &TestChain, mempool: &mut Vec<Transaction>, tx: Transaction) {
    let spends = |other: &Transaction| {
        let theirs: Vec<OutPoint> = other.input.iter().map(|input| input.previous_output).collect();
        tx.input.iter().any(|input| theirs.contains(&input.previous_output))
    };
    if !chain.blocks().iter().flat_map(|block| &block.txdata).any(spends) {
        mempool.retain(|waiting| !spends(waiting));
        mempool.push(tx);
    }
}
