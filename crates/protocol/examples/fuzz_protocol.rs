//! Messages and requests, damaged: `cargo run --profile fuzz -p amplet-protocol --example fuzz_protocol -- TARGET SECONDS
//! [SEED]`. Targets: `messages` (what wallets and gateways send each other), `requests` (what pages send the engine). What is
//! read is read alike when it is written again.

use amplet_fuzz::{Dice, damage, run};
use amplet_protocol::page::{Authorization, Budget, Gateway, Inspected, OpenOptions, Request};
use amplet_protocol::{chain, copies, gateway, lost, relay};
use serde::Serialize;
use serde::de::DeserializeOwned;

const ID: &str = "\"abababababababababababababababababababababababababababababababab\"";

const MESSAGES: [&str; 13] = [
    "\"getTerms\"",
    r#"{"terms":{"opensChannels":true,"needsToken":true,"minCapacitySat":1,"maxCapacitySat":2,"maxChannelsPerPeer":3,"zeroConf":true,"feeBaseMsat":4,"feePpm":5}}"#,
    r#"{"requestChannel":{"requestId":18446744073709551615,"capacitySat":100000,"token":"channel_00"}}"#,
    r#"{"channelOpened":{"requestId":7,"channelId":ID}}"#,
    r#"{"channelRefused":{"requestId":7,"reason":{"size":{"minSat":1,"maxSat":2}}}}"#,
    r#"{"channelRefused":{"requestId":7,"reason":{"token":{"problem":"usedUp"}}}}"#,
    r#"{"report":{"instance":"abababababababababababababababab","counters":{ID:7}}}"#,
    r#"{"kept":{"canary":"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd","counters":{}}}"#,
    r#"{"ask":{"time":1,"close":true,"number":20,"claims":[{"nodeId":"abababababababababababababababababababababababababababababababab01","signature":"00"}]}}"#,
    r#"{"answer":{"nodeId":"abababababababababababababababababababababababababababababababab01","state":"closing","closesAt":7,"channels":[{"channelId":ID,"capacitySat":2,"walletSat":1}],"numbers":[20],"list":"00"}}"#,
    r#"{"keep":{"time":1,"list":"00"}}"#,
    r#"{"credit":131072}"#,
    r#"{"node":true}"#,
];

const REQUESTS: [&str; 14] = [
    "\"balance\"",
    r#"{"receive":{"amountMsat":2100000000000000000,"description":"a","expirySecs":3600}}"#,
    r#"{"inspect":{"text":"lnbc1","amountMsat":1}}"#,
    r#"{"pay":{"invoice":"lnbc1","amountMsat":null,"maxFeeMsat":0,"authorization":{"holder":{"kind":"site","origin":"https://a","topLevel":"https://b"},"purpose":"x"}}}"#,
    r#"{"keysend":{"payee":"02","amountMsat":1,"records":[{"type":65536,"value":"00ff"}],"maxFeeMsat":null}}"#,
    r#"{"streamPay":{"stream":ID,"amountMsat":1,"maxFeeMsat":0}}"#,
    r#"{"send":{"address":"bc1","amount":{"exact":1},"feeRate":1000,"dryRun":true}}"#,
    r#"{"send":{"address":"bc1","amount":"all","feeRate":null,"dryRun":false}}"#,
    r#"{"bumpFee":{"id":ID,"feeRate":1,"dryRun":true,"fromAmount":true}}"#,
    r#"{"history":{"before":ID,"limit":100}}"#,
    r#"{"closeChannel":{"channelId":ID,"force":true}}"#,
    r#"{"openBudget":{"holder":{"kind":"app","id":"x"},"rules":{"perPaymentMsat":1,"windows":[{"kind":"rolling","period":"day","limitMsat":9}],"rate":{"perSecondMsat":1,"keepSeconds":5},"totalMsat":null,"expiresAt":7,"askAboveMsat":1,"purposes":["x"]},"parent":0}}"#,
    r#"{"name":"main","network":"regtest","gateways":[{"address":"02@wss://x","chainUrl":null,"trustZeroConf":false}],"chainSources":[],"mnemonic":"abandon","fresh":true}"#,
    r#"{"holder":{"kind":"device","id":"x"}}"#,
];

fn main() {
    run(&[("messages", messages), ("requests", requests)]);
}

/// A text of the list, damaged.
fn text(dice: &mut Dice, list: &[&str]) -> Vec<u8> {
    let one = |dice: &mut Dice| dice.pick(list).map(|text| text.replace("ID", ID)).unwrap_or_default();
    let (mut bytes, other) = (one(dice).into_bytes(), one(dice));
    // The texts as they are, too: they are meant to be read.
    if dice.below(8) > 0 {
        damage(dice, &mut bytes, other.as_bytes());
    }
    bytes
}

/// Reads it as `T`, and what is written of that again.
fn read_twice<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(bytes: &[u8]) -> bool {
    let Ok(read) = serde_json::from_slice::<T>(bytes) else { return false };
    let written = serde_json::to_vec(&read).unwrap_or_default();
    let again = serde_json::from_slice::<T>(&written);
    assert_eq!(again.ok(), Some(read), "written as {}", String::from_utf8_lossy(&written));
    true
}

fn messages(seed: u64) {
    let bytes = text(&mut Dice(seed), &MESSAGES);
    read_twice::<gateway::Message>(&bytes);
    read_twice::<copies::Message>(&bytes);
    read_twice::<lost::Message>(&bytes);
    read_twice::<relay::Health>(&bytes);
    read_twice::<chain::Status>(&bytes);
    if let Ok(control) = serde_json::from_slice::<relay::Control>(&bytes) {
        assert_eq!(serde_json::from_str::<relay::Control>(&control.to_json()).ok(), Some(control));
    }
}

fn requests(seed: u64) {
    let bytes = text(&mut Dice(seed), &REQUESTS);
    read_twice::<Request>(&bytes);
    read_twice::<OpenOptions>(&bytes);
    read_twice::<Authorization>(&bytes);
    read_twice::<Gateway>(&bytes);
    read_twice::<Budget>(&bytes);
    read_twice::<Inspected>(&bytes);
}
