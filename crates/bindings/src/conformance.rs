//! Storage's conformance suite on stores in JavaScript, for the tests of those that `amplet/node` includes.

use std::rc::Rc;

use amplet_storage::conformance::{Lab, backend, store};
use amplet_storage::{JsBackend, JsStore, SharedBackend, StoreError, backend_cases, store_cases};
use futures::future::{FutureExt, LocalBoxFuture};
use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// Opens wallets by a JavaScript function that takes the name.
struct HostLab(Function);

impl Lab for HostLab {
    fn open<'a>(&'a self, wallet: &'a str) -> LocalBoxFuture<'a, Result<SharedBackend, StoreError>> {
        let failed = |thrown: JsValue| StoreError::Backend {
            action: "open",
            source: thrown.as_string().unwrap_or_default().into(),
        };
        async move {
            let opened = self.0.call1(&JsValue::NULL, &wallet.into()).map_err(failed)?;
            let store = JsFuture::from(Promise::resolve(&opened)).await.map_err(failed)?;
            Ok(Rc::new(JsBackend::new(store.unchecked_into::<JsStore>())) as SharedBackend)
        }
        .boxed_local()
    }
}

macro_rules! named {
    ($suite:ident: $($case:ident),*) => { &[$(concat!(stringify!($suite), "::", stringify!($case))),*] };
}

macro_rules! run {
    ($suite:ident $name:ident $lab:ident: $($case:ident),*) => {
        $(if $name == concat!(stringify!($suite), "::", stringify!($case)) {
            $suite::$case($lab).await;
            return true;
        })*
    };
}

/// The names of all cases.
#[wasm_bindgen(js_name = cases)]
pub fn cases() -> Vec<String> {
    let backend: &[&str] = backend_cases!(named! backend:);
    let store: &[&str] = store_cases!(named! store:);
    backend.iter().chain(store).map(|name| (*name).to_owned()).collect()
}

/// Runs a case on stores that `open` opens; it traps where the contract is broken.
///
/// # Errors
/// An error when there is no case of that name.
#[wasm_bindgen(js_name = runCase)]
pub async fn run_case(name: String, open: Function) -> Result<(), JsError> {
    if run_on(&name, &HostLab(open)).await { Ok(()) } else { Err(JsError::new(&format!("no case {name}"))) }
}

async fn run_on(name: &str, lab: &dyn Lab) -> bool {
    backend_cases!(run! backend name lab:);
    store_cases!(run! store name lab:);
    false
}
