//! A Lightning network in memory: one virtual clock, one chain, nodes that are killed and opened again at will.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

mod amp;
mod backup;
mod config;
mod hanging;
mod hidden;
mod http;
mod mempool;
mod mortal;
mod net;
mod paying;
mod power;
mod print;
mod slow;
mod write_meter;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use amplet_chain::Chain;
use amplet_chain::testing::{FakeServer, TestChain};
use amplet_node::bitcoin::secp256k1::PublicKey;
use amplet_node::bitcoin::{Amount, Network, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut};
use amplet_node::keys::{Keys, parse_mnemonic};
use amplet_node::{AmpLimits, Forward, Msat, Node, NodeError, OpenChannel, SPONTANEOUS_AMP};
use amplet_storage::kdf::{KdfParams, Kek};
use amplet_storage::{Backend, MemoryBackend, MirroredStore, Purpose, SealedStore, Store, Write};
use amplet_transport::testing::TestPlatform;
use amplet_transport::{PeerAddress, Platform};
use amplet_vss::MemoryServer;

#[allow(unused_imports, reason = "not every test file has parts of AMP sets")]
pub use amp::{AmpPayer, amp_payee};
#[allow(unused_imports, reason = "not every test file kills processes")]
pub use amplet_storage::testing::Killable;
#[allow(unused_imports, reason = "not every test file has a say in commits")]
pub use amplet_storage::testing::through;
#[allow(unused_imports, reason = "not every test file derives keys")]
pub use config::MNEMONICS;
#[allow(unused_imports, reason = "not every test file leaves HTLCs behind")]
pub use hanging::{HANGING_SAT, Hanging, Way};
use hidden::HiddenPlatform;
#[allow(unused_imports, reason = "not every test file has a source that refuses")]
pub use http::Taking;
#[allow(unused_imports, reason = "not every test file looks at what waits")]
pub use mempool::is_commitment;
#[allow(unused_imports, reason = "not every test file kills processes at their own commits")]
pub use mortal::mortal;
#[allow(unused_imports, reason = "not every test file needs each network")]
pub use net::{Net, net, net_in, pair, two_wallets, with_a_hanging_htlc};
use power::PoweredPlatform;
#[allow(unused_imports, reason = "not every test file cuts the power")]
pub use power::{Moment, Power, PoweredDuplex};
#[allow(unused_imports, reason = "not every test file has a slow disk")]
pub use slow::slow;
#[allow(unused_imports, reason = "not every test file weighs what is written")]
pub use write_meter::{WriteMeter, metered};

/// Everything outside the nodes.
pub struct World {
    pub platform: TestPlatform,
    /// Time in which bytes get from a node to its neighbour: none at first.
    pub way: Rc<Cell<Duration>>,
    pub server: Rc<FakeServer>,
    /// A second chain source of nodes opened while it is set; its chain is its own.
    pub second_source: Rc<RefCell<Option<Rc<FakeServer>>>>,
    pub mempool: Rc<RefCell<Vec<Transaction>>>,
    nodes: Rc<RefCell<HashMap<String, Node>>>,
    powers: Rc<RefCell<HashMap<String, Rc<Power>>>>,
    disks: RefCell<HashMap<String, MemoryBackend>>,
    coinbases: Cell<u32>,
    /// Routing data asked for, by URL.
    pub snapshots: Rc<RefCell<Vec<String>>>,
    /// Served instead of the gateway's routing data; empty: nothing at all.
    pub routing_data: Rc<RefCell<Option<Vec<u8>>>>,
    /// Payments that were forwarded.
    pub forwards: Rc<RefCell<Vec<Forward>>>,
    /// Forwarding fees of gateways: base, in msat, and ppm. Those that are open apply them when they are told.
    pub fees: Rc<Cell<(u32, u32)>>,
    /// Nodes opened from now on take channels without confirmation.
    pub trust_zero_conf: Rc<Cell<bool>>,
    /// Nodes opened from now on want commitments without a fee.
    pub zero_fee_commitments: Rc<Cell<bool>>,
    /// Nodes leave requests for channels unanswered.
    pub answer_no_channel: Rc<Cell<bool>>,
    /// Nodes send keysends back.
    pub refuse_keysends: Rc<Cell<bool>>,
    /// Bounds of AMP payments without an invoice, of nodes opened from now on.
    pub spontaneous_amp: Cell<AmpLimits>,
    /// Answer of the chain source to every transaction.
    pub taking: Rc<RefCell<Taking>>,
    /// Installations that nodes opened from now on look for.
    pub lost: RefCell<Vec<u32>>,
    /// Of gateways opened from now on.
    pub close_lost_after: Cell<Duration>,
    /// Birthday of nodes on new disks, opened from now on; `None`: the newest block.
    pub birthday: Cell<Option<u32>>,
    /// Nodes opened from now on are pages that nobody sees.
    pub hidden: Cell<bool>,
    /// Nodes opened from now on expect blocks to come by themselves.
    pub expects_blocks: Cell<bool>,
    /// The server of backups.
    pub vss: MemoryServer,
    /// Nodes that have a backup, and how it is connected the next time.
    pub backups: RefCell<HashMap<String, Purpose>>,
    mirrors: RefCell<HashMap<String, Rc<MirroredStore>>>,
}

impl World {
    /// A chain of 120 blocks and nobody on it. The clock starts now, because LDK with `std` reads the
    /// system's; it is years ahead of the chain, so that weeks of blocks can be mined at once.
    pub fn new() -> Self {
        Self::at(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap())
    }

    /// The same at another time (since the UNIX epoch).
    pub fn at(start: Duration) -> Self {
        print::print_log();
        let platform = TestPlatform::new(7, start);
        let server = FakeServer::new(TestChain::new(120));
        let mempool = Rc::clone(&server.mempool);
        let nodes: Rc<RefCell<HashMap<String, Node>>> = Rc::default();
        let world = Self {
            platform,
            way: Rc::default(),
            server,
            second_source: Rc::default(),
            mempool,
            nodes,
            powers: Rc::default(),
            disks: RefCell::default(),
            coinbases: Cell::new(1),
            forwards: Rc::default(),
            fees: Rc::new(Cell::new((1000, 100))),
            trust_zero_conf: Rc::default(),
            zero_fee_commitments: Rc::default(),
            answer_no_channel: Rc::default(),
            refuse_keysends: Rc::default(),
            spontaneous_amp: Cell::new(SPONTANEOUS_AMP),
            taking: Rc::default(),
            lost: RefCell::default(),
            close_lost_after: Cell::new(Duration::from_secs(3600)),
            birthday: Cell::default(),
            hidden: Cell::default(),
            expects_blocks: Cell::default(),
            vss: MemoryServer::default(),
            backups: RefCell::default(),
            mirrors: RefCell::default(),
            snapshots: Rc::default(),
            routing_data: Rc::default(),
        };
        world.answer_http();
        world.answer_connections();
        world
    }

    /// Opens a node on its disk (a new one the first time).
    pub fn open(&self, name: &str) -> Node {
        self.open_on(name, self.disk(name))
    }

    pub fn disk(&self, name: &str) -> MemoryBackend {
        self.disks.borrow_mut().entry(name.to_owned()).or_default().clone()
    }

    /// Copy of a node's disk.
    pub fn snapshot(&self, name: &str) -> MemoryBackend {
        let disk = self.disk(name);
        self.platform.run(async move {
            let copy = MemoryBackend::new();
            let epoch = copy.take_over().await.unwrap();
            let mut writes = Vec::new();
            for name in disk.names().await.unwrap() {
                let value = disk.read(&name).await.unwrap();
                writes.push(Write { name, value });
            }
            copy.commit(writes, epoch).await.unwrap();
            copy
        })
    }

    /// Opens a node on a given disk, which becomes its own.
    pub fn open_on(&self, name: &str, disk: MemoryBackend) -> Node {
        self.open_with(name, disk, |store| store)
    }

    pub fn open_with(
        &self,
        name: &str,
        disk: MemoryBackend,
        wrap: impl FnOnce(Rc<dyn Store>) -> Rc<dyn Store> + 'static,
    ) -> Node {
        self.try_open(name, disk, wrap).unwrap()
    }

    pub fn try_open(
        &self,
        name: &str,
        disk: MemoryBackend,
        wrap: impl FnOnce(Rc<dyn Store>) -> Rc<dyn Store> + 'static,
    ) -> Result<Node, NodeError> {
        self.disks.borrow_mut().insert(name.to_owned(), disk.clone());
        let power = self.powers.borrow().get(name).cloned();
        let platform: Rc<dyn Platform> = match power {
            Some(power) => Rc::new(PoweredPlatform { inner: self.platform.clone(), power }),
            None if self.hidden.get() => Rc::new(HiddenPlatform(self.platform.clone())),
            None => Rc::new(self.platform.clone()),
        };
        // `wallet@2` is another device of `wallet`, `wallet-2` another installation of its words.
        let own = name.split('@').next().unwrap().to_owned();
        let (two, purpose) =
            (self.second_source.borrow().is_some(), self.backups.borrow().get(name).copied());
        let birthday = self.birthday.get();
        let (config, device) = (self.config(&own), name.to_owned());
        let (node, mirror) = self.platform.run(async move {
            let kek = Kek::from_bytes([7; 32]);
            let backend: amplet_storage::SharedBackend = Rc::new(disk);
            let fresh = SealedStore::key_sources(&backend).await.unwrap().is_none();
            let store = if fresh {
                SealedStore::create(backend, &KdfParams::external_key(), kek).await.unwrap()
            } else {
                SealedStore::open(backend, kek).await.unwrap()
            };
            let store: Rc<dyn Store> = wrap(Rc::new(store));
            let (words, installation) = own.split_once('-').unwrap_or((&own, "0"));
            let mnemonic = MNEMONICS.iter().find(|(known, _)| *known == words).unwrap().1;
            let installation = installation.parse().unwrap();
            let keys = Keys::new(&parse_mnemonic(mnemonic).unwrap(), Network::Regtest, installation).unwrap();
            let (store, mirror) = backup::mirrored(&platform, store, &keys, &device, purpose).await?;
            let mut sources = vec!["http://chain".to_owned()];
            sources.extend(two.then(|| "http://second".to_owned()));
            let chain =
                Chain::open(Rc::clone(&platform), Network::Regtest, sources, &*store, None).await.unwrap();
            // A source that is down at the start is a case of its own.
            let _ = chain.poll().await;
            let birthday = chain.position_at(birthday.unwrap_or(chain.tip().height));
            let node = Node::open(platform, store, Rc::new(chain), &keys, &birthday, config).await?;
            Ok::<_, NodeError>((node, mirror))
        })?;
        if let Some(mirror) = mirror {
            self.mirrors.borrow_mut().insert(name.to_owned(), mirror);
            self.backups.borrow_mut().insert(name.to_owned(), Purpose::Open { move_here: true });
        }
        self.nodes.borrow_mut().insert(name.to_owned(), node.clone());
        Ok(node)
    }

    pub fn node(&self, name: &str) -> Node {
        self.nodes.borrow().get(name).unwrap().clone()
    }

    /// Ends a node as a killed process would: nothing more is written or said.
    pub fn kill(&self, name: &str, node: Node) {
        self.nodes.borrow_mut().remove(name);
        self.powers.borrow_mut().remove(name);
        if let Some(mirror) = self.mirrors.borrow_mut().remove(name) {
            mirror.stop();
        }
        // Its connections break; a new writer fences it out, whatever its tasks still try.
        node.abort();
        self.platform.run_until_stalled();
    }

    /// Closes a node in good order.
    pub fn close(&self, name: &str, node: Node) {
        self.nodes.borrow_mut().remove(name);
        self.platform.run(async move { node.close().await });
        self.platform.run_until_stalled();
    }

    /// Mines what waits in the mempool; nobody is told.
    pub fn mine_silently(&self) {
        let waiting = std::mem::take(&mut *self.mempool.borrow_mut());
        self.server.chain.borrow_mut().mine(waiting);
    }

    pub fn address(node: &Node, host: &str) -> PeerAddress {
        format!("{}@ws://{host}/lightning/v1", node.node_id()).parse().unwrap()
    }

    /// Connects and waits for it.
    pub fn connect(&self, from: &Node, to: &Node, host: &str) {
        from.peers().connect_persistently(Self::address(to, host)).unwrap();
        self.connected(from, to.node_id());
    }

    pub fn connected(&self, from: &Node, to: PublicKey) {
        let from = from.clone();
        self.platform.run(async move { from.peers().connected(to).await });
    }

    /// Mines what waits in the mempool, and `more` empty blocks above it; everybody reads them.
    pub fn mine(&self, more: u32) {
        let waiting = std::mem::take(&mut *self.mempool.borrow_mut());
        {
            let mut chain = self.server.chain.borrow_mut();
            chain.mine(waiting);
            chain.mine_empty(more);
        }
        self.read_blocks();
    }

    pub fn read_blocks(&self) {
        let nodes: Vec<Node> = self.nodes.borrow().values().cloned().collect();
        self.platform.run(async move {
            for node in nodes {
                node.sync().now().await.unwrap();
            }
        });
        self.platform.run_until_stalled();
    }

    /// Pays savings to a node from an old coinbase, confirmed.
    pub fn fund(&self, node: &Node, sat: u64) {
        self.deposit(node, sat);
        self.mine(0);
    }

    /// Pays savings to a node from an old coinbase; it waits in the mempool.
    pub fn deposit(&self, node: &Node, sat: u64) {
        let node = node.clone();
        let script =
            self.platform.run(async move { node.onchain().new_address().await.unwrap().script_pubkey() });
        self.deposit_to(script, sat);
    }

    /// The same to a given script.
    pub fn deposit_to(&self, script: ScriptBuf, sat: u64) {
        let height = self.coinbases.get();
        self.coinbases.set(height + 1);
        let coinbase = self.server.chain.borrow().block(height).txdata[0].compute_txid();
        let tx = pay(OutPoint { txid: coinbase, vout: 0 }, script, sat);
        self.mempool.borrow_mut().push(tx);
    }

    /// Opens a channel and confirms it.
    pub fn channel(&self, from: &Node, to: &Node, how: OpenChannel) {
        self.try_channel(from, to, how);
        self.mine(6);
        self.platform.advance(Duration::from_secs(2));
    }

    /// Opens a channel, unconfirmed.
    pub fn try_channel(&self, from: &Node, to: &Node, how: OpenChannel) {
        let (from, to) = (from.clone(), to.node_id());
        self.platform.run(async move { from.channels().open(to, &how).await }).unwrap();
        self.platform.advance(Duration::from_millis(100));
    }
}

/// An amount.
pub fn msat(msat: u64) -> Msat {
    Msat::new(msat).unwrap()
}

/// Capacity in sat; half of it given to the peer when `shared`.
pub fn open(capacity_sat: u64, push_msat: u64, announce: bool) -> OpenChannel {
    let push_msat = msat(push_msat);
    OpenChannel { capacity_sat, push_msat, announce, zero_reserve: false, fee_rate: None }
}

fn pay(from: OutPoint, to: ScriptBuf, sat: u64) -> Transaction {
    Transaction {
        version: amplet_node::bitcoin::transaction::Version::TWO,
        lock_time: amplet_node::bitcoin::absolute::LockTime::ZERO,
        input: vec![TxIn { previous_output: from, sequence: Sequence::MAX, ..TxIn::default() }],
        output: vec![TxOut { value: Amount::from_sat(sat), script_pubkey: to }],
    }
}
