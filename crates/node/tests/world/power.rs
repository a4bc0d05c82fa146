//! Power that fails at an exact moment of a process's work: from then on it writes nothing and says nothing.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use amplet_node::Node;
use amplet_storage::{Batch, Receipt, Store, StoreError};
use amplet_transport::testing::duplex_pair;
use amplet_transport::{CloseCode, CloseReason, Duplex};
use futures::FutureExt;
use futures::future::LocalBoxFuture;

use super::World;

/// A moment of a process's work, counted from when the power is armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// What it would commit is not durable, but all that came before was said.
    BeforeCommit(u32),
    /// What it has committed is durable, and nothing of it is said.
    AfterCommit(u32),
    /// All before this write to a peer has reached the peer.
    BeforeMessage(u32),
}

/// The power of one process.
#[derive(Default)]
pub struct Power {
    moment: Cell<Option<Moment>>,
    commits: Cell<u32>,
    messages: Cell<u32>,
    off: Cell<bool>,
    /// Fails at the same moment.
    neighbour: RefCell<Weak<Power>>,
}

impl Power {
    /// Fails at this moment, and with it the neighbour's.
    pub fn arm(&self, moment: Moment, neighbour: Option<&Rc<Power>>) {
        self.commits.set(0);
        self.messages.set(0);
        self.moment.set(Some(moment));
        *self.neighbour.borrow_mut() = neighbour.map(Rc::downgrade).unwrap_or_default();
    }

    pub fn is_off(&self) -> bool {
        self.off.get()
    }

    fn reached(&self, moment: Moment) {
        if self.moment.get() == Some(moment) {
            self.off.set(true);
            if let Some(neighbour) = self.neighbour.borrow().upgrade() {
                neighbour.off.set(true);
            }
        }
    }
}

/// The store of a process with this power.
pub struct PoweredStore {
    pub inner: Rc<dyn Store>,
    pub power: Rc<Power>,
}

impl Store for PoweredStore {
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
            let number = self.power.commits.get();
            self.power.commits.set(number + 1);
            self.power.reached(Moment::BeforeCommit(number));
            if self.power.is_off() {
                std::future::pending::<()>().await;
            }
            let receipt = self.inner.commit(batch).await?;
            self.power.reached(Moment::AfterCommit(number));
            if self.power.is_off() {
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

/// An end of a connection, held by a process with this power.
pub struct PoweredDuplex {
    pub inner: Rc<dyn Duplex>,
    pub power: Rc<Power>,
}

impl Duplex for PoweredDuplex {
    fn try_send(&self, bytes: &[u8]) -> usize {
        let number = self.power.messages.get();
        self.power.messages.set(number + 1);
        self.power.reached(Moment::BeforeMessage(number));
        if self.power.is_off() { bytes.len() } else { self.inner.try_send(bytes) }
    }
    fn writable(&self) -> LocalBoxFuture<'static, ()> {
        self.inner.writable()
    }
    fn recv(&self) -> LocalBoxFuture<'static, Result<Vec<u8>, CloseReason>> {
        self.inner.recv()
    }
    fn close(&self, code: CloseCode) {
        self.inner.close(code);
    }
}

impl World {
    pub(super) fn answer_connections(&self) {
        let (platform, nodes) = (self.platform.clone(), Rc::clone(&self.nodes));
        let powers = Rc::clone(&self.powers);
        // Of nodes whose power can fail only a wallet dials.
        let end = move |holder: &str, inner: Rc<dyn Duplex>| -> Rc<dyn Duplex> {
            match powers.borrow().get(holder) {
                Some(power) => Rc::new(PoweredDuplex { inner, power: Rc::clone(power) }),
                None => inner,
            }
        };
        self.platform.on_connect(move |address| {
            let host = address.endpoint.host().to_owned();
            let result = match nodes.borrow().get(&host) {
                Some(node) => {
                    let (client, server) = duplex_pair(&platform);
                    node.peers().accept(end(&host, server));
                    Ok(end("wallet", client))
                }
                None => Err(amplet_transport::ConnectError::GatewayUnreachable {
                    endpoint: address.endpoint,
                    detail: "killed".into(),
                }),
            };
            async move { result }.boxed_local()
        });
    }

    /// Opens a node whose power can fail.
    pub fn open_powered(&self, name: &str) -> (Node, Rc<Power>) {
        let power = Rc::new(Power::default());
        self.powers.borrow_mut().insert(name.to_owned(), Rc::clone(&power));
        let own = Rc::clone(&power);
        let wrap = move |inner| -> Rc<dyn Store> { Rc::new(PoweredStore { inner, power: own }) };
        (self.open_with(name, self.disk(name), wrap), power)
    }
}
