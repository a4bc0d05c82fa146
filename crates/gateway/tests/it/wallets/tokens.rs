//! Channels on request for those only whom the operator gave a token.

use std::process::Command;

use amplet_protocol::page::Request;
use amplet_wallet::{Response, Wallet};
use serde_json::{Value, json};

use super::{RegtestGateway, connected, on_one_thread, refusal, until, words};

const TOKENS: &str = "/admin/v1/channel-tokens";

impl RegtestGateway {
    /// Makes a token; returns the answer.
    fn token(&self, token: &Value) -> Value {
        self.ask("POST", TOKENS, token)
    }

    /// The token of this name as it is listed.
    fn listed(&self, name: &str) -> Value {
        let tokens = self.ask("GET", TOKENS, &json!({}));
        tokens["tokens"].as_array().unwrap().iter().find(|token| token["name"] == name).unwrap().clone()
    }

    /// A subcommand of `amplet-gateway tokens`; its output.
    fn tokens(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_amplet-gateway"));
        let config = self.dir.path().join("gateway.toml");
        let output = command.arg("tokens").arg("--config").arg(config).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Asks for a channel with a new wallet that has this address of the gateway.
    async fn request(&self, address: &Value, number: u8) -> (Wallet, Result<Response, String>) {
        let wallet = self.wallet_at(address.as_str().unwrap().to_owned(), &words(number)).await;
        connected(&wallet).await;
        let answer = self.request_of(&wallet).await;
        (wallet, answer)
    }

    async fn request_of(&self, wallet: &Wallet) -> Result<Response, String> {
        let info = self.ask("GET", "/admin/v1/info", &json!({}));
        let gateway = info["nodeId"].as_str().unwrap().to_owned();
        let answer = wallet.request(Request::RequestChannel { gateway, capacity_sat: 100_000 }).await;
        match answer {
            Ok(opened) => Ok(opened),
            refused => Err(refusal(refused)),
        }
    }
}

#[test]
fn channels_are_opened_with_a_token_only() {
    let mut regtest = RegtestGateway::up("[channels]\nopens_channels = true\nchannel_tokens = \"required\"");
    on_one_thread(async {
        let info = regtest.ask("GET", "/admin/v1/info", &json!({}));
        let stranger = info["addresses"][0].clone();
        let refused = |answer: (Wallet, Result<Response, String>), word: &str| {
            let why = answer.1.unwrap_err();
            assert!(why.contains(word), "{why}");
        };
        // Whoever has no token learns nothing of the gateway's money: there is none yet.
        refused(regtest.request(&stranger, 1).await, "only with a token");
        let ann = regtest.token(&json!({ "name": "Ann", "maxChannels": 1 }));
        let bob = regtest.token(&json!({ "name": "Bob", "maxSat": 99_999 }));
        let eve = regtest.token(&json!({ "name": "Eve", "expiresInSecs": 1 }));
        refused(regtest.request(&ann["address"], 2).await, "not enough money");
        assert_eq!(regtest.listed("Ann")["channels"], 0, "what came to nothing does not count");
        regtest.fund(1_000_000);
        refused(regtest.request(&stranger, 3).await, "only with a token");
        refused(regtest.request(&bob["address"], 4).await, "does not suffice");
        let address = ann["address"].as_str().unwrap();
        let (start, last) = address.split_at(address.len() - 1);
        let mistyped = format!("{start}{}", if last == "0" { "1" } else { "0" });
        refused(regtest.request(&json!(mistyped), 5).await, "does not know");
        until("an expired token", async || {
            let expires_at = regtest.listed("Eve")["expiresAt"].as_u64().unwrap();
            let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
            (expires_at <= now).then_some(())
        })
        .await;
        refused(regtest.request(&eve["address"], 6).await, "has expired");

        let (wallet, opened) = regtest.request(&ann["address"], 11).await;
        opened.unwrap();
        assert_eq!(
            regtest.request_of(&wallet).await.unwrap_err(),
            regtest.request(&ann["address"], 7).await.1.unwrap_err()
        );
        let listed = regtest.listed("Ann");
        assert_eq!((&listed["channels"], &listed["sat"]), (&json!(1), &json!(100_000)));
        let shown = regtest.ask("GET", TOKENS, &json!({})).to_string();
        let secret = ann["token"].as_str().unwrap().rsplit('_').next().unwrap();
        assert!(!shown.contains(secret) && !regtest.gateway.log().contains(secret), "it is shown once");

        regtest.gateway.signal("TERM");
        assert_eq!(regtest.gateway.wait().code(), Some(0));
        regtest.restart();
        assert_eq!(regtest.listed("Ann"), listed, "what is used stays used");
        refused(regtest.request(&ann["address"], 8).await, "does not suffice");
    });
    of_the_command_line(&regtest);
}

fn of_the_command_line(regtest: &RegtestGateway) {
    let made = regtest.tokens(&["add", "--name", "Dan", "--max-channels", "2", "--days", "3"]);
    let address = json!(made.lines().next().unwrap());
    assert!(!made.contains("requires no token"), "{made}");
    // The change of the first channel's funding is in no block yet.
    regtest.fund(1_000_000);
    let id = regtest.listed("Dan")["id"].as_str().unwrap().to_owned();
    on_one_thread(async {
        regtest.request(&address, 9).await.1.unwrap();
        assert!(regtest.tokens(&["list"]).contains(&format!("{id}  1 of 2 channels  100000 sat  Dan")));
        regtest.tokens(&["revoke", &id]);
        let why = regtest.request(&address, 10).await.1.unwrap_err();
        assert!(why.contains("does not know"), "{why}");
    });
    assert!(regtest.tokens(&["list"]).contains("Dan  revoked"));
}
