//! Atomic multi-path payments (AMP) as lnd makes them: a payment in parts that have distinct hashes, of which the payee can claim
//! all or none. The payer draws a secret, the root, and splits it into shares, one for each part; each share travels with its
//! part ([`Amp`], type 14 of the payload, beside [`Total`], type 8). Whoever has all shares has the root, and with it the preimage
//! of each part ([`Child`]).
//!
//! [`Outgoing`] deals out the shares of a payment, [`Incoming`] puts sets of parts together, [`Payload`] reads what the last hop of
//! an onion carries.
//!
//! Floor: pure; it imports `protocol` and nothing else of this workspace. No I/O, no clock, no randomness, no node: it acts only
//! when called, and no bytes of a stranger's make it panic.
#![no_std]
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

extern crate alloc;

mod child;
mod incoming;
mod outgoing;
mod payload;
mod records;
mod set;
mod share;
mod stream;

pub use child::{Child, Preimage};
pub use incoming::{Incoming, Limits, Verdict};
pub use outgoing::{AllOut, Outgoing};
pub use payload::{Kept, Payload, PayloadFault};
pub use records::{Amp, PaymentAddress, RecordFault, SetId, Total};
pub use set::{Claim, Complete, Part, PartFault};
pub use share::Share;
