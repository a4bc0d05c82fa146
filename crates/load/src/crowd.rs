//! The crowd: connections that are no wallets', on a thread of their own.

use std::future::{Future, pending};
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::counts::Counts;
use crate::{hostile, idle};

/// The crowd's thread.
pub struct Crowd {
    runtime: Handle,
    door: SocketAddr,
    /// WebSockets that say nothing.
    pub idle: Arc<Counts>,
    /// Connections of those who mean harm.
    pub hostile: Arc<Counts>,
}

/// Connections that end when this is dropped.
pub struct Members(Vec<JoinHandle<()>>);

impl Drop for Members {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl Crowd {
    /// Starts the thread. Nobody is there yet.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(door: SocketAddr) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        std::thread::Builder::new()
            .name("crowd".to_owned())
            .spawn(move || runtime.block_on(pending::<()>()))?;
        Ok(Self { runtime: handle, door, idle: Arc::default(), hostile: Arc::default() })
    }

    /// Opens so many WebSockets that say nothing.
    pub fn idle(&self, count: usize) -> Members {
        self.members(count, |number| idle::stay(self.door, number, Arc::clone(&self.idle)))
    }

    /// Lets so many strangers in.
    pub fn hostile(&self, count: usize) -> Members {
        self.members(count, |number| hostile::stay(self.door, number, Arc::clone(&self.hostile)))
    }

    fn members<F: Future<Output = ()> + Send + 'static>(
        &self,
        count: usize,
        make: impl Fn(usize) -> F,
    ) -> Members {
        Members((0..count).map(|number| self.runtime.spawn(make(number))).collect())
    }
}
