//! Errors of requests, connection attempts and streams, each with its remedy.

use std::time::Duration;

use amplet_protocol::relay::CloseCode;

use amplet_protocol::NodeId;

use crate::Endpoint;

/// A browser's prohibition, as far as it reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrowserBlock {
    /// An https page may not open a plain connection to that host.
    MixedContent,
    /// The Local Network Access permission has not been requested yet.
    LocalNetworkAsk,
    /// The user denied the Local Network Access permission.
    LocalNetworkDenied,
    /// The page's own policy (Content-Security-Policy) or the URL's form was refused.
    Policy,
}

impl std::fmt::Display for BrowserBlock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            BrowserBlock::MixedContent => {
                "a page loaded over https may not use an unencrypted address; use the gateway's wss:// address, or open the wallet from the gateway itself or the extension"
            }
            BrowserBlock::LocalNetworkAsk => {
                "reaching a device of the local network needs a permission; use the button that asks for it, then try again"
            }
            BrowserBlock::LocalNetworkDenied => {
                "the permission to reach the local network was denied; allow it in the browser's site settings, or use an address on the internet"
            }
            BrowserBlock::Policy => {
                "the browser refused the address before connecting; the page's Content-Security-Policy (connect-src) must allow it"
            }
        })
    }
}

/// A failed attempt to open a stream to a peer, or the end of one ([`ConnectError::Closed`]).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// This device has no network at all.
    #[error("this device is offline; connect it to a network")]
    Offline,
    /// Nothing responds at that address.
    #[error(
        "the gateway at {endpoint} cannot be reached ({detail}); check this device's network, the address, and that the gateway is running"
    )]
    GatewayUnreachable {
        /// The endpoint of the attempt.
        endpoint: Endpoint,
        /// The platform's message.
        detail: String,
    },
    /// The gateway responds, its Lightning node does not.
    #[error(
        "the gateway at {endpoint} is up but its Lightning node is down; its operator has to start it, the wallet goes on trying"
    )]
    NodeDown {
        /// The gateway.
        endpoint: Endpoint,
    },
    /// The BOLT 8 handshake showed that the peer does not hold the expected key. Found by the node, named here so that
    /// every reason has one type.
    #[error(
        "the peer at {endpoint} does not hold the key of node {expected}; check the node id and the address with the gateway's operator, nothing was sent to it"
    )]
    WrongKey {
        /// The endpoint of the attempt.
        endpoint: Endpoint,
        /// The node id that was expected.
        expected: NodeId,
    },
    /// Something responds there, but it refuses to be a WebSocket.
    #[error(
        "the server at {endpoint} answered, but refused the connection ({detail}); check the path of the address, and whether the gateway admits this wallet"
    )]
    Refused {
        /// The endpoint of the attempt.
        endpoint: Endpoint,
        /// HTTP status or the defect of the response.
        detail: String,
    },
    /// The certificate of the server is not accepted.
    #[error(
        "the server at {endpoint} has no valid TLS certificate ({detail}); check this device's clock and ask the gateway's operator to renew the certificate"
    )]
    Tls {
        /// The endpoint of the attempt.
        endpoint: Endpoint,
        /// The platform's message.
        detail: String,
    },
    /// The browser does not allow the attempt.
    #[error("the browser does not allow a connection to {endpoint}: {why}")]
    NotAllowed {
        /// The endpoint of the intended attempt.
        endpoint: Endpoint,
        /// The prohibition.
        why: BrowserBlock,
    },
    /// No response in time.
    #[error("{endpoint} did not answer within {} s; check the network and the address, or try later", after.as_secs())]
    Timeout {
        /// The endpoint of the attempt.
        endpoint: Endpoint,
        /// The time allowed.
        after: Duration,
    },
    /// The platform has no such transport.
    #[error(
        "{endpoint} cannot be used here: a browser has no TCP; use a ws:// or wss:// address of the peer"
    )]
    Unsupported {
        /// The address.
        endpoint: Endpoint,
    },
    /// The stream was up and went down.
    #[error(transparent)]
    Closed(#[from] CloseReason),
}

impl ConnectError {
    /// Returns whether the peer refused the connection, which it will do again: not one that is down or restarts.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::WrongKey { .. } => true,
            Self::Closed(CloseReason::Remote { code, .. }) => {
                matches!(code, CloseCode::NotAllowed | CloseCode::TooManyConnections | CloseCode::Violation)
            }
            _ => false,
        }
    }
}

/// The reason for the end of a stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// Closed from this side.
    #[error("the connection was closed by this side ({0})")]
    Local(CloseCode),
    /// Closed by the other side, in good order, with the reason it gave.
    #[error("the connection was closed by the gateway: {code}{}", text(.message))]
    Remote {
        /// The documented code.
        code: CloseCode,
        /// The text beside it, possibly empty.
        message: String,
    },
    /// Lost without a farewell: network gone, process killed, laptop asleep.
    #[error("the connection was lost ({detail}); it is tried again by itself")]
    Lost {
        /// The platform's message.
        detail: String,
    },
    /// No frame arrived for too long.
    #[error("the peer was silent for {} s and the connection was given up; it is tried again by itself", after.as_secs())]
    Idle {
        /// The time allowed.
        after: Duration,
    },
    /// Bytes waited to be sent and none could be for too long: the peer reads nothing.
    #[error("the peer took nothing for {} s and the connection was given up; it has to connect again", after.as_secs())]
    Stalled {
        /// The time allowed.
        after: Duration,
    },
    /// More arrived than this side was ready to hold.
    #[error(
        "the peer sent more than the {limit} bytes this wallet can hold unread; use the gateway's own address (path /lightning/v1), which waits for the wallet"
    )]
    Overflow {
        /// Bytes that may lie unread.
        limit: usize,
    },
    /// The other side broke the transport's protocol.
    #[error(
        "the peer broke the transport's protocol: {what}; check that the address is a Lightning endpoint, and update the gateway"
    )]
    Violation {
        /// The violation.
        what: String,
    },
}

impl CloseReason {
    /// The close code with the reason for the peer; none when the peer closed or cannot be reached.
    pub(crate) fn farewell(&self) -> Option<CloseCode> {
        match self {
            CloseReason::Violation { .. } => Some(CloseCode::Violation),
            CloseReason::Overflow { .. } | CloseReason::Stalled { .. } => Some(CloseCode::SlowConsumer),
            CloseReason::Idle { .. } => Some(CloseCode::Idle),
            CloseReason::Local(code) => Some(*code),
            CloseReason::Remote { .. } | CloseReason::Lost { .. } => None,
        }
    }
}

fn text(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(" ({message})") }
}

/// A failed HTTP exchange.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The request itself cannot be made.
    #[error("the request to {url} is not valid: {what}; correct the address")]
    InvalidRequest {
        /// The URL given.
        url: String,
        /// The defect.
        what: String,
    },
    /// This device has no network at all.
    #[error("this device is offline; connect it to a network")]
    Offline,
    /// No connection, or lost before the whole response was there. A browser reports the same for a missing CORS header.
    #[error(
        "{url} cannot be reached ({detail}); check the network, the address, and that the server is running"
    )]
    Unreachable {
        /// The URL given.
        url: String,
        /// The platform's message.
        detail: String,
    },
    /// The browser does not allow the request.
    #[error("the browser does not allow a request to {url}: {why}")]
    NotAllowed {
        /// The URL given.
        url: String,
        /// The prohibition.
        why: BrowserBlock,
    },
    /// No whole response in time.
    #[error("{url} did not answer within {} s; try later, or use another server", after.as_secs())]
    Timeout {
        /// The URL given.
        url: String,
        /// The time allowed.
        after: Duration,
    },
    /// The response is larger than the request allows.
    #[error(
        "the answer of {url} is larger than {limit} bytes and was dropped; the server is not what it should be"
    )]
    TooLarge {
        /// The URL given.
        url: String,
        /// The limit, in bytes.
        limit: usize,
    },
}
