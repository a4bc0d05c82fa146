//! Prices of bitcoin in other currencies.

use serde::{Deserialize, Serialize};

/// Price of bitcoin in another currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct FiatRate {
    /// Currency (ISO 4217).
    pub currency: String,
    /// Number of the currency's smallest units (cents) that one bitcoin costs.
    pub minor_units_per_btc: u64,
    /// Time at which it was asked for, in seconds since the UNIX epoch.
    pub at: u64,
}
