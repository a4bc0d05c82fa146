//! Shares: secrets that are worth nothing one by one.

use core::fmt;
use core::ops::BitXor;

/// A share of a set's root, or the root itself, which is the sum (XOR) of all shares.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Share(pub [u8; 32]);

impl Share {
    /// The sum of no shares.
    pub const ZERO: Self = Self([0; 32]);

    /// Splits it into two, of which `one` is the first: drawn at random, neither half alone says anything about the whole.
    #[must_use]
    pub fn split(self, one: Self) -> (Self, Self) {
        (one, self ^ one)
    }

    /// The sum of shares, in any order.
    #[must_use]
    pub fn sum(shares: impl IntoIterator<Item = Self>) -> Self {
        shares.into_iter().fold(Self::ZERO, BitXor::bitxor)
    }
}

impl BitXor for Share {
    type Output = Self;

    fn bitxor(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(byte, other)| *byte ^= other);
        self
    }
}

impl fmt::Debug for Share {
    /// A secret is not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Share(..)")
    }
}
