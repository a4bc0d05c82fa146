//! Methods of payment, and why one cannot be used.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use amplet_protocol::Msat;
use amplet_protocol::page::Network;

use crate::address::{Address, network_name};
use crate::invoice::Invoice;
use crate::lnurl::{Lnurl, Purpose};
use crate::name::Name;
use crate::offer::{Offer, Price};
use crate::refusal::Refusal;

/// One method of payment that a text offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// Kind, with what belongs to it.
    pub kind: Kind,
    /// Why this wallet cannot use it; `None`: it can, once the caller has looked at the clock and the balance.
    pub obstacle: Option<Obstacle>,
}

/// Kind of a method, the preferred first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A BOLT 11 invoice.
    Bolt11(Box<Invoice>),
    /// A BOLT 11 invoice to be paid by AMP (feature 30).
    Amp(Box<Invoice>),
    /// A BOLT 12 offer.
    Offer(Box<Offer>),
    /// A BOLT 12 invoice request or invoice, as it was given.
    Bolt12(String),
    /// A name of BIP 353, looked up in DNS.
    Bip353(Name),
    /// A Lightning Address (LUD-16).
    LightningAddress(Name),
    /// An LNURL.
    Lnurl(Lnurl),
    /// What a link gives as Lightning and cannot be read.
    Unreadable,
    /// A silent payment address (BIP 352), as it was given.
    SilentPayment(String),
    /// An on-chain address.
    Onchain(Address),
}

/// Reason for which a method cannot be used. Displayed with its remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The wallet recognises it and cannot pay it.
    NotYet(&'static str),
    /// It asks for no payment.
    NoPayment(&'static str),
    /// It is for another network.
    Network {
        /// An invoice or an address.
        what: &'static str,
        /// Its network.
        found: &'static str,
        /// The wallet's.
        expected: &'static str,
    },
    /// It requires features that the wallet does not know, by number (BOLT 9).
    Features {
        /// An invoice or an offer.
        what: &'static str,
        /// The features.
        bits: Vec<u16>,
    },
    /// Its price is in another currency.
    Currency {
        /// Three letters (ISO 4217).
        code: String,
    },
    /// The link and its invoice ask for different amounts.
    Amounts {
        /// The link's amount.
        link: Msat,
        /// The invoice's.
        invoice: Msat,
    },
    /// It cannot be read.
    Fault(Box<Refusal>),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotYet(what) => {
                write!(f, "this is {what}, which this wallet cannot pay yet; ask for a Lightning invoice")
            }
            Self::NoPayment(what) => {
                write!(f, "this is {what}, which asks for no payment; ask for an invoice")
            }
            Self::Network { what, found, expected } => {
                write!(
                    f,
                    "this {what} is for {found}, this wallet is on {expected}; ask for one of {expected}"
                )
            }
            Self::Features { what, bits } => {
                write!(f, "the {what} requires ")?;
                for (at, bit) in bits.iter().enumerate() {
                    write!(f, "{}{bit}", if at == 0 { "feature " } else { ", " })?;
                }
                write!(f, ", which this wallet does not know; ask for another {what}")
            }
            Self::Currency { code } => write!(
                f,
                "this is a BOLT 12 offer with a price in {code}, which this wallet cannot pay yet; ask for a Lightning invoice"
            ),
            Self::Amounts { link, invoice } => write!(
                f,
                "the link asks for {} and its invoice for {}; ask the payee which is right",
                Sat(*link),
                Sat(*invoice)
            ),
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}

/// An amount in sat, with its fraction.
struct Sat(Msat);

impl fmt::Display for Sat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.get() % 1000 {
            0 => write!(f, "{} sat", self.0.to_sat_floor()),
            fraction => write!(f, "{}.{fraction:03} sat", self.0.to_sat_floor()),
        }
    }
}

impl Kind {
    /// True if money moves over Lightning, or would.
    #[must_use]
    pub const fn is_lightning(&self) -> bool {
        !matches!(self, Self::SilentPayment(_) | Self::Onchain(_))
    }

    /// The invoice that is paid in the usual way, if this is one.
    #[must_use]
    pub fn invoice(&self) -> Option<&Invoice> {
        if let Self::Bolt11(invoice) = self { Some(invoice) } else { None }
    }

    /// Place in the order of preference.
    pub(crate) const fn rank(&self) -> u8 {
        match self {
            Self::Bolt11(_) => 0,
            Self::Amp(_) => 1,
            Self::Offer(_) | Self::Bolt12(_) => 2,
            Self::Bip353(_) => 3,
            Self::LightningAddress(_) => 4,
            Self::Lnurl(_) => 5,
            Self::Unreadable => 6,
            Self::SilentPayment(_) => 7,
            Self::Onchain(_) => 8,
        }
    }
}

impl Method {
    /// A method for a wallet on `network`, with what the text alone tells against it.
    pub(crate) fn new(kind: Kind, network: Network) -> Self {
        let obstacle = obstacle(&kind, network);
        Self { kind, obstacle }
    }

    /// A method that cannot be read.
    pub(crate) fn unreadable(fault: Refusal) -> Self {
        Self { kind: Kind::Unreadable, obstacle: Some(Obstacle::Fault(Box::new(fault))) }
    }
}

fn obstacle(kind: &Kind, network: Network) -> Option<Obstacle> {
    let expected = network_name(network);
    let elsewhere = |what, found| Some(Obstacle::Network { what, found, expected });
    match kind {
        Kind::Bolt11(invoice) | Kind::Amp(invoice) if !invoice.is_for(network) => {
            elsewhere("invoice", invoice.network)
        }
        Kind::Bolt11(invoice) | Kind::Amp(invoice) if !invoice.unknown_features.is_empty() => {
            Some(Obstacle::Features { what: "invoice", bits: invoice.unknown_features.clone() })
        }
        Kind::Bolt11(_) | Kind::Amp(_) | Kind::Unreadable => None,
        Kind::Onchain(address) if !address.usable => elsewhere("address", address.networks),
        Kind::Onchain(_) => None,
        Kind::Offer(offer) => Some(of_offer(offer, network)),
        Kind::Bolt12(text) if text.starts_with("lnr") => {
            Some(Obstacle::NoPayment("a BOLT 12 invoice request, by which somebody offers money"))
        }
        Kind::Bolt12(_) => Some(Obstacle::NotYet("a BOLT 12 invoice")),
        Kind::Bip353(_) => Some(Obstacle::NotYet("a BIP 353 name (₿)")),
        Kind::LightningAddress(_) => Some(Obstacle::NotYet("a Lightning Address")),
        Kind::SilentPayment(_) => Some(Obstacle::NotYet("a silent payment address")),
        Kind::Lnurl(lnurl) => Some(match lnurl.purpose {
            Purpose::Unknown | Purpose::Pay => Obstacle::NotYet("an LNURL"),
            Purpose::Withdraw => Obstacle::NoPayment("a link to withdraw money (LNURL)"),
            Purpose::Channel => Obstacle::NoPayment("a link to get a channel (LNURL)"),
            Purpose::Login => Obstacle::NoPayment("a link to log in (LNURL)"),
        }),
    }
}

fn of_offer(offer: &Offer, network: Network) -> Obstacle {
    if !offer.is_for(network) {
        return Obstacle::Network { what: "offer", found: offer.network(), expected: network_name(network) };
    }
    if !offer.unknown_features.is_empty() {
        return Obstacle::Features { what: "offer", bits: offer.unknown_features.clone() };
    }
    match &offer.price {
        Price::Currency { code, .. } => Obstacle::Currency { code: code.clone() },
        Price::Any | Price::Bitcoin(_) => Obstacle::NotYet("a BOLT 12 offer"),
    }
}
