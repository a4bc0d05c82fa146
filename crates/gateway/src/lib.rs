//! The gateway server: embedded node, WebSocket endpoint, chain API.
