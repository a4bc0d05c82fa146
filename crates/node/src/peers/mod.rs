//! Connections to peers.

mod keep;
mod socket;

pub(crate) use keep::keep;
pub use keep::{ConnectionState, PersistentPeer};
pub use socket::Socket;
pub(crate) use socket::drive;
