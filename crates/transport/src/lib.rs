//! Platforms ([`Platform`]) and byte streams to peers ([`Duplex`]): BOLT 8 over WebSocket in the browser and natively,
//! over TCP natively.
//!
//! The crate moves bytes and reports failures; their meaning (BOLT 8, messages) is the node's business.
//! Everything is single-threaded: futures are [`LocalBoxFuture`], nothing is `Send`. The one exception is a server's
//! connection (feature `axum`), which lives beside the HTTP server's tasks.
//!
//! Floor: adapters above `protocol`, the only crate of the workspace it may import, and free of LDK. It never acts except
//! when called: a connection's task lives from `connect` or `accept` to the end of its stream, and starts nothing else.

use std::time::Duration;

mod address;
mod backoff;
mod diagnose;
mod domain;
mod duplex;
mod error;
#[cfg_attr(any(not(feature = "axum"), target_arch = "wasm32"), allow(dead_code))] // a server uses more of it
mod pipe;
mod platform;
mod public;

#[cfg(not(target_arch = "wasm32"))]
mod drive;
#[cfg(not(target_arch = "wasm32"))]
mod http;
#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(all(feature = "axum", not(target_arch = "wasm32")))]
pub mod server;
#[cfg(not(target_arch = "wasm32"))]
mod tcp;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(target_arch = "wasm32")]
mod web;
#[cfg(not(target_arch = "wasm32"))]
mod websocket;

pub use address::{AddressError, AddressSpace, Endpoint, PeerAddress, Scheme};
pub use amplet_protocol::relay::CloseCode;
pub use backoff::Backoff;
pub use duplex::Duplex;
pub use error::{BrowserBlock, CloseReason, ConnectError, FetchError};
pub use futures::future::LocalBoxFuture;
#[cfg(not(target_arch = "wasm32"))]
pub use http::{HttpClient, HttpStream, header_texts};
#[cfg(not(target_arch = "wasm32"))]
pub use native::NativePlatform;
pub use platform::{HttpMethod, HttpRequest, HttpResponse, Platform};
pub use public::is_public;
#[cfg(target_arch = "wasm32")]
pub use web::WebPlatform;

/// Time limit of an attempt to connect.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
