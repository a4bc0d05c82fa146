//! The WebSocket on which a wallet speaks BOLT 8 to a gateway's node.
//!
//! At [`PATH`], binary frames carry the bytes of BOLT 8; frame boundaries mean nothing. A browser cannot pause reading,
//! so each side sends at most as many bytes as the other has room for: [`INITIAL_WINDOW`] after the upgrade, then what
//! each text frame [`Control`] of the other side adds. Both directions have credit, although a gateway could stop
//! reading: a wallet's grants would then wait behind its bytes, and both sides for each other. A gateway
//! refuses by accepting the upgrade and closing with a [`CloseCode`], since a browser hides everything else from a page.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Path at which a gateway accepts the WebSocket. A client that connects to another path speaks to a plain listener (Core
/// Lightning's own, for one) and sends no text frame.
pub const PATH: &str = "/lightning/v1";

/// Path of a gateway's health: see [`Health`].
pub const HEALTH_PATH: &str = "/health";

/// Number of bytes either side may send before the first credit: 256 KiB.
pub const INITIAL_WINDOW: u32 = 256 << 10;

/// Maximum credit that may be outstanding, in bytes: 16 MiB. More is a violation.
pub const MAX_WINDOW: u32 = 16 << 20;

/// Maximum frame that either side accepts, in bytes: a whole BOLT 8 message (65,535 bytes, two MACs and its length) fits.
pub const MAX_FRAME: usize = 128 << 10;

/// Interval of a gateway's pings.
pub const PING_EVERY: Duration = Duration::from_secs(25);

/// Time after which either side gives up a connection on which nothing was received: three pings.
pub const IDLE_AFTER: Duration = Duration::from_secs(75);

/// Content of a text frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Number of bytes that the receiver of this may send in addition; at least 1.
    pub credit: u32,
}

impl Control {
    /// Returns the text frame.
    pub fn to_json(self) -> String {
        format!("{{\"credit\":{}}}", self.credit)
    }
}

/// The gateway's response at [`HEALTH_PATH`], status 200 when the node is up and 503 when it is not, with
/// `Access-Control-Allow-Origin: *` so that any page can tell the two apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// True if the gateway's Lightning node is up.
    pub node: bool,
}

/// Reason for which a WebSocket was closed (RFC 6455 section 7.4; 4000 to 4999 are ours).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// 1000: the connection is not needed any more.
    Normal,
    /// 4000: the gateway restarts; come back soon.
    Restart,
    /// 4001: the gateway is up, its Lightning node is not.
    NodeDown,
    /// 4002: this client is not admitted.
    NotAllowed,
    /// 4003: too many connections, of this client or of all.
    TooManyConnections,
    /// 4004: the other side broke this protocol.
    Violation,
    /// 4005: the other side reads too slowly.
    SlowConsumer,
    /// 4006: nothing was received for too long.
    Idle,
    /// Any other code.
    Other(u16),
}

impl CloseCode {
    /// Returns the number.
    pub fn number(self) -> u16 {
        match self {
            CloseCode::Normal => 1000,
            CloseCode::Restart => 4000,
            CloseCode::NodeDown => 4001,
            CloseCode::NotAllowed => 4002,
            CloseCode::TooManyConnections => 4003,
            CloseCode::Violation => 4004,
            CloseCode::SlowConsumer => 4005,
            CloseCode::Idle => 4006,
            CloseCode::Other(number) => number,
        }
    }
}

impl CloseCode {
    /// Returns the number to send: RFC 6455 lets a page close with 1000 and 3000 to 4999 only; any other becomes 1000.
    pub fn wire(self) -> u16 {
        match self.number() {
            number @ (1000 | 3000..=4999) => number,
            _ => 1000,
        }
    }
}

impl From<u16> for CloseCode {
    fn from(number: u16) -> Self {
        match number {
            1000 => CloseCode::Normal,
            4000 => CloseCode::Restart,
            4001 => CloseCode::NodeDown,
            4002 => CloseCode::NotAllowed,
            4003 => CloseCode::TooManyConnections,
            4004 => CloseCode::Violation,
            4005 => CloseCode::SlowConsumer,
            4006 => CloseCode::Idle,
            other => CloseCode::Other(other),
        }
    }
}

impl std::fmt::Display for CloseCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = match self {
            CloseCode::Normal => "not needed any more",
            CloseCode::Restart => "the gateway restarts; it is tried again by itself",
            CloseCode::NodeDown => {
                "the gateway is up but its Lightning node is down; its operator has to start it"
            }
            CloseCode::NotAllowed => {
                "this wallet is not admitted; ask the gateway's operator, or choose another gateway"
            }
            CloseCode::TooManyConnections => {
                "too many connections; close other wallets on this gateway, or try later"
            }
            CloseCode::Violation => "this side broke the protocol; update the wallet or the gateway",
            CloseCode::SlowConsumer => "this side reads too slowly; check the network",
            CloseCode::Idle => "nothing was heard for too long; it is tried again by itself",
            CloseCode::Other(number) => return write!(f, "close code {number}"),
        };
        f.write_str(text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn control_frames_read_as_written() {
        for credit in [1, 65_536, u32::MAX] {
            let control = Control { credit };
            assert_eq!(serde_json::from_str::<Control>(&control.to_json()).unwrap(), control);
        }
    }

    #[test]
    fn control_frames_refuse_anything_else() {
        for text in
            ["", "{}", "{\"credit\":-1}", "{\"credit\":4294967296}", "{\"credit\":1,\"more\":2}", "[]"]
        {
            assert!(serde_json::from_str::<Control>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn close_codes_keep_their_numbers() {
        for number in 0..=u16::MAX {
            assert_eq!(CloseCode::from(number).number(), number);
        }
    }
}
