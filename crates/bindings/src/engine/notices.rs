//! Notices on their way to one page.

use amplet_protocol::page::Notice;
use futures::StreamExt;
use futures::channel::mpsc::UnboundedReceiver;
use futures::future::{AbortHandle, abortable};
use js_sys::Function;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

use crate::convert::to_js;

/// Calls `listener` with each notice, and with null after the last; until the handle aborts.
pub(super) fn forward(mut notices: UnboundedReceiver<Notice>, listener: Function) -> AbortHandle {
    let (task, handle) = abortable(async move {
        while let Some(notice) = notices.next().await {
            match to_js(&notice) {
                Ok(notice) => tell(&listener, &notice),
                Err(error) => log::error!("a notice was lost, it cannot be serialised: {error:?}"),
            }
        }
        tell(&listener, &JsValue::NULL);
    });
    spawn_local(async move {
        let _: Result<(), futures::future::Aborted> = task.await; // aborted: no listener is left
    });
    handle
}

fn tell(listener: &Function, notice: &JsValue) {
    if let Err(error) = listener.call1(&JsValue::NULL, notice) {
        log::error!("a listener of notices failed: {error:?}");
    }
}
