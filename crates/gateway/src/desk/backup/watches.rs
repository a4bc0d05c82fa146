//! Who waits for a change of a store. Changes that another gateway makes are not seen here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use super::store::StoreId;

/// The stores that somebody waits for.
#[derive(Default)]
pub(super) struct Watches(Mutex<HashMap<StoreId, Watched>>);

#[derive(Default)]
struct Watched {
    watches: usize,
    notify: Arc<Notify>,
}

/// Somebody waits for this store.
pub(super) struct Watch<'a> {
    watches: &'a Watches,
    id: StoreId,
    notify: Arc<Notify>,
}

impl Watches {
    pub(super) fn watch(&self, id: &StoreId) -> Watch<'_> {
        let mut all = self.all();
        let watched = all.entry(id.clone()).or_default();
        watched.watches = watched.watches.saturating_add(1);
        let notify = Arc::clone(&watched.notify);
        Watch { watches: self, id: id.clone(), notify }
    }

    /// Tells those who wait for this store.
    pub(super) fn changed(&self, id: &StoreId) {
        if let Some(watched) = self.all().get(id) {
            watched.notify.notify_waiters();
        }
    }

    /// Tells those who wait for any store of this account.
    pub(super) fn changed_of(&self, owner: &[u8; 33]) {
        for (_, watched) in self.all().iter().filter(|(id, _)| id.owner == *owner) {
            watched.notify.notify_waiters();
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<StoreId, Watched>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch<'_> {
    /// Resolves at the next change from this call on.
    pub(super) fn change(&self) -> OwnedNotified {
        // It counts from here, polled or not.
        Arc::clone(&self.notify).notified_owned()
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let mut all = self.watches.all();
        if let Some(watched) = all.get_mut(&self.id) {
            watched.watches = watched.watches.saturating_sub(1);
            if watched.watches == 0 {
                all.remove(&self.id);
            }
        }
    }
}
