//! Amounts.

use serde::{Deserialize, Serialize};

/// An amount in millisatoshi, at most all bitcoin there will be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Msat(u64);

/// More than all bitcoin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} msat are more than all bitcoin there will be; check the amount's unit")]
pub struct TooMuch(pub u64);

impl Msat {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// 21 million bitcoin.
    pub const MAX: Self = Self(21_000_000 * 100_000_000 * 1_000);

    /// `msat` millisatoshi.
    ///
    /// # Errors
    /// [`TooMuch`].
    pub const fn new(msat: u64) -> Result<Self, TooMuch> {
        if msat > Self::MAX.0 { Err(TooMuch(msat)) } else { Ok(Self(msat)) }
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

    /// Whether this is at least `percent` of `whole`.
    pub(crate) const fn reaches(self, percent: u8, whole: Self) -> bool {
        let (part, whole) = (self.0 as u128, whole.0 as u128);
        part.saturating_mul(100) >= whole.saturating_mul(percent as u128)
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

impl std::fmt::Display for Msat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} msat", self.0)
    }
}

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
