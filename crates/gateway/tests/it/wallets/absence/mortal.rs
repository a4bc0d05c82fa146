//! A store that dies, as a process would, in the middle of a payment to the wallet.

use std::cell::Cell;
use std::rc::Rc;

use amplet_node::PaymentId;
use amplet_node::bitcoin::hashes::{Hash, sha256};
use amplet_storage::{Batch, Receipt, Store, StoreError};
use futures::FutureExt;
use futures::future::LocalBoxFuture;

/// See the head of this file.
pub struct Mortal {
    inner: Rc<dyn Store>,
    dies_knowing: Cell<Option<PaymentId>>,
    dead: Cell<bool>,
}

impl Mortal {
    pub fn new(inner: Rc<dyn Store>) -> Rc<Self> {
        Rc::new(Self { inner, dies_knowing: Cell::new(None), dead: Cell::new(false) })
    }

    /// Dies once the preimage of this payment is on the disk: nobody is told that it is there, and nothing more is written.
    pub fn die_knowing(&self, payment: PaymentId) {
        self.dies_knowing.set(Some(payment));
    }

    pub fn is_dead(&self) -> bool {
        self.dead.get()
    }
}

/// Returns whether a channel's monitor learns the preimage of a payment by these writes.
fn teaches(batch: &Batch, payment: PaymentId) -> bool {
    let is_preimage = |bytes: &[u8]| sha256::Hash::hash(bytes).to_byte_array() == payment.0;
    let monitors = batch.iter().filter(|(name, _)| name.starts_with("ldk/monitor"));
    monitors.filter_map(|(_, value)| value).any(|value| value.windows(32).any(is_preimage))
}

impl Store for Mortal {
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
            let is_last = self.dies_knowing.get().is_some_and(|payment| teaches(&batch, payment));
            if !self.is_dead() {
                let receipt = self.inner.commit(batch).await?;
                if !is_last {
                    return Ok(receipt);
                }
                self.dead.set(true);
            }
            std::future::pending().await
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
