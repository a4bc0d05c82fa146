//! The platform in memory, as other crates' tests use it.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use amplet_transport::testing::{TestPlatform, duplex_pair};
use amplet_transport::{
    CloseCode, CloseReason, ConnectError, FetchError, HttpRequest, HttpResponse, PeerAddress, Platform,
};

const PEER: &str =
    "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798@ws://peer.example/lightning/v1";

fn platform() -> TestPlatform {
    TestPlatform::new(1, Duration::from_secs(1_700_000_000))
}

#[test]
fn time_moves_only_when_everything_waits() {
    let platform = platform();
    let log = Rc::new(RefCell::new(Vec::new()));
    for seconds in [3u64, 1, 2] {
        let (clock, log) = (platform.clone(), log.clone());
        platform.spawn(Box::pin(async move {
            clock.sleep(Duration::from_secs(seconds)).await;
            log.borrow_mut().push((seconds, clock.monotonic().as_secs()));
        }));
    }
    platform.advance(Duration::from_secs(2));
    assert_eq!(*log.borrow(), [(1, 1), (2, 2)]);
    let clock = platform.clone();
    let end = platform.run(async move {
        clock.sleep(Duration::from_secs(3600)).await;
        clock.now()
    });
    assert_eq!(end, Duration::from_secs(1_700_000_000 + 2 + 3600));
    assert_eq!(log.borrow().len(), 3);
}

#[test]
fn randomness_repeats_with_its_seed() {
    let bytes = |seed| {
        let mut out = [0; 37];
        TestPlatform::new(seed, Duration::ZERO).random(&mut out);
        out
    };
    assert_eq!(bytes(1), bytes(1));
    assert_ne!(bytes(1), bytes(2));
}

#[test]
fn the_test_handles_requests_and_connections() {
    let platform = platform();
    let (http, net) = (platform.clone(), platform.clone());
    let failures = platform.run(async move {
        let address: PeerAddress = PEER.parse().unwrap();
        (http.fetch(HttpRequest::get("http://a/")).await, net.connect(address).await.err())
    });
    assert!(matches!(failures.0, Err(FetchError::Unreachable { .. })));
    assert!(matches!(failures.1, Some(ConnectError::GatewayUnreachable { .. })));

    platform.on_fetch(|request| {
        Box::pin(
            async move { Ok(HttpResponse { status: 200, headers: vec![], body: request.url.into_bytes() }) },
        )
    });
    let http = platform.clone();
    let answer = platform.run(async move { http.fetch(HttpRequest::get("http://a/")).await });
    assert_eq!(answer.unwrap().body, b"http://a/");
}

#[test]
fn a_pair_carries_bytes_with_credit_and_reports_its_end() {
    let platform = platform();
    let (client, server) = duplex_pair(&platform);
    let sent: Vec<u8> = (0..1 << 20).map(|index: u32| (index % 251) as u8).collect();
    let expected = sent.clone();
    platform.spawn(Box::pin(async move {
        let mut rest = sent.as_slice();
        while !rest.is_empty() {
            server.writable().await;
            rest = &rest[server.try_send(rest)..];
        }
        server.close(CloseCode::Restart);
    }));
    let (all, reason) = platform.run(async move {
        let mut all = Vec::new();
        loop {
            match client.recv().await {
                Ok(chunk) => all.extend(chunk),
                Err(reason) => return (all, reason),
            }
        }
    });
    assert!(all == expected, "{} bytes of {}", all.len(), expected.len());
    assert_eq!(reason, CloseReason::Remote { code: CloseCode::Restart, message: String::new() });
}

#[test]
fn a_pair_holds_no_more_than_its_bounds() {
    let platform = platform();
    let (_client, server) = duplex_pair(&platform);
    let mut taken = 0;
    loop {
        platform.run_until_stalled();
        match server.try_send(&[0; 10_000]) {
            0 => break,
            some => taken += some,
        }
        assert!(taken < 1 << 20);
    }
}
