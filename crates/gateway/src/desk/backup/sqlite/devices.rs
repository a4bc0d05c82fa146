//! The devices that are refused.

use amplet_vss::Refusal;
use amplet_vss::rules::{self, Device};
use rusqlite::{Transaction, params};

use super::Sql;
use crate::desk::backup::store::{Failure, StoreId, count};

pub(super) fn is_removed(transaction: &Transaction<'_>, owner: &[u8; 33], device: &Device) -> Sql<bool> {
    let mut select =
        transaction.prepare_cached("SELECT 1 FROM removed_device WHERE owner = ?1 AND device = ?2")?;
    select.exists(params![owner, device])
}

/// Refuses a device that was removed.
pub(super) fn check(
    transaction: &Transaction<'_>,
    id: &StoreId,
    device: Option<Device>,
) -> Result<(), Refusal> {
    match device.map(|device| is_removed(transaction, &id.owner, &device)).transpose() {
        Ok(Some(true)) => Err(Refusal::DeviceRemoved),
        other => Ok(other.map(drop).map_err(Failure::from)?),
    }
}

pub(super) fn remove(
    transaction: &Transaction<'_>,
    owner: &[u8; 33],
    device: &Device,
) -> Result<(), Refusal> {
    if is_removed(transaction, owner, device).map_err(Failure::from)? {
        return Ok(());
    }
    let of_owner = "SELECT count(*) FROM removed_device WHERE owner = ?1";
    let removed = transaction.query_row(of_owner, [owner], |row| row.get(0)).map_err(Failure::from)?;
    rules::check_removed(count(removed))?;
    let insert = "INSERT INTO removed_device (owner, device) VALUES (?1, ?2)";
    transaction.execute(insert, params![owner, device]).map_err(Failure::from)?;
    Ok(())
}
