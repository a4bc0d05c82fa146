//! The server's side of a wallet's WebSocket. The HTTP server's tasks and the node live on different threads: the
//! connection's task runs beside the HTTP server, [`Remote`] travels to the node's thread and becomes a [`Duplex`]
//! there.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use futures::{SinkExt, StreamExt};

use amplet_protocol::relay;

use crate::drive::{Frame, Incoming, Watch, drive};
use crate::pipe::{Handle, relay_pipe};
use crate::{CloseCode, CloseReason, Duplex};

/// Time limits of wallets' connections.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// Time without another frame after which a ping is sent.
    pub ping_every: Duration,
    /// Time without any frame (not even a pong) after which a connection is closed with [`CloseCode::Idle`].
    pub idle_after: Duration,
    /// Time for which a client takes nothing, while bytes wait, after which the connection is closed with
    /// [`CloseCode::SlowConsumer`].
    pub stall_after: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            ping_every: relay::PING_EVERY,
            idle_after: relay::IDLE_AFTER,
            stall_after: Duration::from_secs(60),
        }
    }
}

/// The node's end of a wallet's connection, on its way to the node's thread. Dropping it closes the connection.
pub struct Remote(Handle);

impl Remote {
    /// The stream, on the node's thread.
    pub fn into_duplex(self) -> Rc<dyn Duplex> {
        self.0.into_duplex()
    }

    /// Resolves once the wallet has sent its first bytes, which stay to be read, or the connection has ended.
    pub async fn spoken(&self) {
        self.0.readable().await;
    }

    /// Closes it unused, with a reason for the wallet.
    pub fn refuse(self, code: CloseCode) {
        self.0.close(code);
    }
}

/// Sets the limits of frames; to be called on an upgrade at [`relay::PATH`] before it is accepted.
pub fn configure(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade.max_message_size(relay::MAX_FRAME).max_frame_size(relay::MAX_FRAME)
}

/// Takes over an upgraded connection. The future moves its bytes and ends with it: run it on the HTTP server's runtime.
pub fn accept(
    socket: WebSocket,
    limits: ServerLimits,
) -> (Remote, impl Future<Output = ()> + Send + 'static) {
    let (handle, driver) = relay_pipe();
    let (sink, stream) = socket.split();
    let incoming = stream.map(|message| message.map(receive).map_err(|error| broken(&error)));
    let outgoing = sink
        .sink_map_err(|error| error.to_string())
        .with(|frame| std::future::ready(Ok::<_, String>(message(frame))));
    let watch = Watch {
        ping: Some(limits.ping_every),
        idle: Some(limits.idle_after),
        stall: Some(limits.stall_after),
    };
    (Remote(handle), drive(driver, incoming, outgoing, watch))
}

fn receive(message: Message) -> Incoming {
    match message {
        Message::Binary(bytes) => Incoming::Bytes(bytes.into()),
        Message::Text(text) => Incoming::Text(text.to_string()),
        Message::Close(Some(CloseFrame { code, reason })) => {
            Incoming::Close { code: code.into(), message: reason.to_string() }
        }
        Message::Close(None) => Incoming::Close { code: CloseCode::Other(1005), message: String::new() },
        Message::Ping(_) | Message::Pong(_) => Incoming::Life,
    }
}

fn message(frame: Frame) -> Message {
    match frame {
        Frame::Bytes(bytes) => Message::Binary(bytes.into()),
        Frame::Text(text) => Message::Text(text.into()),
        Frame::Ping => Message::Ping(Bytes::new()),
        Frame::Close(code) => Message::Close(Some(CloseFrame { code: code.wire(), reason: "".into() })),
    }
}

/// The reason of an open WebSocket's failure. axum hides its WebSocket library's error behind a box.
fn broken(error: &axum::Error) -> CloseReason {
    use std::error::Error;
    match error.source().and_then(|inner| inner.downcast_ref::<tokio_tungstenite::tungstenite::Error>()) {
        Some(inner) => crate::websocket::broken(inner),
        None => CloseReason::Lost { detail: error.to_string() },
    }
}
