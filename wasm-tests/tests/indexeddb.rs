//! Properties of the browser's database: strictness, a full disk, other tabs, other programs' databases.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used)]

use amplet_storage::kdf::derive;
use amplet_storage::{
    Backend, IndexedDbBackend, KeySource, SealedStore, SharedBackend, Store, StoreError, Write,
};
use futures::FutureExt;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// Runs the body of an async JavaScript function.
async fn js(body: &str) -> JsValue {
    let promise = js_sys::eval(&format!("(async () => {{ {body} }})()")).unwrap();
    JsFuture::from(js_sys::Promise::from(promise)).await.unwrap()
}

fn put(name: &str, value: &[u8]) -> Write {
    Write { name: name.into(), value: Some(value.to_vec()) }
}

async fn open(wallet: &str) -> (IndexedDbBackend, u64) {
    let backend = IndexedDbBackend::open(wallet).await.unwrap();
    let epoch = backend.take_over().await.unwrap();
    (backend, epoch)
}

/// Replaces `prototype.member` by `replacement` (an expression that may use `original`) until `undo()`.
const PATCH: &str = "
    const patch = (prototype, member, make) => {
        const original = Object.getOwnPropertyDescriptor(prototype, member);
        Object.defineProperty(prototype, member, make(original));
        return () => Object.defineProperty(prototype, member, original);
    };";

#[wasm_bindgen_test]
async fn a_commit_is_one_strict_transaction() {
    let (backend, epoch) = open("strict").await;
    js(&format!(
        "{PATCH} self.seen = []; self.undo = patch(IDBDatabase.prototype, 'transaction', original => ({{ ...original,
            value(...args) {{
                const made = original.value.apply(this, args);
                self.seen.push(made.mode + ' ' + made.durability);
                return made;
            }} }}));"
    ))
    .await;
    backend.commit(vec![put("a", b"1"), put("b", b"2"), put("c", b"3")], epoch).await.unwrap();
    backend.take_over().await.unwrap();
    let seen = js("self.undo(); return self.seen.join(', ')").await;
    assert_eq!(seen.as_string().unwrap(), "readwrite strict, readwrite strict");
}

#[wasm_bindgen_test]
async fn a_full_disk_seen_at_a_write_is_named_and_nothing_is_written() {
    let (backend, epoch) = open("full at write").await;
    backend.commit(vec![put("a", b"1")], epoch).await.unwrap();
    js(&format!(
        "{PATCH} let puts = 0; self.undo = patch(IDBObjectStore.prototype, 'put', original => ({{ ...original,
            value(...args) {{
                if (++puts > 1) throw new DOMException('no room', 'QuotaExceededError');
                return original.value.apply(this, args);
            }} }}));"
    ))
    .await;
    let full = backend.commit(vec![put("a", b"2"), put("b", b"2")], epoch).await;
    js("self.undo()").await;
    assert!(matches!(full, Err(StoreError::QuotaExceeded { .. })), "{full:?}");
    assert_eq!(backend.read(b"a").await.unwrap().unwrap(), b"1");
    assert_eq!(backend.read(b"b").await.unwrap(), None);
    backend.commit(vec![put("a", b"2"), put("b", b"2")], epoch).await.unwrap();
}

#[wasm_bindgen_test]
async fn a_full_disk_seen_at_the_end_is_named_and_nothing_is_written() {
    let (backend, epoch) = open("full at end").await;
    backend.commit(vec![put("a", b"1")], epoch).await.unwrap();
    js(&format!(
        "{PATCH}
        const one = patch(IDBObjectStore.prototype, 'put', original => ({{ ...original, value(...args) {{
            const request = original.value.apply(this, args);
            request.addEventListener('success', () => this.transaction.abort());
            return request;
        }} }}));
        const two = patch(IDBTransaction.prototype, 'error', original => ({{ ...original,
            get: () => new DOMException('no room', 'QuotaExceededError') }}));
        self.undo = () => {{ one(); two(); }};"
    ))
    .await;
    let full = backend.commit(vec![put("a", b"2")], epoch).await;
    js("self.undo()").await;
    assert!(matches!(full, Err(StoreError::QuotaExceeded { .. })), "{full:?}");
    assert_eq!(backend.read(b"a").await.unwrap().unwrap(), b"1");
    backend.commit(vec![put("a", b"2")], epoch).await.unwrap();
}

#[wasm_bindgen_test]
async fn an_abort_without_a_reason_is_an_error_too() {
    let (backend, epoch) = open("aborted").await;
    js(&format!(
        "{PATCH} self.undo = patch(IDBObjectStore.prototype, 'put', original => ({{ ...original, value(...args) {{
            const request = original.value.apply(this, args);
            this.transaction.abort();
            return request;
        }} }}));"
    ))
    .await;
    let aborted = backend.commit(vec![put("a", b"1")], epoch).await;
    js("self.undo()").await;
    assert!(matches!(aborted, Err(StoreError::Backend { action: "commit", .. })), "{aborted:?}");
    assert_eq!(backend.read(b"a").await.unwrap(), None);
}

/// As Chromium does on a full disk: the connection is cut and the transaction in flight gets no event.
const CUT: &str = "
    self.undo = patch(IDBDatabase.prototype, 'transaction', original => ({ ...original, value(...args) {
        const made = original.value.apply(this, args);
        for (const event of ['complete', 'abort']) {
            made.addEventListener(event, heard => {
                heard.stopImmediatePropagation();
                setTimeout(() => this.dispatchEvent(new Event('close')));
            });
        }
        return made;
    } }));";

#[wasm_bindgen_test]
async fn a_connection_cut_during_a_commit_is_an_error_and_the_next_one_connects_again() {
    let (backend, epoch) = open("cut").await;
    js(&format!("{PATCH} {CUT}")).await;
    let cut = backend.commit(vec![put("a", b"1")], epoch).await.unwrap_err();
    js("self.undo()").await;
    assert!(cut.is_retryable() && matches!(cut, StoreError::Backend { action: "commit", .. }), "{cut}");
    backend.commit(vec![put("a", b"2")], epoch).await.unwrap();
    assert_eq!(backend.read(b"a").await.unwrap().unwrap(), b"2");
}

#[wasm_bindgen_test]
async fn who_took_over_while_the_connection_was_cut_is_respected() {
    let (backend, epoch) = open("cut and taken").await;
    js(&format!("{PATCH} {CUT}")).await;
    backend.commit(vec![put("a", b"1")], epoch).await.unwrap_err();
    js("self.undo()").await;
    let (other, next) = open("cut and taken").await;
    let refused = backend.commit(vec![put("a", b"2")], epoch).await;
    assert!(matches!(refused, Err(StoreError::Fenced { now, .. }) if now == next), "{refused:?}");
    assert_eq!(other.read(b"a").await.unwrap().unwrap(), b"1");
}

/// A wallet whose site's data the user clears while it is open.
async fn cleared(wallet: &str) -> (IndexedDbBackend, u64) {
    let (backend, epoch) = open(wallet).await;
    js(&format!("{PATCH} {CUT}")).await;
    backend.commit(vec![put("a", b"1")], epoch).await.unwrap_err();
    js(&format!(
        "self.undo(); await new Promise((done, failed) => {{
            const request = indexedDB.deleteDatabase('amplet/{wallet}');
            request.onsuccess = done;
            request.onerror = failed;
        }})"
    ))
    .await;
    (backend, epoch)
}

/// The browser closes connections too when the user clears the site's data: then nothing is created again behind the wallet.
#[wasm_bindgen_test]
async fn cleared_site_data_is_told() {
    let (backend, epoch) = cleared("cleared").await;
    assert!(matches!(backend.read(b"a").await, Err(StoreError::NotFound { .. })));
    let refused = backend.commit(vec![put("a", b"2")], epoch).await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
    let there =
        js("return (await indexedDB.databases()).some(found => found.name === 'amplet/cleared')").await;
    assert_eq!(there.as_bool(), Some(false));
}

/// Another tab that opens the wallet's name after the data was cleared makes an empty database: that is nobody's takeover.
#[wasm_bindgen_test]
async fn cleared_site_data_is_told_where_the_name_is_there_again() {
    let (backend, epoch) = cleared("cleared and opened").await;
    let other = IndexedDbBackend::open("cleared and opened").await.unwrap();
    let refused = backend.commit(vec![put("a", b"2")], epoch).await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
    assert!(other.names().await.unwrap().is_empty());
}

/// An executor that does not come back for a long time, as in a frozen tab, leaves no half-written commit.
#[wasm_bindgen_test]
async fn a_commit_does_not_need_its_executor() {
    let (backend, epoch) = open("slow executor").await;
    let other = IndexedDbBackend::open("slow executor").await.unwrap();
    let mut commit = backend.commit(vec![put("a", b"1"), put("b", b"1")], epoch);
    assert!((&mut commit).now_or_never().is_none());
    js("await new Promise(done => setTimeout(done, 300))").await;
    assert_eq!(other.read(b"a").await.unwrap().unwrap(), b"1");
    assert_eq!(other.read(b"b").await.unwrap().unwrap(), b"1");
    commit.await.unwrap();
}

#[wasm_bindgen_test]
async fn a_newer_layout_is_refused() {
    js("await new Promise((done, failed) => {
            const request = indexedDB.open('amplet/newer', 7);
            request.onsuccess = () => { request.result.close(); done(); };
            request.onerror = failed;
        })")
    .await;
    let refused = IndexedDbBackend::open("newer").await.err().unwrap();
    assert!(matches!(refused, StoreError::NewerFormat { found: 7, supported: 1 }), "{refused}");
}

/// The layout that the first release made, built by hand, with the records frozen in the crate's fixtures.
#[wasm_bindgen_test]
async fn a_database_of_layout_1_still_opens() {
    let records = include_str!("../../crates/storage/tests/fixtures/format-1.txt");
    js(&format!(
        "const bytes = hex => Uint8Array.from(hex.match(/../g), pair => parseInt(pair, 16));
        await new Promise((done, failed) => {{
            const request = indexedDB.open('amplet/layout 1', 1);
            request.onerror = failed;
            request.onupgradeneeded = () => {{
                const records = request.result.createObjectStore('records');
                request.result.createObjectStore('meta').put(5, 'epoch');
                for (const line of `{records}`.trim().split('\\n')) {{
                    const [name, value] = line.split(' ');
                    records.put(bytes(value), bytes(name));
                }}
            }};
            request.onsuccess = () => {{ request.result.close(); done(); }};
        }})"
    ))
    .await;
    let backend: SharedBackend = Rc::new(IndexedDbBackend::open("layout 1").await.unwrap());
    let sources = SealedStore::key_sources(&backend).await.unwrap().unwrap();
    let [KeySource::Kdf(params)] = sources.as_slice() else { panic!("{sources:?}") };
    let kek = derive("caf\u{e9} au lait", params).unwrap();
    let store = SealedStore::open(backend, kek).await.unwrap();
    assert_eq!(store.epoch(), 6);
    assert_eq!(store.list("").await.unwrap(), ["ldk/manager", "wallet/empty", "支払い/⚡"]);
    assert_eq!(store.get("ldk/manager").await.unwrap().unwrap(), (0..=255).collect::<Vec<u8>>());
}

#[wasm_bindgen_test]
async fn a_foreign_database_is_refused() {
    js("await new Promise((done, failed) => {
            const request = indexedDB.open('amplet/foreign', 1);
            request.onupgradeneeded = () => request.result.createObjectStore('theirs');
            request.onsuccess = () => { request.result.close(); done(); };
            request.onerror = failed;
        })")
    .await;
    let refused = IndexedDbBackend::open("foreign").await.err().unwrap();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");
}

#[wasm_bindgen_test]
async fn damaged_records_are_refused() {
    let (backend, epoch) = open("damaged").await;
    backend.commit(vec![put("a", b"1")], epoch).await.unwrap();
    js("await new Promise((done, failed) => {
            const request = indexedDB.open('amplet/damaged');
            request.onsuccess = () => {
                const transaction = request.result.transaction(['records', 'meta'], 'readwrite');
                transaction.objectStore('records').put('text', new TextEncoder().encode('a'));
                transaction.objectStore('meta').put(-1.5, 'epoch');
                transaction.oncomplete = () => { request.result.close(); done(); };
            };
            request.onerror = failed;
        })")
    .await;
    assert!(matches!(backend.read(b"a").await, Err(StoreError::Corrupt { .. })));
    assert!(matches!(backend.take_over().await, Err(StoreError::Corrupt { name, .. }) if name == "epoch"));
    assert!(matches!(backend.commit(vec![put("a", b"2")], epoch).await, Err(StoreError::Corrupt { .. })));
}

#[wasm_bindgen_test]
async fn destroying_leaves_no_database_behind() {
    let (backend, epoch) = open("gone").await;
    backend.commit(vec![put("a", b"1")], epoch).await.unwrap();
    backend.destroy().await.unwrap();
    let names = js("return (await indexedDB.databases()).map(found => found.name).join()").await;
    assert!(!names.as_string().unwrap().contains("amplet/gone"));
}

/// A connection that does not let go, as a frozen tab's: the records are gone all the same.
#[wasm_bindgen_test]
async fn destroying_does_not_wait_for_a_frozen_tab() {
    let (backend, epoch) = open("held").await;
    backend.commit(vec![put("a", b"1")], epoch).await.unwrap();
    js("self.held = await new Promise((done, failed) => {
            const request = indexedDB.open('amplet/held');
            request.onsuccess = () => done(request.result);
            request.onerror = failed;
        })")
    .await;
    backend.destroy().await.unwrap();
    let left = js("const count = await new Promise((done, failed) => {
            const request = self.held.transaction('records').objectStore('records').count();
            request.onsuccess = () => done(request.result);
            request.onerror = failed;
        });
        self.held.close();
        return count")
    .await;
    assert_eq!(left.as_f64(), Some(0.0));
    let (again, epoch) = open("held").await;
    again.commit(vec![put("a", b"2")], epoch).await.unwrap();
}
