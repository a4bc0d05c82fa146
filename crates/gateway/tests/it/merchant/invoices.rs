//! Invoices: made once, paid, listed, waited for, kept over a power cut.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::network::{Key, MerchantNetwork, expect, refused};

#[test]
fn sites_make_invoices_and_learn_that_they_are_paid() {
    let network = MerchantNetwork::new();
    let key = network.key(&["invoices:create", "invoices:read"], json!({ "account": "shop" }));
    made_looked_up_and_paid(&network, &key);
    waited_for(&network, &key);
    followed(&network, &key);
    bad_requests(&key);
    made_once(&network, &key);
    listed(&network, &key);
    accounts_and_scopes(&network, &key);
    the_command_line(&network);
}

fn made_looked_up_and_paid(network: &MerchantNetwork, key: &Key) {
    let order = json!({ "order": "17", "größe": "XL" });
    let body = json!({ "amountMsat": "1500", "description": "Käse", "expirySecs": 600, "metadata": order });
    let made = key.invoice(&body);
    assert_eq!((&made["state"], &made["amountMsat"]), (&json!("open"), &json!("1500")));
    assert_eq!((&made["description"], &made["metadata"]), (&json!("Käse"), &order));
    // Two clocks are read, one after the other.
    let expires_in = made["expiresAt"].as_u64().unwrap() - made["createdAt"].as_u64().unwrap();
    assert!((600..=660).contains(&expires_in), "{expires_in}");
    assert!(made["invoice"].as_str().unwrap().starts_with("lnbcrt"));
    assert_eq!(key.look(&made["paymentHash"]), made);
    network.pay(&made["invoice"]);
    let paid = key.look(&made["paymentHash"]);
    assert_eq!((&paid["state"], &paid["receivedMsat"]), (&json!("paid"), &json!("1500")));
    assert!(paid["paidAt"].as_u64().unwrap() >= paid["createdAt"].as_u64().unwrap());
    assert_eq!(paid["metadata"], order);
}

fn waited_for(network: &MerchantNetwork, key: &Key) {
    let made = key.invoice(&json!({ "amountMsat": "1000" }));
    let path = format!("/v1/invoices/{}?waitSecs=60", made["paymentHash"].as_str().unwrap());
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..3).map(|_| scope.spawn(|| expect(&key.get(&path), 200))).collect();
        network.pay(&made["invoice"]);
        for answer in waiting {
            assert_eq!(answer.join().unwrap()["state"], "paid");
        }
    });
    assert_eq!(expect(&key.get(&path), 200)["state"], "paid", "what is decided is not waited for");
    let short = key.invoice(&json!({ "expirySecs": 1 }));
    let path = format!("/v1/invoices/{}?waitSecs=60", short["paymentHash"].as_str().unwrap());
    assert_eq!(expect(&key.get(&path), 200)["state"], "expired");
    let open = key.invoice(&json!({}));
    let path = format!("/v1/invoices/{}?waitSecs=1", open["paymentHash"].as_str().unwrap());
    assert_eq!(expect(&key.get(&path), 200)["state"], "open");
}

fn followed(network: &MerchantNetwork, key: &Key) {
    let made = key.invoice(&json!({ "amountMsat": "1000" }));
    let hash = made["paymentHash"].as_str().unwrap();
    let mut stream = TcpStream::connect(network.http()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let token = &key.token;
    let head = format!(
        "GET /v1/invoices/{hash}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines();
    let mut next = |what: &str| -> Value {
        loop {
            let line = lines.next().unwrap_or_else(|| panic!("the stream ended before {what}")).unwrap();
            if let Some(data) = line.strip_prefix("data: ") {
                return serde_json::from_str(data).unwrap();
            }
        }
    };
    assert_eq!(next("the first event"), made);
    network.pay(&made["invoice"]);
    assert_eq!(next("the payment")["state"], "paid");
    let rest: Vec<String> =
        lines.take_while(|line| line.as_ref().is_ok_and(|line| line != "0")).flatten().collect();
    assert!(!rest.iter().any(|line| line.starts_with("data: ")), "more after the end: {rest:?}");
}

fn bad_requests(key: &Key) {
    for body in [
        json!({ "amountMsat": "0" }),
        json!({ "amountMsat": "1.5" }),
        json!({ "amountMsat": "2100000000000000001" }),
        json!({ "description": "x".repeat(640) }),
        json!({ "expirySecs": 0 }),
        json!({ "expirySecs": 31_536_001 }),
        json!({ "amount": "1" }),
        json!({ "metadata": { "": "x" } }),
        json!({ "metadata": { "x": "y".repeat(501) } }),
        json!({ "metadata": { "x": 1 } }),
        json!([]),
    ] {
        assert_eq!(refused(&key.post("/v1/invoices", &body), 400), "invalidInput", "{body}");
    }
    let many: Value = (0..21).map(|n| (n.to_string(), json!("x"))).collect::<serde_json::Map<_, _>>().into();
    assert_eq!(refused(&key.post("/v1/invoices", &json!({ "metadata": many })), 400), "invalidInput");
    let hash = "ab".repeat(32);
    for path in [
        format!("/v1/invoices/{hash}?waitSecs=61"),
        format!("/v1/invoices/{hash}?waitSecs=x"),
        format!("/v1/invoices/{hash}?wait=1"),
        "/v1/invoices?limit=0".into(),
        "/v1/invoices?limit=101".into(),
        "/v1/invoices?cursor=xyz".into(),
    ] {
        assert_eq!(refused(&key.get(&path), 400), "invalidInput", "{path}");
    }
    for path in
        [format!("/v1/invoices/{hash}"), format!("/v1/invoices/{hash}/events"), "/v1/invoices/x".into()]
    {
        assert_eq!(refused(&key.get(&path), 404), "notFound", "{path}");
    }
    let large = json!({ "description": "x".repeat(70_000) });
    assert_eq!(refused(&key.post("/v1/invoices", &large), 413), "tooLarge");
}

/// The same request under the same key is done once: again, at once, and after a power cut.
fn made_once(network: &MerchantNetwork, key: &Key) {
    let body = json!({ "amountMsat": "7000", "metadata": { "order": "18" } });
    let made = std::thread::scope(|scope| {
        let racers: Vec<_> =
            (0..8).map(|_| scope.spawn(|| key.post_once("/v1/invoices", "order 18", &body))).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(made.iter().filter(|answer| answer.status == 201).count(), 1);
    let first = made[0].json();
    for answer in &made {
        assert_eq!(answer.json()["paymentHash"], first["paymentHash"]);
        assert_eq!(answer.status == 200, answer.header("idempotent-replayed") == Some("true"));
    }
    let other = json!({ "amountMsat": "7001", "metadata": { "order": "18" } });
    let mismatch = || refused(&key.post_once("/v1/invoices", "order 18", &other), 409);
    assert_eq!(mismatch(), "idempotencyMismatch");
    network.restart();
    let again = expect(&key.post_once("/v1/invoices", "order 18", &body), 200);
    assert_eq!(again, first, "it survives a power cut");
    assert_eq!(mismatch(), "idempotencyMismatch");
    let third = expect(&key.post_once("/v1/invoices", "order 19", &body), 201);
    assert_ne!(third["paymentHash"], first["paymentHash"]);
    network.pay(&first["invoice"]);
    assert_eq!(expect(&key.post_once("/v1/invoices", "order 18", &body), 200)["state"], "paid");
    for bad in ["", "\u{e4}", &"x".repeat(256)] {
        assert_eq!(refused(&key.post_once("/v1/invoices", bad, &body), 400), "invalidInput");
    }
}

fn listed(network: &MerchantNetwork, key: &Key) {
    let lister = network.key(&["invoices:read"], json!({ "account": "list" }));
    let maker = network.key(&["invoices:create"], json!({ "account": "list" }));
    assert_eq!(expect(&lister.get("/v1/invoices"), 200), json!({ "invoices": [], "nextCursor": null }));
    let made: Vec<Value> = (1..=5)
        .map(|n: u32| maker.invoice(&json!({ "amountMsat": (n * 1000).to_string() }))["paymentHash"].clone())
        .collect();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = expect(&lister.get(&format!("/v1/invoices?limit=2{cursor}")), 200);
        let invoices = page["invoices"].as_array().unwrap();
        assert!(invoices.len() <= 2);
        seen.extend(invoices.iter().map(|invoice| invoice["paymentHash"].clone()));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    seen.reverse();
    assert_eq!(seen, made, "the newest first, each once, only those of the account");
    assert!(expect(&key.get("/v1/invoices"), 200)["invoices"].as_array().unwrap().len() > 5);
}

fn accounts_and_scopes(network: &MerchantNetwork, key: &Key) {
    let mine = key.invoice(&json!({}));
    let path = format!("/v1/invoices/{}", mine["paymentHash"].as_str().unwrap());
    let stranger = network.key(&["invoices:create", "invoices:read"], json!({ "account": "other" }));
    assert_eq!(refused(&stranger.get(&path), 404), "notFound");
    let colleague = network.key(&["invoices:read"], json!({ "account": "shop" }));
    assert_eq!(colleague.get(&path).status, 200);
    assert_eq!(refused(&colleague.post("/v1/invoices", &json!({})), 403), "forbidden");
    let maker = network.key(&["invoices:create"], json!({ "account": "shop" }));
    assert_eq!(refused(&maker.get(&path), 403), "forbidden");
    assert_eq!(refused(&maker.get("/v1/invoices"), 403), "forbidden");
    assert_eq!(refused(&key.post("/v1/payments", &json!({ "invoice": "x" })), 403), "forbidden");
    // The same idempotency key in two accounts is two.
    let body = json!({ "amountMsat": "7000", "metadata": { "order": "18" } });
    assert_eq!(stranger.post_once("/v1/invoices", "order 18", &body).status, 201);
}

/// `amplet-gateway keys`, against the running gateway.
fn the_command_line(network: &MerchantNetwork) {
    let log = network.nodes.gateways[0].describe()["log"].as_str().unwrap().to_owned();
    let config = std::path::Path::new(&log).with_file_name("gateway.toml");
    let run = |words: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_amplet-gateway"));
        let output = command.args(["keys", "--config"]).arg(&config).args(words).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code(), said)
    };
    let (code, said) =
        run(&["add", "--name", "till", "--scope", "invoices:create", "--scope", "invoices:read"]);
    assert_eq!(code, Some(0), "{said}");
    let token = said.split_whitespace().find(|word| word.starts_with("amplet_")).unwrap();
    let id = token.split('_').nth(1).unwrap();
    let key = Key { token: token.into(), ..network.key(&["invoices:read"], json!({})) };
    let path = format!("/v1/invoices/{}", key.invoice(&json!({}))["paymentHash"].as_str().unwrap());
    let (_, list) = run(&["list"]);
    let line = list.lines().find(|line| line.starts_with(id)).unwrap();
    assert!(line.ends_with("till") && line.contains("invoices:create,invoices:read"), "{line}");
    assert!(!list.contains(token), "a list shows no secret");
    assert_eq!(run(&["revoke", id]).0, Some(0));
    assert_eq!(refused(&key.get(&path), 401), "unauthorized");
    assert!(run(&["list"]).1.lines().any(|line| line.starts_with(id) && line.ends_with("revoked")));
    let (code, said) = run(&["revoke", "000000000000"]);
    assert!(code == Some(1) && said.contains("no key of that id"), "{said}");
    let (code, said) = run(&["add", "--name", "x", "--scope", "payments:send"]);
    assert!(code == Some(1) && said.contains("perDayMsat"), "{said}");
    let (code, said) = run(&["add", "--name", "x", "--scope", "everything"]);
    assert!(code == Some(2) && said.contains("invoices:create"), "{said}");
    network.restart();
    assert_eq!(refused(&key.get(&path), 401), "unauthorized");
}
