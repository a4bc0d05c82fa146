//! A process that dies in the middle of its work.

use std::cell::Cell;
use std::rc::Rc;

use amplet_storage::{Batch, Receipt, Store, StoreError};
use futures::FutureExt;
use futures::future::LocalBoxFuture;

/// A store that dies, as a process would, after a given number of commits.
pub struct Killable {
    inner: Rc<dyn Store>,
    left: Cell<u64>,
    /// Dies before the first commit too many, instead of right after the last one.
    early: Cell<bool>,
    pub dead: Rc<Cell<bool>>,
}

impl Killable {
    pub fn new(inner: Rc<dyn Store>, commits: u64, dead: Rc<Cell<bool>>) -> Self {
        Self { inner, left: Cell::new(commits), early: Cell::new(false), dead }
    }

    /// Dies when it would commit once more than so often: it has spoken of all commits, and the next one is not durable.
    pub fn die_before_commit(&self, commits: u64) {
        self.early.set(true);
        self.left.set(commits);
    }

    /// Dies after so many more commits.
    pub fn die_after(&self, commits: u64) {
        self.left.set(commits);
    }
}

impl Store for Killable {
    fn get<'a>(&'a self, name: &'a str) -> LocalBoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.inner.get(name)
    }
    fn list<'a>(&'a self, prefix: &'a str) -> LocalBoxFuture<'a, Result<Vec<String>, StoreError>> {
        self.inner.list(prefix)
    }
    fn ready<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), StoreError>> {
        self.inner.ready()
    }
    fn commit<'a>(&'a self, batch: Batch) -> LocalBoxFuture<'a, Result<Receipt, StoreError>> {
        async move {
            if self.left.get() == 0 {
                self.dead.set(true);
                std::future::pending::<()>().await;
            }
            self.left.set(self.left.get() - 1);
            let receipt = self.inner.commit(batch).await?;
            if self.left.get() == 0 && !self.early.get() {
                // Durable, but the process dies before it can say anything.
                self.dead.set(true);
                std::future::pending::<()>().await;
            }
            Ok(receipt)
        }
        .boxed_local()
    }
    fn commits(&self) -> u64 {
        self.inner.commits()
    }
    fn close<'a>(&'a self) -> LocalBoxFuture<'a, ()> {
        self.inner.close()
    }
}
