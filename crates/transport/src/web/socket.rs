//! The browser's WebSocket.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{Either, select};
use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

use amplet_protocol::relay::{self, Control};

use super::{fetch, scope, sleep};
use crate::diagnose::{self, Facts};
use crate::pipe::{Driver, Outgoing, PLAIN_FRAME, plain_pipe, relay_pipe};
use crate::{BrowserBlock, CONNECT_TIMEOUT, CloseReason, ConnectError, Duplex, Endpoint, Scheme};

/// Bytes that the browser may hold unsent before this side waits: 256 KiB.
const BUFFERED: u32 = 256 << 10;
/// Interval at which a full buffer is checked again: a WebSocket has no event for it.
const BUFFER_INTERVAL: Duration = Duration::from_millis(10);
/// Time limit of closing: to send what waits, and to receive the peer's close frame.
const LINGER: Duration = Duration::from_secs(5);

/// A WebSocket with its event handlers; dropping it takes them off and closes it.
struct Socket {
    ws: WebSocket,
    _handlers: Handlers,
}

type Handlers = (Closure<dyn FnMut()>, Closure<dyn FnMut(MessageEvent)>, Closure<dyn FnMut(CloseEvent)>);

impl Drop for Socket {
    fn drop(&mut self) {
        self.ws.set_onopen(None);
        self.ws.set_onmessage(None);
        self.ws.set_onclose(None);
        let _ = self.ws.close(); // throws on a closed one only in browsers that break the standard
    }
}

/// The events that come once.
struct Events {
    open: oneshot::Receiver<()>,
    close: oneshot::Receiver<CloseReason>,
}

pub(super) async fn connect(endpoint: Endpoint) -> Result<Rc<dyn Duplex>, ConnectError> {
    if endpoint.scheme() == Scheme::Tcp {
        return Err(ConnectError::Unsupported { endpoint });
    }
    let (handle, driver) = if endpoint.is_relay() { relay_pipe() } else { plain_pipe() };
    let driver = Rc::new(driver);
    let (socket, events) = match listen(&endpoint, driver.clone()) {
        Ok(opened) => opened,
        Err(thrown) => return Err(forbidden(endpoint, &thrown).await),
    };
    let Events { open, close } = events;
    let opening = select(open, close);
    match select(opening, pin!(sleep(CONNECT_TIMEOUT))).await {
        Either::Left((Either::Left((Ok(()), close)), _)) => {
            spawn_local(run(socket, driver, close));
            Ok(handle.into_duplex())
        }
        Either::Left(_) => Err(explain(endpoint).await),
        Either::Right(_) => Err(ConnectError::Timeout { endpoint, after: CONNECT_TIMEOUT }),
    }
}

fn listen(endpoint: &Endpoint, driver: Rc<Driver>) -> Result<(Socket, Events), JsValue> {
    let ws = WebSocket::new(&endpoint.to_string())?;
    ws.set_binary_type(BinaryType::Arraybuffer);
    let (open_sender, open) = oneshot::channel();
    let (close_sender, close) = oneshot::channel();
    let mut open_sender = Some(open_sender);
    let on_open = Closure::new(move || {
        let _ = open_sender.take().map(|sender| sender.send(())); // nobody waits any more: dropped
    });
    let max_frame = if endpoint.is_relay() { relay::MAX_FRAME } else { PLAIN_FRAME };
    let close_sender = Rc::new(RefCell::new(Some(close_sender)));
    let failed = close_sender.clone();
    let on_message = Closure::new(move |event: MessageEvent| {
        if let Err(reason) = receive(&driver, &event.data(), max_frame) {
            let _ = failed.borrow_mut().take().map(|sender| sender.send(reason));
        }
    });
    let on_close = Closure::new(move |event: CloseEvent| {
        let _ = close_sender.borrow_mut().take().map(|sender| sender.send(closed(&event)));
    });
    ws.set_onopen(Some(on_open.as_ref().unchecked_ref()));
    ws.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    ws.set_onclose(Some(on_close.as_ref().unchecked_ref()));
    Ok((Socket { ws, _handlers: (on_open, on_message, on_close) }, Events { open, close }))
}

fn receive(driver: &Driver, data: &JsValue, max_frame: usize) -> Result<(), CloseReason> {
    let Some(buffer) = data.dyn_ref::<ArrayBuffer>() else {
        return driver.control(&data.as_string().unwrap_or_default());
    };
    let bytes = Uint8Array::new(buffer);
    let size = bytes.length() as usize;
    if size > max_frame {
        let what = format!("it sent a frame of {size} bytes where {max_frame} are allowed");
        return Err(CloseReason::Violation { what });
    }
    driver.deliver(bytes.to_vec())
}

fn closed(event: &CloseEvent) -> CloseReason {
    match event.code() {
        1006 => CloseReason::Lost { detail: "the browser gives no reason".into() },
        code => CloseReason::Remote { code: code.into(), message: event.reason() },
    }
}

/// Moves the bytes of an open WebSocket to its end.
async fn run(socket: Socket, driver: Rc<Driver>, close: oneshot::Receiver<CloseReason>) {
    let send = async {
        write(&socket.ws, &driver).await;
        std::future::pending().await // closed from this side: the peer's farewell is awaited
    };
    let lingered = async {
        let reason = driver.ended().await;
        sleep(LINGER).await;
        reason
    };
    let reason = match select(close, select(pin!(send), pin!(lingered))).await {
        Either::Left((reason, _)) => {
            reason.unwrap_or(CloseReason::Lost { detail: "the browser gives no reason".into() })
        }
        Either::Right((Either::Left((reason, _)) | Either::Right((reason, _)), _)) => reason,
    };
    if let Some(code) = reason.farewell() {
        let _ = socket.ws.close_with_code(code.wire()); // a socket closed meanwhile needs none
    }
    driver.end(reason);
}

/// Sends until this side closes; the farewell is sent, too.
async fn write(ws: &WebSocket, driver: &Driver) {
    loop {
        // A failing send means that the socket is closing: its close event follows with the reason.
        let _ = match driver.next().await {
            // A copy: sockets other than a browser's may look at the bytes after this returns.
            Outgoing::Bytes(bytes) => ws.send_with_js_u8_array(&Uint8Array::from(bytes.as_slice())),
            Outgoing::Credit(credit) => ws.send_with_str(&Control { credit }.to_json()),
            Outgoing::Close(code) => {
                let _ = ws.close_with_code(code.wire());
                return;
            }
        };
        while ws.buffered_amount() > BUFFERED && ws.ready_state() == WebSocket::OPEN {
            sleep(BUFFER_INTERVAL).await;
        }
    }
}

/// The constructor threw: the browser forbids the address.
async fn forbidden(endpoint: Endpoint, thrown: &JsValue) -> ConnectError {
    let site = scope::site(endpoint.host()).await;
    let why = match site.blocks(endpoint.host(), endpoint.scheme() == Scheme::Ws) {
        Some(why) => why,
        None if scope::name(thrown) == "SecurityError" && site.https => BrowserBlock::MixedContent,
        None => BrowserBlock::Policy,
    };
    ConnectError::NotAllowed { endpoint, why }
}

/// The socket closed before it opened, which is always 1006.
async fn explain(endpoint: Endpoint) -> ConnectError {
    let health = match endpoint.health_url() {
        Some(url) => Some(fetch::fetch(diagnose::health_request(url)).await),
        None => None,
    };
    let site = scope::site(endpoint.host()).await;
    diagnose::diagnose(&endpoint, Facts { detail: "the WebSocket did not open".into(), health, site })
}
