//! A store that counts what is read and written, and may have lost a record.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use amplet_storage::{Batch, Receipt, Store, StoreError};
use futures::FutureExt;
use futures::future::LocalBoxFuture;

/// See the head of this file.
pub struct WriteMeter {
    inner: Rc<dyn Store>,
    /// Bytes of channel monitors and their updates that were committed.
    pub monitor_bytes: Cell<usize>,
    /// Number of records read, and of listings.
    pub reads: Cell<usize>,
    pub lists: Cell<usize>,
    /// Records that are not found, by name.
    pub lost: RefCell<Vec<String>>,
}

impl WriteMeter {
    pub fn new(inner: Rc<dyn Store>) -> Self {
        let (monitor_bytes, reads, lists) = (Cell::default(), Cell::default(), Cell::default());
        Self { inner, monitor_bytes, reads, lists, lost: RefCell::default() }
    }
}

type Wrap = Box<dyn FnOnce(Rc<dyn Store>) -> Rc<dyn Store>>;

/// A wrapper that measures a store, and the place where it is found then.
pub fn metered() -> (Wrap, Rc<RefCell<Option<Rc<WriteMeter>>>>) {
    let kept: Rc<RefCell<Option<Rc<WriteMeter>>>> = Rc::default();
    let out = Rc::clone(&kept);
    let wrap = move |store| -> Rc<dyn Store> {
        let meter = Rc::new(WriteMeter::new(store));
        out.borrow_mut().replace(Rc::clone(&meter));
        meter
    };
    (Box::new(wrap), kept)
}

impl Store for WriteMeter {
    fn get<'a>(&'a self, name: &'a str) -> LocalBoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.reads.set(self.reads.get() + 1);
        match self.lost.borrow().iter().any(|lost| lost == name) {
            true => async { Ok(None) }.boxed_local(),
            false => self.inner.get(name),
        }
    }
    fn list<'a>(&'a self, prefix: &'a str) -> LocalBoxFuture<'a, Result<Vec<String>, StoreError>> {
        self.lists.set(self.lists.get() + 1);
        async move {
            let mut names = self.inner.list(prefix).await?;
            names.retain(|name| !self.lost.borrow().contains(name));
            Ok(names)
        }
        .boxed_local()
    }
    fn ready<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), StoreError>> {
        self.inner.ready()
    }
    fn commit<'a>(&'a self, batch: Batch) -> LocalBoxFuture<'a, Result<Receipt, StoreError>> {
        let monitors = batch.iter().filter(|(name, _)| name.starts_with("ldk/monitor"));
        let bytes: usize = monitors.map(|(_, value)| value.map_or(0, <[u8]>::len)).sum();
        self.monitor_bytes.set(self.monitor_bytes.get() + bytes);
        self.inner.commit(batch)
    }
    fn commits(&self) -> u64 {
        self.inner.commits()
    }
    fn close<'a>(&'a self) -> LocalBoxFuture<'a, ()> {
        self.inner.close()
    }
}
