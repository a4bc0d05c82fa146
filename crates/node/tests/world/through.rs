//! A store whose commits go through a test's own function.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use amplet_storage::{Batch, Receipt, Store, StoreError};
use amplet_transport::Platform;
use amplet_transport::testing::TestPlatform;
use futures::FutureExt;
use futures::future::LocalBoxFuture;

/// The end of a commit.
pub type Committed = Result<Receipt, StoreError>;

/// See the head of this file.
pub struct Through<F> {
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

/// A store whose commits take their time.
pub fn slow(inner: Rc<dyn Store>, platform: TestPlatform, delay: Rc<Cell<Duration>>) -> Rc<dyn Store> {
    through(inner, move |store, batch| {
        let pause = platform.sleep(delay.get());
        async move {
            pause.await;
            store.commit(batch).await
        }
    })
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
