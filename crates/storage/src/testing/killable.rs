//! A process that dies in the middle of its work.

use crate::{Batch, Receipt, Store, StoreError};
use futures::future::{FutureExt, LocalBoxFuture, pending};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

type IsLast = Box<dyn Fn(&Batch) -> bool>;

/// A store that dies, as a process would: its commits end no more, and write nothing.
pub struct Killable {
    inner: Rc<dyn Store>,
    left: Cell<u64>,
    /// Dies before the first commit too many, instead of right after the last one.
    early: Cell<bool>,
    is_last: RefCell<Option<IsLast>>,
    dead: Rc<Cell<bool>>,
}

impl Killable {
    /// A store that dies after so many commits, and says so in `dead`.
    #[must_use]
    pub fn new(inner: Rc<dyn Store>, commits: u64, dead: Rc<Cell<bool>>) -> Self {
        Self { inner, left: Cell::new(commits), early: Cell::new(false), is_last: RefCell::default(), dead }
    }

    /// A store that lives until it is told to die.
    #[must_use]
    pub fn living(inner: Rc<dyn Store>) -> Rc<Self> {
        Rc::new(Self::new(inner, u64::MAX, Rc::default()))
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

    /// Dies after the first commit that `is_last` finds to be the last one.
    pub fn die_with(&self, is_last: impl Fn(&Batch) -> bool + 'static) {
        self.is_last.replace(Some(Box::new(is_last)));
    }

    /// Whether it has died.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.dead.get()
    }

    async fn die<T>(&self) -> T {
        self.dead.set(true);
        pending().await
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
                return self.die().await;
            }
            let is_last = self.is_last.borrow().as_ref().is_some_and(|is_last| is_last(&batch));
            self.left.set(if is_last { 0 } else { self.left.get().saturating_sub(1) });
            let receipt = self.inner.commit(batch).await?;
            if self.left.get() == 0 && !self.early.get() {
                // Durable, but the process dies before it can say anything.
                return self.die().await;
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
