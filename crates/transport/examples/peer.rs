//! A server for the browser's tests (wasm-tests/tests/transport.rs), which can start none of their own: [`main`] has the
//! paths. It listens on loopback, prints its address, and ends when its stdin does.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use amplet_protocol::relay;
use amplet_transport::CloseCode;
use amplet_transport::server::{self, Remote, ServerLimits};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use tokio::io::AsyncReadExt;

#[tokio::main]
async fn main() {
    let sockets = Router::new()
        // Relays: one that echoes; ones that ignore credit, send too large frames, send text.
        .route("/lightning/v1", socket(relay_echo))
        .route("/flood/lightning/v1", socket(|socket| flood(socket, 64 << 10)))
        .route("/oversize/lightning/v1", socket(|socket| flood(socket, relay::MAX_FRAME + 1)))
        .route("/text/lightning/v1", socket(text))
        // Plain listeners: an echo that takes no text frame, and a flood.
        .route("/echo", socket(echo))
        .route("/flood", socket(|socket| flood(socket, 64 << 10)))
        // Ends: with that code, and without a farewell.
        .route("/close/{code}", get(close))
        .route("/drop", socket(last_words));
    let http = Router::new()
        // No WebSocket there: the node is down, or the upgrade is refused though it is up; elsewhere 404.
        .route("/down/health", get(async || health(StatusCode::SERVICE_UNAVAILABLE, false)))
        .route("/up/health", get(async || health(StatusCode::OK, true)))
        .route("/http/mirror", post(mirror).options(async || StatusCode::NO_CONTENT))
        .route("/http/large", get(async || vec![7u8; 1 << 20]))
        .route("/http/slow", get(async || tokio::time::sleep(Duration::from_secs(600)).await))
        .route("/http/cut", get(cut))
        .layer(axum::middleware::map_response(with_cors))
        .route("/http/no-cors", get(async || "a page may not read this"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, sockets.merge(http)).await.unwrap() });
    let mut ignored = Vec::new();
    tokio::io::stdin().read_to_end(&mut ignored).await.unwrap();
}

async fn with_cors(mut answer: Response) -> Response {
    for name in ["origin", "methods", "headers"] {
        let name = format!("access-control-allow-{name}").parse::<axum::http::HeaderName>().unwrap();
        answer.headers_mut().insert(name, "*".parse().unwrap());
    }
    answer.headers_mut().insert("access-control-expose-headers", "*".parse().unwrap());
    answer
}

fn health(status: StatusCode, node: bool) -> impl IntoResponse {
    (status, serde_json::to_string(&relay::Health { node }).unwrap())
}

/// A route that does `serve` with the upgraded socket.
fn socket<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(WebSocket) -> F + Clone + Send + Sync + 'static,
) -> MethodRouter {
    get(async move |upgrade: WebSocketUpgrade| upgrade.on_upgrade(serve))
}

/// Echoes everything, through the gateway's own side of the transport.
async fn relay_echo(socket: WebSocket) {
    let (remote, connection) = server::accept(socket, ServerLimits::default());
    // The duplex is the node's, on a thread of its own.
    std::thread::spawn(|| futures::executor::block_on(give_back(remote)));
    connection.await;
}

async fn give_back(remote: Remote) {
    let duplex = remote.into_duplex();
    while let Ok(chunk) = duplex.recv().await {
        let mut rest = chunk.as_slice();
        while !rest.is_empty() {
            duplex.writable().await;
            rest = &rest[duplex.try_send(rest)..];
        }
    }
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        let answer = match message {
            Message::Binary(bytes) => Message::Binary(bytes),
            Message::Text(_) => farewell(CloseCode::Violation, "text"),
            _ => continue,
        };
        if socket.send(answer).await.is_err() {
            return;
        }
    }
}

/// Frames of `size` bytes until the connection breaks; incoming frames are read, so that a close frame is seen.
async fn flood(socket: WebSocket, size: usize) {
    use futures::{SinkExt, StreamExt};
    let (mut sink, mut stream) = socket.split();
    tokio::spawn(async move { while let Some(Ok(_)) = stream.next().await {} });
    let frame = Bytes::from(vec![7; size]);
    while sink.send(Message::Binary(frame.clone())).await.is_ok() {}
}

async fn text(mut socket: WebSocket) {
    let _ = socket.send(Message::Text("hello".into())).await;
    while let Some(Ok(_)) = socket.recv().await {}
}

async fn last_words(mut socket: WebSocket) {
    let _ = socket.send(Message::Binary(Bytes::from_static(b"last"))).await;
}

async fn close(Path(code): Path<u16>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |mut socket| {
        let _ = socket.send(Message::Binary(Bytes::from_static(b"last"))).await;
        let _ = socket.send(farewell(CloseCode::from(code), "why")).await;
        while let Some(Ok(_)) = socket.recv().await {}
    })
}

fn farewell(code: CloseCode, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame { code: code.number(), reason: reason.into() }))
}

/// Echoes the body, with the request's header `x-question` as `x-answer`.
async fn mirror(headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let question = headers.get("x-question").cloned().unwrap();
    (StatusCode::CREATED, [("x-answer", question)], body)
}

/// Promises more than it sends.
async fn cut() -> Response {
    let chunks = [Ok("short"), Err("and no more")];
    Response::builder()
        .header("content-length", 100)
        .body(Body::from_stream(futures::stream::iter(chunks)))
        .unwrap()
}
