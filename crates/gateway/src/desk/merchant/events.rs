//! Changes of invoices, payments and sessions, sent from the node's thread to requests that wait for them.

use std::sync::Arc;

use amplet_protocol::PaymentId;
use tokio::sync::broadcast;

/// Changes that may wait for a slow subscriber; after more it looks for itself.
const QUEUE: usize = 1024;

/// The subject of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An invoice or a payment.
    Payment(PaymentId),
    /// A streaming session, by its id.
    Session(Arc<str>),
}

/// Distributes changes. Clones share the subscribers.
#[derive(Clone)]
pub struct EventBus(broadcast::Sender<Subject>);

impl Default for EventBus {
    fn default() -> Self {
        Self(broadcast::Sender::new(QUEUE))
    }
}

impl EventBus {
    /// Notifies subscribers that this has changed.
    pub fn notify(&self, subject: Subject) {
        // There may be no subscriber.
        let _ = self.0.send(subject);
    }

    /// Subscribes to changes from now on.
    pub fn subscribe(&self) -> Changes {
        Changes(self.0.subscribe())
    }
}

/// A subscription.
pub struct Changes(broadcast::Receiver<Subject>);

impl Changes {
    /// Resolves when `subject` may have changed.
    pub async fn of(&mut self, subject: &Subject) {
        loop {
            match self.0.recv().await {
                Ok(changed) if changed != *subject => {}
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
                // The gateway ends.
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
