//! The crowd: connections that are no wallets', on a thread of their own.

use std::future::{Future, pending};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::{hostile, idle};

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

/// A random number below `limit`.
pub fn random(limit: u64) -> u64 {
    let mut bytes = [0; 8];
    // Without randomness all wait for the same time.
    let _ = getrandom::getrandom(&mut bytes);
    u64::from_le_bytes(bytes).checked_rem(limit).unwrap_or(0)
}
