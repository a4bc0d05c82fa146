//! Links with `bitcoin:` (BIP 321).

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use amplet_protocol::Msat;
use percent_encoding::percent_decode_str;

use crate::address;
use crate::amount;
use crate::lightning;
use crate::method::{Kind, Method, Obstacle};
use crate::offer;
use crate::reader::Reader;
use crate::refusal::{LinkFault, Refusal};
use crate::text::{Quoted, begins, joined, shown, visible};

/// What a link says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) methods: Vec<Method>,
    pub(crate) amount_sat: Option<u64>,
    pub(crate) label: Option<String>,
    pub(crate) message: Option<String>,
    proof: Option<()>,
}

/// Reads what stands after `bitcoin:`.
pub(crate) fn read(text: &str, reader: Reader<'_>) -> Result<Link, Refusal> {
    let (body, query) = text.split_once('?').unwrap_or((text, ""));
    let mut link = Link::default();
    let body = joined(body);
    if !body.is_empty() {
        let address =
            address::read(&body, reader.network).ok_or_else(|| LinkFault::Address(Quoted::new(&body)))?;
        link.methods.push(Method::new(Kind::Onchain(address), reader.network));
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        link.take(&joined(key).to_ascii_lowercase(), value.trim(), reader)?;
    }
    if link.methods.is_empty() {
        return Err(LinkFault::Empty.into());
    }
    link.compare_amounts();
    Ok(link)
}

impl Link {
    fn take(&mut self, key: &str, value: &str, reader: Reader<'_>) -> Result<(), Refusal> {
        let (required, name) = match key.strip_prefix("req-") {
            Some(name) => (true, name),
            None => (false, key),
        };
        match name {
            "amount" => {
                let text = decoded("amount", value)?;
                let fault = |fault| LinkFault::Amount(Quoted::new(&text), fault);
                once("amount", &mut self.amount_sat, amount::of_link(&text).map_err(fault)?)
            }
            "label" => once("label", &mut self.label, shown(&decoded("label", value)?)),
            "message" => once("message", &mut self.message, shown(&decoded("message", value)?)),
            // Proofs of payment are not given: nothing is opened, and who requires one is not paid.
            "pop" => {
                once("pop", &mut self.proof, ())?;
                if required { Err(LinkFault::Required(Quoted::new(key)).into()) } else { Ok(()) }
            }
            "bc" | "tb" | "bcrt" => self.address(name, value, reader),
            "lightning" | "lnurl" => {
                let text = visible(&decoded("lightning", value)?);
                let read = lightning::read(text.trim(), reader).unwrap_or(Err(Refusal::Unknown));
                self.methods.push(read.unwrap_or_else(Method::unreadable));
                Ok(())
            }
            "lno" => {
                let text = visible(&decoded("lno", value)?);
                let read = offer::read(text.trim()).map_err(Refusal::from);
                let offer = read.map(|offer| Method::new(Kind::Offer(Box::new(offer)), reader.network));
                self.methods.push(offer.unwrap_or_else(Method::unreadable));
                Ok(())
            }
            _ if required => Err(LinkFault::Required(Quoted::new(key)).into()),
            "sp" => {
                let text = joined(&visible(&decoded("sp", value)?)).to_ascii_lowercase();
                self.methods.push(Method::new(Kind::SilentPayment(text), reader.network));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// An address under its network's key: BIP 321 has the prefix of bech32 as the key.
    fn address(&mut self, key: &str, value: &str, reader: Reader<'_>) -> Result<(), Refusal> {
        let text = joined(&decoded("address", value)?);
        let address =
            address::read(&text, reader.network).ok_or_else(|| LinkFault::Address(Quoted::new(&text)))?;
        if !begins(&address.text, &(key.to_owned() + "1")) {
            return Err(LinkFault::Key(Quoted::new(key)).into());
        }
        self.methods.push(Method::new(Kind::Onchain(address), reader.network));
        Ok(())
    }

    /// Where the link and an invoice of it ask for different amounts, nothing of it can be paid. An invoice's fraction of a sat
    /// has no place in a link, which may have it rounded.
    fn compare_amounts(&mut self) {
        let Some(link) = self.amount_sat.and_then(|sat| Msat::from_sat(sat).ok()) else { return };
        let amounts = self.methods.iter().filter_map(|method| match &method.kind {
            Kind::Bolt11(invoice) | Kind::Amp(invoice) => invoice.amount,
            _ => None,
        });
        let differs =
            |invoice: &Msat| ![invoice.to_sat_floor(), invoice.to_sat_ceil()].contains(&link.to_sat_floor());
        let Some(invoice) = amounts.into_iter().find(differs) else { return };
        for method in &mut self.methods {
            method.obstacle.get_or_insert(Obstacle::Amounts { link, invoice });
        }
    }
}

fn once<T>(key: &'static str, place: &mut Option<T>, value: T) -> Result<(), Refusal> {
    if place.is_some() {
        return Err(LinkFault::Twice(key).into());
    }
    *place = Some(value);
    Ok(())
}

fn decoded(key: &'static str, value: &str) -> Result<String, Refusal> {
    let text = percent_decode_str(value).decode_utf8().map_err(|_| LinkFault::Value(key))?;
    Ok(text.into_owned())
}
