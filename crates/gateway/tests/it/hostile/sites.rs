//! Sites that share a gateway, and keys that are taken away.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::merchant::network::{Key, expect, refused};
use crate::wallets::RegtestGateway;

const SITES: &str = "[merchant]\nprivate_webhooks = true";

fn key(regtest: &RegtestGateway, scopes: &[&str], more: Value) -> Key {
    let mut body = json!({ "name": "test", "scopes": scopes });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = regtest.ask("POST", "/admin/v1/keys", &body);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let http = regtest.gateway.http.clone();
    Key { http, id: text("id"), token: text("token"), webhook_secret: text("webhookSecret") }
}

/// A site's server; one that `hangs` never answers.
fn site(hangs: bool) -> (String, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, calls) = channel();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            if sender.send(()).is_err() {
                return;
            }
            if hangs {
                held.push(stream);
                continue;
            }
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let _ = stream.write_all(b"HTTP/1.1 204 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    (url, calls)
}

#[test]
fn a_site_that_hangs_does_not_hold_up_the_webhooks_of_another() {
    let regtest = RegtestGateway::up(SITES);
    let ping = |account: &str, url: &str, times: usize| {
        let key = key(&regtest, &["webhooks"], json!({ "account": account }));
        let hook = expect(&key.post("/v1/webhooks", &json!({ "url": url })), 201);
        let path = format!("/v1/webhooks/{}/ping", hook["id"].as_str().unwrap());
        for _ in 0..times {
            assert_eq!(key.post(&path, &json!({})).status, 202);
        }
    };
    let (hung, calls) = site(true);
    ping("first", &hung, 40);
    let (healthy, answered) = site(false);
    ping("second", &healthy, 1);
    answered.recv_timeout(Duration::from_secs(120)).unwrap();
    // In one queue for all, the other account's 40 calls come first.
    let begun = calls.try_iter().count();
    assert!(begun < 20, "{begun} calls of the other account came first");
}

#[test]
fn what_waits_ends_with_its_key() {
    let regtest = RegtestGateway::up(SITES);
    let scopes = ["invoices:create", "invoices:read", "sessions:create", "sessions:read"];
    let key = key(&regtest, &scopes, json!({}));
    let invoice = key.invoice(&json!({ "amountMsat": "1000" }));
    let session = expect(&key.post("/v1/sessions", &json!({})), 201);
    let hash = invoice["paymentHash"].as_str().unwrap();
    let mut stream = TcpStream::connect(&regtest.gateway.http).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    let head = format!(
        "GET /v1/invoices/{hash}/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\r\n",
        key.token
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("data: ")), "the first event");
    let waits = [
        format!("/v1/invoices/{hash}?waitSecs=60"),
        format!("/v1/sessions/{}?waitSecs=60", session["id"].as_str().unwrap()),
    ];
    std::thread::scope(|scope| {
        let asked: Vec<_> = waits.iter().map(|path| scope.spawn(|| key.get(path))).collect();
        // They wait: a request that comes later is answered.
        for _ in 0..10 {
            key.look(&invoice["paymentHash"]);
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(
            regtest.gateway.admin("DELETE", &format!("/admin/v1/keys/{}", key.id), None, None).status,
            204
        );
        for answer in asked {
            assert_eq!(refused(&answer.join().unwrap(), 401), "unauthorized");
        }
    });
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert!(rest.iter().all(|line| !line.starts_with("data: ")), "{rest:?}");
    assert_eq!(rest.last().map(String::as_str), Some(""), "the stream ended as a whole: {rest:?}");
}

#[test]
fn an_amount_given_for_an_invoice_without_one_is_held_to_the_limit() {
    let regtest = RegtestGateway::up(SITES);
    let spending = json!({ "spending": { "totalMsat": "100000000" } });
    let key = key(&regtest, &["invoices:create", "payments:send"], spending);
    let invoice = key.invoice(&json!({}))["invoice"].clone();
    let body = json!({ "invoice": invoice, "amountMsat": "50001000", "maxAmountMsat": "50000000" });
    let answer = key.post("/v1/payments", &body);
    assert_eq!(refused(&answer, 409), "limitExceeded");
    assert!(answer.json()["message"].as_str().unwrap().contains("maxAmountMsat"), "{}", answer.body);
    let within = json!({ "invoice": invoice, "amountMsat": "50000000", "maxAmountMsat": "50000000" });
    assert!(!key.post("/v1/payments", &within).body.contains("maxAmountMsat"));
}

#[test]
fn what_a_name_leads_to_is_not_told_to_who_asks() {
    let regtest = RegtestGateway::up("");
    let key = key(&regtest, &["webhooks"], json!({}));
    let mut said = Vec::new();
    // A name that is not there, and one that leads to this machine.
    for url in ["https://db.internal.invalid/hook", "https://localhost/hook"] {
        let hook = expect(&key.post("/v1/webhooks", &json!({ "url": url })), 201);
        let path = format!("/v1/webhooks/{}", hook["id"].as_str().unwrap());
        assert_eq!(key.post(&format!("{path}/ping"), &json!({})).status, 202);
        let end = Instant::now() + Duration::from_secs(60);
        let error = loop {
            let hooks = expect(&key.get("/v1/webhooks"), 200);
            let mine = hooks["webhooks"]
                .as_array()
                .unwrap()
                .iter()
                .find(|it| it["id"] == hook["id"])
                .unwrap()
                .clone();
            if let Some(error) = mine["lastAttempt"]["error"].as_str() {
                break error.to_owned();
            }
            assert!(Instant::now() < end, "not tried: {mine}");
            std::thread::sleep(Duration::from_millis(50));
        };
        assert_eq!(key.send("DELETE", &path, &[], None).status, 204);
        said.push(error);
    }
    assert_eq!(said[0], said[1], "the two are told apart");
    for detail in ["lookup", "dns", "refused", "os error", "127.0.0.1"] {
        assert!(!said[0].to_lowercase().contains(detail), "{}", said[0]);
    }
}
