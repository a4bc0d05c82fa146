//! What a platform differs in ([`Platform`]) and how bytes reach a peer ([`Duplex`]): BOLT 8 over WebSocket in
//! the browser and natively, over TCP natively.
//!
//! The crate moves bytes and says why it could not; what they mean (BOLT 8, messages) is the node's business.
//! Everything is single-threaded: futures are [`LocalBoxFuture`], nothing is `Send`.

mod address;
mod duplex;
mod error;
mod platform;

pub use address::{AddressError, Endpoint, NodeId, PeerAddress, Scheme};
pub use amplet_protocol::relay::CloseCode;
pub use duplex::Duplex;
pub use error::{BrowserBlock, CloseReason, ConnectError, FetchError};
pub use futures::future::LocalBoxFuture;
pub use platform::{HttpMethod, HttpRequest, HttpResponse, Platform};
