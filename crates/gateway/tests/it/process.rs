//! A running gateway whose bitcoind is not there: what it answers, and how it ends.

use std::time::Duration;

use serde_json::Value;

use crate::harness::{self, Gateway, folder};

#[test]
fn while_the_node_starts_everybody_is_told_so() {
    let dir = folder();
    let mut gateway = Gateway::start(dir.path());
    let health = gateway.get("/health");
    assert_eq!(health.status, 503);
    assert_eq!(health.header("access-control-allow-origin"), Some("*"));
    assert_eq!(health.header("cache-control"), Some("no-store"));
    let body: Value = serde_json::from_str(&health.body).unwrap();
    assert_eq!((body["node"].as_bool(), body["state"].as_str()), (Some(false), Some("starting")));
    assert_eq!(body["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(gateway.websocket("/lightning/v1", &[]), 4001);
    let info = gateway.admin("GET", "/admin/v1/info", None, None);
    assert_eq!(info.status, 503);
    assert_eq!(info.json()["code"], "nodeDown");
    gateway.signal("TERM");
    assert_eq!(gateway.wait().code(), Some(0));
}

/// Each place that asks for blocks says once what is the matter, however long it lasts.
#[test]
fn a_bitcoind_that_is_away_does_not_fill_the_log() {
    let dir = folder();
    let mut gateway = Gateway::start(dir.path());
    gateway.wait_for_log("a new node waits for its chain source");
    std::thread::sleep(Duration::from_secs(7));
    (0..10).for_each(|_| assert_eq!(gateway.get("/status").status, 503));
    let log = gateway.log();
    assert!(!log.contains(r#""level":"ERROR""#), "{log}");
    assert!(log.matches(r#""level":"WARN""#).count() <= 3, "{log}");
}

#[test]
fn the_admin_api_wants_its_token_and_names_what_is_wrong() {
    let dir = folder();
    let gateway = Gateway::start(dir.path());
    for token in [Some(""), Some("wrong"), Some(&"a1".repeat(31)), Some(&"a1".repeat(33))] {
        let answer = gateway.admin("GET", "/admin/v1/info", token, None);
        assert_eq!((answer.status, answer.json()["code"].as_str()), (401, Some("unauthorized")), "{token:?}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    let cases = [
        ("GET", "/admin/v1/nothing", None, 404, "notFound"),
        ("GET", "/", None, 404, "notFound"),
        ("PUT", "/admin/v1/info", None, 405, "methodNotAllowed"),
        ("POST", "/admin/v1/peers", Some("{"), 400, "invalidInput"),
        ("POST", "/admin/v1/peers", Some("{}"), 400, "invalidInput"),
        ("POST", "/admin/v1/peers", Some(r#"{"address": "x", "adress": "y"}"#), 400, "invalidInput"),
        ("POST", "/admin/v1/channels", Some(r#"{"peer": "x", "capacitySat": -1}"#), 400, "invalidInput"),
        ("POST", "/admin/v1/invoices", Some(r#"{"amountMsat": "1.5"}"#), 400, "invalidInput"),
        ("GET", "/admin/v1/payments/abc", None, 400, "invalidInput"),
        ("DELETE", "/admin/v1/channels/zz", None, 400, "invalidInput"),
        ("DELETE", &format!("/admin/v1/channels/{}?force=maybe", "00".repeat(32)), None, 400, "invalidInput"),
        ("POST", "/admin/v1/address", None, 503, "nodeDown"),
    ];
    for (method, path, body, status, code) in cases {
        let answer = gateway.admin(method, path, None, body);
        assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{method} {path}");
        assert!(answer.json()["message"].as_str().unwrap().contains(';'), "no remedy: {}", answer.body);
    }
    let large = format!(r#"{{"address": "{}"}}"#, "x".repeat(70_000));
    let answer = gateway.admin("POST", "/admin/v1/peers", None, Some(&large));
    assert_eq!((answer.status, answer.json()["code"].as_str()), (413, Some("tooLarge")));
    assert_eq!(gateway.get("/admin/v1/info").status, 404, "the admin API answers on its own address only");
}

#[test]
fn both_signals_end_it_cleanly_and_the_folder_is_free_again() {
    let dir = folder();
    for signal in ["TERM", "INT"] {
        let mut gateway = Gateway::start(dir.path());
        gateway.signal(signal);
        assert_eq!(gateway.wait().code(), Some(0));
        let log = gateway.log();
        assert!(log.contains(r#""message":"the gateway stops; a second signal ends it at once""#), "{log}");
        assert!(log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "not JSON lines: {log}");
    }
    assert!(!dir.path().join("data/node.sqlite-wal").exists(), "the database was not checkpointed");
}

#[test]
fn a_signal_that_is_sent_twice_ends_it_cleanly_and_a_hangup_not_at_all() {
    let dir = folder();
    let mut gateway = Gateway::start(dir.path());
    gateway.signal("HUP");
    gateway.wait_for_log("SIGHUP: the configuration was read again");
    assert_eq!(gateway.get("/health").status, 503);
    gateway.signal("TERM");
    gateway.signal("TERM");
    gateway.signal("INT");
    assert_eq!(gateway.wait().code(), Some(0), "{}", gateway.log());
    assert!(!dir.path().join("data/node.sqlite-wal").exists(), "the database was not checkpointed");
}

#[test]
fn data_that_is_gone_is_not_replaced_unless_that_is_asked_for() {
    let dir = folder();
    let mut gateway = Gateway::start(dir.path());
    gateway.wait_for_log("waits for its chain source");
    gateway.signal("TERM");
    gateway.wait();
    let (data, file) = (dir.path().join("data"), dir.path().join("data/node.sqlite"));
    let refuse = || {
        let mut gateway = Gateway::spawn(dir.path());
        assert_eq!(gateway.wait().code(), Some(5));
        let log = gateway.log();
        assert!(log.contains("mount it and start again") && log.contains("`--new`"), "{log}");
    };
    std::fs::remove_dir_all(&data).unwrap();
    refuse();
    assert!(!data.exists(), "nothing is written where a disk should be");
    std::fs::create_dir(&data).unwrap();
    refuse();
    std::fs::write(&file, "").unwrap();
    refuse();
    let mut gateway = Gateway::spawn_with(dir.path(), &["--new"]);
    gateway.wait_for_log("a new database is made");
    gateway.listen();
    gateway.signal("TERM");
    assert_eq!(gateway.wait().code(), Some(0));
    let mut gateway = Gateway::start(dir.path());
    gateway.wait_for_log("waits for its chain source");
    gateway.signal("TERM");
    gateway.wait();
    // Another seed has not been used.
    std::fs::remove_dir_all(&data).unwrap();
    harness::write_private(&dir.path().join("seed"), harness::OTHER_WORDS);
    let mut gateway = Gateway::start(dir.path());
    gateway.wait_for_log("a new database is made");
}

#[test]
fn damaged_data_is_named_with_what_can_be_done() {
    let dir = folder();
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("node.sqlite"), "not a database, and longer than nothing").unwrap();
    let mut gateway = Gateway::spawn(dir.path());
    assert_eq!(gateway.wait().code(), Some(5));
    let log = gateway.log();
    assert!(log.contains("is damaged") && log.contains("do not put an older copy in its place"), "{log}");
    assert!(!log.contains("restore the wallet"), "{log}");
}

#[test]
fn a_second_gateway_on_the_same_data_is_refused_and_the_first_not_disturbed() {
    let dir = folder();
    let mut first = Gateway::start(dir.path());
    let mut second = Gateway::spawn(dir.path());
    assert_eq!(second.wait().code(), Some(1));
    assert!(second.log().contains("another amplet-gateway uses the data folder"), "{}", second.log());
    assert_eq!(first.get("/health").status, 503);
    first.signal("TERM");
    assert_eq!(first.wait().code(), Some(0));
}

#[test]
fn another_seed_does_not_open_the_data() {
    let dir = folder();
    let mut gateway = Gateway::start(dir.path());
    gateway.wait_for_log("waits for its chain source");
    gateway.signal("TERM");
    gateway.wait();
    harness::write_private(&dir.path().join("seed"), harness::OTHER_WORDS);
    let mut other = Gateway::spawn(dir.path());
    assert_eq!(other.wait().code(), Some(5));
    assert!(other.log().contains("the words in seed_file are not those that"), "{}", other.log());
}

#[test]
fn a_taken_port_ends_it_with_the_remedy() {
    let dir = folder();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    harness::configure(dir.path(), &format!("[node]\nlisten = [\"{address}\"]"));
    let mut gateway = Gateway::spawn(dir.path());
    assert_eq!(gateway.wait().code(), Some(1));
    assert!(gateway.log().contains("stop it, or give another port"), "{}", gateway.log());
}

#[test]
fn slow_and_broken_clients_do_not_hold_it_up() {
    use std::io::Write;
    let dir = folder();
    let mut gateway = Gateway::start(dir.path());
    let open: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = std::net::TcpStream::connect(&gateway.http).unwrap();
            stream.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n").unwrap();
            stream
        })
        .collect();
    let mut garbage = std::net::TcpStream::connect(&gateway.http).unwrap();
    garbage.write_all(&[0x16, 0x03, 0x01, 0x00, 0xff, b'\r', b'\n', b'\r', b'\n']).unwrap();
    assert_eq!(gateway.get("/health").status, 503);
    gateway.signal("TERM");
    assert_eq!(gateway.wait_within(Duration::from_secs(20)).code(), Some(0));
    drop(open);
}

#[test]
fn the_web_wallet_is_served_with_its_policy() {
    let dir = folder();
    let www = dir.path().join("www");
    std::fs::create_dir_all(www.join("assets")).unwrap();
    std::fs::write(www.join("index.html"), "<!doctype html><title>wallet</title>").unwrap();
    std::fs::write(www.join("assets/app-1234.js"), "export {}").unwrap();
    std::fs::write(www.join("engine.wasm"), [0, 97, 115, 109]).unwrap();
    harness::configure(dir.path(), "www = \"www\"");
    let gateway = Gateway::start(dir.path());
    let page = gateway.get("/");
    assert_eq!((page.status, page.header("cache-control")), (200, Some("no-cache")));
    assert!(
        page.header("content-security-policy").unwrap().contains("script-src 'self' 'wasm-unsafe-eval';")
    );
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let script = gateway.get("/assets/app-1234.js");
    assert_eq!((script.status, script.header("content-type")), (200, Some("text/javascript")));
    assert!(script.header("cache-control").unwrap().contains("immutable"));
    assert_eq!(gateway.get("/engine.wasm").header("content-type"), Some("application/wasm"));
    let missing = gateway.get("/assets/app-9999.js");
    assert_eq!((missing.status, missing.header("cache-control")), (404, Some("no-cache")));
    for escape in ["/../seed", "/%2e%2e/seed", "/..%2fseed", "/assets/../../seed", "//etc/passwd"] {
        let answer = gateway.get(escape);
        assert!(!answer.body.contains("abandon") && answer.status != 200, "{escape}: {}", answer.status);
    }
    assert_eq!(gateway.get("/config.json").status, 503, "the node id is not known yet");
    std::fs::write(www.join("config.json"), r#"{"network":"regtest","gateways":[]}"#).unwrap();
    assert_eq!(gateway.get("/config.json").body, r#"{"network":"regtest","gateways":[]}"#);
}

#[test]
fn a_disk_that_is_nearly_full_is_told_before_it_is() {
    let dir = folder();
    let free =
        std::process::Command::new("df").args(["--output=avail", "-BM"]).arg(dir.path()).output().unwrap();
    let free = String::from_utf8(free.stdout).unwrap();
    let free: u64 = free.lines().last().unwrap().trim().trim_end_matches('M').parse().unwrap();
    for (warn_free_mib, risk) in [(2 * free, Some(false)), (20 * free, Some(true)), (free / 2, None)] {
        let file = dir.path().join("gateway.toml");
        harness::configure(dir.path(), "");
        let config = std::fs::read_to_string(&file).unwrap();
        harness::write_private(&file, &format!("warn_free_mib = {warn_free_mib}\n{config}"));
        let mut gateway = Gateway::start(dir.path());
        let health = gateway.get("/health").json();
        let problems = health["problems"].as_array().unwrap();
        let found = problems.iter().find(|problem| problem["code"] == "diskLow");
        assert_eq!(found.map(|problem| problem["moneyAtRisk"].as_bool().unwrap()), risk, "{health}");
        assert!(!health.to_string().contains("MiB"), "anybody may ask: no paths, {health}");
        if risk.is_some() {
            let line = gateway.wait_for_log("nearly full");
            assert!(line.contains("MiB are free at data") && line.contains("WARN"), "{line}");
        }
    }
}
