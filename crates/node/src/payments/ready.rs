//! Reasons why nothing may move in channels now.

use amplet_protocol::page::TipAge;

use super::{Order, PayError};
use crate::base::Base;

/// Refuses an order while what it needs is missing: storage; and for all but on-chain payments a storage that is no old copy, a
/// chain that is not older than a day, and channels that have read it.
pub(super) fn check(base: &Base, order: &Order) -> Result<(), PayError> {
    base.staged.check()?;
    if matches!(order, Order::Onchain(_)) {
        return Ok(());
    }
    refuse_old_copy(base)?;
    if base.tip_age() == TipAge::Stale {
        return Err(PayError::StaleTip { hours: base.chain.tip_age().as_secs() / 3600 });
    }
    if base.ldk.behind.get() { Err(PayError::NotSynced) } else { Ok(()) }
}

/// Refuses what would move money in channels when the storage is an old copy.
pub(super) fn refuse_old_copy(base: &Base) -> Result<(), PayError> {
    if base.staged.old_copy.is_set() { Err(PayError::OldCopy) } else { Ok(()) }
}
