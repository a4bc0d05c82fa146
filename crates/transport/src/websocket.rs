//! The native WebSocket client.

use std::rc::Rc;
use std::sync::Arc;

use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use amplet_protocol::relay;

use crate::diagnose::{self, Facts, Site};
use crate::drive::{Frame, Incoming, Watch, drive};
use crate::http::HttpClient;
use crate::pipe::{PLAIN_FRAME, plain_pipe, relay_pipe};
use crate::{CloseCode, CloseReason, ConnectError, Duplex, Endpoint};

/// Makes a WebSocket of a connected socket. Its task runs on the thread's `LocalSet`.
pub(crate) async fn open(
    endpoint: &Endpoint,
    stream: TcpStream,
    tls: Arc<rustls::ClientConfig>,
    http: &HttpClient,
) -> Result<Rc<dyn Duplex>, ConnectError> {
    let limits = WebSocketConfig::default()
        .max_message_size(Some(max_frame(endpoint)))
        .max_frame_size(Some(max_frame(endpoint)));
    let url = endpoint.to_string();
    match client_async_tls_with_config(url, stream, Some(limits), Some(Connector::Rustls(tls))).await {
        Ok((socket, _)) => Ok(duplex(socket, endpoint.is_relay())),
        Err(error) => Err(explain(endpoint, error, http).await),
    }
}

/// The maximum frame from an endpoint, in bytes: a relay has the protocol's limit, a plain listener has none.
fn max_frame(endpoint: &Endpoint) -> usize {
    if endpoint.is_relay() { relay::MAX_FRAME } else { PLAIN_FRAME }
}

fn duplex(socket: WebSocketStream<MaybeTlsStream<TcpStream>>, is_relay: bool) -> Rc<dyn Duplex> {
    let (handle, driver) = if is_relay { relay_pipe() } else { plain_pipe() };
    // A relay pings; other listeners may be silent for as long as BOLT 1's own pings allow.
    let watch = Watch { idle: is_relay.then_some(relay::IDLE_AFTER), ..Watch::default() };
    let (sink, stream) = socket.split();
    let incoming = stream.map(|message| message.map(receive).map_err(|error| broken(&error)));
    let outgoing = Box::pin(
        sink.sink_map_err(|error| error.to_string()).with(async |frame| Ok::<_, String>(message(frame))),
    );
    tokio::task::spawn_local(drive(driver, incoming, outgoing, watch));
    handle.into_duplex()
}

fn receive(message: Message) -> Incoming {
    match message {
        Message::Binary(bytes) => Incoming::Bytes(bytes.into()),
        Message::Text(text) => Incoming::Text(text.to_string()),
        Message::Close(frame) => match frame {
            Some(CloseFrame { code, reason }) => {
                Incoming::Close { code: u16::from(code).into(), message: reason.to_string() }
            }
            None => Incoming::Close { code: CloseCode::Other(1005), message: String::new() },
        },
        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Incoming::Life,
    }
}

fn message(frame: Frame) -> Message {
    match frame {
        Frame::Bytes(bytes) => Message::Binary(bytes.into()),
        Frame::Text(text) => Message::Text(text.into()),
        Frame::Ping => Message::Ping(Vec::new().into()),
        Frame::Close(code) => {
            Message::Close(Some(CloseFrame { code: code.wire().into(), reason: "".into() }))
        }
    }
}

/// The reason of an open WebSocket's failure.
pub(crate) fn broken(error: &Error) -> CloseReason {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
            let what = format!("it sent a frame of {size} bytes where {max_size} are allowed");
            CloseReason::Violation { what }
        }
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) | Error::Io(_) => {
            CloseReason::Lost { detail: error.to_string() }
        }
        Error::Protocol(_) | Error::Utf8(_) => CloseReason::Violation { what: error.to_string() },
        other => CloseReason::Lost { detail: other.to_string() },
    }
}

/// The error when no WebSocket could be opened on a connected socket.
async fn explain(endpoint: &Endpoint, error: Error, http: &HttpClient) -> ConnectError {
    let endpoint = endpoint.clone();
    let detail = match error {
        Error::Io(error) if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => {
            return ConnectError::Tls { endpoint, detail: error.to_string() };
        }
        Error::Tls(error) => return ConnectError::Tls { endpoint, detail: error.to_string() },
        Error::Io(error) => {
            return ConnectError::GatewayUnreachable { endpoint, detail: error.to_string() };
        }
        Error::Http(response) => format!("HTTP status {}", response.status().as_u16()),
        other => return ConnectError::Refused { endpoint, detail: other.to_string() },
    };
    // Something speaks HTTP there: perhaps it also reports its health.
    let health = match endpoint.health_url() {
        Some(url) => Some(http.fetch(diagnose::health_request(url)).await),
        None => return ConnectError::Refused { endpoint, detail },
    };
    diagnose::diagnose(&endpoint, Facts { detail, health, site: Site::default() })
}
