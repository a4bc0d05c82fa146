//! Amounts, and limits and defaults that hold wherever money moves.
#![deny(clippy::arithmetic_side_effects)]

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ts::shown_as;

/// An amount in millisatoshi, at most all bitcoin there will be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Msat(u64);

/// More than all bitcoin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} msat are more than all bitcoin there will be; check the amount's unit")]
pub struct TooMuch(pub u64);

/// [`Msat::MAX`] as a number: 21 million bitcoin, in msat.
pub const MAX_MONEY_MSAT: u64 = 21_000_000 * 100_000_000 * 1_000;

/// Maximum time that a request to pay waits for the outcome; then it returns the payment as pending.
pub const PAYMENT_WAIT: Duration = Duration::from_secs(60);

/// Ceiling of a payment's maximum fee where none is given: 1 % of the amount, and at least 50 sat. The maximum itself is
/// quoted from the plan.
#[must_use]
pub const fn default_max_fee_msat(amount: Msat) -> Msat {
    let percent = amount.0 / 100;
    Msat(if percent > 50_000 { percent } else { 50_000 })
}

impl Msat {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// 21 million bitcoin.
    pub const MAX: Self = Self(MAX_MONEY_MSAT);

    /// `msat` millisatoshi.
    ///
    /// # Errors
    /// [`TooMuch`].
    pub const fn new(msat: u64) -> Result<Self, TooMuch> {
        if msat > Self::MAX.0 { Err(TooMuch(msat)) } else { Ok(Self(msat)) }
    }

    /// `msat` millisatoshi, or [`Msat::MAX`] when that is less: for what others count (LDK, a peer, a sum over a long time).
    #[must_use]
    pub const fn up_to_max(msat: u64) -> Self {
        if msat > Self::MAX.0 { Self::MAX } else { Self(msat) }
    }

    /// `sat` satoshi.
    ///
    /// # Errors
    /// [`TooMuch`].
    pub const fn from_sat(sat: u64) -> Result<Self, TooMuch> {
        Self::new(sat.saturating_mul(1000))
    }

    /// In satoshi, a fraction left out.
    #[must_use]
    pub const fn to_sat_floor(self) -> u64 {
        self.0 / 1000
    }

    /// In satoshi, a fraction counted as a whole one.
    #[must_use]
    pub const fn to_sat_ceil(self) -> u64 {
        self.0.div_ceil(1000)
    }

    /// In millisatoshi.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The sum, unless it is more than [`Msat::MAX`].
    #[must_use]
    pub const fn plus(self, other: Self) -> Option<Self> {
        // Both are below 2^61.
        let sum = self.0.saturating_add(other.0);
        if sum > Self::MAX.0 { None } else { Some(Self(sum)) }
    }

    /// The sum, or [`Msat::MAX`]: for sums over a long time, in which the same bitcoin may come by more than once.
    #[must_use]
    pub const fn plus_up_to_max(self, other: Self) -> Self {
        match self.plus(other) {
            Some(sum) => sum,
            None => Self::MAX,
        }
    }

    /// The difference, or nothing when `other` is more.
    #[must_use]
    pub const fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl From<u32> for Msat {
    /// 2^32 msat are far below [`Msat::MAX`].
    fn from(msat: u32) -> Self {
        Self(u64::from(msat))
    }
}

impl TryFrom<u64> for Msat {
    type Error = TooMuch;

    fn try_from(msat: u64) -> Result<Self, TooMuch> {
        Self::new(msat)
    }
}

impl From<Msat> for u64 {
    fn from(amount: Msat) -> u64 {
        amount.0
    }
}

impl std::iter::Sum for Msat {
    /// As [`Msat::plus_up_to_max`].
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::plus_up_to_max)
    }
}

shown_as!(Msat, "bigint");

impl std::fmt::Display for Msat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} msat", self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn no_amount_is_more_than_all_bitcoin() {
        assert_eq!(Msat::new(MAX_MONEY_MSAT), Ok(Msat::MAX));
        assert_eq!(Msat::new(MAX_MONEY_MSAT + 1), Err(TooMuch(MAX_MONEY_MSAT + 1)));
        assert_eq!(serde_json::to_string(&Msat::MAX).unwrap(), "2100000000000000000");
        assert!(serde_json::from_str::<Msat>("2100000000000000001").is_err());
        let one = Msat::new(1).unwrap();
        assert_eq!((Msat::MAX.plus(one), Msat::MAX.plus_up_to_max(one)), (None, Msat::MAX));
        assert_eq!((one.plus(one), one.less(Msat::MAX)), (Some(Msat::new(2).unwrap()), Msat::ZERO));
        assert_eq!((Msat::up_to_max(1), Msat::up_to_max(u64::MAX)), (one, Msat::MAX));
        assert_eq!([one, Msat::MAX, one].into_iter().sum::<Msat>(), Msat::MAX);
    }

    #[test]
    fn a_fraction_of_a_satoshi_is_left_out_or_counted_whole() {
        for (msat, floor, ceil) in [(0, 0, 0), (1, 0, 1), (999, 0, 1), (1000, 1, 1), (1001, 1, 2)] {
            let amount = Msat::from(msat);
            assert_eq!((amount.to_sat_floor(), amount.to_sat_ceil()), (floor, ceil), "{amount}");
        }
        assert_eq!(Msat::from_sat(2), Ok(Msat::from(2000)));
        assert_eq!(Msat::from_sat(21_000_000 * 100_000_000), Ok(Msat::MAX));
        assert_eq!(Msat::from_sat(21_000_000 * 100_000_000 + 1), Err(TooMuch(MAX_MONEY_MSAT + 1000)));
        assert_eq!(Msat::from_sat(u64::MAX), Err(TooMuch(u64::MAX)));
    }

    #[test]
    fn the_default_fee_is_a_percent_and_at_least_50_sat() {
        for (amount, fee) in [(0, 50_000), (5_000_000, 50_000), (5_000_100, 50_001), (100_000_000, 1_000_000)]
        {
            assert_eq!(default_max_fee_msat(Msat::from(amount)), Msat::from(fee), "{amount}");
        }
    }
}
