//! The native platform where nothing, or something else, responds: connecting, certificates, HTTP; and its clocks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use crate::common::{ID, connect, on_node_thread, platform, with_tcp_server};
use amplet_transport::{ConnectError, FetchError, HttpRequest, NativePlatform, Platform};
use futures::SinkExt;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;

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

/// A server of fixed HTTP responses: the first path that matches; every connection takes one request.
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

/// A server with a self-signed certificate for localhost, made for this test with a key that nothing else uses.
async fn tls_server() -> String {
    let certificate = CertificateDer::from(include_bytes!("../fixtures/localhost.cert.der").as_slice());
    let key = PrivateKeyDer::try_from(include_bytes!("../fixtures/localhost.key.der").as_slice()).unwrap();
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
        roots.add(CertificateDer::from(include_bytes!("../fixtures/localhost.cert.der").as_slice())).unwrap();
        let address = format!("{ID}@wss://{server}").parse().unwrap();
        let duplex = NativePlatform::trusting(roots).unwrap().connect(address).await.unwrap();
        assert_eq!(duplex.recv().await.unwrap(), b"sealed");
    });
}

#[test]
fn fetch_returns_any_status_and_reports_failures() {
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

/// A server on this machine is there, but not for a client of untrusted addresses, by any name.
#[test]
fn untrusted_addresses_lead_to_the_internet_only() {
    on_node_thread(async {
        let base = http_server(&[("/", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]).await;
        let port = base.rsplit(':').next().unwrap();
        let platform = NativePlatform::new().unwrap();
        for host in ["127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]"] {
            let request = || HttpRequest::get(format!("http://{host}:{port}/"));
            let refused = platform.http_for_strangers().fetch(request()).await.unwrap_err();
            assert!(refused.to_string().contains("it is not on the internet"), "{host}: {refused}");
        }
        let request = HttpRequest::get(format!("http://localhost:{port}/"));
        assert_eq!(platform.http().fetch(request).await.unwrap().status, 200);
    });
}
