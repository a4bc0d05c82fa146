//! The engine's exports as its worker calls them: JavaScript values in and out, keys, creation that fails half-way.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use amplet_bindings::engine::{Engine, destroy, key_sources};
use amplet_storage::kdf::{KdfParams, Kek, derive};
use amplet_storage::{IndexedDbBackend, SealedStore, SharedBackend};
use js_sys::{Array, Function, Reflect};
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

const MNEMONIC: &str =
    "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

/// A gateway that is down: nothing listens on port 9.
const GATEWAY: &str = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798@ws://127.0.0.1:9";

fn js(expression: &str) -> JsValue {
    js_sys::eval(&format!("({expression})")).unwrap()
}

/// `OpenOptions` of the wallet `name`, with `more` fields.
fn options(name: &str, more: &str) -> JsValue {
    js(&format!(
        "{{name: '{name}', network: 'regtest', gateways: [{{address: '{GATEWAY}', trustZeroConf: false}}], \
         chainSources: [], fresh: true, {more}}}"
    ))
}

fn cheap() -> Option<Vec<u8>> {
    Some(KdfParams::argon2id(8, 1, 1, [7; 16]).unwrap().to_bytes().to_vec())
}

/// As the page reads them.
async fn sources(name: &str) -> Option<Vec<Vec<u8>>> {
    let sources = key_sources(name.into()).await.unwrap()?;
    Some(sources.iter().map(js_sys::Uint8Array::to_vec).collect())
}

async fn create(name: &str) -> Engine {
    let options = options(name, &format!("mnemonic: '{MNEMONIC}'"));
    Engine::open(options, vec![1; 32], cheap(), None).await.map_err(|error| code(&error)).unwrap()
}

fn field(value: &JsValue, path: &str) -> JsValue {
    path.split('.').fold(value.clone(), |value, name| Reflect::get(&value, &name.into()).unwrap())
}

fn code(error: &JsValue) -> String {
    field(error, "code").as_string().expect("errors are objects with a code")
}

async fn refused(opening: impl Future<Output = Result<Engine, JsValue>>) -> String {
    code(&opening.await.map(|_| ()).unwrap_err())
}

async fn ask(engine: &Engine, request: &str) -> Result<JsValue, String> {
    engine.request(js(request), None).await.map_err(|error| code(&error))
}

#[wasm_bindgen_test]
async fn values_are_what_typescript_declares() {
    let engine = create("values").await;
    let balance = ask(&engine, "{method: 'balance'}").await.unwrap();
    assert!(field(&balance, "spendableMsat").is_bigint());
    let status = ask(&engine, "{method: 'status'}").await.unwrap();
    assert!(field(&status, "commits").is_bigint() && field(&status, "chain.height").as_f64().is_some());
    assert!(field(&status, "chain.checkedAt").is_null(), "None is null");
    assert!(Array::is_array(&field(&status, "gateways")));
    let history = ask(&engine, "{method: 'history', before: null, limit: 10}").await.unwrap();
    assert_eq!(Array::from(&history).length(), 0);
    let request = "{method: 'receive', amountMsat: 1234567n, description: 'tea', expirySecs: 60}";
    let invoice = ask(&engine, request).await.unwrap();
    assert!(field(&invoice, "invoice").as_string().unwrap().starts_with("lnbcrt12345670p1"));
    assert!(field(&invoice, "expiresAt").is_bigint());
    assert_eq!(code(&field(&invoice, "missing")), "insufficientInbound");
    let lines = ask(&engine, "{method: 'history', before: null, limit: 10}").await.unwrap();
    let line = Array::from(&lines).get(0);
    assert_eq!(field(&line, "state").as_string().unwrap(), "pending");
    assert!(field(&line, "amountMsat").is_bigint() && field(&line, "confirmations").as_f64().is_some());
    engine.close().await.unwrap();
}

#[wasm_bindgen_test]
async fn requests_that_are_none_are_refused() {
    let engine = create("refused").await;
    for request in [
        "null",
        "{}",
        "{method: 'steal'}",
        "{method: 'pay'}",
        "{method: 'ack', id: -1n}",
        "{method: 'ack', id: 2n ** 64n}",
        "{method: 'receive', amountMsat: 1.5, description: '', expirySecs: null}",
        "{method: 'receive', amountMsat: 1n, description: 7, expirySecs: null}",
        "{method: 'send', address: 'a', amount: {type: 'some'}, feeRate: null, dryRun: true}",
    ] {
        assert_eq!(ask(&engine, request).await.unwrap_err(), "invalidInput", "{request}");
    }
    assert!(ask(&engine, "{method: 'balance'}").await.is_ok());
    engine.close().await.unwrap();
}

#[wasm_bindgen_test]
async fn only_the_key_opens() {
    let engine = create("key").await;
    assert!(engine.proves(&[1; 32]) && !engine.proves(&[2; 32]) && !engine.proves(&[]));
    assert_eq!(engine.words(vec![1; 32]).await.map_err(|e| code(&e)), Ok(MNEMONIC.to_owned()));
    assert_eq!(engine.words(vec![2; 32]).await.map_err(|e| code(&e)), Err("wrongPassphrase".to_owned()));
    engine.close().await.unwrap();
    assert!(!engine.proves(&[1; 32]), "a closed engine knows no key");
    assert_eq!(sources("key").await, Some(vec![cheap().unwrap()]));
    assert_eq!(refused(Engine::open(options("key", ""), vec![2; 32], None, None)).await, "wrongPassphrase");
    assert_eq!(refused(Engine::open(options("key", ""), vec![1; 31], None, None)).await, "invalidInput");
    let engine =
        Engine::open(options("key", ""), vec![1; 32], None, None).await.map_err(|e| code(&e)).unwrap();
    let params = KdfParams::argon2id(16, 1, 1, [9; 16]).unwrap().to_bytes().to_vec();
    engine.put_key(params.clone(), vec![5; 32]).await.unwrap();
    assert!(engine.proves(&[5; 32]) && !engine.proves(&[1; 32]));
    engine.close().await.unwrap();
    assert_eq!(sources("key").await, Some(vec![params]));
    assert_eq!(refused(Engine::open(options("key", ""), vec![1; 32], None, None)).await, "wrongPassphrase");
    Engine::open(options("key", ""), vec![5; 32], None, None)
        .await
        .map_err(|e| code(&e))
        .unwrap()
        .close()
        .await
        .unwrap();
}

#[wasm_bindgen_test]
async fn a_wallet_opens_by_passkeys_alone() {
    let (one, two) = (vec![3, 1, 1], vec![3, 2, 2]);
    let made = options("passkeys", &format!("mnemonic: '{MNEMONIC}'"));
    let engine =
        Engine::open(made, vec![1; 32], Some(one.clone()), None).await.map_err(|e| code(&e)).unwrap();
    let alone = engine.remove_key(one.clone()).await.map_err(|e| code(&e));
    assert_eq!(alone, Err("invalidInput".to_owned()), "the last one stays");
    engine.put_key(two.clone(), vec![2; 32]).await.unwrap();
    assert!(engine.proves(&[1; 32]) && engine.proves(&[2; 32]) && !engine.proves(&[3; 32]));
    assert_eq!(engine.words(vec![2; 32]).await.map_err(|e| code(&e)), Ok(MNEMONIC.to_owned()));
    engine.remove_key(one).await.unwrap();
    engine.close().await.unwrap();
    assert_eq!(sources("passkeys").await, Some(vec![two]));
    assert_eq!(
        refused(Engine::open(options("passkeys", ""), vec![1; 32], None, None)).await,
        "wrongPassphrase"
    );
    let engine =
        Engine::open(options("passkeys", ""), vec![2; 32], None, None).await.map_err(|e| code(&e)).unwrap();
    engine.close().await.unwrap();
}

#[wasm_bindgen_test]
async fn a_creation_that_fails_leaves_nothing() {
    let bad = options("failed", "mnemonic: 'abandon abandon'");
    assert_eq!(refused(Engine::open(bad, vec![1; 32], cheap(), None)).await, "invalidMnemonic");
    assert_eq!(sources("failed").await, None);
    let engine = create("failed").await;
    engine.close().await.unwrap();
    let again = options("failed", &format!("mnemonic: '{MNEMONIC}'"));
    assert_eq!(refused(Engine::open(again, vec![1; 32], cheap(), None)).await, "walletExists");
    assert_eq!(
        refused(Engine::open(options("failed", ""), vec![1; 32], cheap(), None)).await,
        "invalidInput"
    );
}

#[wasm_bindgen_test]
async fn a_creation_that_was_interrupted_can_be_repeated() {
    let backend: SharedBackend = Rc::new(IndexedDbBackend::open("interrupted").await.unwrap());
    let params = KdfParams::argon2id(8, 1, 1, [7; 16]).unwrap();
    SealedStore::create(backend.clone(), &params, Kek::from_bytes([1; 32])).await.unwrap();
    backend.close().await;
    assert_eq!(
        refused(Engine::open(options("interrupted", ""), vec![1; 32], None, None)).await,
        "walletNotFound"
    );
    assert_eq!(sources("interrupted").await, None);
    create("interrupted").await.close().await.unwrap();
}

#[wasm_bindgen_test]
async fn each_listener_hears_the_state_until_it_leaves() {
    let engine = create("notices").await;
    let heard = js_sys::eval("globalThis.heard = []").unwrap();
    let listener: Function = js("notice => globalThis.heard.push(notice)").unchecked_into();
    let subscription = engine.subscribe(listener.clone());
    let left = engine.subscribe(listener);
    engine.unsubscribe(left);
    JsFuture::from(js("new Promise(done => setTimeout(done, 100))").unchecked_into::<js_sys::Promise>())
        .await
        .unwrap();
    let first = Array::from(&heard).get(0);
    assert_eq!(field(&first, "notice").as_string().unwrap(), "changed");
    assert!(
        field(&first, "status.nodeId").as_string().is_some()
            && field(&first, "balance.onchainSat").is_bigint()
    );
    assert!(Array::from(&heard).iter().all(|notice| !notice.is_null()));
    engine.unsubscribe(subscription);
    engine.unsubscribe(subscription); // twice is no error
    engine.close().await.unwrap();
    engine.close().await.unwrap();
}

#[wasm_bindgen_test]
async fn a_destroyed_wallet_is_gone() {
    create("destroyed").await.close().await.unwrap();
    destroy("destroyed".into()).await.unwrap();
    assert_eq!(sources("destroyed").await, None);
    destroy("destroyed".into()).await.unwrap();
    assert_eq!(
        refused(Engine::open(options("destroyed", ""), vec![1; 32], None, None)).await,
        "walletNotFound"
    );
}

#[wasm_bindgen_test]
fn a_passphrase_is_the_same_however_it_is_composed() {
    let key =
        |passphrase| *derive(passphrase, &KdfParams::argon2id(8, 1, 1, [7; 16]).unwrap()).unwrap().to_bytes();
    assert_eq!(key("caf\u{e9}"), key("cafe\u{301}"));
    assert_eq!(key("\u{fb01}n"), key("fin"), "compatibility forms too");
    assert_ne!(key("cafe"), key("caf\u{e9}"));
}
