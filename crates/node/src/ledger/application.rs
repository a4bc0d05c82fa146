//! Records of the application: in the node's store, and in its transactions. Their names must not be the node's own.

use amplet_protocol::page::FiatRate;
use amplet_storage::{Batch, StoreError, get_unless_damaged};

use super::Ledger;
use crate::ldk::unsaved::Unsaved;

/// Age, in seconds, from which a price is not that of a payment any more.
const OLD_RATE: u64 = 3600;

impl Ledger {
    /// Sets the price of bitcoin that payments keep when they succeed.
    pub fn set_rate(&self, rate: Option<FiatRate>) {
        self.rate.replace(rate);
    }

    /// The price of bitcoin, as far as it is known.
    pub(super) fn rate_now(&self) -> Option<FiatRate> {
        let age = |rate: &FiatRate| self.base.now().abs_diff(rate.at);
        self.rate.borrow().clone().filter(|rate| age(rate) < OLD_RATE)
    }

    /// Stages records of the application for the node's next transaction: together with whatever is called before the next
    /// await.
    pub fn stage(&self, gather: impl FnOnce(&mut Batch)) {
        self.base.staged.stage(gather);
        self.base.notify.notify();
    }

    /// Checks that records can be saved now, before any is staged.
    ///
    /// # Errors
    /// [`Unsaved`].
    pub fn check_saves(&self) -> Result<(), Unsaved> {
        self.base.staged.check()
    }

    /// Resolves when what is staged now is durable.
    ///
    /// # Errors
    /// [`Unsaved`].
    pub async fn flushed(&self) -> Result<(), Unsaved> {
        self.base.flushed().await
    }

    /// A record of the application as it was committed last; `None` also when it is damaged.
    ///
    /// # Errors
    /// The store's.
    pub async fn committed(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        get_unless_damaged(&*self.base.store, name).await
    }

    /// Names of the committed records that begin with `prefix`, sorted.
    ///
    /// # Errors
    /// The store's.
    pub async fn committed_names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.base.store.list(prefix).await
    }
}
