//! Records in memory, for tests and for throwaway wallets.

use crate::backend::{check_epoch, epochs_used_up};
use crate::{Backend, StoreError, Write};
use futures::future::{FutureExt, LocalBoxFuture, ready};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Records in memory. A clone is another handle on the same records, as another tab or process would have.
#[derive(Default)]
pub struct MemoryBackend {
    shared: Rc<RefCell<Records>>,
    closed: Cell<bool>,
}

#[derive(Default)]
struct Records {
    epoch: u64,
    by_name: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Maximum sum of names and values, in bytes.
    quota: Option<usize>,
}

impl MemoryBackend {
    /// An empty backend without a limit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Limits names and values to `bytes` from now on; `None` lifts the limit. A commit beyond it gives
    /// [`StoreError::QuotaExceeded`].
    pub fn set_quota(&self, bytes: Option<usize>) {
        self.shared.borrow_mut().quota = bytes;
    }

    /// Copies the records, as a copied disk has them: later changes of one do not show in the other.
    #[must_use]
    pub fn copy(&self) -> Self {
        let records = self.shared.borrow();
        let (epoch, by_name, quota) = (records.epoch, records.by_name.clone(), records.quota);
        let shared = Rc::new(RefCell::new(Records { epoch, by_name, quota }));
        Self { shared, closed: Cell::new(false) }
    }

    fn with<T>(&self, action: impl FnOnce(&mut Records) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if self.closed.get() {
            return Err(StoreError::Closed);
        }
        action(&mut self.shared.borrow_mut())
    }
}

impl Clone for MemoryBackend {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), closed: Cell::new(false) }
    }
}

impl Records {
    fn commit(&mut self, writes: Vec<Write>, epoch: u64) -> Result<(), StoreError> {
        check_epoch(epoch, self.epoch, || "memory".into())?;
        // A refused commit must leave nothing: the copy is what a database's rollback does.
        let before = self.quota.map(|quota| (quota, self.by_name.clone()));
        for write in writes {
            match write.value {
                Some(value) => self.by_name.insert(write.name, value),
                None => self.by_name.remove(&write.name),
            };
        }
        if let Some((quota, before)) = before {
            let bytes: usize = self.by_name.iter().map(|(name, value)| name.len() + value.len()).sum();
            if bytes > quota {
                self.by_name = before;
                let detail = format!("{bytes} bytes, {quota} allowed");
                return Err(StoreError::QuotaExceeded { detail, remedy: "raise the limit".into() });
            }
        }
        Ok(())
    }

    fn take_over(&mut self) -> Result<u64, StoreError> {
        self.epoch = self.epoch.checked_add(1).ok_or_else(epochs_used_up)?;
        Ok(self.epoch)
    }
}

impl Backend for MemoryBackend {
    fn place(&self) -> String {
        "memory".into()
    }

    fn read<'a>(&'a self, name: &'a [u8]) -> LocalBoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        async move { self.with(|records| Ok(records.by_name.get(name).cloned())) }.boxed_local()
    }

    fn names(&self) -> LocalBoxFuture<'_, Result<Vec<Vec<u8>>, StoreError>> {
        async move { self.with(|records| Ok(records.by_name.keys().cloned().collect())) }.boxed_local()
    }

    fn take_over(&self) -> LocalBoxFuture<'_, Result<u64, StoreError>> {
        async move { self.with(Records::take_over) }.boxed_local()
    }

    fn commit(&self, writes: Vec<Write>, epoch: u64) -> LocalBoxFuture<'_, Result<(), StoreError>> {
        async move { self.with(|records| records.commit(writes, epoch)) }.boxed_local()
    }

    fn destroy(&self) -> LocalBoxFuture<'_, Result<(), StoreError>> {
        async move {
            self.with(|records| {
                records.take_over()?;
                records.by_name.clear();
                Ok(())
            })?;
            self.closed.set(true);
            Ok(())
        }
        .boxed_local()
    }

    fn close(&self) -> LocalBoxFuture<'_, ()> {
        self.closed.set(true);
        ready(()).boxed_local()
    }
}
