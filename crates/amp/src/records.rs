//! Records of the payload of a part (BOLT 4, `payload`): type 8, `payment_data`, and lnd's type 14.

use alloc::vec::Vec;

use amplet_protocol::Msat;

use crate::child::Child;
use crate::share::Share;
use crate::stream::{put_truncated, truncated};

/// Payment address (BOLT 11's payment secret) of an AMP invoice; of a spontaneous payment, chosen by the payer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PaymentAddress(pub [u8; 32]);

/// Id of a set of parts, chosen by the payer at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SetId(pub [u8; 32]);

/// Fault of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// Shorter or longer than a record of its type.
    #[error("it has a wrong length")]
    Length,
    /// A number with leading zeros.
    #[error("its number is not written in the shortest form")]
    Number,
    /// More than all bitcoin, or nothing.
    #[error("no payment has this total")]
    Amount,
}

/// Type 8, `payment_data`: payment address and the total of all parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// Payment address.
    pub address: PaymentAddress,
    /// Total of the set.
    pub total_msat: Msat,
}

impl Total {
    /// Its type.
    pub const TYPE: u64 = 8;

    /// Reads the record's value.
    ///
    /// # Errors
    /// [`RecordFault`].
    pub fn read(value: &[u8]) -> Result<Self, RecordFault> {
        let (address, number) = value.split_first_chunk().ok_or(RecordFault::Length)?;
        let total = number_of(number, 8)?;
        let total_msat = Msat::new(total).map_err(|_| RecordFault::Amount)?;
        if total_msat == Msat::ZERO {
            return Err(RecordFault::Amount);
        }
        Ok(Self { address: PaymentAddress(*address), total_msat })
    }

    /// Writes the record's value.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut value = self.address.0.to_vec();
        put_truncated(self.total_msat.get(), &mut value);
        value
    }
}

/// Type 14: a part's child and its set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amp {
    /// Share and index.
    pub child: Child,
    /// Set.
    pub set: SetId,
}

impl Amp {
    /// Its type.
    pub const TYPE: u64 = 14;

    /// Reads the record's value, of 64 to 68 bytes: share, set id, index (`tu32`).
    ///
    /// # Errors
    /// [`RecordFault`].
    pub fn read(value: &[u8]) -> Result<Self, RecordFault> {
        let (share, rest) = value.split_first_chunk().ok_or(RecordFault::Length)?;
        let (set, number) = rest.split_first_chunk().ok_or(RecordFault::Length)?;
        let index = u32::try_from(number_of(number, 4)?).map_err(|_| RecordFault::Number)?;
        Ok(Self { child: Child { share: Share(*share), index }, set: SetId(*set) })
    }

    /// Writes the record's value.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut value = self.child.share.0.to_vec();
        value.extend_from_slice(&self.set.0);
        put_truncated(self.child.index.into(), &mut value);
        value
    }
}

fn number_of(bytes: &[u8], length: usize) -> Result<u64, RecordFault> {
    if bytes.len() > length {
        return Err(RecordFault::Length);
    }
    truncated(bytes, length).ok_or(RecordFault::Number)
}
