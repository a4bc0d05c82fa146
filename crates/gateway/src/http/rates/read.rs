//! Prices in whatever JSON a source answers: they stand by their currencies' codes.

use std::collections::BTreeMap;

use serde_json::Value;

/// Fields of which one has the price, where a currency has several.
const FIELDS: [&str; 4] = ["last", "value", "price", "rate"];

/// Maximum depth at which currencies are looked for.
const MAX_DEPTH: usize = 4;

/// The prices of one bitcoin by currency (ISO 4217); empty: there are none.
pub(super) fn prices(json: &[u8]) -> BTreeMap<String, f64> {
    serde_json::from_slice(json).map(|value| find(&value, 0)).unwrap_or_default()
}

/// The first object in which currencies stand.
fn find(value: &Value, depth: usize) -> BTreeMap<String, f64> {
    let Some(fields) = value.as_object() else { return BTreeMap::new() };
    let found: BTreeMap<String, f64> =
        fields.iter().filter_map(|(name, value)| Some((currency(name)?, price(value)?))).collect();
    if !found.is_empty() || depth >= MAX_DEPTH {
        return found;
    }
    let below = fields.values().map(|value| find(value, depth.saturating_add(1)));
    below.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
}

fn currency(name: &str) -> Option<String> {
    let is_code = name.len() == 3 && name.bytes().all(|byte| byte.is_ascii_alphabetic());
    // Bitcoin's own units have no price in bitcoin that a wallet shows.
    let code = name.to_ascii_uppercase();
    (is_code && !["BTC", "XBT", "SAT"].contains(&code.as_str())).then_some(code)
}

fn price(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        Value::Object(fields) => FIELDS.iter().find_map(|name| fields.get(*name)).and_then(price),
        Value::Null | Value::Bool(_) | Value::Array(_) => None,
    };
    number.filter(|price| price.is_finite() && *price > 0.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn eur(json: &str) -> Option<f64> {
        prices(json.as_bytes()).get("EUR").copied()
    }

    #[test]
    fn the_forms_in_which_prices_are_published_are_read() {
        for json in [
            r#"{"time":1700000000,"USD":55000,"EUR":51000.5}"#,
            r#"{"data":{"currency":"BTC","rates":{"EUR":"51000.5","BTC":"1"}}}"#,
            r#"{"rates":{"btc":{"value":1.0,"type":"crypto"},"eur":{"name":"Euro","value":51000.5,"type":"fiat"}}}"#,
            r#"{"EUR":{"15m":51001.0,"last":51000.5,"symbol":"EUR"}}"#,
        ] {
            assert_eq!(eur(json), Some(51_000.5), "{json}");
        }
        assert!(!prices(br#"{"rates":{"BTC":1,"EUR":2}}"#).contains_key("BTC"));
    }

    #[test]
    fn what_is_no_price_is_none() {
        for json in [
            "",
            "[]",
            "17",
            "{\"EUR\":0}",
            "{\"EUR\":-1}",
            "{\"EUR\":\"NaN\"}",
            "{\"EUR\":null}",
            "{\"euro\":5}",
        ] {
            assert_eq!(eur(json), None, "{json}");
        }
        let deep = "{\"a\":".repeat(100) + "1" + &"}".repeat(100);
        assert_eq!(eur(&deep), None);
    }
}
