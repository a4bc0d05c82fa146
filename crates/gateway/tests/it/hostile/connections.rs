//! Connections, requests and waits that strangers hold, beside a client that has a question.

use std::io::Write;
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use amplet_gateway::limits::raise_open_files;

use super::statuses;
use crate::harness::{Gateway, configure, folder};
use crate::wallets::RegtestGateway;

/// Connections of strangers: as many as the gateway once had in all.
const MANY: usize = 1024;

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// A request whose body does not come.
fn without_its_body(address: &str, path: &str, more: &str) -> TcpStream {
    let mut stream = connect(address);
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n{more}\r\n00");
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

#[test]
fn a_thousand_unfinished_requests_keep_nobody_out() {
    raise_open_files(4 * MANY);
    let dir = folder();
    let gateway = Gateway::start(dir.path());
    let open: Vec<_> = (0..MANY)
        .map(|_| {
            let mut stream = connect(&gateway.http);
            stream.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n").unwrap();
            stream
        })
        .collect();
    let begun = Instant::now();
    assert_eq!(gateway.get("/health").status, 503, "the node has no chain yet");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(gateway.websocket("/lightning/v1", &[]), 4001, "a wallet gets in");
    drop(open);
}

/// More connections than the system gives files: the gateway keeps its own, and the log is no longer for it.
#[test]
fn where_files_are_few_idle_connections_shut_nobody_out() {
    raise_open_files(4 * MANY);
    let dir = folder();
    let mut few = Command::new("sh");
    let start = "ulimit -n 200; exec \"$0\" --config gateway.toml";
    few.args(["-c", start, env!("CARGO_BIN_EXE_amplet-gateway")]);
    let mut gateway = Gateway::spawn_as(few, dir.path());
    gateway.listen();
    let warned = gateway.wait_for_log("there will be fewer connections");
    assert!(warned.contains(r#""limit":200"#) && warned.contains("LimitNOFILE"), "{warned}");
    for said in ["trying again", "waits for its chain source", "wallets can keep backups here"] {
        gateway.wait_for_log(said);
    }
    let before = loud(&gateway);
    let idle: Vec<_> = (0..400).map(|_| connect(&gateway.http)).collect();
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(gateway.get("/health").status, 503, "the node has no chain yet");
        assert_eq!(gateway.admin("GET", "/admin/v1/info", None, None).json()["code"], "nodeDown");
    }
    assert_eq!(gateway.websocket("/lightning/v1", &[]), 4001, "a wallet gets in");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    std::thread::sleep(Duration::from_secs(2));
    let said = loud(&gateway) - before;
    assert!(said <= 1, "{said} lines:\n{}", gateway.log());
    gateway.signal("TERM");
    assert_eq!(gateway.wait().code(), Some(0));
    drop(idle);
}

/// Lines that an operator sees by default.
fn loud(gateway: &Gateway) -> usize {
    gateway.log().lines().filter(|line| !line.contains(r#""level":"DEBUG""#)).count()
}

/// What a wallet costs that is connected and says nothing. Most of it was a buffer to read into.
#[test]
fn an_idle_wallet_costs_little_memory() {
    const WALLETS: usize = 400;
    let regtest = RegtestGateway::up("max_connections_per_ip = 1000");
    let open = |count: usize| -> Vec<_> {
        (0..count).map(|_| regtest.gateway.upgraded("/lightning/v1", &[])).collect()
    };
    let connected = || {
        let info = regtest.ask("GET", "/admin/v1/info", &serde_json::json!({}));
        usize::try_from(info["connections"].as_u64().unwrap()).unwrap()
    };
    // What is allocated once is there before.
    let first = open(100);
    assert!(connected() > 0);
    let (before, had) = (regtest.gateway.resident_bytes(), connected());
    let more = open(WALLETS);
    let (after, has) = (regtest.gateway.resident_bytes(), connected());
    assert!(has >= had + WALLETS / 2, "the node hung up on those that it did not know: {has}");
    let each = after.saturating_sub(before) / (has - had) / 1000;
    assert!(each <= 60, "{each} kB for each idle wallet");
    drop((first, more));
}

/// LDK would go through it for every message of another.
#[test]
fn a_websocket_that_says_nothing_never_reaches_the_node() {
    let regtest = RegtestGateway::up("");
    assert_eq!(regtest.gateway.websocket("/lightning/v1", &[]), 4006, "the node itself says 1000");
}

/// As behind the reverse proxy that the README asks for: every connection comes from one address.
#[test]
fn a_client_of_a_trusted_proxy_has_its_own_share_of_requests() {
    let dir = folder();
    configure(dir.path(), "trusted_proxies = [\"127.0.0.1\"]");
    let gateway = Gateway::start(dir.path());
    let held: Vec<_> = (0..64)
        .map(|_| without_its_body(&gateway.http, "/admin-like", "X-Forwarded-For: 192.0.2.1\r\n"))
        .collect();
    let from = |ip: &str| gateway.get_with("/status", &[&format!("X-Forwarded-For: {ip}")]);
    assert_ne!(from("192.0.2.1").status, 429, "what is answered at once is not held");
    drop(held);
    let held: Vec<_> =
        (0..64).map(|_| without_its_body(&gateway.http, "/tx", "X-Forwarded-For: 192.0.2.1\r\n")).collect();
    // All but four are answered although their bodies never come.
    assert_eq!(statuses(&held, 60), [429; 60]);
    assert_eq!(from("192.0.2.2").status, 503, "another client has its own");
    for path in ["/health", "/lightning/v1"] {
        let answer = gateway.get_with(path, &["X-Forwarded-For: 192.0.2.1"]);
        assert_ne!(answer.status, 429, "{path}");
    }
}
