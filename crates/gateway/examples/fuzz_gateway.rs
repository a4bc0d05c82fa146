//! HTTP requests of sites and of the operator, damaged: `cargo run -p amplet-gateway --example fuzz_gateway -- TARGET SECONDS
//! [SEED]`. Targets: `sites` (`/v1`), `operator` (`/admin/v1`). Each is answered as the documentation says, and none by an error of the
//! gateway itself. The node behind answers nothing.

use std::cell::OnceCell;
use std::sync::Arc;

use amplet_fuzz::{Dice, damage, run};
use amplet_gateway::cli::NetworkName;
use amplet_gateway::config::{Config, Live, MerchantSection, Secret};
use amplet_gateway::desk::merchant::EventBus;
use amplet_gateway::desk::merchant::api_keys::{ApiKeys, Key};
use amplet_gateway::desk::merchant::types::Scope;
use amplet_gateway::desk::token::{Token, TokenKind};
use amplet_gateway::http::chain_api::Source;
use amplet_gateway::http::edge::Peer;
use amplet_gateway::http::health::Health;
use amplet_gateway::http::{admin, merchant};
use amplet_gateway::init;
use amplet_gateway::node::{NodeHandle, NodeStatus, Phase};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;

const METHODS: [&str; 6] = ["GET", "POST", "DELETE", "PUT", "OPTIONS", "HEAD"];
const HASH: &str = "abababababababababababababababababababababababababababababababab";

const SITES: [&str; 8] = [
    "/v1/invoices",
    "/v1/invoices/HASH",
    "/v1/invoices/HASH/events",
    "/v1/payments",
    "/v1/sessions",
    "/v1/sessions/HASH",
    "/v1/webhooks",
    "/v1/webhooks/0102030405060708/ping",
];
const OPERATOR: [&str; 13] = [
    "/admin/v1/info",
    "/admin/v1/address",
    "/admin/v1/peers",
    "/admin/v1/channels",
    "/admin/v1/channels/batch",
    "/admin/v1/channels/HASH",
    "/admin/v1/invoices",
    "/admin/v1/payments/HASH/bump",
    "/admin/v1/keysend",
    "/admin/v1/send",
    "/admin/v1/keys",
    "/admin/v1/channel-tokens",
    "/admin/v1/proof/HASH",
];
const QUERIES: [&str; 5] =
    ["waitSecs=60", "limit=20&cursor=1795910400-HASH", "aboveMsat=1&waitSecs=0", "force=true", "limit=%31"];
const BODIES: [&str; 11] = [
    r#"{"amountMsat":"150000","description":"a","expirySecs":3600,"metadata":{"a":"b"},"webhookUrl":"https://shop.example/x"}"#,
    r#"{"amountMsat":1,"maxFeeMsat":0,"invoice":"lnbc1","maxAmountMsat":"2100000000000000000"}"#,
    r#"{"expirySecs":604800,"metadata":{}}"#,
    r#"{"url":"https://shop.example/x","events":["invoice.paid"]}"#,
    r#"{"peer":"02","capacitySat":100000,"pushMsat":"0","announce":true}"#,
    r#"{"payee":"02","amountMsat":"1","records":[{"type":65537,"value":"00ff"}]}"#,
    r#"{"address":"bc1","amountSat":1,"all":false,"feeRate":1000}"#,
    r#"{"feeRate":1,"cancel":false,"fromAmount":true}"#,
    r#"{"name":"shop","account":"main","scopes":["invoices:create","payments:send"],"spending":{"perDayMsat":"1"}}"#,
    r#"{"name":"x","maxChannels":1,"maxSat":100000,"expiresInSecs":60}"#,
    "[]",
];

fn main() {
    run(&[("sites", |seed| sites(&mut Dice(seed))), ("operator", |seed| operator(&mut Dice(seed)))]);
}

/// Both APIs before a node that is up and answers nothing.
struct Apis {
    runtime: Runtime,
    sites: Router,
    operator: Router,
    token: String,
    /// Keeps the node up.
    _status: tokio::sync::watch::Sender<NodeStatus>,
}

thread_local! {
    static APIS: OnceCell<Apis> = const { OnceCell::new() };
}

fn apis() -> Apis {
    let (node, mut queue, status) = NodeHandle::new();
    status.send_replace(NodeStatus { phase: Phase::Up, ..NodeStatus::default() });
    std::thread::spawn(move || while queue.blocking_recv().is_some() {});
    let keys = Arc::new(ApiKeys::default());
    let token = Token::new(TokenKind::ApiKey, [1; 6], [2; 32]);
    keys.put(key(&token));
    let config = MerchantSection {
        enabled: true,
        requests_per_second: u32::MAX,
        max_requests: usize::MAX,
        max_requests_per_key: usize::MAX,
        private_webhooks: false,
    };
    let live = Live::new(configuration());
    let health = Health::new(node.clone(), Source::upstream(), Arc::clone(&live), None);
    Apis {
        runtime: Builder::new_current_thread().build().unwrap_or_else(|error| panic!("{error}")),
        sites: merchant::router(node.clone(), Arc::clone(&keys), EventBus::default(), &config),
        operator: admin::router(node, health, keys, live),
        token: token.show(),
        _status: status,
    }
}

/// A first configuration, with a token that is known.
fn configuration() -> Config {
    let folder = std::env::temp_dir().join(format!("amplet-fuzz-gateway-{}", std::process::id()));
    let made = init::run(&folder, NetworkName::Regtest).map_err(|error| error.to_string());
    let loaded =
        made.and_then(|_| Config::load(&folder.join("gateway.toml")).map_err(|error| error.to_string()));
    let _ = std::fs::remove_dir_all(&folder);
    let (mut config, _) = loaded.unwrap_or_else(|error| panic!("{error}"));
    config.admin.token = Secret::new("secret");
    config
}

/// With every scope.
fn key(token: &Token) -> Key {
    use Scope::{InvoicesCreate, InvoicesRead, PaymentsSend, SessionsCreate, SessionsRead, Webhooks};
    Key {
        id: token.id.clone(),
        name: "fuzz".into(),
        account: "main".into(),
        scopes: vec![InvoicesCreate, InvoicesRead, PaymentsSend, Webhooks, SessionsCreate, SessionsRead],
        spending: None,
        budget: None,
        secret_hash: token.hash(),
        webhook_secret: "whsec".into(),
        created_at: 0,
        revoked_at: None,
    }
}

fn sites(dice: &mut Dice) {
    APIS.with(|apis| {
        let apis = apis.get_or_init(self::apis);
        let request = request(dice, &SITES, &apis.token);
        apis.runtime.block_on(ask(&apis.sites, request));
    });
}

fn operator(dice: &mut Dice) {
    APIS.with(|apis| {
        let apis = apis.get_or_init(self::apis);
        let request = request(dice, &OPERATOR, "secret");
        apis.runtime.block_on(ask(&apis.operator, request));
    });
}

/// One of the texts, now and then damaged.
fn text(dice: &mut Dice, list: &[&str], often: bool) -> Vec<u8> {
    let one = |dice: &mut Dice| dice.pick(list).map(|text| text.replace("HASH", HASH)).unwrap_or_default();
    let (mut bytes, other) = (one(dice).into_bytes(), one(dice));
    if dice.below(if often { 2 } else { 6 }) == 0 {
        damage(dice, &mut bytes, other.as_bytes());
    }
    bytes
}

/// A request, unless HTTP itself does not allow it.
fn request(dice: &mut Dice, paths: &[&str], token: &str) -> Option<Request<Body>> {
    let mut target = text(dice, paths, false);
    if dice.below(3) == 0 {
        target.push(b'?');
        target.extend(text(dice, &QUERIES, true));
    }
    let mut authorization = format!("Bearer {token}").into_bytes();
    if dice.below(12) == 0 {
        damage(dice, &mut authorization, b"bearer amplet_");
    }
    let method = dice.pick(&METHODS).copied().unwrap_or("GET");
    // From many places: one that sends wrong tokens is soon locked out.
    let peer = Peer(([10, 0, 0, dice.below(256) as u8], 1).into());
    let mut request = Request::builder()
        .method(method)
        .uri(target)
        .extension(peer)
        .header(header::AUTHORIZATION, authorization);
    if dice.below(6) > 0 {
        request = request.header(header::CONTENT_TYPE, text(dice, &["application/json"], false));
    }
    if dice.below(3) == 0 {
        request = request.header("idempotency-key", text(dice, &["a", "0123456789", "ü"], true));
    }
    request.body(Body::from(text(dice, &BODIES, true))).ok()
}

async fn ask(api: &Router, request: Option<Request<Body>>) {
    let Some(request) = request else { return };
    let asked = format!("{} {}", request.method(), request.uri());
    let answer = api.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
    check(answer, &asked).await;
}

/// It is answered, or refused by an error with a message that can be shown.
async fn check(answer: Response<Body>, asked: &str) {
    let status = answer.status();
    // The node, which answers nothing, is down.
    let is_own_fault = status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE;
    let is_json = answer.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    let bytes = to_bytes(answer.into_body(), 1 << 20).await.unwrap_or_default();
    assert!(!is_own_fault, "{asked}: {status} {bytes:?}");
    if status.is_success() || bytes.is_empty() {
        return;
    }
    let error: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let message = error.get("message").and_then(Value::as_str);
    assert!(is_json && error.get("code").is_some_and(Value::is_string), "{asked}: {status} {bytes:?}");
    assert!(message.is_some_and(|message| message.len() < 2_000), "{asked}: {message:?}");
}
