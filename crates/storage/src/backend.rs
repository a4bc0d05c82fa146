//! Backends for sealed records: transactional maps of bytes to bytes, guarded by an epoch.

use crate::StoreError;
use futures::future::LocalBoxFuture;
use std::rc::Rc;

/// A backend's handle as the sealed store and its openers share it.
pub type SharedBackend = Rc<dyn Backend>;

/// The epoch of a store that nobody has taken over, and of whoever only looks: the first takeover has 1.
pub(crate) const NO_EPOCH: u64 = 0;

/// One write of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The record's (sealed) name.
    pub name: Vec<u8>,
    /// Its new value, or `None` to remove it.
    pub value: Option<Vec<u8>>,
}

/// A transactional map of binary names to binary values for one wallet. It has no keys: its records are sealed.
///
/// Every backend passes the suite in `conformance`.
pub trait Backend {
    /// The location, for users: "IndexedDB amplet/main", "/var/lib/amplet/node.sqlite".
    fn place(&self) -> String;

    /// The value of `name`, if there is one.
    fn read<'a>(&'a self, name: &'a [u8]) -> LocalBoxFuture<'a, Result<Option<Vec<u8>>, StoreError>>;

    /// All names, in no particular order.
    fn names(&self) -> LocalBoxFuture<'_, Result<Vec<Vec<u8>>, StoreError>>;

    /// Makes this caller the only writer: raises the stored epoch by one, durably, and returns it. A writer with an
    /// earlier epoch gets [`StoreError::Fenced`] from then on.
    fn take_over(&self) -> LocalBoxFuture<'_, Result<u64, StoreError>>;

    /// Applies all `writes` (later ones win) in ONE transaction that is on the disk when this resolves, and only if the
    /// stored epoch, read in that same transaction, is `epoch`. Where there is none any more, [`StoreError::NotFound`]: the
    /// wallet was deleted behind this writer's back.
    fn commit(&self, writes: Vec<Write>, epoch: u64) -> LocalBoxFuture<'_, Result<(), StoreError>>;

    /// Deletes everything permanently, even while another writes; other writers are fenced or closed. This handle is closed after.
    fn destroy(&self) -> LocalBoxFuture<'_, Result<(), StoreError>>;

    /// Releases what this handle holds. Later calls give [`StoreError::Closed`]. Closing twice is no error.
    fn close(&self) -> LocalBoxFuture<'_, ()>;
}

/// Whether the writer of the epoch `mine` may write to the store at `place`, whose stored epoch is `now`.
pub(crate) fn check_epoch(mine: u64, now: u64, place: impl FnOnce() -> String) -> Result<(), StoreError> {
    match now {
        _ if now == mine => Ok(()),
        // Every writer has raised it: one that is not there has gone with the wallet.
        NO_EPOCH => Err(StoreError::NotFound { place: place() }),
        _ => Err(StoreError::Fenced { mine, now }),
    }
}

/// The error after 2^63 takeovers, or when damage makes the stored counter look so.
pub(crate) fn epochs_used_up() -> StoreError {
    StoreError::Corrupt { name: "epoch".into(), what: "the counter of takeovers is at its end".into() }
}
