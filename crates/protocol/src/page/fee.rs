//! The fee of a payment that is not made yet.

use serde::{Deserialize, Serialize};

use crate::Msat;

/// Fee of a Lightning payment that is not made yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct FeeQuote {
    /// Fee of the routes planned now, which most payments cost; `None`: no route is known yet.
    pub expected_fee_msat: Option<Msat>,
    /// Maximum fee that the payment is given by default, and that its budget reserves: what these routes and the retries that are
    /// to be expected cost; nothing over a channel to the payee. No more than 1 % of the amount or 50 sat, whichever is greater; just
    /// that while no route is known.
    pub max_fee_msat: Msat,
}
