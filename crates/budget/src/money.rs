//! The cost of a payment.

use amplet_protocol::Msat;
use serde::{Deserialize, Serialize};

/// What a payment costs: what the payee gets, and what is paid on top for it to get there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// What the payee gets.
    pub amount: Msat,
    /// Routing or mining fee; in a reservation the greatest one allowed.
    pub fee: Msat,
}

impl Cost {
    /// Amount and fee, unless that is more than [`Msat::MAX`].
    #[must_use]
    pub const fn sum(self) -> Option<Msat> {
        self.amount.plus(self.fee)
    }
}
