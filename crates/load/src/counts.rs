//! Counts of connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts of a part of the crowd.
#[derive(Default)]
pub struct Counts {
    /// Open now.
    open: AtomicUsize,
    /// Begun since the start.
    begun: AtomicUsize,
}

/// One that is open until it is dropped.
pub struct Open(Arc<Counts>);

impl Counts {
    /// Counts one more.
    pub fn begin(self: &Arc<Self>) -> Open {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
        Open(Arc::clone(self))
    }

    /// Open now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Begun since the start.
    pub fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
