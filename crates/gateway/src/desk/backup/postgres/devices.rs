//! The devices that are refused.

use amplet_vss::Refusal;
use amplet_vss::rules::{self, Device};
use deadpool_postgres::Transaction;
use tokio_postgres::GenericClient;

use crate::desk::backup::store::{Failure, count};

pub(super) async fn is_removed(
    client: &impl GenericClient,
    owner: &[u8; 33],
    device: &Device,
) -> Result<bool, Failure> {
    let select =
        "SELECT EXISTS (SELECT 1 FROM amplet_backup.removed_device WHERE owner = $1 AND device = $2)";
    Ok(client.query_one(select, &[&owner.as_slice(), &device.as_slice()]).await?.try_get(0)?)
}

/// Refuses a device that was removed. The transaction has taken its store's row.
pub(super) async fn check(
    transaction: &Transaction<'_>,
    owner: &[u8; 33],
    device: Option<Device>,
) -> Result<(), Refusal> {
    match device {
        Some(device) if is_removed(&**transaction, owner, &device).await? => Err(Refusal::DeviceRemoved),
        _ => Ok(()),
    }
}

/// Takes the rows of all of the owner's stores first: a write that has not seen the removal is before it.
pub(super) async fn remove(
    transaction: &Transaction<'_>,
    owner: &[u8; 33],
    device: &Device,
) -> Result<(), Refusal> {
    let failed = Failure::from;
    let lock = "SELECT id FROM amplet_backup.store WHERE owner = $1 ORDER BY id FOR UPDATE";
    transaction.query(lock, &[&owner.as_slice()]).await.map_err(failed)?;
    if is_removed(&**transaction, owner, device).await? {
        return Ok(());
    }
    let of_owner = "SELECT count(*) FROM amplet_backup.removed_device WHERE owner = $1";
    let removed = transaction.query_one(of_owner, &[&owner.as_slice()]).await.map_err(failed)?;
    rules::check_removed(count(removed.try_get(0).map_err(failed)?))?;
    let insert =
        "INSERT INTO amplet_backup.removed_device (owner, device) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    transaction.execute(insert, &[&owner.as_slice(), &device.as_slice()]).await.map_err(failed)?;
    Ok(())
}
