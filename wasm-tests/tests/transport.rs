//! The browser's WebSocket and fetch against real servers, in a SharedWorker (where the engine runs). The servers
//! are crates/transport/examples/peer.rs; `cargo xtask test --only wasm` starts it.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::rc::Rc;
use std::time::Duration;

use amplet_transport::{
    CloseCode, CloseReason, ConnectError, Duplex, FetchError, HttpRequest, PeerAddress, Platform, WebPlatform,
};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_shared_worker);

const ID: &str = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

/// `host:port` of the servers.
fn peer() -> &'static str {
    option_env!("AMPLET_TEST_PEER")
        .expect("AMPLET_TEST_PEER names the servers: run `cargo xtask test --only wasm`")
}

async fn connect(url: String) -> Result<Rc<dyn Duplex>, ConnectError> {
    WebPlatform.connect(format!("{ID}@{url}").parse::<PeerAddress>().unwrap()).await
}

async fn open(path: &str) -> Rc<dyn Duplex> {
    connect(format!("ws://{}{path}", peer())).await.unwrap_or_else(|error| panic!("{path}: {error}"))
}

async fn refused(path: &str) -> ConnectError {
    connect(format!("ws://{}{path}", peer())).await.err().expect("nothing there takes a WebSocket")
}

async fn drain(duplex: &Rc<dyn Duplex>) -> (Vec<u8>, CloseReason) {
    let mut all = Vec::new();
    loop {
        match duplex.recv().await {
            Ok(chunk) => all.extend(chunk),
            Err(reason) => return (all, reason),
        }
    }
}

async fn send_all(duplex: Rc<dyn Duplex>, bytes: Vec<u8>) {
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        duplex.writable().await;
        rest = &rest[duplex.try_send(rest)..];
    }
}

fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|index| (index % 251) as u8).collect()
}

/// Sends megabytes and reads them back; both windows turn over many times.
async fn echoes(path: &str) {
    let duplex = open(path).await;
    let sent = pattern(3 << 20);
    WebPlatform.spawn(Box::pin(send_all(duplex.clone(), sent.clone())));
    let mut received = Vec::new();
    while received.len() < sent.len() {
        received.extend(duplex.recv().await.unwrap());
    }
    assert!(received == sent);
}

#[wasm_bindgen_test]
async fn a_relay_echoes_with_credit() {
    echoes("/lightning/v1").await;
}

#[wasm_bindgen_test]
async fn a_plain_listener_echoes_and_gets_no_text_frame() {
    echoes("/echo").await;
}

#[wasm_bindgen_test]
async fn a_full_browser_stops_the_writer() {
    // Nothing is read back: the relay's credit ends, it grants none in turn, and the bytes pile up to here.
    let duplex = open("/lightning/v1").await;
    let mut taken = 0;
    loop {
        match duplex.try_send(&pattern(64 << 10)) {
            0 => {
                let wait = Box::pin(WebPlatform.sleep(Duration::from_millis(500)));
                if let futures::future::Either::Right(_) =
                    futures::future::select(duplex.writable(), wait).await
                {
                    break;
                }
            }
            some => taken += some,
        }
        assert!(taken < 64 << 20, "nothing stops the writer");
    }
    let mut received = 0;
    while received < taken {
        received += duplex.recv().await.unwrap().len();
    }
    duplex.writable().await;
    assert!(duplex.try_send(b"more") > 0);
}

#[wasm_bindgen_test]
async fn what_exceeds_the_bounds_is_cut_off() {
    for (path, overflow) in
        [("/flood/lightning/v1", false), ("/flood", true), ("/oversize/lightning/v1", false)]
    {
        let duplex = open(path).await;
        // Unread for a while, on purpose: a browser cannot pause.
        WebPlatform.sleep(Duration::from_millis(500)).await;
        let (all, reason) = drain(&duplex).await;
        assert!(all.len() <= 4 << 20, "{path}: {}", all.len());
        match reason {
            CloseReason::Overflow { .. } if overflow => {}
            CloseReason::Violation { .. } if !overflow => {}
            other => panic!("{path}: {other:?}"),
        }
    }
}

#[wasm_bindgen_test]
async fn a_text_frame_is_a_violation() {
    let (all, reason) = drain(&open("/text/lightning/v1").await).await;
    assert!(all.is_empty());
    assert!(matches!(reason, CloseReason::Violation { .. }), "{reason:?}");
}

#[wasm_bindgen_test]
async fn each_close_code_arrives_and_a_loss_is_a_loss() {
    for number in [1000u16, 1001, 1011, 4000, 4001, 4002, 4003, 4004, 4005, 4006, 4007, 4999] {
        let (all, reason) = drain(&open(&format!("/close/{number}")).await).await;
        assert_eq!(all, b"last");
        assert_eq!(reason, CloseReason::Remote { code: CloseCode::from(number), message: "why".into() });
    }
    let (all, reason) = drain(&open("/drop").await).await;
    assert_eq!(all, b"last");
    assert!(matches!(reason, CloseReason::Lost { .. }), "{reason:?}");
}

#[wasm_bindgen_test]
async fn closing_here_says_so_here() {
    let duplex = open("/lightning/v1").await;
    duplex.close(CloseCode::Restart);
    assert_eq!(duplex.recv().await, Err(CloseReason::Local(CloseCode::Restart)));
    duplex.writable().await;
    assert_eq!(duplex.try_send(b"dropped"), 7);
}

#[wasm_bindgen_test]
async fn failures_to_connect_are_told_apart() {
    let error = refused("/down/lightning/v1").await;
    assert!(matches!(error, ConnectError::NodeDown { .. }), "{error:?}");
    let error = refused("/up/lightning/v1").await;
    assert!(matches!(error, ConnectError::Refused { .. }), "{error:?}");
    // No health there, and no CORS on the 404: a page cannot tell it from silence.
    let error = refused("/nothing").await;
    assert!(matches!(error, ConnectError::GatewayUnreachable { .. }), "{error:?}");
    // Port 1 is nobody's; browsers refuse it by themselves.
    for url in ["ws://127.0.0.1:1/lightning/v1", "ws://127.0.0.1:9/", "wss://127.0.0.1:65535/lightning/v1"] {
        let error = connect(url.into()).await.err().unwrap();
        assert!(
            matches!(error, ConnectError::GatewayUnreachable { .. } | ConnectError::NotAllowed { .. }),
            "{url}: {error:?}"
        );
    }
    let error = connect("wss://gateway.invalid/lightning/v1".into()).await.err().unwrap();
    assert!(matches!(error, ConnectError::GatewayUnreachable { .. }), "{error:?}");
    let error = connect("tcp://127.0.0.1:9735".into()).await.err().unwrap();
    assert!(matches!(error, ConnectError::Unsupported { .. }), "{error:?}");
}

#[wasm_bindgen_test]
async fn fetch_answers_any_status_with_headers_and_body() {
    let url = format!("http://{}/http/mirror", peer());
    let body = pattern(300_000);
    let request = HttpRequest::post(url, body.clone()).header("x-question", "42");
    let answer = WebPlatform.fetch(request).await.unwrap();
    assert_eq!((answer.status, answer.header("x-answer")), (201, Some("42")));
    assert!(answer.body == body);
    let down = WebPlatform.fetch(HttpRequest::get(format!("http://{}/down/health", peer()))).await.unwrap();
    assert_eq!((down.status, down.is_success()), (503, false));
}

#[wasm_bindgen_test]
async fn fetch_says_what_failed() {
    let url = |path: &str| format!("http://{}{path}", peer());
    let fetch = async |request: HttpRequest| WebPlatform.fetch(request).await.expect_err("it fails");

    let whole = HttpRequest::get(url("/http/large")).max_body(1 << 20);
    assert_eq!(WebPlatform.fetch(whole).await.unwrap().body.len(), 1 << 20);
    let limit = (1 << 20) - 1;
    let error = fetch(HttpRequest::get(url("/http/large")).max_body(limit)).await;
    assert!(matches!(error, FetchError::TooLarge { limit: named, .. } if named == limit), "{error:?}");
    let error = fetch(HttpRequest::get(url("/http/slow")).timeout(Duration::from_millis(100))).await;
    assert!(matches!(error, FetchError::Timeout { .. }), "{error:?}");
    for path in ["/http/cut", "/http/no-cors"] {
        let error = fetch(HttpRequest::get(url(path))).await;
        assert!(matches!(error, FetchError::Unreachable { .. }), "{path}: {error:?}");
    }
    let error = fetch(HttpRequest::get("http://127.0.0.1:65535/")).await;
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error:?}");
    for bad in ["", "gateway", "ftp://host/", "http://", "wss://host/"] {
        let error = fetch(HttpRequest::get(bad)).await;
        assert!(matches!(error, FetchError::InvalidRequest { .. }), "{bad}: {error:?}");
    }
    let error = fetch(HttpRequest::get(url("/http/large")).header("a\nb", "c")).await;
    assert!(matches!(error, FetchError::InvalidRequest { .. }), "{error:?}");
}

#[wasm_bindgen_test]
async fn the_clocks_and_the_randomness_are_real() {
    assert!(WebPlatform.now() > Duration::from_secs(1_700_000_000));
    let before = WebPlatform.monotonic();
    WebPlatform.sleep(Duration::from_millis(20)).await;
    // Browsers blur the clock by up to a millisecond.
    assert!(WebPlatform.monotonic().saturating_sub(before) >= Duration::from_millis(19));
    let (mut a, mut b) = ([0; 32], [0; 32]);
    WebPlatform.random(&mut a);
    WebPlatform.random(&mut b);
    assert_ne!(a, b);
}
