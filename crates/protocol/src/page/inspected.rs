//! Meanings of pasted texts.

use serde::{Deserialize, Serialize};

use super::{Network, WalletError};
use crate::{Msat, NodeId, PaymentId};

/// Meaning of a pasted text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Inspected {
    /// A BOLT 11 invoice.
    Bolt11 {
        /// Network that it is for: the wallet's.
        network: Network,
        /// The invoice without scheme or white space, as [`super::Request::Pay`] takes it.
        invoice: String,
        /// Payee's node id, in hex.
        payee: NodeId,
        /// `None`: the payer chooses.
        amount_msat: Option<Msat>,
        /// Description; empty when there is none.
        description: String,
        /// Payment hash, in hex.
        payment_hash: PaymentId,
        /// Time at which it stops being payable.
        expires_at: u64,
        /// Fee of the routes planned now, which most payments cost; `None`: no route is known yet, or no amount.
        expected_fee_msat: Option<Msat>,
        /// Maximum fee that [`super::Request::Pay`] would spend by default, as in [`super::FeeQuote`].
        max_fee_msat: Msat,
        /// Reason for which it cannot be paid now, with the remedy; `None`: it can be tried.
        problem: Option<WalletError>,
    },
    /// An on-chain address, or a BIP 321 URI without a usable Lightning part.
    Onchain {
        /// Network that it is for: the wallet's.
        network: Network,
        /// The address.
        address: String,
        /// Amount from the URI, in sat.
        amount_sat: Option<u64>,
        /// Label from the URI.
        label: Option<String>,
        /// Reason for which it cannot be paid now, with the remedy; `None`: it can be tried.
        problem: Option<WalletError>,
    },
}
