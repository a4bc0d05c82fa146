//! Wallets in stores of the embedding JavaScript.

use std::cell::RefCell;
use std::rc::Rc;

use amplet_protocol::page::{ErrorCode, WalletError};
use amplet_storage::{JsBackend, JsStore, SharedBackend};
use js_sys::{Error, Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

thread_local! {
    static OPEN: RefCell<Option<Function>> = const { RefCell::new(None) };
}

/// Sets the function that opens the store of a wallet, given its name; it may return a promise.
#[wasm_bindgen(js_name = useStorage)]
pub fn use_storage(open: Function) {
    OPEN.with(|slot| slot.replace(Some(open)));
}

/// Opens the backend of a wallet.
pub(super) async fn open_backend(name: &str) -> Result<SharedBackend, WalletError> {
    let open = OPEN.with(|slot| slot.borrow().clone()).ok_or_else(|| {
        WalletError::new(ErrorCode::Internal, "no storage was given to the engine: report this defect")
    })?;
    let opened = match open.call1(&JsValue::NULL, &name.into()) {
        Ok(store) => JsFuture::from(Promise::resolve(&store)).await,
        Err(thrown) => Err(thrown),
    };
    let store = opened.map_err(|thrown| not_opened(name, &thrown))?;
    if !store.is_object() {
        return Err(not_opened(name, &"it gave no store".into()));
    }
    Ok(Rc::new(JsBackend::new(store.unchecked_into::<JsStore>())))
}

fn not_opened(name: &str, thrown: &JsValue) -> WalletError {
    let cause = match thrown.dyn_ref::<Error>() {
        Some(error) => String::from(error.message()),
        None => thrown.as_string().unwrap_or_else(|| "no reason given".into()),
    };
    let message = format!("the storage could not open wallet \"{name}\": look at the cause, then try again");
    WalletError { causes: vec![cause], ..WalletError::new(ErrorCode::Storage, message) }
}
