//! Meanings of pasted texts.

use serde::{Deserialize, Serialize};

use super::{Network, WalletError};
use crate::{Msat, NodeId, PaymentId};

/// Meaning of a pasted text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Inspected {
    /// A BOLT 11 invoice.
    Bolt11 {
        /// Network that it is for: the wallet's.
        network: Network,
        /// The invoice without scheme or white space, as [`super::Request::Pay`] takes it.
        invoice: String,
        /// Payee's node id, in hex.
        payee: NodeId,
        /// `None`: the payer chooses.
        amount_msat: Option<Msat>,
        /// Description; empty when there is none.
        description: String,
        /// Payment hash, in hex.
        payment_hash: PaymentId,
        /// True if it is paid by AMP: any number of times until it expires, each time as a payment with an id of its own. The payment
        /// hash then means nothing.
        amp: bool,
        /// Time at which it stops being payable.
        expires_at: u64,
        /// Fee of the routes planned now, which most payments cost; `None`: no route is known yet, or no amount.
        expected_fee_msat: Option<Msat>,
        /// Maximum fee that [`super::Request::Pay`] would spend by default, as in [`super::FeeQuote`].
        max_fee_msat: Msat,
        /// Reason for which it cannot be paid now, with the remedy; `None`: it can be tried.
        problem: Option<WalletError>,
        /// Amount that the payment link around it asks for, where the invoice leaves it to the payer.
        asked_msat: Option<Msat>,
        /// Other methods of payment that the text offers, the preferred first.
        others: Vec<PaymentMethod>,
    },
    /// An on-chain address, or a BIP 321 URI without a usable Lightning part. Where `others` has a method with `lightning`, that
    /// was offered and cannot be used: the user is told why, and asked, before anything is sent on-chain.
    Onchain {
        /// Network that it is for: the wallet's.
        network: Network,
        /// The address.
        address: String,
        /// Amount from the URI, in sat.
        amount_sat: Option<u64>,
        /// Label from the URI.
        label: Option<String>,
        /// Reason for which it cannot be paid now, with the remedy; `None`: it can be tried.
        problem: Option<WalletError>,
        /// Other methods of payment that the text offers, the preferred first.
        others: Vec<PaymentMethod>,
    },
    /// Methods of payment that this wallet recognises and cannot use, each with the reason; it can use nothing that the text
    /// offers.
    Unsupported {
        /// The methods, the preferred first; at least one.
        others: Vec<PaymentMethod>,
    },
}

/// Kind of a method of payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum PaymentMethodKind {
    /// A BOLT 11 invoice.
    Bolt11,
    /// A BOLT 11 invoice to be paid by AMP.
    Amp,
    /// A BOLT 12 offer.
    Bolt12,
    /// A name of BIP 353 (`₿name@domain`).
    Bip353,
    /// A Lightning Address (LUD-16).
    LightningAddress,
    /// An LNURL (LUD-01, LUD-17).
    Lnurl,
    /// What a payment link gives as Lightning and cannot be read.
    Unreadable,
    /// A silent payment address (BIP 352).
    SilentPayment,
    /// An on-chain address.
    Onchain,
}

/// A method of payment that a text offers beside the one that would be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PaymentMethod {
    /// Kind.
    pub kind: PaymentMethodKind,
    /// True for Lightning.
    pub lightning: bool,
    /// Name, host or address that a user knows it by; `None`: it has none.
    pub name: Option<String>,
    /// Reason for which it cannot be used, with the remedy; `None`: it could be.
    pub problem: Option<WalletError>,
    /// Terms of a BOLT 12 offer; `None`: it is none, or cannot be read.
    pub offer: Option<OfferTerms>,
}

/// Terms of a BOLT 12 offer, as far as a user decides by them. Nobody has signed them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct OfferTerms {
    /// Price of one item; `None`: the payer chooses, or it is in another currency.
    pub amount_msat: Option<Msat>,
    /// Price of one item in another currency.
    pub price: Option<CurrencyPrice>,
    /// Description; empty when there is none.
    pub description: String,
    /// Name of who made it; empty when there is none.
    pub issuer: String,
    /// Time at which it stops being payable; `None`: it does not.
    pub expires_at: Option<u64>,
    /// Maximum number of items at a time; `None`: exactly one; 0: there is no maximum.
    pub max_quantity: Option<u64>,
}

/// A price in a currency that is not bitcoin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct CurrencyPrice {
    /// Three letters (ISO 4217).
    pub currency: String,
    /// Amount, as a number of the currency's smallest units, such as cents.
    pub minor_units: u64,
}
