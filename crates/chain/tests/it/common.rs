//! The wallet's side of the tests in this folder (store, listener, watch set), and a way to run it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use amplet_chain::testing::{FakeServer, TestChain, pay_to, serve};
use amplet_chain::{BlockId, BlockListener, Chain, Checkpoint, Position, RescanListener, WatchSet};
use amplet_storage::kdf::{KdfParams, Kek};
use amplet_storage::{Batch, MemoryBackend, SealedStore, Store};
use amplet_transport::testing::TestPlatform;
use bitcoin::block::Header;
use bitcoin::{Block, BlockHash, Network, ScriptBuf, Transaction};

/// Some months after the test chains' first blocks.
pub const NOW: Duration = Duration::from_secs(1_750_000_000);

/// A device: platform and disk.
pub struct Device {
    pub platform: TestPlatform,
    pub store: Rc<SealedStore>,
}

impl Device {
    /// A device that reaches each server at `http://<name>`.
    pub fn new(servers: Vec<(&'static str, Rc<FakeServer>)>) -> Self {
        let platform = TestPlatform::new(7, NOW);
        serve(&platform, servers);
        let backend = Rc::new(MemoryBackend::new());
        let create = async move {
            SealedStore::create(backend, &KdfParams::external_key(), Kek::from_bytes([1; 32])).await.unwrap()
        };
        let store = Rc::new(platform.run(create));
        Self { platform, store }
    }

    /// Opens the chain as the wallet does at start.
    pub fn open(&self, names: &[&str]) -> Rc<Chain> {
        self.try_open(names).unwrap()
    }

    pub fn try_open(&self, names: &[&str]) -> Result<Rc<Chain>, amplet_chain::ChainError> {
        self.open_from(names, None)
    }

    /// Opens it from a checkpoint.
    pub fn open_from(
        &self,
        names: &[&str],
        checkpoint: Option<Checkpoint>,
    ) -> Result<Rc<Chain>, amplet_chain::ChainError> {
        let urls = names.iter().map(|n| format!("http://{n}")).collect();
        let (platform, store) = (Rc::new(self.platform.clone()), self.store.clone());
        let open = async move { Chain::open(platform, Network::Regtest, urls, &*store, checkpoint).await };
        self.platform.run(open).map(Rc::new)
    }

    /// Stages and commits, as the wallet does after each step.
    pub fn save(&self, chain: &Chain) {
        let mut batch = Batch::default();
        chain.stage(&mut batch);
        let store = self.store.clone();
        self.platform.run(async move { store.commit(batch).await.unwrap().durable().await.unwrap() });
    }

    pub fn poll(&self, chain: &Rc<Chain>) -> Result<amplet_chain::Poll, amplet_chain::ChainError> {
        let chain = chain.clone();
        self.platform.run(async move { chain.poll().await })
    }

    /// Syncs a wallet with the chain's tip.
    pub fn connect(&self, chain: &Rc<Chain>, wallet: &Rc<Wallet>) -> Result<(), amplet_chain::ChainError> {
        let (chain, task) = (chain.clone(), wallet.clone());
        let result = self.platform.run(async move {
            let from = task.position.borrow().clone();
            chain.sync(&from, &chain.tip(), &*task, &*task, &mut |_| {}).await
        });
        let (reached, result) = match result {
            Ok(reached) => (reached, Ok(())),
            Err(e) => (e.reached, Err(e.error)),
        };
        *wallet.position.borrow_mut() = reached;
        result
    }

    /// Looks through the next portion again; returns whether nothing is left.
    pub fn rescan(&self, chain: &Rc<Chain>, wallet: &Rc<Wallet>) -> Result<bool, amplet_chain::ChainError> {
        let (chain, task) = (chain.clone(), wallet.clone());
        self.platform.run(async move {
            let at = task.position.borrow().clone();
            chain.rescan(&at, 0, &*task, &*task).await
        })
    }

    pub fn sync(&self, chain: &Rc<Chain>, wallet: &Rc<Wallet>) {
        self.poll(chain).unwrap();
        self.connect(chain, wallet).unwrap();
    }
}

/// A call that a listener received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notified {
    Whole(u32),
    Header(u32),
    Back(u32),
    Again(u32),
}

type Reaction = Box<dyn Fn(&Wallet, &Block)>;

/// Takes blocks, insisting on order, and watches scripts.
pub struct Wallet {
    pub position: RefCell<Position>,
    /// The connected blocks by hash: genesis first.
    pub chain: RefCell<Vec<BlockHash>>,
    pub notified: RefCell<Vec<Notified>>,
    pub scripts: RefCell<Vec<ScriptBuf>>,
    pub revision: Cell<u64>,
    /// A reaction to a whole block (a channel that learns a new output to watch).
    pub on_block: RefCell<Option<Reaction>>,
}

impl Wallet {
    /// A wallet at the lowest block that the chain knows.
    pub fn new(chain: &Chain) -> Rc<Self> {
        let position = chain.position_at(0);
        Rc::new(Self {
            chain: RefCell::new(vec![position.hash; usize::try_from(position.height).unwrap() + 1]),
            position: RefCell::new(position),
            notified: RefCell::default(),
            scripts: RefCell::default(),
            revision: Cell::new(0),
            on_block: RefCell::new(None),
        })
    }

    pub fn watch(&self, script: ScriptBuf) {
        self.scripts.borrow_mut().push(script);
        self.revision.set(self.revision.get() + 1);
    }

    /// Heights of the blocks it was given whole.
    pub fn whole(&self) -> Vec<u32> {
        let whole = |call: &Notified| match call {
            Notified::Whole(height) => Some(*height),
            _ => None,
        };
        self.notified.borrow().iter().filter_map(whole).collect()
    }

    /// Heights of the blocks it was given once more.
    pub fn again(&self) -> Vec<u32> {
        let again = |call: &Notified| match call {
            Notified::Again(height) => Some(*height),
            _ => None,
        };
        self.notified.borrow().iter().filter_map(again).collect()
    }

    fn take(&self, header: &Header, height: u32) {
        let mut chain = self.chain.borrow_mut();
        assert_eq!(usize::try_from(height).unwrap(), chain.len(), "no gap, no repetition");
        assert_eq!(header.prev_blockhash, *chain.last().unwrap(), "each follows the one before");
        chain.push(header.block_hash());
    }
}

impl BlockListener for Wallet {
    fn block_connected(&self, block: &Block, height: u32) {
        self.take(&block.header, height);
        self.notified.borrow_mut().push(Notified::Whole(height));
        if let Some(react) = &*self.on_block.borrow() {
            react(self, block);
        }
    }

    fn filtered_block_connected(&self, header: &Header, height: u32) {
        self.take(header, height);
        self.notified.borrow_mut().push(Notified::Header(height));
    }

    fn blocks_disconnected(&self, fork: BlockId) {
        let mut chain = self.chain.borrow_mut();
        let keep = usize::try_from(fork.height).unwrap() + 1;
        assert!(keep < chain.len(), "only blocks that were connected are disconnected");
        chain.truncate(keep);
        assert_eq!(chain.last(), Some(&fork.hash));
        self.notified.borrow_mut().push(Notified::Back(fork.height));
    }
}

impl RescanListener for Wallet {
    fn block_rescanned(&self, block: &Block, height: u32) {
        let passed = self.chain.borrow().get(usize::try_from(height).unwrap()).copied();
        assert_eq!(passed, Some(block.block_hash()), "a block that was connected");
        self.notified.borrow_mut().push(Notified::Again(height));
        if let Some(react) = &*self.on_block.borrow() {
            react(self, block);
        }
    }
}

impl WatchSet for Wallet {
    fn scripts(&self) -> Vec<ScriptBuf> {
        self.scripts.borrow().clone()
    }

    fn revision(&self) -> u64 {
        self.revision.get()
    }
}

/// A P2WPKH-like script, different for each number.
pub fn script(number: u8) -> ScriptBuf {
    let mut bytes = vec![0x00, 0x14];
    bytes.extend([number; 20]);
    ScriptBuf::from_bytes(bytes)
}

/// A chain with a payment to `script(1)` in block 31, and that payment.
pub fn with_payment() -> (TestChain, Transaction) {
    let mut source = TestChain::new(30);
    let pay = pay_to(&[], &[script(1)]);
    source.mine(vec![pay.clone()]);
    source.mine_empty(5);
    (source, pay)
}
