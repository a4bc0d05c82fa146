//! BOLT 11 invoices, strictly.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use amplet_protocol::page::Network;
use amplet_protocol::{Msat, NodeId, PaymentId};
use bech32::primitives::decode::CheckedHrpstringError;
use lightning_invoice::{
    Bolt11Invoice, Bolt11ParseError, Bolt11SemanticError, RawBolt11Invoice, SignedRawBolt11Invoice,
};
use lightning_types::features::Bolt11InvoiceFeatures;

use crate::amount::{self, AmountFault};
use crate::amp::{self, AmpTerms};
use crate::text::{Quoted, shown};

/// Seconds until an invoice without `x` expires (BOLT 11).
const DEFAULT_EXPIRY: u64 = 3600;

/// An invoice whose form and signature have been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// The invoice, in lower case, with nothing around it.
    pub text: String,
    /// Name of its network, for a message.
    pub network: &'static str,
    /// Amount; `None`: the payer chooses.
    pub amount: Option<Msat>,
    /// Description, safe to show; empty: there is none, or only its hash.
    pub description: String,
    /// Node that signed it.
    pub payee: NodeId,
    /// Payment hash.
    pub payment_hash: PaymentId,
    /// Time at which it expires, in seconds since the UNIX epoch.
    pub expires_at: u64,
    /// Features that the payer must know and LDK does not, AMP left out.
    pub unknown_features: Vec<u16>,
    /// What it takes to pay it by AMP; `None`: it is not to be paid so.
    pub amp: Option<AmpTerms>,
    /// The invoice as LDK pays it; `None`: LDK cannot.
    pub payable: Option<Bolt11Invoice>,
    currency: &'static str,
}

/// Fault of an invoice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvoiceFault {
    /// Bech32 is in one case (BIP 173).
    #[error("the invoice has letters in upper and in lower case; copy it again")]
    MixedCase,
    /// No bech32.
    #[error("the invoice has a character that no invoice has, or is not complete; copy it again")]
    Form,
    /// Not as it was written.
    #[error("the invoice is not complete or has a wrong letter: its checksum does not match; copy it again")]
    Checksum,
    /// A field ends beyond the invoice's end, or what must be there is not.
    #[error("the invoice ends inside a field; ask for a new one")]
    Truncated,
    /// Not bitcoin.
    #[error("the invoice is for a currency that is not bitcoin ({0}); ask for one in bitcoin")]
    Currency(Quoted),
    /// Its amount.
    #[error("the invoice's amount {0}; ask for a new one")]
    Amount(AmountFault),
    /// The description is not UTF-8.
    #[error("the invoice's description is not text; ask for a new one")]
    Description,
    /// Without a field that an invoice must have.
    #[error("the invoice has no {0}; ask for a new one")]
    Missing(&'static str),
    /// With two fields where there must be one.
    #[error("the invoice has more than one {0}; ask for a new one")]
    Twice(&'static str),
    /// A field that cannot be read.
    #[error("the invoice has a field that cannot be read; ask for a new one")]
    Field,
    /// No signature of anybody.
    #[error("the invoice's signature is wrong; ask for a new one")]
    Signature,
    /// Signed by another node than `n` names.
    #[error("the invoice names one node and was signed by another; ask for a new one")]
    OtherSigner,
    /// The second form of a signature, which BOLT 11 does not allow beside `n`.
    #[error("the invoice's signature was altered (high S); ask for a new one")]
    HighS,
}

impl Invoice {
    /// True if it is for this network.
    #[must_use]
    pub fn is_for(&self, network: Network) -> bool {
        let currency = match network {
            Network::Mainnet => "bc",
            Network::Testnet4 => "tb",
            Network::Signet => "tbs",
            Network::Regtest => "bcrt",
        };
        self.currency == currency
    }
}

/// Reads an invoice, in any one case, with nothing around it.
pub(crate) fn read(text: &str) -> Result<Invoice, InvoiceFault> {
    let lower = text.to_ascii_lowercase();
    if lower != text && text.to_ascii_uppercase() != text {
        return Err(InvoiceFault::MixedCase);
    }
    let signed: Result<SignedRawBolt11Invoice, _> = lower.parse();
    if let Err(Bolt11ParseError::Bech32Error(error)) = signed {
        return Err(match error {
            CheckedHrpstringError::Checksum(_) => InvoiceFault::Checksum,
            _ => InvoiceFault::Form,
        });
    }
    // The part before the data first: what else is wrong may follow from it.
    let (prefix, _) = lower.rsplit_once('1').ok_or(InvoiceFault::Form)?;
    let ((currency, network), amount) = prefix_parts(prefix)?;
    let signed = signed.map_err(|error| parse_fault(&error))?;
    let raw = signed.raw_invoice();
    let payee = signer(&signed, raw)?;
    let (amp, unknown_features) = features(raw);
    let terms = || amp::terms(raw).ok_or(InvoiceFault::Missing("payment secret"));
    let amp = if amp { Some(terms()?) } else { None };
    let payable = if amp.is_some() || !unknown_features.is_empty() {
        None
    } else {
        Some(Bolt11Invoice::from_signed(signed.clone()).map_err(|error| semantic_fault(&error))?)
    };
    let payment_hash = raw.payment_hash().ok_or(InvoiceFault::Missing("payment hash"))?;
    let expiry = raw.expiry_time().map_or(DEFAULT_EXPIRY, |expiry| expiry.as_seconds());
    Ok(Invoice {
        network,
        amount,
        description: raw.description().map(|text| shown(&text.to_string())).unwrap_or_default(),
        payee,
        payment_hash: PaymentId(payment_hash.0),
        expires_at: raw.data.timestamp.as_unix_timestamp().saturating_add(expiry),
        unknown_features,
        amp,
        payable,
        currency,
        text: lower,
    })
}

type Currency = (&'static str, &'static str);

/// BOLT 11, "Human-Readable Part": `ln`, the currency's prefix, the amount.
fn prefix_parts(prefix: &str) -> Result<(Currency, Option<Msat>), InvoiceFault> {
    let rest = prefix.strip_prefix("ln").ok_or(InvoiceFault::Form)?;
    let (currency, amount) = rest.split_at(rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len()));
    let known = match currency {
        "bc" => ("bc", "mainnet"),
        "tb" => ("tb", "testnet"),
        "tbs" => ("tbs", "signet"),
        "bcrt" => ("bcrt", "regtest"),
        "sb" => ("sb", "simnet"),
        other => return Err(InvoiceFault::Currency(Quoted::new(other))),
    };
    Ok((known, amount::of_invoice(amount).map_err(InvoiceFault::Amount)?))
}

/// The node that signed; checked against `n` where the invoice has it.
fn signer(signed: &SignedRawBolt11Invoice, raw: &RawBolt11Invoice) -> Result<NodeId, InvoiceFault> {
    let recovered = signed.recover_payee_pub_key().ok();
    let named = raw.payee_pub_key();
    if signed.check_signature() {
        let key = named.or(recovered.as_ref()).ok_or(InvoiceFault::Signature)?;
        return Ok(NodeId(key.0.serialize()));
    }
    Err(match (named, recovered) {
        (Some(named), Some(recovered)) if *named == recovered => InvoiceFault::HighS,
        (Some(_), Some(_)) => InvoiceFault::OtherSigner,
        _ => InvoiceFault::Signature,
    })
}

/// True if AMP is asked for (BOLT 9: required is even); and the required features that LDK does not know.
fn features(raw: &RawBolt11Invoice) -> (bool, Vec<u16>) {
    let Some(features) = raw.features() else { return (false, Vec::new()) };
    let required = features.le_flags().iter().enumerate().flat_map(|(at, byte)| {
        let bits = (0..8).step_by(2).filter(move |bit| byte & (1 << bit) != 0);
        bits.filter_map(move |bit| u16::try_from(at * 8 + bit).ok())
    });
    let unknown: Vec<u16> = required.filter(|bit| is_unknown(*bit)).collect();
    let amp = unknown.contains(&amp::FEATURE);
    (amp, unknown.into_iter().filter(|bit| *bit != amp::FEATURE).collect())
}

fn is_unknown(bit: u16) -> bool {
    let mut flags = alloc::vec![0; usize::from(bit / 8)];
    flags.push(1 << (bit % 8));
    Bolt11InvoiceFeatures::from_le_bytes(flags).requires_unknown_bits()
}

fn parse_fault(error: &Bolt11ParseError) -> InvoiceFault {
    match error {
        Bolt11ParseError::Bech32Error(_) => InvoiceFault::Checksum,
        Bolt11ParseError::DescriptionDecodeError(_) => InvoiceFault::Description,
        Bolt11ParseError::UnexpectedEndOfTaggedFields | Bolt11ParseError::TooShortDataPart => {
            InvoiceFault::Truncated
        }
        // Of `n` too: a key that is no point on the curve.
        Bolt11ParseError::MalformedSignature(_) => InvoiceFault::Signature,
        _ => InvoiceFault::Field,
    }
}

fn semantic_fault(error: &Bolt11SemanticError) -> InvoiceFault {
    match error {
        Bolt11SemanticError::NoPaymentHash => InvoiceFault::Missing("payment hash"),
        Bolt11SemanticError::MultiplePaymentHashes => InvoiceFault::Twice("payment hash"),
        Bolt11SemanticError::NoDescription => InvoiceFault::Missing("description"),
        Bolt11SemanticError::MultipleDescriptions => InvoiceFault::Twice("description"),
        Bolt11SemanticError::NoPaymentSecret | Bolt11SemanticError::InvalidFeatures => {
            InvoiceFault::Missing("payment secret")
        }
        Bolt11SemanticError::MultiplePaymentSecrets => InvoiceFault::Twice("payment secret"),
        Bolt11SemanticError::InvalidSignature => InvoiceFault::Signature,
        Bolt11SemanticError::ImpreciseAmount => InvoiceFault::Amount(AmountFault::TooPrecise),
    }
}

/// True if a text is meant to be an invoice, however broken: `ln`, a currency, and more than a word.
pub(crate) fn is_meant(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    text.len() >= 20 && ["lnbc", "lntb", "lnsb"].iter().any(|start| lower.starts_with(&(*start).to_owned()))
}
