//! The door: who gets in, what is said to whom.

use amplet_vss::messages::{ErrorCode, ErrorResponse, GetObjectRequest};
use amplet_vss::{MAX_BODY_BYTES, Message};
use serde_json::json;

use super::client::{get, header, item, post, put, write};
use super::cluster::Cluster;
use crate::harness::{Gateway, configure, folder, request};

fn started(more: &str) -> (tempfile::TempDir, Gateway) {
    let dir = folder();
    configure(dir.path(), more);
    let mut gateway = Gateway::start(dir.path());
    gateway.wait_for_log("wallets can keep backups here");
    (dir, gateway)
}

#[test]
fn a_key_opens_its_own_store_and_nothing_else() {
    let (_dir, gateway) = started("");
    assert_eq!(put(&gateway.http, &write(Some(0), vec![item("a", "1", 0)])), Some((200, Some(1))));
    assert_eq!(get(&gateway.http, 1, "a"), (200, Some(item("a", "1", 1))));
    assert_eq!(get(&gateway.http, 2, "a"), (404, None));
    assert_eq!(put(&gateway.http, &write(Some(0), vec![item("a", "2", 1)])), Some((409, None)));
    let day = 24 * 3600;
    let own = header(1, 0);
    let (key, rest) = (&header(2, 0)[..66], &own[66..]);
    for (authorization, status) in [
        (String::new(), 401),
        ("Bearer x".into(), 401),
        (format!("{key}{rest}"), 401),
        (header(1, day + 60), 401),
        (header(1, day - 60), 404),
    ] {
        let body = GetObjectRequest { store_id: "s".into(), key: "b".into(), ..GetObjectRequest::default() };
        let answer = post(&gateway.http, "getObject", &authorization, &body.encode_to_vec()).unwrap();
        assert_eq!(answer.0, status, "{authorization}");
        let code = ErrorResponse::decode(answer.1.as_slice()).unwrap().error_code();
        let expected = if status == 401 { ErrorCode::AuthException } else { ErrorCode::NoSuchKeyException };
        assert_eq!(code, expected);
    }
}

#[test]
fn what_is_wrong_with_a_request_is_said() {
    let (_dir, gateway) = started("");
    for (operation, status) in [("putObjects", 400), ("getObject", 400), ("other", 400)] {
        assert_eq!(post(&gateway.http, operation, &header(1, 0), &[0xff; 9]).unwrap().0, status);
    }
    let large = write(None, vec![item("a", vec![0; MAX_BODY_BYTES], 0)]).encode_to_vec();
    let most = write(None, vec![item("a", vec![7; MAX_BODY_BYTES - 64], 0)]);
    assert_eq!(put(&gateway.http, &most), Some((200, Some(1))));
    let refused = post(&gateway.http, "putObjects", &header(1, 0), &large);
    assert!(refused.is_none_or(|(status, _)| status == 413));
    assert_eq!(get(&gateway.http, 1, "a").1.unwrap().value.len(), MAX_BODY_BYTES - 64);
}

#[test]
fn pages_of_every_origin_may_ask_and_learn_what_is_offered() {
    let (_dir, gateway) = started("[backup]\nmax_mib_per_wallet = 3\nmax_keys_per_wallet = 1000\n");
    let info = gateway.get("/vss/v1/info");
    assert_eq!((info.status, info.header("access-control-allow-origin")), (200, Some("*")));
    assert_eq!(info.json(), json!({ "takesNew": true, "maxBytes": 3 << 20, "maxKeys": 1000 }));
    let preflight = request(&gateway.http, "OPTIONS", "/vss/v1/putObjects", &["Origin: https://x"], None);
    assert_eq!(preflight.status, 204);
    assert!(preflight.header("access-control-allow-headers").unwrap().contains("authorization"));
    let refused = request(&gateway.http, "POST", "/vss/v1/putObjects", &["Origin: https://x"], None);
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (401, Some("*")));
    assert_eq!(refused.header("vss-protocol-version"), Some("0"));
}

#[test]
fn the_check_connects_to_postgresql() {
    let mut cluster = Cluster::start();
    let dir = folder();
    let check = |url: &str| {
        configure(dir.path(), &format!("[backup]\npostgres = \"{url}\"\n"));
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_amplet-gateway"));
        let output =
            command.args(["check", "--config", "gateway.toml"]).current_dir(dir.path()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (_, err) = check(&cluster.url());
    assert!(!err.contains("postgres"), "{err}");
    let (code, err) = check(&cluster.url().replace("/postgres?", "/nothing?"));
    assert!(code == Some(2) && err.contains("\"nothing\" does not exist; check that it runs"), "{err}");
    let (code, err) = check("postgres://me:secret@/x");
    assert!(code == Some(2) && err.contains("backup.postgres") && err.contains("names no host"), "{err}");
    cluster.stop();
    let (code, err) = check(&cluster.url());
    assert!(code == Some(2) && err.contains("[backup] postgres: "), "{err}");
}

#[test]
fn backups_can_be_switched_off() {
    let dir = folder();
    configure(dir.path(), "[backup]\nenabled = false\n");
    let gateway = Gateway::start(dir.path());
    assert_eq!(gateway.get("/vss/v1/info").status, 404);
    assert!(!dir.path().join("data/backup.sqlite").exists());
}

#[test]
fn postgresql_may_come_later_and_go_away() {
    let mut cluster = Cluster::start();
    cluster.stop();
    let dir = folder();
    configure(dir.path(), &format!("[backup]\npostgres = \"{}\"\n", cluster.url()));
    let mut gateway = Gateway::start(dir.path());
    let line = gateway.wait_for_log("backups of wallets cannot be opened");
    assert!(line.contains("check that it runs"), "{line}");
    let first = write(Some(0), vec![item("a", "1", 0)]);
    assert_eq!(put(&gateway.http, &first), Some((503, None)));
    assert!(gateway.get("/health").body.contains(r#""code":"backup""#));
    cluster.resume();
    gateway.wait_for_log("wallets can keep backups here");
    assert_eq!(put(&gateway.http, &first), Some((200, Some(1))));
    assert!(!gateway.get("/health").body.contains(r#""code":"backup""#));
    assert!(!dir.path().join("data/backup.sqlite").exists());
    cluster.stop();
    let second = write(Some(1), vec![item("a", "2", 1)]);
    assert_eq!(put(&gateway.http, &second).unwrap().0, 500);
    assert!(gateway.get("/health").body.contains(r#""code":"backup""#));
    cluster.resume();
    assert_eq!(put(&gateway.http, &second), Some((200, Some(2))));
    assert!(!gateway.get("/health").body.contains(r#""code":"backup""#));
}
