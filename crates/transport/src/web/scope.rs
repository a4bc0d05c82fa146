//! The common parts of a window and a worker, which web-sys types twice.

use js_sys::{Array, Object, Promise, Reflect};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{PermissionState, PermissionStatus, Permissions, Request, Url};

use crate::AddressSpace;
use crate::diagnose::{Permission, Site};

#[wasm_bindgen]
extern "C" {
    /// `globalThis`: a Window, a WorkerGlobalScope, or Node's, which has no origin and, before version 21, no navigator.
    type Scope;
    #[wasm_bindgen(method)]
    fn fetch(this: &Scope, request: &Request) -> Promise;
    #[wasm_bindgen(method, getter)]
    fn navigator(this: &Scope) -> Option<Navigator>;
    #[wasm_bindgen(method, getter)]
    fn performance(this: &Scope) -> web_sys::Performance;
    #[wasm_bindgen(method, getter)]
    fn origin(this: &Scope) -> Option<String>;

    type Navigator;
    #[wasm_bindgen(method, getter, js_name = onLine)]
    fn on_line(this: &Navigator) -> Option<bool>;
    #[wasm_bindgen(method, getter)]
    fn permissions(this: &Navigator) -> Option<Permissions>;
}

fn scope() -> Scope {
    js_sys::global().unchecked_into()
}

/// Milliseconds since this scope began.
pub(super) fn performance_now() -> f64 {
    scope().performance().now()
}

pub(super) fn start_fetch(request: &Request) -> Promise {
    scope().fetch(request)
}

/// The browser's state of this page towards `host`; the user is not prompted.
pub(super) async fn site(host: &str) -> Site {
    let origin = scope().origin().and_then(|origin| Url::new(&origin).ok());
    let protocol = origin.as_ref().map(Url::protocol).unwrap_or_default();
    let space = match (protocol.as_str(), &origin) {
        ("http:" | "https:", Some(origin)) => AddressSpace::of(&origin.hostname()),
        _ => AddressSpace::Loopback, // an extension's page and Node need no permission
    };
    let target = AddressSpace::of(host);
    let local_network = if target > space { local_network_permission(target).await } else { None };
    Site {
        offline: scope().navigator().is_some_and(|navigator| navigator.on_line() == Some(false)),
        https: protocol == "https:",
        space,
        local_network,
    }
}

/// Chromium named the permission `local-network-access` and then split it in two; other browsers have none.
async fn local_network_permission(target: AddressSpace) -> Option<Permission> {
    let permissions = scope().navigator()?.permissions()?;
    let split = if target == AddressSpace::Loopback { "loopback-network" } else { "local-network" };
    for name in [split, "local-network-access"] {
        let descriptor = Object::new();
        Reflect::set(&descriptor, &"name".into(), &name.into()).ok()?;
        let Ok(query) = permissions.query(&descriptor) else { continue };
        let Ok(status) = JsFuture::from(query).await else { continue };
        let status: PermissionStatus = status.unchecked_into();
        return Some(match status.state() {
            PermissionState::Granted => Permission::Granted,
            PermissionState::Denied => Permission::Denied,
            _ => Permission::Ask,
        });
    }
    None
}

/// The text of a thrown value.
pub(super) fn text(thrown: &JsValue) -> String {
    match thrown.dyn_ref::<js_sys::Error>() {
        Some(error) => format!("{}: {}", String::from(error.name()), String::from(error.message())),
        None => thrown.as_string().unwrap_or_else(|| "no reason given".into()),
    }
}

/// The name of a thrown value, as `SecurityError`.
pub(super) fn name(thrown: &JsValue) -> String {
    Reflect::get(thrown, &"name".into()).ok().and_then(|name| name.as_string()).unwrap_or_default()
}

/// The pairs of an iterable of `[name, value]`, as `Headers` is.
pub(super) fn pairs(iterable: &JsValue) -> Vec<(String, String)> {
    Array::from(iterable)
        .iter()
        .filter_map(|pair| {
            let pair: Array = pair.dyn_into().ok()?;
            Some((pair.get(0).as_string()?, pair.get(1).as_string()?))
        })
        .collect()
}
