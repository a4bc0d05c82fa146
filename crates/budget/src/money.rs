//! The cost of a payment.

use amplet_protocol::Msat;
use serde::{Deserialize, Serialize};

/// Cost of a payment: the amount that the payee gets, and the fee on top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Amount that the payee gets.
    pub amount: Msat,
    /// Routing or mining fee; in a reservation the maximum allowed.
    pub fee: Msat,
}

impl Cost {
    /// Returns the sum of amount and fee, unless it is more than [`Msat::MAX`].
    #[must_use]
    pub const fn sum(self) -> Option<Msat> {
        self.amount.plus(self.fee)
    }
}
