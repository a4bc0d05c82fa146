//! Changes of invoices, payments and sessions, sent from the node's thread to requests that wait for them.

use std::sync::Arc;

use tokio::sync::broadcast;

/// Changes that may wait for a slow subscriber; after more it looks for itself.
const QUEUE: usize = 1024;

/// Distributes changes. Clones share the subscribers.
#[derive(Clone)]
pub struct EventBus(broadcast::Sender<Arc<str>>);

impl Default for EventBus {
    fn default() -> Self {
        Self(broadcast::Sender::new(QUEUE))
    }
}

impl EventBus {
    /// Notifies subscribers that this payment or session has changed.
    pub fn notify(&self, id: &str) {
        // There may be no subscriber.
        let _ = self.0.send(id.into());
    }

    /// Subscribes to changes from now on.
    pub fn subscribe(&self) -> Changes {
        Changes(self.0.subscribe())
    }
}

/// A subscription.
pub struct Changes(broadcast::Receiver<Arc<str>>);

impl Changes {
    /// Resolves when `id` may have changed.
    pub async fn of(&mut self, id: &str) {
        loop {
            match self.0.recv().await {
                Ok(changed) if &*changed != id => {}
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
                // The gateway ends.
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
