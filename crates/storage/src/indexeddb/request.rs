//! IndexedDB's events as futures, its exceptions as [`StoreError`]s.

use crate::StoreError;
use futures::channel::oneshot;
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{DomException, EventTarget, IdbDatabase, IdbOpenDbRequest, IdbRequest, IdbTransaction};

/// A listener that is taken off again when dropped, so that no event finds its closure gone.
pub(super) struct Listening {
    target: EventTarget,
    event: &'static str,
    closure: Closure<dyn FnMut()>,
}

impl Listening {
    /// Calls `handler` at the first such event.
    pub(super) fn to(target: &EventTarget, event: &'static str, handler: impl FnOnce() + 'static) -> Self {
        let closure = Closure::once(handler);
        // Fails for no known reason; then no event arrives and the caller's transaction or request never succeeds.
        let _ = target.add_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
        Self { target: target.clone(), event, closure }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let callback = self.closure.as_ref().unchecked_ref();
        let _ = self.target.remove_event_listener_with_callback(self.event, callback);
    }
}

/// Calls `handler` with the request's result, inside its success event.
pub(super) fn on_success(request: &IdbRequest, handler: impl FnOnce(JsValue) + 'static) -> Listening {
    let done = request.clone();
    Listening::to(request, "success", move || handler(done.result().unwrap_or(JsValue::UNDEFINED)))
}

/// Resolves to the first of the events.
async fn first_of(events: &[(&EventTarget, &'static str)]) -> &'static str {
    let (sender, receiver) = oneshot::channel();
    let sender = Rc::new(Cell::new(Some(sender)));
    let listen = |&(target, event): &(&EventTarget, &'static str)| {
        let sender = sender.clone();
        Listening::to(target, event, move || {
            if let Some(sender) = sender.take() {
                // The receiver is this very future.
                let _ = sender.send(event);
            }
        })
    };
    let _listening: Vec<Listening> = events.iter().map(listen).collect();
    receiver.await.unwrap_or("error")
}

/// The result of a request of its own (a read, an opening). `database`: its connection, which may be cut meanwhile.
pub(super) async fn fulfilled(
    action: &'static str,
    request: &IdbRequest,
    database: Option<&IdbDatabase>,
) -> Result<JsValue, StoreError> {
    let mut events: Vec<(&EventTarget, _)> = vec![(request, "success"), (request, "error")];
    events.extend(database.map(|database| (database.as_ref(), "close")));
    match first_of(&events).await {
        "success" => request.result().map_err(|error| mapped(action, &error)),
        "close" => Err(cut(action)),
        _ => Err(mapped(action, &request.error().map_or_else(|error| error, or_undefined))),
    }
}

/// Resolves when the transaction is on the disk, or with the reason why it is not.
pub(super) async fn finished(
    action: &'static str,
    transaction: &IdbTransaction,
    database: &IdbDatabase,
) -> Result<(), StoreError> {
    // Chromium cuts the connection when its disk is full in the middle of a commit, and a transaction that was about to
    // end then gets no event of its own.
    let events: [(&EventTarget, _); 3] =
        [(transaction, "complete"), (transaction, "abort"), (database, "close")];
    match first_of(&events).await {
        "complete" => Ok(()),
        "close" => Err(cut(action)),
        _ => Err(mapped(action, &or_undefined(transaction.error()))),
    }
}

/// Resolves when the database is deleted, or will be once its last user is gone.
pub(super) async fn deleted_or_blocked(
    action: &'static str,
    request: &IdbOpenDbRequest,
) -> Result<(), StoreError> {
    match first_of(&[(request, "success"), (request, "blocked"), (request, "error")]).await {
        "success" | "blocked" => Ok(()),
        _ => Err(mapped(action, &request.error().map_or_else(|error| error, or_undefined))),
    }
}

fn or_undefined(exception: Option<DomException>) -> JsValue {
    exception.map_or(JsValue::UNDEFINED, JsValue::from)
}

fn cut(action: &'static str) -> StoreError {
    let source = "the browser closed its database (is the disk full? was site data cleared?)".into();
    StoreError::Backend { action, source }
}

/// True if a call was refused because its connection is closed.
pub(super) fn says_closed(error: &JsValue) -> bool {
    error.dyn_ref::<DomException>().is_some_and(|exception| exception.name() == "InvalidStateError")
}

/// The error for what IndexedDB threw or reported.
pub(super) fn mapped(action: &'static str, error: &JsValue) -> StoreError {
    let Some(exception) = error.dyn_ref::<DomException>() else {
        let text = if error.is_undefined() {
            "the browser ended it without a reason".to_owned()
        } else {
            format!("{error:?}")
        };
        return StoreError::Backend { action, source: text.into() };
    };
    let (name, message) = (exception.name(), exception.message());
    let detail = if message.is_empty() { name.clone() } else { format!("{name}: {message}") };
    match name.as_str() {
        "QuotaExceededError" => StoreError::QuotaExceeded {
            detail,
            remedy: "free disk space on this device, or remove other sites' data in this browser".into(),
        },
        // What Chromium reports where the disk itself fails or is full.
        "DataError" | "UnknownError" => {
            StoreError::Backend { action, source: format!("{detail} (is the disk full?)").into() }
        }
        _ => StoreError::Backend { action, source: detail.into() },
    }
}
