//! What an operator does with a gateway that runs: terms of forwarding, reports, the configuration read again, tokens, logs, writes.

use std::process::Command;

use amplet_protocol::Msat;
use amplet_protocol::page::{Payment, Request};
use amplet_wallet::{Response, Wallet};
use futures::future::join_all;
use serde_json::{Value, json};

use super::{RegtestGateway, connected, on_one_thread, until, words};
use crate::harness::{self, Answer, request, write_private};

/// A gateway on fixed ports.
pub(super) fn up(more: &str) -> RegtestGateway {
    let mut regtest = RegtestGateway::up(&format!("{more}\n[channels]\nopens_channels = true\n"));
    regtest.gateway.signal("TERM");
    regtest.gateway.wait();
    regtest.restart();
    regtest
}

impl RegtestGateway {
    /// Runs a command with the configuration; its exit code, output and errors.
    fn run(&self, command: &[&str], arguments: &[&str]) -> (i32, String, String) {
        let mut process = Command::new(env!("CARGO_BIN_EXE_amplet-gateway"));
        process.args(command).arg("--config").arg(self.dir.path().join("gateway.toml")).args(arguments);
        let output = process.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    /// Changes the configuration, and has it read again.
    pub(super) fn reload(&mut self, from: &str, to: &str) -> String {
        let file = self.dir.path().join("gateway.toml");
        let config = std::fs::read_to_string(&file).unwrap();
        assert!(config.contains(from), "{config}");
        write_private(&file, &config.replacen(from, to, 1));
        let before = self.gateway.log().len();
        self.gateway.signal("HUP");
        loop {
            let log = self.gateway.log();
            if log[before..].lines().any(|line| line.contains("SIGHUP: the configuration")) {
                // Another line may follow.
                std::thread::sleep(std::time::Duration::from_millis(300));
                return self.gateway.log()[before..].to_owned();
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    /// The channel with the wallet that opened so many before it.
    fn channel_of(&self, wallet: &str) -> Value {
        let channels = self.ask("GET", "/admin/v1/channels", &json!({}));
        let all = channels["channels"].as_array().unwrap();
        all.iter().find(|channel| channel["peer"] == wallet).unwrap().clone()
    }

    /// Two wallets with a channel of the gateway's each; the first has money in it.
    async fn two_wallets(&self) -> [(Wallet, String); 2] {
        self.fund(1_000_000);
        self.fund(1_000_000);
        let info = self.ask("GET", "/admin/v1/info", &json!({}));
        let (address, gateway) = (info["addresses"][0].as_str().unwrap(), info["nodeId"].as_str().unwrap());
        let mut wallets = Vec::new();
        for number in [1, 2] {
            let wallet = self.wallet_at(address.to_owned(), &words(number)).await;
            connected(&wallet).await;
            let known: Vec<Value> = wallets.iter().map(|(_, id): &(Wallet, String)| json!(id)).collect();
            let open = Request::RequestChannel { gateway: gateway.to_owned(), capacity_sat: 400_000 };
            wallet.request(open).await.unwrap();
            let id = until("a usable channel", async || {
                let channels = self.ask("GET", "/admin/v1/channels", &json!({}));
                let new = channels["channels"].as_array().unwrap().clone();
                let new = new.into_iter().find(|it| !known.contains(&it["peer"]) && it["usable"] == true)?;
                Some(new["peer"].as_str().unwrap().to_owned())
            });
            let id = id.await;
            wallets.push((wallet, id));
        }
        let invoice = ask(&wallets[0].0, 200_000_000).await;
        let admin = self.gateway.admin.clone();
        let paid = tokio::task::spawn_blocking(move || {
            let body = json!({ "invoice": invoice }).to_string();
            harness::admin_request(&admin, "POST", "/admin/v1/payments", &body)
        });
        assert_eq!(paid.await.unwrap().json()["state"], "succeeded");
        wallets.try_into().unwrap_or_else(|_| panic!())
    }

    fn with_token(&self, token: &str, method: &str, path: &str) -> Answer {
        self.gateway.admin(method, path, Some(token), None)
    }
}

pub(super) async fn ask(wallet: &Wallet, amount_msat: u32) -> String {
    let amount_msat = Some(Msat::from(amount_msat));
    let receive = Request::Receive {
        amount_msat,
        description: "in".into(),
        expiry_secs: None,
        amp: false,
        metadata: Default::default(),
        channel: Default::default(),
    };
    let Response::PaymentRequest(asked) = wallet.request(receive).await.unwrap() else { panic!() };
    asked.invoice
}

async fn pay(from: &Wallet, to: &Wallet, amount_msat: u32) -> Payment {
    let invoice = ask(to, amount_msat).await;
    let max_fee_msat = Some(Msat::from(100_000));
    let pay = Request::Pay { invoice, amount_msat: None, max_fee_msat, parts: None, authorization: None };
    match from.request(pay).await.unwrap() {
        Response::Payment(payment) if payment.preimage.is_some() => *payment,
        other => panic!("{other:?}"),
    }
}

#[test]
fn terms_of_forwarding_change_while_it_runs_and_what_they_earn_is_reported() {
    let mut regtest = up("");
    on_one_thread(async {
        let [(from, _), (to, to_id)] = regtest.two_wallets().await;
        let fee = async || {
            // The payee's invoices carry the new terms once its peer has told it.
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            pay(&from, &to, 10_000_000).await.fee_msat.unwrap().get()
        };
        assert_eq!(fee().await, 1_000 + 5_000, "the configuration's");
        let channel = regtest.channel_of(&to_id)["id"].as_str().unwrap().to_owned();

        let (code, out, err) = regtest.run(&["fees", "set"], &[&to_id, "--fee-ppm", "100"]);
        assert_eq!(code, 0, "{err}");
        assert!(out.contains("has these terms from now on"), "{out}");
        assert_eq!(fee().await, 1_000 + 1_000, "its peer's");
        let set = ["--fee-base-msat", "3", "--fee-ppm", "200", "--cltv-delta", "200"];
        assert_eq!(regtest.run(&["fees", "set"], &[&[channel.as_str()], &set[..]].concat()).0, 0);
        assert_eq!(fee().await, 3 + 2_000, "its own");
        let shown = regtest.channel_of(&to_id);
        assert_eq!(
            (&shown["feeBaseMsat"], &shown["feePpm"], &shown["cltvDelta"]),
            (&json!("3"), &json!(200), &json!(200))
        );
        let (_, list, _) = regtest.run(&["fees"], &["list"]);
        let expected = [
            "1000 msat + 500 ppm, 144 blocks  configuration".to_owned(),
            format!("3 msat + 200 ppm, 200 blocks  {channel}  channel with {to_id}"),
            format!("set: 100 ppm  {to_id}"),
            format!("set: 3 msat, 200 ppm, 200 blocks  {channel}"),
        ];
        assert!(expected.iter().all(|line| list.contains(line)), "{list}");

        regtest.gateway.signal("TERM");
        assert_eq!(regtest.gateway.wait().code(), Some(0));
        regtest.restart();
        until("the wallets", async || {
            let channels = regtest.ask("GET", "/admin/v1/channels", &json!({}));
            channels["channels"].as_array().unwrap().iter().all(|it| it["usable"] == true).then_some(())
        })
        .await;
        assert_eq!(fee().await, 3 + 2_000, "also after a restart");
        assert_eq!(regtest.run(&["fees", "clear"], &[&channel]).0, 0);
        assert_eq!(regtest.run(&["fees", "clear"], &[&to_id]).0, 0);
        let log = regtest.reload("opens_channels = true", "opens_channels = true\nfee_ppm = 50");
        assert!(log.contains("channels.fee_ppm"), "{log}");
        assert_eq!(fee().await, 1_000 + 500, "the configuration's, read again");

        let (code, csv, _) = regtest.run(&["forwards"], &["--csv", "--days", "2"]);
        let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
        assert_eq!((code, lines[0].join(",").as_str()), (0, "day,channel,payments,amount_msat,fee_msat"));
        let sum =
            |column: usize| -> u64 { lines[1..].iter().map(|it| it[column].parse::<u64>().unwrap()).sum() };
        assert!(lines[1..].iter().all(|it| it[0].len() == 10 && it[1] == channel), "{csv}");
        let earned = 6_000 + 2_000 + 2_003 + 2_003 + 1_500;
        assert_eq!([sum(2), sum(3), sum(4)], [5, 50_000_000, earned]);
        let (_, table, _) = regtest.run(&["forwards"], &[]);
        assert!(table.lines().last().unwrap().contains(&earned.to_string()), "{table}");
    });
}

#[test]
fn wrong_terms_are_refused_with_the_remedy() {
    let regtest = up("");
    let node = regtest.node_id();
    let unknown = "ab".repeat(32);
    for (of, terms, status, says) in [
        ("abc", json!({ "feePpm": 1 }), 400, "copy it again"),
        (&unknown, json!({ "feePpm": 1 }), 404, "lists them"),
        (&node, json!({}), 400, "give feeBaseMsat, feePpm or cltvDelta"),
        (&node, json!({ "feePpm": 1_000_001 }), 400, "choose 0 to 1000000"),
        (&node, json!({ "feeBaseMsat": "1000001" }), 400, "choose 0 to 1000000"),
        (&node, json!({ "cltvDelta": 143 }), 400, "choose 144 to 1008"),
        (&node, json!({ "cltvDelta": 1_009 }), 400, "choose 144 to 1008"),
        (&node, json!({ "fee": 1 }), 400, "README"),
    ] {
        let mut body = terms.clone();
        body["of"] = json!(of);
        let answer = regtest.gateway.admin("POST", "/admin/v1/fees", None, Some(&body.to_string()));
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(answer.status == status && message.contains(says), "{body}: {}", answer.body);
    }
    assert_eq!(regtest.gateway.admin("DELETE", &format!("/admin/v1/fees/{node}"), None, None).status, 404);
    for days in ["0", "401", "-1", "many"] {
        let path = format!("/admin/v1/forwards?days={days}");
        assert_eq!(regtest.gateway.admin("GET", &path, None, None).status, 400, "{days}");
    }
    for (command, arguments, expected) in [
        (&["fees", "set"][..], &["abc", "--fee-ppm", "1"][..], 1),
        (&["fees", "set"], &[node.as_str()], 2),
        (&["fees", "set"], &[node.as_str(), "--fee-ppm", "-1"], 2),
        (&["fees", "clear"], &[node.as_str()], 1),
        (&["fees"], &[], 2),
        (&["forwards"], &["--days", "0"], 1),
        (&["forwards"], &["--days", "x"], 2),
    ] {
        let (code, out, err) = regtest.run(command, arguments);
        assert_eq!((code, out.as_str()), (expected, ""), "{command:?} {arguments:?}: {err}");
        assert!(!err.is_empty());
    }
}

#[test]
fn a_hangup_reads_the_configuration_again_and_says_what_waits() {
    let mut regtest = up("max_waits = 100");
    let log = regtest.reload("max_waits = 100", "max_waits = 101\nmax_requests = 1000");
    assert!(log.contains(r#""keys":"http.max_requests, http.max_waits""#), "{log}");
    assert!(log.contains("count after a restart only"), "{log}");
    let log = regtest.reload("max_waits = 101", "max_waits = ten");
    assert!(log.contains("the configuration is wrong; all goes on with the one of before"), "{log}");
    assert!(log.contains("gateway.toml:"), "{log}");
    let log = regtest.reload("max_waits = ten", "max_waits = 100");
    assert!(log.contains(r#""keys":"http.max_requests""#), "{log}");
    assert!(regtest.gateway.log().contains(r#""level":"DEBUG""#));
    let log = regtest.reload("level = \"debug\"", "level = \"warn\"");
    assert!(log.contains("log.level"), "{log}");
    let before = regtest.gateway.log().len();
    regtest.ask("POST", "/admin/v1/address", &json!({}));
    assert_eq!(regtest.gateway.log()[before..].matches("\"INFO\"").count(), 0);

    // Tokens: the file has another one, and the old one is of no use any more.
    let (old, new) = (harness::token(), "c3".repeat(32));
    write_private(&regtest.dir.path().join("admin.token"), &new);
    regtest.gateway.signal("HUP");
    let end = std::time::Instant::now() + super::PATIENCE;
    while regtest.with_token(&new, "GET", "/admin/v1/info").status != 200 {
        assert!(std::time::Instant::now() < end, "{}", regtest.gateway.log());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(regtest.with_token(&old, "GET", "/admin/v1/info").status, 401);
    regtest.gateway.signal("TERM");
    assert_eq!(regtest.gateway.wait().code(), Some(0));
}

#[test]
fn logins_and_what_the_operator_does_are_logged_and_a_monitor_only_reads() {
    let mut regtest = up("");
    let read = "d4".repeat(32);
    write_private(&regtest.dir.path().join("read.token"), &read);
    let log = regtest.reload("[admin]", "[admin]\nread_token_file = \"read.token\"");
    assert!(log.contains("admin.read_token_file"), "{log}");
    for path in ["info", "channels", "forwards", "fees", "keys", "channel-tokens"] {
        let answer = regtest.with_token(&read, "GET", &format!("/admin/v1/{path}"));
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    }
    let hash = "00".repeat(32);
    for (method, path) in [
        ("POST", "/admin/v1/address".to_owned()),
        ("POST", "/admin/v1/send".to_owned()),
        ("DELETE", format!("/admin/v1/channels/{hash}?force=true")),
        ("GET", format!("/admin/v1/payments/{hash}")),
        ("GET", format!("/admin/v1/invoices/{hash}")),
    ] {
        let answer = regtest.with_token(&read, method, &path);
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (403, Some("forbidden")),
            "{method} {path}"
        );
    }
    assert_eq!(regtest.with_token("wrong", "GET", "/admin/v1/info").status, 401);
    let line = regtest.gateway.wait_for_log("login refused");
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&line["level"], &line["client"], &line["door"]),
        (&json!("WARN"), &json!("127.0.0.1"), &json!("admin"))
    );
    let sites =
        request(&regtest.gateway.http, "GET", "/v1/invoices", &["Authorization: Bearer amplet_x"], None);
    assert_eq!(sites.status, 401);
    assert!(regtest.gateway.wait_for_log(r#""door":"sites""#).contains("127.0.0.1"));
    // However often somebody knocks, the log grows by a few lines.
    (0..100).for_each(|_| drop(regtest.with_token("wrong", "GET", "/admin/v1/info")));
    let lines = regtest.gateway.log().matches("login refused").count();
    assert!((10..=90).contains(&lines), "{lines} lines");

    let key = json!({ "name": "shop", "scopes": ["invoices:create"] });
    let key = regtest.ask("POST", "/admin/v1/keys", &key);
    let id = key["id"].as_str().unwrap();
    assert_eq!(regtest.gateway.admin("DELETE", &format!("/admin/v1/keys/{id}"), None, None).status, 204);
    for said in ["an API key was made", "an API key is revoked"] {
        let line = regtest.gateway.wait_for_log(said);
        assert!(line.contains(id) && line.contains("shop"), "{line}");
    }
    let line = regtest.gateway.wait_for_log("the operator's request");
    assert!(line.contains("/admin/v1/keys") && line.contains("201"), "{line}");
    let secret = key["token"].as_str().unwrap();
    assert!(!regtest.gateway.log().contains(secret) && !regtest.gateway.log().contains(&harness::token()));
}

#[test]
fn no_log_has_a_preimage_however_much_it_says() {
    let mut regtest = up("");
    on_one_thread(async {
        let [(from, _), (to, _)] = regtest.two_wallets().await;
        regtest.reload("level = \"debug\"", "level = \"trace\"");
        let payment = pay(&from, &to, 10_000_000).await;
        let own = regtest.ask("POST", "/admin/v1/invoices", &json!({ "amountMsat": "5000000" }));
        let max_fee_msat = Some(Msat::from(1_000));
        let invoice = own["invoice"].as_str().unwrap().to_owned();
        let pay = Request::Pay { invoice, amount_msat: None, max_fee_msat, parts: None, authorization: None };
        let Response::Payment(to_gateway) = from.request(pay).await.unwrap() else { panic!() };
        let log = regtest.gateway.log();
        assert!(log.contains(r#""level":"TRACE","#) && log.contains(r#""target":"ldk""#));
        for payment in [payment, *to_gateway] {
            let (hash, preimage) = (payment.id.to_string(), payment.preimage.unwrap());
            assert!(log.contains(&hash[..16]), "nothing is said of the payment");
            assert!(!log.contains(&preimage), "a preimage is logged");
            let bytes: Vec<u8> =
                (0..32).map(|at| u8::from_str_radix(&preimage[2 * at..2 * at + 2], 16).unwrap()).collect();
            assert!(!log.contains(&format!("{bytes:?}")), "a preimage is logged as a list");
        }
        assert!(!log.contains(&super::words(1)) && !log.contains(harness::WORDS));
    });
}

/// The reserve of what an SD card bears: at 100 kB each, a million forwards write 100 GB. `AMPLET_FORWARDS` takes more of them, so that
/// the log's checkpoints count, too.
#[test]
fn a_forward_writes_less_than_a_hundred_kilobytes() {
    const AT_ONCE: u32 = 5;
    let forwards = std::env::var("AMPLET_FORWARDS").map_or(60, |count| count.parse().unwrap());
    let regtest = up("");
    on_one_thread(async {
        let [(from, _), (to, _)] = regtest.two_wallets().await;
        // Both have money to pay with from here on.
        pay(&from, &to, 20_000_000).await;
        let before = regtest.gateway.written_bytes();
        for round in 0..forwards / AT_ONCE {
            let (from, to) = if round % 2 == 0 { (&from, &to) } else { (&to, &from) };
            join_all((0..AT_ONCE).map(|_| pay(from, to, 1_000_000))).await;
        }
        let each = (regtest.gateway.written_bytes() - before) / u64::from(forwards);
        println!("{each} bytes for each of {forwards} forwards");
        assert!(each < 100_000, "{each} bytes");
    });
}
