//! That a node closes, told to whoever waits for it.

use std::cell::{Cell, RefCell};
use std::future::Future;

use futures::channel::oneshot;
use futures::future::{FutureExt, Shared, select};
use futures::pin_mut;

/// Begins once and never ends.
pub(crate) struct Closing {
    begun: Cell<bool>,
    tell: RefCell<Option<oneshot::Sender<()>>>,
    told: Shared<oneshot::Receiver<()>>,
}

impl Default for Closing {
    fn default() -> Self {
        let (tell, told) = oneshot::channel();
        Self { begun: Cell::new(false), tell: RefCell::new(Some(tell)), told: told.shared() }
    }
}

impl Closing {
    /// Whether it has begun.
    pub fn get(&self) -> bool {
        self.begun.get()
    }

    /// Begins.
    pub fn begin(&self) {
        self.begun.set(true);
        // Dropped, it is told as well as sent.
        drop(self.tell.borrow_mut().take());
    }

    /// Does `work` until it is done or the node closes, which may be between any two of its steps: at once, whatever it waits
    /// for, lest it keeps the node's keys in memory for so long.
    pub async fn or(&self, work: impl Future<Output = ()>) {
        let told = self.told.clone();
        pin_mut!(work);
        select(told, work).map(drop).await;
    }
}
