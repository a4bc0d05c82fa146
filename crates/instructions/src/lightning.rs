//! What stands after `lightning:`, or for itself.

use alloc::boxed::Box;
use alloc::string::String;

use crate::invoice;
use crate::lnurl;
use crate::method::{Kind, Method};
use crate::name::{self, Sign};
use crate::offer;
use crate::reader::Reader;
use crate::refusal::Refusal;
use crate::text::{after_scheme, begins, joined};

/// Reads an invoice, an offer, an LNURL or a name, white space inside what has a checksum dropped; `None`: it is none of them.
pub(crate) fn read(text: &str, reader: Reader<'_>) -> Option<Result<Method, Refusal>> {
    let text = after_scheme(text, "lightning").unwrap_or(text).trim();
    kind(text, reader).map(|kind| kind.map(|kind| Method::new(kind, reader.network)))
}

/// What BOLT 12 defines. It may be split by `+` anywhere, with white space behind it.
fn bolt12(text: &str) -> Option<Result<Kind, Refusal>> {
    let whole: String = text.chars().filter(|c| !matches!(c, '+' | ' ')).collect();
    if text.contains('@') {
        return None;
    }
    if begins(&whole, "lno1") {
        return Some(offer::read(text).map(|offer| Kind::Offer(Box::new(offer))).map_err(Refusal::from));
    }
    let is_other = begins(&whole, "lnr1") || begins(&whole, "lni1");
    is_other.then(|| Ok(Kind::Bolt12(whole.to_ascii_lowercase())))
}

fn kind(text: &str, reader: Reader<'_>) -> Option<Result<Kind, Refusal>> {
    if let Some(lnurl) = lnurl::with_scheme(text, reader) {
        return Some(lnurl.map(Kind::Lnurl).map_err(Refusal::from));
    }
    let bare = after_scheme(text, "lnurl").unwrap_or(text);
    if begins(bare, "lnurl1") {
        return Some(lnurl::bech32(&joined(bare), reader).map(Kind::Lnurl).map_err(Refusal::from));
    }
    if let Some(bolt12) = bolt12(text) {
        return Some(bolt12);
    }
    if begins(text, "sp1q") || begins(text, "tsp1q") {
        return Some(Ok(Kind::SilentPayment(joined(text).to_ascii_lowercase())));
    }
    if !text.contains(' ')
        && let Some(name) = name::read(text, reader)
    {
        let named = |(sign, name)| match sign {
            Sign::Bitcoin => Kind::Bip353(name),
            Sign::Lightning => Kind::LightningAddress(name),
        };
        return Some(name.map(named).map_err(Refusal::from));
    }
    begins(text, "ln").then(|| {
        let invoice = invoice::read(&joined(text))?;
        let boxed = Box::new(invoice);
        Ok(if boxed.amp.is_some() { Kind::Amp(boxed) } else { Kind::Bolt11(boxed) })
    })
}
