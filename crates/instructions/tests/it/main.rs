//! What texts are: the vectors of the specifications and what people really paste, frozen with what is made of each; and what
//! holds for every text.

mod amp;
mod any;
mod table;

use amplet_instructions::{Instructions, Kind, Offer, Price, Purpose, Reader, Refusal, ascii_domain};
use amplet_protocol::page::Network;

/// Reads a text for a wallet on this network.
fn read(text: &str, network: Network) -> Result<Instructions, Refusal> {
    Reader { network, to_ascii: &ascii_domain }.read(text)
}

/// One line that says what a text was read as.
pub fn summary(instructions: &Instructions) -> String {
    let methods = instructions.methods.iter().map(|method| {
        let kind = kind(&method.kind);
        method.obstacle.as_ref().map_or_else(|| kind.clone(), |obstacle| format!("{kind}, but {obstacle}"))
    });
    let mut parts: Vec<String> = methods.collect();
    parts.extend(instructions.amount_sat.map(|sat| format!("amount {sat} sat")));
    parts.extend(instructions.label.as_ref().map(|label| format!("label {label:?}")));
    parts.extend(instructions.message.as_ref().map(|message| format!("message {message:?}")));
    parts.join(" | ")
}

fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Bolt11(invoice) | Kind::Amp(invoice) => {
            let amount = invoice.amount.map_or("any amount".into(), |msat| msat.to_string());
            let amp = if invoice.amp.is_some() { "AMP" } else { "BOLT 11" };
            let payee = invoice.payee.to_string();
            let id = invoice.payment_hash.to_string();
            let (payee, id) = (&payee[..6], &id[..6]);
            let expiry = invoice.expires_at;
            format!("{amp} {amount} to {payee}… {id}… until {expiry} {:?}", invoice.description)
        }
        Kind::Offer(offer) => self::offer(offer),
        Kind::Bolt12(text) => format!("BOLT 12 {text}"),
        Kind::Bip353(name) => format!("BIP 353 {name}"),
        Kind::LightningAddress(name) => format!("Lightning Address {name}"),
        Kind::Lnurl(lnurl) => {
            let purpose = match lnurl.purpose {
                Purpose::Unknown => "",
                Purpose::Pay => " to pay",
                Purpose::Withdraw => " to withdraw",
                Purpose::Channel => " for a channel",
                Purpose::Login => " to log in",
            };
            format!("LNURL{purpose} {}", lnurl.url)
        }
        Kind::Unreadable => "unreadable".into(),
        Kind::SilentPayment(text) => format!("silent payment {text}"),
        Kind::Onchain(address) => format!("on-chain {}", address.text),
    }
}

fn offer(offer: &Offer) -> String {
    let price = match &offer.price {
        Price::Any => "any amount".into(),
        Price::Bitcoin(msat) => msat.to_string(),
        Price::Currency { code, minor } => format!("{minor} of {code}"),
    };
    let mut parts = vec![format!("offer {price} {:?}", offer.description)];
    parts.extend((!offer.issuer.is_empty()).then(|| format!("of {:?}", offer.issuer)));
    parts.extend(offer.expires_at.map(|at| format!("until {at}")));
    parts.extend(offer.max_quantity.map(|quantity| format!("at most {quantity}")));
    parts.extend((offer.paths > 0).then(|| format!("{} paths", offer.paths)));
    parts.extend(offer.issuer_id.map(|id| format!("to {}…", &id.to_string()[..6])));
    parts.join(" ")
}
