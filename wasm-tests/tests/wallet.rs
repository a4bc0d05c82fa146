//! The wallet's flows, compiled to wasm, in a SharedWorker of headless Chromium: the same source as crates/wallet/tests, with
//! IndexedDB as disk and the browser's WebSocket and fetch. `cargo xtask test --only wasm` brings the network up.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../crates/wallet/tests/flows/mod.rs"]
mod flows;

use std::rc::Rc;

use amplet_storage::{IndexedDbBackend, SharedBackend};
use amplet_transport::WebPlatform;
use flows::{Disk, RegtestNetwork};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_shared_worker);

/// The network's description, read when the test is built: a page cannot read files.
const DESCRIPTION: &str = include_str!(env!(
    "AMPLET_REGTEST_ENV",
    "names the network's description: run `cargo xtask test --only wasm`"
));

fn network() -> RegtestNetwork {
    RegtestNetwork::new(Rc::new(WebPlatform), DESCRIPTION)
}

fn disk(name: &'static str) -> Disk {
    Rc::new(move || {
        Box::pin(async move {
            let backend: SharedBackend = Rc::new(IndexedDbBackend::open(name).await.unwrap());
            backend
        })
    })
}

#[wasm_bindgen_test]
async fn the_whole_day() {
    flows::the_whole_day(network(), disk("day")).await;
}

#[wasm_bindgen_test]
async fn reloads() {
    flows::reloads(network(), disk("reloads")).await;
}

#[wasm_bindgen_test]
async fn bad_input() {
    flows::bad_input(network(), disk("bad")).await;
}

#[wasm_bindgen_test]
async fn gateway_restarts() {
    flows::gateway_restarts(network(), disk("restarts")).await;
}

#[wasm_bindgen_test]
async fn reorganisation() {
    flows::reorganisation(network(), disk("reorg")).await;
}

#[wasm_bindgen_test]
async fn channel_on_request() {
    flows::channel_on_request(network(), disk("request")).await;
}

#[wasm_bindgen_test]
async fn send_and_restore() {
    flows::send_and_restore(network(), disk("send"), disk("restored")).await;
}

#[wasm_bindgen_test]
async fn wrong_gateways() {
    flows::wrong_gateways(network(), disk("wrong")).await;
}

#[wasm_bindgen_test]
async fn budgets() {
    flows::budgets(network(), disk("budgets")).await;
}

#[wasm_bindgen_test]
async fn a_hundred_against_ten() {
    flows::a_hundred_against_ten(network(), disk("hundred")).await;
}

#[wasm_bindgen_test]
async fn signatures() {
    flows::signatures(network(), disk("signs")).await;
}

#[wasm_bindgen_test]
async fn streams() {
    flows::streams(network(), disk("streams")).await;
}
