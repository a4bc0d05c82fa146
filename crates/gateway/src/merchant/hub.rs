//! What the node's thread and the HTTP side of the API for sites share.

use std::sync::Arc;

use futures::future::LocalBoxFuture;
use tokio::sync::broadcast;

use super::desk::Desk;
use super::error::ApiError;
use super::keys::KeyRing;
use crate::node_thread::{Command, NodeHandle};

/// News that may wait for a slow listener; more, and it looks for itself.
const QUEUE: usize = 1024;

/// What is done on the node's thread.
pub type Job = Box<dyn FnOnce(std::rc::Rc<Desk>) -> LocalBoxFuture<'static, ()> + Send>;

/// Shared by both sides.
#[derive(Clone)]
pub struct Hub {
    /// Who may ask.
    pub keys: Arc<KeyRing>,
    news: broadcast::Sender<Arc<str>>,
}

impl Default for Hub {
    fn default() -> Self {
        Self { keys: Arc::default(), news: broadcast::Sender::new(QUEUE) }
    }
}

impl Hub {
    /// Tells that this payment or session has changed.
    pub fn tell(&self, id: &str) {
        // Nobody may listen.
        let _ = self.news.send(id.into());
    }

    /// What changes from now on.
    pub fn listen(&self) -> News {
        News(self.news.subscribe())
    }
}

/// What changes.
pub struct News(broadcast::Receiver<Arc<str>>);

impl News {
    /// Resolves when `id` may have changed.
    pub async fn of(&mut self, id: &str) {
        loop {
            match self.0.recv().await {
                Ok(told) if &*told != id => {}
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
                // The gateway ends.
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

impl NodeHandle {
    /// Has something done at the desk, on the node's thread, and waits for its answer.
    ///
    /// # Errors
    /// The job's, or that the node is not up.
    pub async fn at_desk<T, F, Work>(&self, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(std::rc::Rc<Desk>) -> Work + Send + 'static,
        Work: Future<Output = Result<T, ApiError>> + 'static,
    {
        let answered = self.ask(|reply| {
            Command::Desk(Box::new(move |desk| {
                Box::pin(async move {
                    // The asker may have gone; the deed stands.
                    let _ = reply.send(Ok(work(desk).await));
                })
            }))
        });
        answered.await?
    }
}
