//! `[rates]`: where prices of bitcoin in other currencies come from.

use bitcoin::Network;

use super::document::Section;

/// What `sources` is on mainnet, unless it is given: two operators, each with most currencies. Other networks' coins have no price.
const DEFAULT: [&str; 2] =
    ["https://mempool.space/api/v1/prices", "https://api.coinbase.com/v2/exchange-rates?currency=BTC"];

const URL: &str = "give a URL, as in \"https://mempool.space/api/v1/prices\"";

/// `[rates]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RatesSection {
    /// URLs of JSON in which prices of one bitcoin stand by their currencies' codes (ISO 4217). Empty: none are served.
    pub sources: Vec<String>,
}

pub(super) fn read(section: &Section<'_, '_>, network: Option<Network>) -> RatesSection {
    let given = section.list("sources", URL, |text| {
        let is_url = text.starts_with("https://") || text.starts_with("http://");
        if is_url { Ok(text.to_owned()) } else { Err("is no URL") }
    });
    let sources = match section.has("sources") {
        true => given,
        false if network == Some(Network::Bitcoin) => DEFAULT.map(str::to_owned).to_vec(),
        false => Vec::new(),
    };
    section.finish();
    RatesSection { sources }
}
