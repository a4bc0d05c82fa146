//! Power that fails at an exact moment of a process's work: from then on it writes nothing and says nothing.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use amplet_node::{Node, NodeError};
use amplet_storage::{Store, StoreError};
use amplet_transport::testing::{TestPlatform, distant_pair};
use amplet_transport::{
    CloseCode, CloseReason, ConnectError, Duplex, FetchError, HttpRequest, HttpResponse, PeerAddress,
    Platform,
};
use futures::FutureExt;
use futures::future::LocalBoxFuture;

use super::{World, through};

/// Attempts to open a node.
const ATTEMPTS: u32 = 10;

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

    /// Does not fail any more, unless it has.
    pub fn disarm(&self) {
        self.moment.set(None);
    }

    /// Fails now.
    pub fn cut(&self) {
        self.off.set(true);
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
fn powered(inner: Rc<dyn Store>, power: Rc<Power>) -> Rc<dyn Store> {
    through(inner, move |store, batch| {
        let power = Rc::clone(&power);
        async move {
            let number = power.commits.get();
            power.commits.set(number + 1);
            power.reached(Moment::BeforeCommit(number));
            if power.is_off() {
                std::future::pending::<()>().await;
            }
            let receipt = store.commit(batch).await?;
            power.reached(Moment::AfterCommit(number));
            if power.is_off() {
                std::future::pending::<()>().await;
            }
            Ok(receipt)
        }
    })
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

/// The platform as a process with this power has it: what it dials and asks hangs on the power.
pub(super) struct PoweredPlatform {
    pub inner: TestPlatform,
    pub power: Rc<Power>,
}

impl Platform for PoweredPlatform {
    fn now(&self) -> Duration {
        self.inner.now()
    }
    fn monotonic(&self) -> Duration {
        self.inner.monotonic()
    }
    fn random(&self, out: &mut [u8]) {
        self.inner.random(out);
    }
    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        self.inner.spawn(task);
    }
    fn sleep(&self, time: Duration) -> LocalBoxFuture<'static, ()> {
        self.inner.sleep(time)
    }
    fn fetch(&self, request: HttpRequest) -> LocalBoxFuture<'static, Result<HttpResponse, FetchError>> {
        if self.power.is_off() { std::future::pending().boxed_local() } else { self.inner.fetch(request) }
    }
    fn connect(&self, address: PeerAddress) -> LocalBoxFuture<'static, Result<Rc<dyn Duplex>, ConnectError>> {
        let (dialled, power) = (self.inner.connect(address), Rc::clone(&self.power));
        async move {
            let inner = dialled.await?;
            let duplex: Rc<dyn Duplex> = Rc::new(PoweredDuplex { inner, power });
            Ok(duplex)
        }
        .boxed_local()
    }
}

impl World {
    pub fn answer_connections(&self) {
        let (platform, nodes) = (self.platform.clone(), Rc::clone(&self.nodes));
        let (powers, way) = (Rc::clone(&self.powers), Rc::clone(&self.way));
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
                    let (client, server) = distant_pair(&platform, &way);
                    node.peers().accept(end(&host, server));
                    Ok(client)
                }
                None => Err(amplet_transport::ConnectError::GatewayUnreachable {
                    endpoint: address.endpoint,
                    detail: "killed".into(),
                }),
            };
            async move { result }.boxed_local()
        });
    }

    /// Opens a node whose power can fail. Where its backup does not answer it is opened again, as its user would.
    pub fn open_powered(&self, name: &str) -> (Node, Rc<Power>) {
        let power = Rc::new(Power::default());
        self.powers.borrow_mut().insert(name.to_owned(), Rc::clone(&power));
        for _ in 0..ATTEMPTS {
            let own = Rc::clone(&power);
            match self.try_open(name, self.disk(name), move |inner| powered(inner, own)) {
                Err(NodeError::Store(StoreError::BackupUnreachable { .. })) => {
                    self.platform.advance(Duration::from_secs(1));
                }
                opened => return (opened.unwrap(), power),
            }
        }
        panic!("the backup of {name} does not answer");
    }
}
