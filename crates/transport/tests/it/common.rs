//! The common parts of the tests of native streams.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc, clippy::missing_errors_doc)]

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use amplet_transport::{CloseReason, ConnectError, Duplex, NativePlatform, PeerAddress, Platform};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;

pub const ID: &str = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

/// Runs a test on one thread, as the node does; a hang fails it.
pub fn on_node_thread(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        tokio::time::timeout(Duration::from_secs(60), test).await.expect("the test hangs");
    });
}

pub fn platform() -> NativePlatform {
    NativePlatform::new().unwrap()
}

pub async fn connect(url: String) -> Result<Rc<dyn Duplex>, ConnectError> {
    platform().connect(format!("{ID}@{url}").parse::<PeerAddress>().unwrap()).await
}

/// Connects to a server that does `serve` with the first WebSocket; the path decides whether it is taken for a relay.
pub async fn with_server<F: Future<Output = ()> + 'static>(
    path: &str,
    serve: impl FnOnce(WebSocketStream<TcpStream>) -> F + 'static,
) -> Rc<dyn Duplex> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}{path}", listener.local_addr().unwrap());
    tokio::task::spawn_local(async move {
        let (stream, _) = listener.accept().await.unwrap();
        serve(tokio_tungstenite::accept_async(stream).await.unwrap()).await;
    });
    connect(url).await.unwrap()
}

/// Connects to a TCP server that does `serve` with the first connection.
pub async fn with_tcp_server<F: Future<Output = ()> + 'static>(
    scheme: &str,
    path: &str,
    serve: impl FnOnce(TcpStream) -> F + 'static,
) -> Result<Rc<dyn Duplex>, ConnectError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("{scheme}://{}{path}", listener.local_addr().unwrap());
    tokio::task::spawn_local(async move { serve(listener.accept().await.unwrap().0).await });
    connect(url).await
}

pub async fn send_all(duplex: Rc<dyn Duplex>, bytes: Vec<u8>) {
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        duplex.writable().await;
        rest = &rest[duplex.try_send(rest)..];
    }
}

/// Everything until the end, and why it ended.
pub async fn drain(duplex: &Rc<dyn Duplex>) -> (Vec<u8>, CloseReason) {
    let mut all = Vec::new();
    loop {
        match duplex.recv().await {
            Ok(chunk) => all.extend(chunk),
            Err(reason) => return (all, reason),
        }
    }
}

pub fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|index| (index % 251) as u8).collect()
}
