//! IndexedDB's events as futures, its exceptions as [`StoreError`]s.

use crate::StoreError;
use futures::channel::oneshot;
use wasm_bindgen::prelude::*;
use web_sys::{DomException, EventTarget, IdbOpenDbRequest, IdbRequest, IdbTransaction};

/// A listener that is taken off again when dropped, so that no event finds its closure gone.
pub(super) struct Listening {
    target: EventTarget,
    event: &'static str,
    closure: Closure<dyn FnMut()>,
}

impl Listening {
    fn to(target: &EventTarget, event: &'static str, handler: impl FnOnce() + 'static) -> Self {
        let closure = Closure::once(handler);
        // Fails for no known reason; then nothing is heard and the caller's transaction or request never ends well.
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
    let answered = request.clone();
    Listening::to(request, "success", move || handler(answered.result().unwrap_or(JsValue::UNDEFINED)))
}

/// Which of the events comes first.
async fn first_of<const N: usize>(target: &EventTarget, events: [&'static str; N]) -> &'static str {
    let (sender, receiver) = oneshot::channel();
    let sender = std::rc::Rc::new(std::cell::Cell::new(Some(sender)));
    let _listening = events.map(|event| {
        let sender = sender.clone();
        Listening::to(target, event, move || {
            if let Some(sender) = sender.take() {
                // The receiver is this very future.
                let _ = sender.send(event);
            }
        })
    });
    receiver.await.unwrap_or("error")
}

/// The result of a request of its own (a read, an opening).
pub(super) async fn fulfilled(action: &'static str, request: &IdbRequest) -> Result<JsValue, StoreError> {
    match first_of(request, ["success", "error"]).await {
        "success" => request.result().map_err(|error| mapped(action, &error)),
        _ => Err(request.error().map_or_else(
            |error| mapped(action, &error),
            |error| mapped(action, &error.map_or(JsValue::UNDEFINED, JsValue::from)),
        )),
    }
}

/// Resolves when the transaction is on the disk, or with the reason of its abort.
pub(super) async fn finished(action: &'static str, transaction: &IdbTransaction) -> Result<(), StoreError> {
    match first_of(transaction, ["complete", "abort"]).await {
        "complete" => Ok(()),
        _ => Err(mapped(action, &transaction.error().map_or(JsValue::UNDEFINED, JsValue::from))),
    }
}

/// Resolves when the database is deleted, or will be once its last user is gone.
pub(super) async fn deleted_or_blocked(
    action: &'static str,
    request: &IdbOpenDbRequest,
) -> Result<(), StoreError> {
    match first_of(request, ["success", "blocked", "error"]).await {
        "success" | "blocked" => Ok(()),
        _ => {
            let error = request.error().ok().flatten().map_or(JsValue::UNDEFINED, JsValue::from);
            Err(mapped(action, &error))
        }
    }
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
    let detail = format!("{}: {}", exception.name(), exception.message());
    match exception.name().as_str() {
        "QuotaExceededError" => StoreError::QuotaExceeded { detail },
        // "The database connection is closing": what a transaction on a closed connection throws.
        "InvalidStateError" => StoreError::Closed,
        _ => StoreError::Backend { action, source: detail.into() },
    }
}
