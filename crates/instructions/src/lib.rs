//! What a pasted or scanned text is: every method of payment that it offers, in order of preference, and why each can or
//! cannot be used by a wallet. BOLT 11 invoices (those for AMP, too), BOLT 12 offers, BIP 321 links and on-chain addresses are
//! read; BIP 353 names, LNURLs, Lightning Addresses and silent payment addresses are recognised.
//!
//! Floor: pure; it imports `protocol` and nothing else of this workspace. No I/O, no clock, no node: it acts only when called,
//! and the caller compares `expires_at` with its clock. No text makes it panic, and no text of a stranger's is in its messages
//! but in quotation marks, without control characters and marks of direction.
#![no_std]

extern crate alloc;

mod address;
mod amount;
mod amp;
mod find;
mod idn;
mod invoice;
mod lightning;
mod link;
mod lnurl;
mod method;
mod name;
mod offer;
mod reader;
mod refusal;
mod text;
mod tlv;

pub use address::{Address, network_name};
pub use amount::AmountFault;
pub use amp::{AmpTerms, to_amp};
pub use find::Instructions;
pub use idn::ascii_domain;
pub use invoice::{Invoice, InvoiceFault};
pub use lnurl::{Lnurl, LnurlFault, Purpose};
pub use method::{Kind, Method, Obstacle};
pub use name::{Name, NameFault};
pub use offer::{Offer, OfferFault, Price};
pub use reader::Reader;
pub use refusal::{LinkFault, Refusal};
pub use text::{Quoted, shown};
