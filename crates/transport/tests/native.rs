//! The native clients against real servers on loopback: plain listeners, servers that misbehave, and no server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use amplet_protocol::relay;
use amplet_transport::{
    CloseCode, CloseReason, ConnectError, Duplex, FetchError, HttpRequest, NativePlatform, PeerAddress,
    Platform,
};
use futures::{SinkExt, StreamExt};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;

const ID: &str = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

/// Runs a test on one thread, as the node does; a hang fails it.
fn on_node_thread(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        tokio::time::timeout(Duration::from_secs(60), test).await.expect("the test hangs");
    });
}

fn platform() -> NativePlatform {
    NativePlatform::new().unwrap()
}

async fn connect(url: String) -> Result<Rc<dyn Duplex>, ConnectError> {
    platform().connect(format!("{ID}@{url}").parse::<PeerAddress>().unwrap()).await
}

/// Connects to a server that does `serve` with the first WebSocket; the path decides whether it is taken for a relay.
async fn with_server<F: Future<Output = ()> + 'static>(
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
async fn with_tcp_server<F: Future<Output = ()> + 'static>(
    scheme: &str,
    path: &str,
    serve: impl FnOnce(TcpStream) -> F + 'static,
) -> Result<Rc<dyn Duplex>, ConnectError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("{scheme}://{}{path}", listener.local_addr().unwrap());
    tokio::task::spawn_local(async move { serve(listener.accept().await.unwrap().0).await });
    connect(url).await
}

async fn send_all(duplex: &Rc<dyn Duplex>, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        duplex.writable().await;
        let taken = duplex.try_send(bytes);
        bytes = &bytes[taken..];
    }
}

/// Everything until the end, and why it ended.
async fn drain(duplex: &Rc<dyn Duplex>) -> (Vec<u8>, CloseReason) {
    let mut all = Vec::new();
    loop {
        match duplex.recv().await {
            Ok(chunk) => all.extend(chunk),
            Err(reason) => return (all, reason),
        }
    }
}

fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|index| (index % 251) as u8).collect()
}

async fn echo(mut socket: WebSocketStream<TcpStream>) {
    while let Some(Ok(message)) = socket.next().await {
        if message.is_binary() {
            socket.send(message).await.unwrap();
        }
    }
}

#[test]
fn a_plain_listener_echoes_and_gets_no_text_frame() {
    on_node_thread(async {
        let duplex = with_server("/", |mut socket| async move {
            while let Some(Ok(message)) = socket.next().await {
                assert!(!message.is_text(), "{message:?}");
                if message.is_binary() {
                    socket.send(message).await.unwrap();
                }
            }
        })
        .await;
        let sent = pattern(3 << 20);
        let (writer, expected) = (duplex.clone(), sent.clone());
        tokio::task::spawn_local(async move { send_all(&writer, &sent).await });
        let mut received = Vec::new();
        while received.len() < expected.len() {
            received.extend(duplex.recv().await.unwrap());
        }
        assert!(received == expected);
    });
}

#[test]
fn tcp_carries_bytes_both_ways_and_tells_an_orderly_end() {
    on_node_thread(async {
        let duplex = with_tcp_server("tcp", "", |mut stream| async move {
            let mut all = vec![0; 100_000];
            stream.read_exact(&mut all).await.unwrap();
            stream.write_all(&all).await.unwrap();
        })
        .await
        .unwrap();
        send_all(&duplex, &pattern(100_000)).await;
        let (received, reason) = drain(&duplex).await;
        assert!(received == pattern(100_000));
        assert_eq!(reason, CloseReason::Remote { code: CloseCode::Normal, message: String::new() });
    });
}

#[test]
fn an_accepted_tcp_stream_speaks_to_a_client() {
    on_node_thread(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = connect(format!("tcp://{}", listener.local_addr().unwrap())).await.unwrap();
        let server = platform().accept_tcp(listener.accept().await.unwrap().0);
        send_all(&client, b"act one").await;
        assert_eq!(server.recv().await.unwrap(), b"act one");
        send_all(&server, b"act two").await;
        server.close(CloseCode::Restart);
        assert_eq!(drain(&client).await.0, b"act two");
    });
}

#[test]
fn a_server_that_does_not_read_stops_the_writer() {
    on_node_thread(async {
        let (release, released) = tokio::sync::oneshot::channel::<()>();
        let duplex = with_server("/", |socket| async move {
            released.await.unwrap();
            echo(socket).await;
        })
        .await;
        let mut taken = 0;
        // The loopback's own buffers hold some megabytes; what matters is that an end comes.
        while tokio::time::timeout(Duration::from_millis(300), duplex.writable()).await.is_ok() {
            taken += duplex.try_send(&pattern(64 << 10));
            assert!(taken < 64 << 20, "nothing stops the writer");
        }
        release.send(()).unwrap();
        duplex.writable().await;
        assert!(duplex.try_send(b"more") > 0);
    });
}

#[test]
fn a_reader_that_stops_stops_a_plain_server() {
    on_node_thread(async {
        let (progress, mut sent) = tokio::sync::watch::channel(0usize);
        let duplex = with_server("/", move |mut socket| async move {
            for _ in 0..1000 {
                socket.send(Message::Binary(pattern(64 << 10).into())).await.unwrap();
                progress.send_modify(|count| *count += 64 << 10);
            }
            socket.close(None).await.unwrap();
        })
        .await;
        while tokio::time::timeout(Duration::from_millis(300), sent.changed()).await.is_ok() {}
        let stalled_at = *sent.borrow();
        assert!(stalled_at < 1000 * (64 << 10), "nothing stops the server");
        let (all, _) = drain(&duplex).await;
        assert_eq!(all.len(), 1000 * (64 << 10));
    });
}

#[test]
fn a_relay_that_ignores_credit_is_cut_off() {
    on_node_thread(async {
        let duplex = with_server(relay::PATH, |mut socket| async move {
            while socket.send(Message::Binary(pattern(64 << 10).into())).await.is_ok() {}
        })
        .await;
        // Unread on purpose: the relay exceeds the window.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let (all, reason) = drain(&duplex).await;
        assert!(all.len() <= relay::INITIAL_WINDOW as usize);
        assert!(matches!(reason, CloseReason::Violation { .. }), "{reason}");
    });
}

#[test]
fn a_relay_gets_credit_for_what_is_read() {
    on_node_thread(async {
        let total = 8 << 20;
        let duplex = with_server(relay::PATH, move |mut socket| async move {
            let (mut sent, mut credit) = (0, relay::INITIAL_WINDOW as usize);
            while sent < total {
                if credit >= 32 << 10 {
                    socket.send(Message::Binary(pattern(32 << 10).into())).await.unwrap();
                    sent += 32 << 10;
                    credit -= 32 << 10;
                    continue;
                }
                let message = socket.next().await.unwrap().unwrap();
                let control: relay::Control = serde_json::from_str(message.to_text().unwrap()).unwrap();
                credit += control.credit as usize;
                assert!(credit <= relay::INITIAL_WINDOW as usize);
            }
            socket.close(None).await.unwrap();
        })
        .await;
        assert_eq!(drain(&duplex).await.0.len(), total);
    });
}

#[test]
fn each_close_code_arrives() {
    on_node_thread(async {
        for number in [1000u16, 1001, 1011, 4000, 4001, 4002, 4003, 4004, 4005, 4006, 4007, 4999] {
            let duplex = with_server(relay::PATH, move |mut socket| async move {
                socket.send(Message::Binary(b"last".to_vec().into())).await.unwrap();
                let frame = CloseFrame { code: number.into(), reason: "why".into() };
                socket.close(Some(frame)).await.unwrap();
                while let Some(Ok(_)) = socket.next().await {}
            })
            .await;
            let (all, reason) = drain(&duplex).await;
            assert_eq!(all, b"last");
            assert_eq!(reason, CloseReason::Remote { code: number.into(), message: "why".into() });
        }
    });
}

#[test]
fn our_close_code_reaches_the_server_after_what_was_sent() {
    on_node_thread(async {
        let (report, reported) = tokio::sync::oneshot::channel();
        let duplex = with_server("/", |mut socket| async move {
            let mut seen = Vec::new();
            while let Some(Ok(message)) = socket.next().await {
                seen.push(message);
            }
            report.send(seen).unwrap();
        })
        .await;
        send_all(&duplex, b"farewell").await;
        duplex.close(CloseCode::Violation);
        assert_eq!(duplex.recv().await, Err(CloseReason::Local(CloseCode::Violation)));
        let seen = reported.await.unwrap();
        let frame = CloseFrame { code: 4004.into(), reason: "".into() };
        assert_eq!(seen, [Message::Binary(b"farewell".to_vec().into()), Message::Close(Some(frame))]);
    });
}

#[test]
fn dropping_the_duplex_closes() {
    on_node_thread(async {
        let (report, reported) = tokio::sync::oneshot::channel();
        let duplex = with_server("/", |mut socket| async move {
            report.send(socket.next().await.unwrap().unwrap()).unwrap();
        })
        .await;
        drop(duplex);
        let frame = CloseFrame { code: 1000.into(), reason: "".into() };
        assert_eq!(reported.await.unwrap(), Message::Close(Some(frame)));
    });
}

#[test]
fn a_server_killed_in_mid_stream_is_a_loss() {
    on_node_thread(async {
        let duplex = with_server(relay::PATH, |mut socket| async move {
            socket.send(Message::Binary(pattern(1000).into())).await.unwrap();
            // No close frame: the socket is just dropped.
        })
        .await;
        let (all, reason) = drain(&duplex).await;
        assert_eq!(all, pattern(1000));
        assert!(matches!(reason, CloseReason::Lost { .. }), "{reason:?}");
        assert!(ConnectError::from(reason).to_string().contains("tried again"));
    });
}

#[test]
fn text_and_oversize_frames_are_violations() {
    on_node_thread(async {
        for bad in [Message::Text("hello".into()), Message::Binary(vec![0; relay::MAX_FRAME + 1].into())] {
            let (report, reported) = tokio::sync::oneshot::channel();
            let duplex = with_server(relay::PATH, move |mut socket| async move {
                socket.send(bad).await.unwrap();
                report.send(socket.next().await).unwrap();
            })
            .await;
            let (all, reason) = drain(&duplex).await;
            assert!(all.is_empty());
            assert!(matches!(reason, CloseReason::Violation { .. }), "{reason:?}");
            let told = reported.await.unwrap();
            assert!(
                matches!(&told, Some(Ok(Message::Close(Some(frame)))) if frame.code == 4004.into()),
                "{told:?}"
            );
        }
    });
}

#[test]
fn a_refused_port_is_an_unreachable_gateway() {
    on_node_thread(async {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        for scheme in ["ws", "wss", "tcp"] {
            let error = connect(format!("{scheme}://{closed}")).await.err().unwrap();
            assert!(matches!(error, ConnectError::GatewayUnreachable { .. }), "{error:?}");
        }
        let error = connect("wss://gateway.invalid/lightning/v1".into()).await.err().unwrap();
        assert!(matches!(error, ConnectError::GatewayUnreachable { .. }), "{error:?}");
    });
}

#[test]
fn garbage_instead_of_http_is_a_refusal() {
    on_node_thread(async {
        let answers: [&[u8]; 4] = [
            b"\0\x16lightning\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"",
            b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        ];
        for answer in answers {
            let error = with_tcp_server("ws", "/", move |mut stream| async move {
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await.unwrap();
                stream.write_all(answer).await.unwrap();
                stream.shutdown().await.unwrap();
            })
            .await
            .err()
            .unwrap();
            assert!(matches!(error, ConnectError::Refused { .. }), "{answer:?}: {error:?}");
        }
    });
}

/// A server of fixed HTTP answers: the first path that matches; every connection takes one request.
async fn http_server(answers: &'static [(&'static str, &'static str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::task::spawn_local(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::task::spawn_local(async move {
                let mut request = vec![0; 4096];
                let size = stream.read(&mut request).await.unwrap_or(0);
                let request = String::from_utf8_lossy(&request[..size]).into_owned();
                if let Some((_, answer)) = answers.iter().find(|(path, _)| request.contains(path)) {
                    let _ = stream.write_all(answer.as_bytes()).await;
                } else {
                    tokio::time::sleep(Duration::from_secs(30)).await;
                }
            });
        }
    });
    address
}

const NODE_DOWN: &str =
    "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 14\r\nconnection: close\r\n\r\n{\"node\":false}";
const NODE_UP: &str = "HTTP/1.1 200 OK\r\ncontent-length: 13\r\nconnection: close\r\n\r\n{\"node\":true}";
const BAD_GATEWAY: &str = "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

#[test]
fn a_refused_upgrade_is_explained_by_health() {
    on_node_thread(async {
        let down = http_server(&[("/lightning/v1", BAD_GATEWAY), ("/health", NODE_DOWN)]).await;
        let error = connect(format!("ws://{down}/lightning/v1")).await.err().unwrap();
        assert!(matches!(error, ConnectError::NodeDown { .. }), "{error:?}");
        let up = http_server(&[("/lightning/v1", BAD_GATEWAY), ("/health", NODE_UP)]).await;
        let error = connect(format!("ws://{up}/lightning/v1")).await.err().unwrap();
        assert!(
            matches!(&error, ConnectError::Refused { detail, .. } if detail.contains("502")),
            "{error:?}"
        );
        let other = http_server(&[("GET", BAD_GATEWAY)]).await;
        let error = connect(format!("ws://{other}/lightning/v1")).await.err().unwrap();
        assert!(
            matches!(&error, ConnectError::Refused { detail, .. } if detail.contains("/health")),
            "{error:?}"
        );
    });
}

async fn tls_server() -> String {
    let certificate = CertificateDer::from(include_bytes!("fixtures/localhost.cert.der").as_slice());
    let key = PrivateKeyDer::try_from(include_bytes!("fixtures/localhost.key.der").as_slice()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { continue };
            let _ = socket.send(Message::Binary(b"sealed".to_vec().into())).await;
            let _ = socket.close(None).await;
        }
    });
    format!("localhost:{port}")
}

#[test]
fn a_certificate_is_checked() {
    on_node_thread(async {
        let server = tls_server().await;
        let error = connect(format!("wss://{server}")).await.err().unwrap();
        assert!(matches!(error, ConnectError::Tls { .. }), "{error:?}");

        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from(include_bytes!("fixtures/localhost.cert.der").as_slice())).unwrap();
        let address = format!("{ID}@wss://{server}").parse().unwrap();
        let duplex = NativePlatform::trusting(roots).unwrap().connect(address).await.unwrap();
        assert_eq!(duplex.recv().await.unwrap(), b"sealed");
    });
}

#[test]
fn fetch_answers_any_status_and_says_what_failed() {
    on_node_thread(async {
        let server = http_server(&[
            ("GET /down", NODE_DOWN),
            ("POST /echo", "HTTP/1.1 201 Created\r\nX-Answer: 42\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"),
            ("GET /cut", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\nshort"),
            ("GET /chunked", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"),
        ])
        .await;
        let platform = platform();
        let url = |path: &str| format!("http://{server}{path}");

        let down = platform.fetch(HttpRequest::get(url("/down"))).await.unwrap();
        assert_eq!(
            (down.status, down.is_success(), down.body.as_slice()),
            (503, false, b"{\"node\":false}".as_slice())
        );
        let posted =
            platform.fetch(HttpRequest::post(url("/echo"), b"x".to_vec()).header("a", "b")).await.unwrap();
        assert_eq!(
            (posted.status, posted.header("x-answer"), posted.body.as_slice()),
            (201, Some("42"), b"ok".as_slice())
        );
        let whole = platform.fetch(HttpRequest::get(url("/chunked")).max_body(5)).await.unwrap();
        assert_eq!(whole.body, b"abcde");

        let fetch = |request: HttpRequest| {
            let answer = platform.fetch(request);
            async { answer.await.unwrap_err() }
        };
        assert!(matches!(
            fetch(HttpRequest::get(url("/chunked")).max_body(4)).await,
            FetchError::TooLarge { limit: 4, .. }
        ));
        assert!(matches!(fetch(HttpRequest::get(url("/cut"))).await, FetchError::Unreachable { .. }));
        let slow = HttpRequest::get(url("/silent")).timeout(Duration::from_millis(50));
        assert!(matches!(fetch(slow).await, FetchError::Timeout { .. }));
        for bad in ["", "gateway", "ftp://host/", "http://", "http://ho st/", "wss://host/"] {
            let error = fetch(HttpRequest::get(bad)).await;
            assert!(matches!(error, FetchError::InvalidRequest { .. }), "{bad}: {error:?}");
        }
        let bad_header = HttpRequest::get(url("/down")).header("a\nb", "c");
        assert!(matches!(fetch(bad_header).await, FetchError::InvalidRequest { .. }));
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let error = fetch(HttpRequest::get(format!("http://{closed}/"))).await;
        assert!(
            matches!(&error, FetchError::Unreachable { detail, .. } if detail.contains("refused")),
            "{error:?}"
        );
    });
}

#[test]
fn the_clocks_and_the_randomness_are_real() {
    on_node_thread(async {
        let platform = platform();
        assert!(platform.now() > Duration::from_secs(1_790_000_000));
        let before = platform.monotonic();
        platform.sleep(Duration::from_millis(20)).await;
        assert!(platform.monotonic() - before >= Duration::from_millis(20));
        let (mut a, mut b) = ([0; 32], [0; 32]);
        platform.random(&mut a);
        platform.random(&mut b);
        assert_ne!(a, b);
        let (done, waited) = tokio::sync::oneshot::channel();
        platform.spawn(Box::pin(async move { done.send(7).unwrap() }));
        assert_eq!(waited.await, Ok(7));
    });
}
