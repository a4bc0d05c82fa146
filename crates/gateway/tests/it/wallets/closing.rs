//! Closes as the operator's log has them.

use std::collections::HashSet;
use std::time::Duration;

use amplet_protocol::page::Request;
use serde_json::{Value, json};

use super::{RegtestGateway, connected, on_one_thread, until, usable};

/// Lines that are written by default and name this channel; of the operator's own request there is one more.
fn lines_of(log: &str, channel: &str) -> Vec<Value> {
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    // LDK's hashes are cut.
    let names_it = |line: &Value| line.to_string().contains(&channel[..16]);
    let is_ours = |line: &Value| line["message"] == "the operator's request";
    lines.filter(|line| is_loud(line) && names_it(line) && !is_ours(line)).collect()
}

fn is_loud(line: &Value) -> bool {
    match line["level"].as_str().unwrap() {
        "ERROR" | "WARN" => true,
        level => level == "INFO" && line["target"] != "ldk",
    }
}

#[test]
fn a_close_is_one_line_with_who_why_and_what_comes_home() {
    let regtest = RegtestGateway::up("[channels]\nopens_channels = true");
    on_one_thread(async {
        regtest.fund(1_000_000);
        regtest.fund(1_000_000);
        let (wallet, gateway) = regtest.wallet().await;
        connected(&wallet).await;
        for force in [false, true] {
            let request = Request::RequestChannel { gateway: gateway.clone(), capacity_sat: 200_000 };
            wallet.request(request).await.unwrap();
            usable(&regtest).await;
            let channel = regtest.ask("GET", "/admin/v1/channels", &json!({}))["channels"][0].clone();
            let (id, peer) = (channel["id"].as_str().unwrap(), channel["peer"].as_str().unwrap());
            let before = regtest.gateway.log().len();
            let path = format!("/admin/v1/channels/{id}?force={force}");
            assert_eq!(regtest.gateway.admin("DELETE", &path, None, None).status, 204);
            until("the closing transaction", async || (!regtest.mempool().is_empty()).then_some(())).await;
            for _ in 0..2 {
                regtest.bitcoind.mine(1).unwrap();
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            let log = regtest.gateway.log();
            let lines = lines_of(&log[before..], id);
            let [line] = &lines[..] else { panic!("force: {force}: {lines:#?}") };
            let message = line["message"].as_str().unwrap();
            assert_eq!(line["level"], "INFO");
            assert!(message.contains(&format!("channel {id} with {peer} is closed")), "{message}");
            let why = if force { "force" } else { "cooperatively" };
            assert!(
                message.to_lowercase().contains(why) && message.contains(" of 200000 sat are ours"),
                "{message}"
            );
        }
        let log = regtest.gateway.log();
        assert!(!log.contains(r#""level":"ERROR""#), "nothing of this is an error");
        let mut seen = HashSet::new();
        for line in log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            let Some(event) = line["event"].as_u64() else { continue };
            assert!(seen.insert(event), "event {event} is logged twice: {line}");
        }
    });
}
