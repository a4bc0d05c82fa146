//! Onion messages (BOLT 4), which carry the requests and invoices of BOLT 12 offers. A program that does without (`offers` is
//! off) neither relays nor understands them.

#[cfg(feature = "offers")]
mod messenger;
#[cfg(feature = "offers")]
mod path;
#[cfg(not(feature = "offers"))]
mod without;

#[cfg(feature = "offers")]
pub(crate) use messenger::{MessagePaths, OnionMessages, message_paths, onion_messages};
#[cfg(not(feature = "offers"))]
pub(crate) use without::{MessagePaths, OnionMessages, message_paths, onion_messages};
