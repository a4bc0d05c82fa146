//! The Platform trait and how bytes reach a peer: WebSocket and TCP.
