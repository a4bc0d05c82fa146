//! What requests ask with and return, beside the money itself.

use serde::{Deserialize, Serialize};

use crate::PaymentId;

/// A query of the history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct HistoryQuery {
    /// Id of the payment to start after; `None`: from the newest.
    pub before: Option<PaymentId>,
    /// Maximum number of payments, 100 at most.
    pub limit: u32,
}

/// A request to be paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PaymentRequest {
    /// BOLT 11 text.
    pub invoice: String,
    /// Payment hash, in hex; the payment's id in the history. Of an invoice for AMP it is none: each payment has an id of its own,
    /// and names the invoice.
    pub payment_hash: PaymentId,
    /// Time at which it stops being payable.
    pub expires_at: u64,
    /// Reason for which the wallet cannot receive the amount now, with the remedy; null: it can.
    pub missing: Option<super::WalletError>,
}
