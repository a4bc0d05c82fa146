//! BOLT 12 offers, strictly: "Encoding", "Offers". Decoded here and not by LDK, which would be the first crate with a node in it
//! that this one imports.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use amplet_protocol::page::Network;
use amplet_protocol::{Msat, NodeId};
use bech32::NoChecksum;
use bech32::primitives::decode::CheckedHrpstring;
use bitcoin::constants::ChainHash;
use bitcoin::secp256k1::PublicKey;

use crate::address::of_bitcoin;
use crate::amount::AmountFault;
use crate::text::shown;
use crate::tlv::{Bytes, truncated};

/// An offer whose form has been checked. It has no signature: what it says is only as good as where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The offer, in lower case and in one piece.
    pub text: String,
    /// Price of one item.
    pub price: Price,
    /// Description, safe to show; empty: there is none.
    pub description: String,
    /// Name of who made it, safe to show; empty: there is none.
    pub issuer: String,
    /// Time after which no invoice may be asked for, in seconds since the UNIX epoch; `None`: it does not expire.
    pub expires_at: Option<u64>,
    /// Maximum number of items of one invoice; `None`: exactly one; 0: there is no maximum.
    pub max_quantity: Option<u64>,
    /// Number of blinded paths on which its maker is reached; without any, by its key alone.
    pub paths: usize,
    /// Key of its maker; `None`: only the paths lead there.
    pub issuer_id: Option<NodeId>,
    /// Features that the payer must know and this wallet does not.
    pub unknown_features: Vec<u16>,
    chains: Vec<[u8; 32]>,
}

/// Price of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Price {
    /// The payer chooses.
    Any,
    /// In bitcoin.
    Bitcoin(Msat),
    /// In another currency, converted by the maker when an invoice is asked for.
    Currency {
        /// Three letters (ISO 4217).
        code: String,
        /// Amount in its smallest unit, such as cents.
        minor: u64,
    },
}

/// Fault of an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfferFault {
    /// A `+` that is not between two pieces.
    Continuation,
    /// No bech32 of one case, or incomplete.
    Form,
    /// Ends inside a field.
    Truncated,
    /// Fields that do not ascend.
    Order,
    /// A field that its reader has to know.
    Unknown(u64),
    /// A field that is not what it has to be.
    Field(&'static str),
    /// Without a field that there has to be.
    Missing(&'static str),
    /// Its amount.
    Amount(AmountFault),
}

impl core::error::Error for OfferFault {}

impl fmt::Display for OfferFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the BOLT 12 offer")?;
        match self {
            Self::Continuation => f.write_str(" has a + that does not stand between two pieces of it"),
            Self::Form => f.write_str(" has a character that no offer has, or is not complete"),
            Self::Truncated => f.write_str(" ends inside a field"),
            Self::Order => f.write_str(" has its fields in a wrong order"),
            Self::Unknown(kind) => write!(f, " requires the field {kind}, which this wallet does not know"),
            Self::Field(field) => write!(f, "'s {field} cannot be read"),
            Self::Missing(field) => write!(f, " has no {field}"),
            Self::Amount(fault) => write!(f, "'s amount {fault}"),
        }?;
        f.write_str("; copy it again, or ask for a Lightning invoice")
    }
}

impl Offer {
    /// True if it can be paid on this network.
    #[must_use]
    pub fn is_for(&self, network: Network) -> bool {
        self.chains.contains(&ChainHash::using_genesis_block_const(of_bitcoin(network)).to_bytes())
    }

    /// Name of the networks that it can be paid on, for a message.
    #[must_use]
    pub fn network(&self) -> &'static str {
        let known = [
            (ChainHash::BITCOIN, "mainnet"),
            (ChainHash::TESTNET4, "testnet"),
            (ChainHash::TESTNET3, "testnet3"),
            (ChainHash::SIGNET, "signet"),
            (ChainHash::REGTEST, "regtest"),
        ];
        let found = known.iter().find(|(chain, _)| self.chains.contains(&chain.to_bytes()));
        found.map_or("a chain that is not bitcoin's", |(_, name)| name)
    }
}

/// Reads an offer, in any one case, with nothing around it; it may be split by `+`, each with white space behind it.
pub(crate) fn read(text: &str) -> Result<Offer, OfferFault> {
    let text = joined(text)?;
    let parsed = CheckedHrpstring::new::<NoChecksum>(&text).map_err(|_| OfferFault::Form)?;
    parsed.validate_segwit_padding().map_err(|_| OfferFault::Form)?;
    if !parsed.hrp().as_str().eq_ignore_ascii_case("lno") {
        return Err(OfferFault::Form);
    }
    let bytes: Vec<u8> = parsed.byte_iter().collect();
    let mut rest = Bytes(&bytes);
    let mut fields = Fields::default();
    let mut last = 0;
    while !rest.0.is_empty() {
        let (kind, value) = rest.record().ok_or(OfferFault::Truncated)?;
        // None has type 0.
        if kind <= last {
            return Err(OfferFault::Order);
        }
        last = kind;
        fields.take(kind, value)?;
    }
    fields.offer(text.to_ascii_lowercase())
}

/// The pieces of an offer as one.
fn joined(text: &str) -> Result<String, OfferFault> {
    let mut pieces = text.split('+');
    let mut whole = pieces.next().unwrap_or_default().to_owned();
    let mut is_broken = whole.is_empty() && text.contains('+');
    for piece in pieces {
        let piece = piece.trim_start();
        is_broken |= piece.is_empty();
        whole.push_str(piece);
    }
    if is_broken { Err(OfferFault::Continuation) } else { Ok(whole) }
}

/// The fields as they stand there.
#[derive(Default)]
struct Fields<'a> {
    chains: Option<Vec<[u8; 32]>>,
    currency: Option<&'a str>,
    amount: Option<u64>,
    description: Option<&'a str>,
    features: Vec<u16>,
    expires_at: Option<u64>,
    paths: Option<usize>,
    issuer: Option<&'a str>,
    max_quantity: Option<u64>,
    issuer_id: Option<NodeId>,
}

impl<'a> Fields<'a> {
    /// BOLT 12, "TLV Fields for Offers".
    fn take(&mut self, kind: u64, value: &'a [u8]) -> Result<(), OfferFault> {
        let number = |field| truncated(value).ok_or(OfferFault::Field(field)).map(Some);
        let text = |field| core::str::from_utf8(value).map_err(|_| OfferFault::Field(field)).map(Some);
        match kind {
            2 => self.chains = Some(chains(value).ok_or(OfferFault::Field("networks"))?),
            4 => {}
            6 => self.currency = text("currency")?.filter(|code| is_currency(code)),
            8 => self.amount = number("amount")?,
            10 => self.description = text("description")?,
            12 => self.features = required(value),
            14 => self.expires_at = number("expiry")?,
            16 => self.paths = Some(paths(value).ok_or(OfferFault::Field("path to its maker"))?),
            18 => self.issuer = text("issuer")?,
            20 => self.max_quantity = number("quantity")?,
            22 => self.issuer_id = Some(point(value).ok_or(OfferFault::Field("maker's key"))?),
            1..80 | 1_000_000_000..2_000_000_000 if kind % 2 == 1 => {}
            _ => return Err(OfferFault::Unknown(kind)),
        }
        if kind == 6 && self.currency.is_none() { Err(OfferFault::Field("currency")) } else { Ok(()) }
    }

    /// BOLT 12, "Requirements For Offers", of a reader.
    fn offer(self, text: String) -> Result<Offer, OfferFault> {
        let price = match (self.currency, self.amount) {
            (None, None) => Price::Any,
            (Some(_), None) => return Err(OfferFault::Missing("amount")),
            (_, Some(0)) => return Err(OfferFault::Amount(AmountFault::Zero)),
            (Some(code), Some(minor)) => Price::Currency { code: code.to_owned(), minor },
            (None, Some(msat)) => {
                Price::Bitcoin(Msat::new(msat).map_err(|_| OfferFault::Amount(AmountFault::TooMuch))?)
            }
        };
        if price != Price::Any && self.description.is_none() {
            return Err(OfferFault::Missing("description"));
        }
        let paths = self.paths.unwrap_or_default();
        if self.issuer_id.is_none() && paths == 0 {
            return Err(OfferFault::Missing("way to its maker"));
        }
        Ok(Offer {
            text,
            price,
            description: self.description.map(shown).unwrap_or_default(),
            issuer: self.issuer.map(shown).unwrap_or_default(),
            expires_at: self.expires_at,
            max_quantity: self.max_quantity,
            paths,
            issuer_id: self.issuer_id,
            unknown_features: self.features,
            // Without the field it is for bitcoin alone.
            chains: self.chains.unwrap_or_else(|| Vec::from([ChainHash::BITCOIN.to_bytes()])),
        })
    }
}

fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn chains(value: &[u8]) -> Option<Vec<[u8; 32]>> {
    let (chains, rest) = value.as_chunks::<32>();
    rest.is_empty().then(|| chains.to_vec())
}

/// Required features, of which BOLT 9 has none for offers: the even bits.
fn required(value: &[u8]) -> Vec<u16> {
    let bytes = value.iter().rev().enumerate();
    let bits = bytes.flat_map(|(at, byte)| {
        (0..8).step_by(2).filter(move |bit| byte & 1 << bit != 0).map(move |bit| at * 8 + bit)
    });
    bits.filter_map(|bit| u16::try_from(bit).ok()).collect()
}

/// The number of blinded paths (BOLT 4, "blinded_path"), each of them checked.
fn paths(value: &[u8]) -> Option<usize> {
    let mut rest = Bytes(value);
    let mut count = 0;
    while !rest.0.is_empty() {
        // `sciddir_or_pubkey`: a direction and a short channel id, or a point.
        match rest.0.first()? {
            0 | 1 => drop(rest.take(9)?),
            _ => drop(point(rest.take(33)?)?),
        }
        point(rest.take(33)?)?;
        let hops = rest.byte().filter(|hops| *hops > 0)?;
        for _ in 0..hops {
            point(rest.take(33)?)?;
            let length = rest.short()?;
            rest.take(length.into())?;
        }
        count += 1;
    }
    Some(count)
}

/// A point on the curve, compressed.
fn point(value: &[u8]) -> Option<NodeId> {
    let bytes: [u8; 33] = value.try_into().ok()?;
    PublicKey::from_slice(&bytes).ok().map(|_| NodeId(bytes))
}
