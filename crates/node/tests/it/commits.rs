//! Storage transactions of payments: how many each side makes, and what they hold.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use amplet_node::Node;
use amplet_protocol::page::PaymentStatus;
use amplet_transport::testing::{TestPlatform, duplex_pair};
use amplet_transport::{CloseCode, CloseReason, Duplex, Platform};
use futures::FutureExt;
use futures::future::LocalBoxFuture;

use crate::world::{World, open, through};

/// Payments of each kind: with the pauses more than a minute, in which everything that waits has its turn.
const PAYMENTS: u32 = 10;

/// Kinds of records that each transaction of a node held.
type Log = Rc<RefCell<Vec<Vec<String>>>>;

/// wallet -> gateway -> payee, and what each of them commits. Another gateway watches the wallet's channel.
struct Metered {
    world: World,
    nodes: BTreeMap<&'static str, (Node, Log)>,
    /// Frames and bytes between the wallet and that gateway.
    watching: Traffic,
}

/// Frames and bytes.
type Traffic = Rc<Cell<(u32, u32)>>;

impl Metered {
    fn new() -> Self {
        let world = World::new();
        let nodes = ["gateway", "payee", "second", "wallet"].map(|name| (name, logged(&world, name)));
        let metered = Self { world, nodes: nodes.into_iter().collect(), watching: Traffic::default() };
        metered.connect_by_frames();
        let [gateway, payee, wallet] = ["gateway", "payee", "wallet"].map(|name| metered.node(name));
        let world = &metered.world;
        world.fund(gateway, 10_000_000);
        world.fund(wallet, 2_000_000);
        world.connect(gateway, payee, "payee");
        world.connect(wallet, gateway, "gateway");
        world.connect(wallet, metered.node("second"), "second");
        world.channel(gateway, payee, open(5_000_000, 2_000_000_000, true));
        world.channel(wallet, gateway, open(1_000_000, 400_000_000, false));
        // Announcements travel.
        world.platform.advance(Duration::from_secs(180));
        metered
    }

    fn connect_by_frames(&self) {
        let platform = self.world.platform.clone();
        let nodes: BTreeMap<&str, Node> =
            self.nodes.iter().map(|(name, (node, _))| (*name, node.clone())).collect();
        let watching = Rc::clone(&self.watching);
        self.world.platform.on_connect(move |address| {
            let (client, server) = duplex_pair(&platform);
            let host = address.endpoint.host();
            let traffic = if host == "second" { Rc::clone(&watching) } else { Traffic::default() };
            nodes[host].peers().accept(Frames::over(server, &platform, &traffic));
            std::future::ready(Ok(Frames::over(client, &platform, &traffic))).boxed_local()
        });
    }

    fn node(&self, name: &str) -> &Node {
        &self.nodes[name].0
    }

    /// Pays so often, one after the other, so much time between; storage transactions of each node, per payment.
    fn pay(&self, from: &str, to: &str, between: Duration) -> BTreeMap<&'static str, f64> {
        let invoices: Vec<_> = (0..PAYMENTS).map(|_| self.world.ask(self.node(to), 5_000_000)).collect();
        // The first teaches the payer its route.
        assert_eq!(
            self.world.pay(self.node(from), &self.world.ask(self.node(to), 5_000_000)).status,
            PaymentStatus::Succeeded
        );
        self.world.platform.advance(Duration::from_secs(5));
        self.nodes.values().for_each(|(_, log)| log.borrow_mut().clear());
        self.watching.set((0, 0));
        for invoice in &invoices {
            assert_eq!(self.world.pay(self.node(from), invoice).status, PaymentStatus::Succeeded);
            for node in [self.node(from), self.node(to)] {
                node.ledger().events().iter().for_each(|event| node.ledger().ack(event.id));
            }
            self.world.platform.advance(between);
        }
        self.world.platform.advance(Duration::from_secs(5));
        let mean = |log: &Log| f64::from(u32::try_from(log.borrow().len()).unwrap()) / f64::from(PAYMENTS);
        self.nodes.iter().map(|(name, (_, log))| (*name, mean(log))).collect()
    }

    /// The transactions of a node, by the kinds of records in them.
    fn kinds(&self, name: &str) -> BTreeMap<Vec<String>, usize> {
        let mut kinds = BTreeMap::new();
        for batch in &*self.nodes[name].1.borrow() {
            *kinds.entry(batch.clone()).or_default() += 1;
        }
        kinds
    }
}

/// An end of a connection on which each frame arrives by itself, a millisecond after the one before: the other side may take a
/// step in between.
struct Frames {
    inner: Rc<dyn Duplex>,
    platform: TestPlatform,
    queued: RefCell<Vec<u8>>,
    last_at: Cell<Duration>,
    traffic: Traffic,
}

impl Frames {
    fn over(inner: Rc<dyn Duplex>, platform: &TestPlatform, traffic: &Traffic) -> Rc<dyn Duplex> {
        let (platform, traffic) = (platform.clone(), Rc::clone(traffic));
        Rc::new(Self { inner, platform, queued: RefCell::default(), last_at: Cell::default(), traffic })
    }
}

impl Duplex for Frames {
    fn try_send(&self, bytes: &[u8]) -> usize {
        let taken = self.try_queue(bytes);
        self.flush();
        taken
    }
    fn try_queue(&self, bytes: &[u8]) -> usize {
        self.queued.borrow_mut().extend(bytes);
        bytes.len()
    }
    fn flush(&self) {
        let (frame, now) = (self.queued.take(), self.platform.monotonic());
        if frame.is_empty() {
            return;
        }
        let (frames, bytes) = self.traffic.get();
        self.traffic.set((frames + 1, bytes + u32::try_from(frame.len()).unwrap()));
        let at = self.last_at.get().max(now) + Duration::from_millis(1);
        self.last_at.set(at);
        let (inner, arrival) = (Rc::clone(&self.inner), self.platform.sleep(at - now));
        let carry = async move {
            arrival.await;
            assert_eq!(inner.try_send(&frame), frame.len(), "more than these tests send");
        };
        self.platform.spawn(carry.boxed_local());
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

/// Opens a node whose commits are noted.
fn logged(world: &World, name: &'static str) -> (Node, Log) {
    let log = Log::default();
    let out = Rc::clone(&log);
    let node = world.open_with(name, world.disk(name), move |inner| {
        through(inner, move |store, batch| {
            let mut kinds: Vec<String> = batch.iter().map(|(name, _)| kind(name)).collect();
            kinds.sort();
            kinds.dedup();
            out.borrow_mut().push(kinds);
            async move { store.commit(batch).await }
        })
    });
    (node, log)
}

/// A record's name without its number.
fn kind(name: &str) -> String {
    let is_word = |part: &&str| part.len() < 24 && !part.bytes().any(|byte| byte.is_ascii_digit());
    name.split('/').take_while(is_word).collect::<Vec<_>>().join("/")
}

/// Whoever acknowledges an event, and the minute's tick, wait for a payment to ride with.
#[test]
fn a_payment_costs_each_side_four_storage_transactions() {
    let metered = Metered::new();
    for (from, to) in [("wallet", "gateway"), ("gateway", "wallet"), ("wallet", "payee"), ("payee", "wallet")]
    {
        for between in [Duration::ZERO, Duration::from_secs(7)] {
            let means = metered.pay(from, to, between);
            println!("{from} pays {to}, {} s between: {means:?}", between.as_secs());
            let (frames, bytes) = metered.watching.get();
            let each = |sum| f64::from(sum) / f64::from(PAYMENTS);
            println!("  for the watchtower: {} frames, {} bytes a payment", each(frames), each(bytes));
            let wallet = metered.node("wallet");
            let channel = wallet.channels().list()[0].channel_id;
            assert_eq!(wallet.towers().watching(&channel), 1, "it is watched all the same");
            for name in [from, to] {
                assert!(means[name] <= 4.0, "{name}: {} of them, {:#?}", means[name], metered.kinds(name));
            }
        }
    }
}
