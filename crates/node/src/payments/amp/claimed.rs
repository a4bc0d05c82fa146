//! Hashes of the parts of payments that were claimed: the record of a payment has none, and a payer may still take a part back on chain
//! (`ldk::taken_back`).

use amplet_amp::Part;
use amplet_protocol::PaymentId;
use amplet_storage::Store;

use crate::ldk::taken_back::TakenBack;
use crate::ledger::record::read;
use crate::ledger::{Ledger, LedgerError};

/// Records, by the height from which it was too late to claim one of the parts, and by set.
const RECORDS: &str = "amp/claimed/";

/// Blocks for which they are kept after that: a payer whose HTLC has expired takes it back at once.
const KEPT: u32 = 2016;

/// Stages the parts of a set that has been claimed.
pub(super) fn put(ledger: &Ledger, set: PaymentId, parts: &[Part]) {
    let hashes: Vec<PaymentId> = parts.iter().map(|part| part.hash).collect();
    let deadline = parts.iter().filter_map(|part| part.deadline).max().unwrap_or_default();
    ledger.write(format!("{RECORDS}{deadline:010}/{set}"), &hashes);
}

/// The set of an HTLC that was taken back; `None`: it is of none that is known.
///
/// # Errors
/// The store's.
pub(super) async fn set_of(
    store: &dyn Store,
    ledger: &Ledger,
    taken: &TakenBack,
) -> Result<Option<PaymentId>, LedgerError> {
    for name in store.list(RECORDS).await? {
        let Some((_, set)) = parts_of(&name) else { continue };
        let hashes: Option<Vec<PaymentId>> = ledger.pass_over(&name, read(store, &name).await)?;
        if hashes.is_some_and(|hashes| hashes.iter().any(|hash| taken.is_of(&hash.0))) {
            return Ok(Some(set));
        }
    }
    Ok(None)
}

/// Stages the removal of those that nobody takes back any more at this height.
///
/// # Errors
/// The store's.
pub(super) async fn forget(store: &dyn Store, ledger: &Ledger, height: u32) -> Result<(), LedgerError> {
    for name in store.list(RECORDS).await? {
        if parts_of(&name).is_some_and(|(deadline, _)| deadline.saturating_add(KEPT) < height) {
            ledger.remove(name);
        }
    }
    Ok(())
}

/// Deadline and set in a name.
fn parts_of(name: &str) -> Option<(u32, PaymentId)> {
    let (deadline, set) = name.strip_prefix(RECORDS)?.split_once('/')?;
    Some((deadline.parse().ok()?, set.parse().ok()?))
}
