//! Parts of AMP sets as they are stored, from the step in which LDK hands them over to the one in which their set ends: LDK says once
//! that a part is there.

use amplet_amp::{Kept, Part};
use amplet_protocol::{Msat, PaymentId};
use amplet_storage::Store;
use hex_conservative::{DisplayHex, FromHex};
use serde::{Deserialize, Serialize};

use crate::ledger::record::read;
use crate::ledger::{Ledger, LedgerError};

/// Records, by payment hash.
const RECORDS: &str = "amp/part/";

/// A part, beside its payment hash.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredPart {
    /// Both records of its payload, in hex.
    kept: String,
    amount_msat: Msat,
    deadline: Option<u32>,
    arrived_at: u64,
    #[serde(default)]
    is_claimed: bool,
}

/// Stages a part, new or changed. Nothing depends on it: lost in a crash with the step, it is handed over again.
pub(super) fn put(ledger: &Ledger, part: &Part) {
    let stored = StoredPart {
        kept: part.kept.write().to_lower_hex_string(),
        amount_msat: part.amount_msat,
        deadline: part.deadline,
        arrived_at: part.arrived_at,
        is_claimed: part.is_claimed,
    };
    ledger.write_at_leisure(name(part.hash), &stored);
}

/// Stages a part's removal.
pub(super) fn remove(ledger: &Ledger, hash: PaymentId) {
    ledger.remove(name(hash));
}

/// All parts, as far as they can be read. LDK gives back those that cannot before it is too late to claim them.
///
/// # Errors
/// The store's.
pub(super) async fn load(store: &dyn Store, ledger: &Ledger) -> Result<Vec<Part>, LedgerError> {
    let mut parts = Vec::new();
    for name in store.list(RECORDS).await? {
        let Some(Ok(hash)) = name.strip_prefix(RECORDS).map(str::parse) else { continue };
        let stored: Option<StoredPart> = ledger.pass_over(&name, read(store, &name).await)?;
        parts.extend(stored.and_then(|stored| part(hash, &stored)));
    }
    Ok(parts)
}

fn part(hash: PaymentId, stored: &StoredPart) -> Option<Part> {
    Some(Part {
        hash,
        amount_msat: stored.amount_msat,
        kept: Kept::read(&Vec::from_hex(&stored.kept).ok()?)?,
        deadline: stored.deadline,
        arrived_at: stored.arrived_at,
        is_claimed: stored.is_claimed,
    })
}

fn name(hash: PaymentId) -> String {
    format!("{RECORDS}{hash}")
}
