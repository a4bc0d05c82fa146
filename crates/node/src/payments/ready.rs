//! Reasons why nothing may move in channels now.

use amplet_protocol::page::TipAge;

use super::{Order, PayError};
use crate::base::Base;

/// Refuses an order while what it needs is missing: storage; and for all but on-chain payments a storage that is no old copy,
/// channels from which no blocks are held back, and a chain that was read up to a block not older than a day.
pub(super) fn check(base: &Base, order: &Order) -> Result<(), PayError> {
    base.staged.check()?;
    if matches!(order, Order::Onchain(_)) { Ok(()) } else { check_channels(base) }
}

/// Refuses what would add an HTLC while blocks are missing, and in an old copy.
pub(super) fn check_channels(base: &Base) -> Result<(), PayError> {
    refuse_old_copy(base)?;
    if base.ldk.behind.get() {
        return Err(PayError::NotSynced);
    }
    match base.tip_age() {
        TipAge::Stale => Err(PayError::StaleTip { hours: base.age().as_secs() / 3600 }),
        _ => Ok(()),
    }
}

/// Refuses what would move money in channels when the storage is an old copy.
pub(super) fn refuse_old_copy(base: &Base) -> Result<(), PayError> {
    if base.staged.old_copy.is_set() { Err(PayError::OldCopy) } else { Ok(()) }
}
