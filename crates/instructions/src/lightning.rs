//! What stands after `lightning:`, or for itself.

use alloc::boxed::Box;
use alloc::string::String;

use amplet_protocol::page::Network;

use crate::invoice;
use crate::lnurl;
use crate::method::{Kind, Method};
use crate::name::{self, Sign};
use crate::refusal::Refusal;
use crate::text::{after_scheme, begins, joined};

/// Beginnings of what BOLT 12 defines.
const BOLT12: [&str; 3] = ["lno1", "lnr1", "lni1"];

/// Reads an invoice, an offer, an LNURL or a name, white space inside what has a checksum dropped; `None`: it is none of them.
pub(crate) fn read(text: &str, network: Network) -> Option<Result<Method, Refusal>> {
    let text = after_scheme(text, "lightning").unwrap_or(text).trim();
    kind(text).map(|kind| kind.map(|kind| Method::new(kind, network)))
}

fn kind(text: &str) -> Option<Result<Kind, Refusal>> {
    if let Some(lnurl) = lnurl::with_scheme(text) {
        return Some(lnurl.map(Kind::Lnurl).map_err(Refusal::from));
    }
    let bare = after_scheme(text, "lnurl").unwrap_or(text);
    if begins(bare, "lnurl1") {
        return Some(lnurl::bech32(&joined(bare)).map(Kind::Lnurl).map_err(Refusal::from));
    }
    if BOLT12.iter().any(|start| begins(text, start)) {
        // BOLT 12 lets an offer be split by `+` and white space.
        let whole: String = text.chars().filter(|c| !matches!(c, '+' | ' ')).collect();
        return Some(Ok(Kind::Bolt12(whole.to_ascii_lowercase())));
    }
    if begins(text, "sp1q") || begins(text, "tsp1q") {
        return Some(Ok(Kind::SilentPayment(joined(text).to_ascii_lowercase())));
    }
    if !text.contains(' ')
        && let Some(name) = name::read(text)
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
