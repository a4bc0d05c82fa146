//! BOLT 12 offers and the onion messages that carry their questions and answers (BOLT 4, "Onion Messages"). A program that
//! does without (`offers` is off) neither relays nor understands them.

#[cfg(feature = "offers")]
mod path;
#[cfg(feature = "offers")]
mod pay;
#[cfg(feature = "offers")]
mod receive;
#[cfg(feature = "offers")]
mod wired;
#[cfg(not(feature = "offers"))]
mod without;

#[cfg(feature = "offers")]
pub use pay::PayOffer;
#[cfg(feature = "offers")]
pub use receive::NewOffer;
#[cfg(feature = "offers")]
pub(crate) use wired::{OnionMessages, Ways, onion_messages, ways};
#[cfg(not(feature = "offers"))]
pub(crate) use without::{OnionMessages, Ways, onion_messages, ways};
