//! Webhooks: signed, told until they are heard, also over a power cut, and nowhere that they must not go.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use bitcoin::hashes::{Hash, HashEngine, Hmac, HmacEngine, sha256};
use serde_json::{Value, json};

use super::network::{Key, MerchantNetwork, expect, refused};

/// A site's server that takes calls.
struct Site {
    url: String,
    calls: Receiver<Heard>,
    /// Answer of the server.
    status: Arc<AtomicU16>,
}

struct Heard {
    event: String,
    signature: String,
    body: String,
}

impl Heard {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn check(&self, secret: &str) {
        let (at, given) = self.signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
        let mut engine = HmacEngine::<sha256::Hash>::new(secret.as_bytes());
        engine.input(format!("{at}.{}", self.body).as_bytes());
        assert_eq!(format!("{:x}", Hmac::<sha256::Hash>::from_engine(engine)), given);
        assert_eq!(self.json()["id"], self.event.as_str());
    }
}

impl Site {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (sender, calls) = channel();
        let status = Arc::new(AtomicU16::new(200));
        let answers = Arc::clone(&status);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A gateway that is killed breaks off in the middle.
                let heard = take(stream.unwrap(), answers.load(Ordering::SeqCst));
                if heard.is_some_and(|heard| sender.send(heard).is_err()) {
                    return;
                }
            }
        });
        Self { url, calls, status }
    }

    fn next(&self) -> Heard {
        self.calls.recv_timeout(Duration::from_secs(60)).unwrap()
    }
}

/// A whole call; `None` when it was broken off.
fn take(stream: TcpStream, status: u16) -> Option<Heard> {
    let mut reader = BufReader::new(stream);
    let (mut event, mut signature, mut length) = (String::new(), String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim().split_once(": ") else {
            if line.trim().is_empty() {
                break;
            }
            assert!(line.starts_with("POST /hook HTTP/1.1"), "{line}");
            continue;
        };
        match name.to_lowercase().as_str() {
            "amplet-event" => event = value.into(),
            "amplet-signature" => signature = value.into(),
            "content-length" => length = value.parse().unwrap(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    reader.into_inner().write_all(answer.as_bytes()).ok()?;
    Some(Heard { event, signature, body: String::from_utf8(body).unwrap() })
}

#[test]
fn sites_are_called_until_they_hear() {
    let network = MerchantNetwork::new();
    let key = network.key(&["invoices:create", "invoices:read", "webhooks"], json!({ "account": "shop" }));
    let site = Site::start();
    let hook = json!({ "url": site.url, "events": ["invoice.paid", "ping"] });
    let made = expect(&key.post("/v1/webhooks", &hook), 201);
    let secret = made["secret"].as_str().unwrap().to_owned();
    told_of_a_payment(&network, &key, &site, &secret);
    told_again(&network, &key, &site, &secret);
    told_of_one_invoice(&network, &key);
    tried_and_removed(&network, &key, &site, &made);
}

fn told_of_a_payment(network: &MerchantNetwork, key: &Key, site: &Site, secret: &str) {
    let invoice = key.invoice(&json!({ "amountMsat": "3000", "metadata": { "order": "1" } }));
    network.pay(&invoice["invoice"]);
    let heard = site.next();
    heard.check(secret);
    let event = heard.json();
    assert_eq!(event["type"], "invoice.paid");
    assert_eq!(event["data"], key.look(&invoice["paymentHash"]));
    assert_eq!((&event["data"]["state"], &event["data"]["metadata"]["order"]), (&json!("paid"), &json!("1")));
}

/// The site is broken, then the gateway is: the same event comes until it is taken.
fn told_again(network: &MerchantNetwork, key: &Key, site: &Site, secret: &str) {
    site.status.store(500, Ordering::SeqCst);
    let invoice = key.invoice(&json!({ "amountMsat": "4000" }));
    network.pay(&invoice["invoice"]);
    let first = site.next();
    let second = site.next();
    assert_eq!((&first.event, &first.body), (&second.event, &second.body));
    let usage = || expect(&key.get("/v1/webhooks"), 200)["webhooks"][0].clone();
    assert_eq!(usage()["waiting"], 1);
    assert!(usage()["lastAttempt"]["error"].as_str().unwrap().contains("500"), "{}", usage());
    network.restart();
    site.status.store(204, Ordering::SeqCst);
    let deadline = Instant::now() + Duration::from_secs(120);
    while usage()["waiting"] != 0 {
        assert!(Instant::now() < deadline, "the call is not made: {}", usage());
        std::thread::sleep(Duration::from_millis(50));
    }
    let all: Vec<Heard> = site.calls.try_iter().collect();
    assert!(all.iter().all(|heard| heard.event == first.event));
    let last = all.last().unwrap();
    last.check(secret);
    assert_eq!(last.body, first.body);
    assert_eq!(usage()["lastAttempt"]["error"], Value::Null);
}

/// The URL of an invoice is called with the key's secret.
fn told_of_one_invoice(network: &MerchantNetwork, key: &Key) {
    let site = Site::start();
    let other = network.key(&["invoices:create"], json!({ "account": "quiet" }));
    let invoice = other.invoice(&json!({ "amountMsat": "1000", "webhookUrl": site.url }));
    network.pay(&invoice["invoice"]);
    let heard = site.next();
    heard.check(&other.webhook_secret);
    assert_eq!(heard.json()["data"]["paymentHash"], invoice["paymentHash"]);
    let body = json!({ "amountMsat": "1000", "webhookUrl": "ftp://shop.example" });
    assert_eq!(refused(&key.post("/v1/invoices", &body), 400), "invalidInput");
}

fn tried_and_removed(network: &MerchantNetwork, key: &Key, site: &Site, made: &Value) {
    let path = format!("/v1/webhooks/{}", made["id"].as_str().unwrap());
    let ping = format!("{path}/ping");
    assert_eq!(key.post(&ping, &json!({})).status, 202);
    let heard = site.next();
    heard.check(made["secret"].as_str().unwrap());
    assert_eq!(heard.json()["type"], "ping");
    let stranger = network.key(&["webhooks"], json!({ "account": "other" }));
    assert_eq!(refused(&stranger.post(&ping, &json!({})), 404), "notFound");
    assert_eq!(refused(&stranger.send("DELETE", &path, &[], None), 404), "notFound");
    assert_eq!(expect(&stranger.get("/v1/webhooks"), 200), json!({ "webhooks": [] }));
    assert!(!key.get("/v1/webhooks").body.contains("whsec_"), "a list shows no secret");
    assert_eq!(key.send("DELETE", &path, &[], None).status, 204);
    assert_eq!(refused(&key.send("DELETE", &path, &[], None), 404), "notFound");
    for bad in ["", "/hook", "ftp://shop.example/", "https://user:pass@shop.example/"] {
        assert_eq!(refused(&key.post("/v1/webhooks", &json!({ "url": bad })), 400), "invalidInput", "{bad}");
    }
}
