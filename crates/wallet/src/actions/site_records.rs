//! Records of sites: what an application keeps about them (whom the user let in, invoices, credentials), in the wallet's own
//! store. They are opaque here, and bounded.

use std::collections::BTreeSet;

use amplet_protocol::page::{ErrorCode, SiteRecord, WalletError};
use amplet_storage::Batch;

use crate::ctx::Ctx;

/// Their names in the store.
const NAMES: &str = "site/";
/// Names are as long as the next multiple of this: whoever reads the disk sees their lengths, and would guess sites by them.
const PADDED: usize = 64;

/// Returns the text of a record; `None`: there is none, or it is damaged.
///
/// # Errors
/// [`ErrorCode::InvalidInput`]: no key; the store's.
pub async fn get(ctx: &Ctx, key: &str) -> Result<Option<String>, WalletError> {
    check_key(key)?;
    let stored = ctx.node.ledger().committed(&name(key)).await?;
    Ok(stored.and_then(|text| String::from_utf8(text).ok()))
}

/// Returns the keys that begin with `prefix`, sorted.
///
/// # Errors
/// The store's.
pub async fn keys(ctx: &Ctx, prefix: &str) -> Result<Vec<String>, WalletError> {
    let names = ctx.node.ledger().committed_names(&format!("{NAMES}{prefix}")).await?;
    let keys = names.iter().filter_map(|name| name.strip_prefix(NAMES));
    Ok(keys.map(|key| key.trim_end_matches('\0').to_owned()).collect())
}

/// Changes records in one transaction; durable before it returns.
///
/// # Errors
/// As [`batch`]; the store's.
pub async fn set(ctx: &Ctx, records: &[SiteRecord]) -> Result<(), WalletError> {
    let changes = batch(ctx, records).await?;
    let ledger = ctx.node.ledger();
    ledger.check_saves()?;
    ledger.stage(|batch| batch.merge(changes));
    Ok(ledger.flushed().await?)
}

/// Returns changes of records as writes, to go with whatever they speak of.
///
/// # Errors
/// [`ErrorCode::InvalidInput`]: a key or a value out of bounds; [`ErrorCode::StorageFull`]: too many records; the store's.
pub async fn batch(ctx: &Ctx, records: &[SiteRecord]) -> Result<Batch, WalletError> {
    let mut changes = Batch::new();
    if records.is_empty() {
        return Ok(changes);
    }
    let mut names: BTreeSet<String> = ctx.node.ledger().committed_names(NAMES).await?.into_iter().collect();
    for SiteRecord { key, value } in records {
        check_key(key)?;
        let name = name(key);
        match value {
            Some(text) if text.len() > SiteRecord::MAX_VALUE => return Err(too_long(text.len())),
            Some(text) => {
                names.insert(name.clone());
                changes.put(name, text.clone().into_bytes());
            }
            None => {
                names.remove(&name);
                changes.remove(name);
            }
        }
    }
    if names.len() > SiteRecord::MAX_RECORDS {
        let message = format!(
            "this wallet keeps {} records about sites already; disconnect sites, or forget what was not delivered",
            SiteRecord::MAX_RECORDS
        );
        return Err(WalletError::new(ErrorCode::StorageFull, message));
    }
    Ok(changes)
}

fn name(key: &str) -> String {
    let mut name = format!("{NAMES}{key}");
    while name.len() % PADDED != 0 {
        name.push('\0');
    }
    name
}

fn check_key(key: &str) -> Result<(), WalletError> {
    if (1..=SiteRecord::MAX_KEY).contains(&key.len()) && !key.contains(char::is_control) {
        return Ok(());
    }
    let message = format!(
        "the key of a record of sites has 1 to {} bytes and no control characters; choose another",
        SiteRecord::MAX_KEY
    );
    Err(WalletError::new(ErrorCode::InvalidInput, message))
}

fn too_long(bytes: usize) -> WalletError {
    let message = format!(
        "a record of sites has {bytes} bytes and may have {}; keep less in one",
        SiteRecord::MAX_VALUE
    );
    WalletError::new(ErrorCode::InvalidInput, message)
}
