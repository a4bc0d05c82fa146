//! Texts that offer nothing, and why.

use amplet_protocol::page::MAX_TEXT;

use crate::amount::AmountFault;
use crate::invoice::InvoiceFault;
use crate::lnurl::LnurlFault;
use crate::name::NameFault;
use crate::offer::OfferFault;
use crate::text::Quoted;

/// Reason for which a text cannot be read. Displayed with its remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing, or nothing visible, or too much.
    #[error("an invoice or address has 1 to {MAX_TEXT} characters; copy it again")]
    Length,
    /// None of the kinds.
    #[error("this is neither a Lightning invoice nor a Bitcoin address; copy it again")]
    Unknown,
    /// More than one, in a text that does not say how they belong together.
    #[error("this text holds more than one invoice or address; copy only the one that you want to pay")]
    Several,
    /// An invoice.
    #[error(transparent)]
    Invoice(#[from] InvoiceFault),
    /// A BOLT 12 offer.
    #[error(transparent)]
    Offer(#[from] OfferFault),
    /// An LNURL.
    #[error(transparent)]
    Lnurl(#[from] LnurlFault),
    /// A name.
    #[error(transparent)]
    Name(#[from] NameFault),
    /// A link with `bitcoin:`.
    #[error(transparent)]
    Link(#[from] LinkFault),
}

/// Fault of a link with `bitcoin:` (BIP 321).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    /// Its address, or one of its keys'.
    #[error("the payment link's address {0} is not complete or has a wrong letter; copy the link again")]
    Address(Quoted),
    /// An address of one network under another's key.
    #[error(
        "the payment link has an address of another network under its key {0}; ask the payee for another"
    )]
    Key(Quoted),
    /// Nothing to pay.
    #[error("the payment link names nobody to pay; ask the payee for another")]
    Empty,
    /// Its amount.
    #[error("the payment link's amount {0} {1}; ask the payee for another")]
    Amount(Quoted, AmountFault),
    /// A key that may stand once.
    #[error("the payment link has {0} twice; ask the payee for another")]
    Twice(&'static str),
    /// A value that is not UTF-8.
    #[error("the payment link's {0} is not text; ask the payee for another")]
    Value(&'static str),
    /// A required key that the wallet does not know.
    #[error("this payment link needs {0}, which this wallet does not know; ask the payee for another")]
    Required(Quoted),
    /// White space inside.
    #[error("the payment link is broken by white space; copy it again")]
    Broken,
}
