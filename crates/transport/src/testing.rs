//! A platform in memory for tests: its clock moves only on request or when everything else waits, its randomness comes
//! from a seed, its HTTP responses and peers are the test's. Never use it with money: its keys can be guessed.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::ops::ControlFlow;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use futures::StreamExt;
use futures::channel::mpsc;
use futures::executor::{LocalPool, LocalSpawner};
use futures::future::{FutureExt, LocalBoxFuture, select};
use futures::task::LocalSpawnExt;

use crate::pipe::{Driver, Handle, Outgoing, relay_pipe};
use crate::{
    CloseCode, CloseReason, ConnectError, Duplex, FetchError, HttpRequest, HttpResponse, PeerAddress,
    Platform,
};

type Fetched = LocalBoxFuture<'static, Result<HttpResponse, FetchError>>;
type Connected = LocalBoxFuture<'static, Result<Rc<dyn Duplex>, ConnectError>>;

/// A [`Platform`] whose world is the test. Clones share everything.
#[derive(Clone)]
pub struct TestPlatform(Rc<State>);

struct State {
    /// Taken out while it runs, so that tasks may spawn.
    pool: RefCell<Option<LocalPool>>,
    spawner: LocalSpawner,
    wall_offset: Cell<Duration>,
    now: Cell<Duration>,
    sleepers: RefCell<Vec<(Duration, Waker)>>,
    seed: Cell<u64>,
    on_fetch: RefCell<Rc<dyn Fn(HttpRequest) -> Fetched>>,
    on_connect: RefCell<Rc<dyn Fn(PeerAddress) -> Connected>>,
}

impl TestPlatform {
    /// A platform at that wall clock time, with no server and no peer to reach.
    pub fn new(seed: u64, wall_clock: Duration) -> Self {
        let pool = LocalPool::new();
        Self(Rc::new(State {
            spawner: pool.spawner(),
            pool: RefCell::new(Some(pool)),
            wall_offset: Cell::new(wall_clock),
            now: Cell::new(Duration::ZERO),
            sleepers: RefCell::default(),
            seed: Cell::new(seed),
            on_fetch: RefCell::new(Rc::new(|request| {
                let error =
                    FetchError::Unreachable { url: request.url, detail: "no server in this test".into() };
                std::future::ready(Err(error)).boxed_local()
            })),
            on_connect: RefCell::new(Rc::new(|address| {
                let detail = "no peer in this test".into();
                let error = ConnectError::GatewayUnreachable { endpoint: address.endpoint, detail };
                std::future::ready(Err(error)).boxed_local()
            })),
        }))
    }

    /// Sets the handler of HTTP requests.
    pub fn on_fetch(&self, handler: impl Fn(HttpRequest) -> Fetched + 'static) {
        *self.0.on_fetch.borrow_mut() = Rc::new(handler);
    }

    /// Sets the handler of connection attempts; see [`duplex_pair`].
    pub fn on_connect(&self, handler: impl Fn(PeerAddress) -> Connected + 'static) {
        *self.0.on_connect.borrow_mut() = Rc::new(handler);
    }

    /// Sets the wall clock, as a user may; the monotonic one goes on.
    pub fn set_clock(&self, wall_clock: Duration) {
        self.0.wall_offset.set(wall_clock.saturating_sub(self.0.now.get()));
    }

    /// Moves both clocks and runs everything that can then run.
    ///
    /// # Panics
    /// When called from a task of this platform.
    pub fn advance(&self, time: Duration) {
        let end = self.0.now.get().saturating_add(time);
        self.run_until_stalled();
        while let Some(next) = self.next_deadline().filter(|next| *next <= end) {
            self.move_to(next);
            self.run_until_stalled();
        }
        self.move_to(end);
        self.run_until_stalled();
    }

    /// Runs everything that can run without time passing.
    ///
    /// # Panics
    /// When called from a task of this platform.
    pub fn run_until_stalled(&self) {
        self.with_pool(LocalPool::run_until_stalled);
    }

    /// Runs `future` to its end; whenever everything waits, the clocks move to the next deadline.
    ///
    /// # Panics
    /// When it can never end: nothing runs and nothing sleeps. When called from a task of this platform.
    #[allow(clippy::panic)]
    pub fn run<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> T {
        let result = Rc::new(RefCell::new(None));
        let slot = result.clone();
        self.spawn(async move { *slot.borrow_mut() = Some(future.await) }.boxed_local());
        loop {
            self.run_until_stalled();
            if let Some(value) = result.borrow_mut().take() {
                return value;
            }
            match self.next_deadline() {
                Some(next) => self.move_to(next),
                None => panic!("the test waits forever: no task can run and none sleeps"),
            }
        }
    }

    #[allow(clippy::expect_used)]
    fn with_pool(&self, act: impl FnOnce(&mut LocalPool)) {
        let mut pool = self.0.pool.borrow_mut().take().expect("not called from a task of this platform");
        act(&mut pool);
        *self.0.pool.borrow_mut() = Some(pool);
    }

    fn next_deadline(&self) -> Option<Duration> {
        self.0.sleepers.borrow().iter().map(|(deadline, _)| *deadline).min()
    }

    fn move_to(&self, time: Duration) {
        self.0.now.set(time.max(self.0.now.get()));
        let due: Vec<_> =
            self.0.sleepers.borrow_mut().extract_if(.., |(deadline, _)| *deadline <= time).collect();
        for (_, waker) in due {
            waker.wake();
        }
    }
}

impl Platform for TestPlatform {
    fn now(&self) -> Duration {
        self.0.wall_offset.get().saturating_add(self.0.now.get())
    }

    fn monotonic(&self) -> Duration {
        self.0.now.get()
    }

    /// SplitMix64 over the seed.
    fn random(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let state = self.0.seed.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
            self.0.seed.set(state);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            for (byte, random) in chunk.iter_mut().zip((mixed ^ (mixed >> 31)).to_le_bytes()) {
                *byte = random;
            }
        }
    }

    #[allow(clippy::expect_used)]
    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        self.0.spawner.spawn_local(task).expect("the platform lives as long as its spawner");
    }

    fn sleep(&self, time: Duration) -> LocalBoxFuture<'static, ()> {
        let deadline = self.0.now.get().saturating_add(time);
        let platform = self.clone();
        poll_fn(move |cx| {
            if platform.0.now.get() >= deadline {
                return Poll::Ready(());
            }
            platform.0.sleepers.borrow_mut().push((deadline, cx.waker().clone()));
            Poll::Pending
        })
        .boxed_local()
    }

    fn fetch(&self, request: HttpRequest) -> Fetched {
        let handler = self.0.on_fetch.borrow().clone();
        handler(request)
    }

    fn connect(&self, address: PeerAddress) -> Connected {
        let handler = self.0.on_connect.borrow().clone();
        handler(address)
    }
}

/// An action of a side on its WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// A binary frame.
    Bytes(Vec<u8>),
    /// A text frame that grants this many bytes.
    Credit(u32),
    /// The end.
    Close(CloseCode),
}

/// The WebSocket of a stream, for a test that plays the other side, however badly.
pub struct Wire(Driver);

impl Wire {
    /// A stream and its WebSocket.
    pub fn new() -> (Rc<dyn Duplex>, Self) {
        let (handle, driver) = relay_pipe();
        (Handle::into_duplex(handle), Self(driver))
    }

    /// A binary frame of the other side.
    ///
    /// # Errors
    /// Why the stream ends.
    pub fn bytes(&self, bytes: Vec<u8>) -> Result<(), CloseReason> {
        self.0.deliver(bytes)
    }

    /// A text frame of the other side.
    ///
    /// # Errors
    /// Why the stream ends.
    pub fn text(&self, text: &str) -> Result<(), CloseReason> {
        self.0.control(text)
    }

    /// This side's next action, if there is one now.
    pub fn sent(&self) -> Option<Sent> {
        self.0.next().now_or_never().map(|next| match next {
            Outgoing::Bytes(bytes) => Sent::Bytes(bytes),
            Outgoing::Credit(credit) => Sent::Credit(credit),
            Outgoing::Close(code) => Sent::Close(code),
        })
    }
}

/// Two ends of one stream in memory, with the bounds and the credit of a real one. Their bytes move while `platform`
/// runs.
pub fn duplex_pair(platform: &dyn Platform) -> (Rc<dyn Duplex>, Rc<dyn Duplex>) {
    pair(platform, |from, to| carry(from, to).boxed_local())
}

/// The same over a network in which bytes are under way for `way`, which a test may change.
pub fn distant_pair(platform: &TestPlatform, way: &Rc<Cell<Duration>>) -> (Rc<dyn Duplex>, Rc<dyn Duplex>) {
    pair(platform, |from, to| carry_far(platform.clone(), Rc::clone(way), from, to).boxed_local())
}

fn pair(
    platform: &dyn Platform,
    carry: impl Fn(Rc<Driver>, Rc<Driver>) -> LocalBoxFuture<'static, ()>,
) -> (Rc<dyn Duplex>, Rc<dyn Duplex>) {
    let (client, client_driver) = relay_pipe();
    let (server, server_driver) = relay_pipe();
    let (client_driver, server_driver) = (Rc::new(client_driver), Rc::new(server_driver));
    platform.spawn(carry(client_driver.clone(), server_driver.clone()));
    platform.spawn(carry(server_driver, client_driver));
    (Handle::into_duplex(client), Handle::into_duplex(server))
}

/// Moves what `from` sends to `to`, until either ends.
async fn carry(from: Rc<Driver>, to: Rc<Driver>) {
    while deliver(from.next().await, &from, &to).is_continue() {}
}

/// The same, each action `way` after it was taken; the next ones do not wait for it.
async fn carry_far(platform: TestPlatform, way: Rc<Cell<Duration>>, from: Rc<Driver>, to: Rc<Driver>) {
    let (sent, mut under_way) = mpsc::unbounded();
    let take = async {
        let mut ends = false;
        while !ends {
            let action = from.next().await;
            ends = matches!(action, Outgoing::Close(_));
            // Its receiver is held below.
            let _ = sent.unbounded_send((platform.monotonic().saturating_add(way.get()), action));
        }
        pending::<()>().await;
    };
    let arrive = async {
        while let Some((due, action)) = under_way.next().await {
            platform.sleep(due.saturating_sub(platform.monotonic())).await;
            if deliver(action, &from, &to).is_break() {
                return;
            }
        }
    };
    select(pin!(take), pin!(arrive)).await;
}

/// Does to `to` what `from` wanted.
fn deliver(action: Outgoing, from: &Driver, to: &Driver) -> ControlFlow<()> {
    let done = match action {
        Outgoing::Bytes(bytes) => to.deliver(bytes),
        Outgoing::Credit(credit) => to.control(&amplet_protocol::relay::Control { credit }.to_json()),
        Outgoing::Close(code) => {
            to.end(CloseReason::Remote { code, message: String::new() });
            return ControlFlow::Break(());
        }
    };
    if let Err(reason) = done {
        from.end(reason.clone());
        to.end(reason);
        return ControlFlow::Break(());
    }
    ControlFlow::Continue(())
}
