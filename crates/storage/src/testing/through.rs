//! A store whose commits go through a test's own function.

use crate::{Batch, Receipt, Store, StoreError};
use futures::future::{FutureExt, LocalBoxFuture};
use std::rc::Rc;

/// The end of a commit.
pub type Committed = Result<Receipt, StoreError>;

struct Through<F> {
    inner: Rc<dyn Store>,
    commit: F,
}

/// `inner`, whose commits `commit` makes: it is given the store and what is to be written.
pub fn through<F, C>(inner: Rc<dyn Store>, commit: F) -> Rc<dyn Store>
where
    F: Fn(Rc<dyn Store>, Batch) -> C + 'static,
    C: Future<Output = Committed> + 'static,
{
    Rc::new(Through { inner, commit })
}

impl<F, C> Store for Through<F>
where
    F: Fn(Rc<dyn Store>, Batch) -> C,
    C: Future<Output = Committed> + 'static,
{
    fn get<'a>(&'a self, name: &'a str) -> LocalBoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.inner.get(name)
    }

    fn list<'a>(&'a self, prefix: &'a str) -> LocalBoxFuture<'a, Result<Vec<String>, StoreError>> {
        self.inner.list(prefix)
    }

    fn ready<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), StoreError>> {
        self.inner.ready()
    }

    fn commit<'a>(&'a self, batch: Batch) -> LocalBoxFuture<'a, Committed> {
        (self.commit)(Rc::clone(&self.inner), batch).boxed_local()
    }

    fn commits(&self) -> u64 {
        self.inner.commits()
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, ()> {
        self.inner.close()
    }
}
