//! Limits of a wallet's budgets.

/// Maximum number of budgets, closed ones included.
pub(crate) const MAX_BUDGETS: usize = 4096;
/// Maximum number of levels of budgets that draw from each other.
pub(crate) const MAX_DEPTH: usize = 4;
/// Maximum number of reservations: of payments in flight.
pub(crate) const MAX_RESERVATIONS: usize = 10_000;
