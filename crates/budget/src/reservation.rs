//! Payments that ask for money, and reservations for them.

use amplet_protocol::PaymentId;
use serde::{Deserialize, Serialize};

use crate::budget::BudgetId;
use crate::money::Cost;
use crate::rules::Purpose;

/// A payment that asks for money. A user's approval is for all of this, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Payment; one that failed may be tried again under the same id.
    pub payment: PaymentId,
    /// Reservation that it asks for.
    pub reservation: Reservation,
}

/// A reservation for a payment that is not decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reservation {
    /// Budget that it is reserved in, and in all that it draws from.
    #[serde(rename = "purse")] // in format 1
    pub budget: BudgetId,
    /// Amount and maximum fee.
    pub cost: Cost,
    /// Node id or address of the payee, at most [`Reservation::MAX_PAYEE`] bytes.
    pub payee: String,
    /// Purpose, for the report.
    pub purpose: Purpose,
}

impl Reservation {
    /// Maximum length of a payee, in bytes.
    pub const MAX_PAYEE: usize = 128;
}
