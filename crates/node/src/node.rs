//! The public API of a running node.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use amplet_chain::{Chain, Position};
use amplet_storage::Store;
use amplet_transport::Platform;
use bitcoin::secp256k1::PublicKey;
use bitcoin::secp256k1::ecdsa::Signature;
use futures::channel::mpsc::UnboundedReceiver;
use lightning::sign::NodeSigner;

use crate::api::{Budgets, ChainSync, Channels, Graph, Ledger, Onchain, Payments, Peers};
use crate::config::{NodeConfig, Role};
use crate::error::NodeError;
use crate::inner::{Inner, Notice};
use crate::keys::Keys;
use crate::routing::update;
use crate::{deposits, engine, open, sync};

/// How often a gateway tells the network of itself.
const ANNOUNCE_EVERY: Duration = Duration::from_secs(3600);

/// A running node. Clones are the same node.
#[derive(Clone)]
pub struct Node {
    inner: Rc<Inner>,
    ledger: Ledger,
    budgets: Budgets,
    peers: Peers,
    onchain: Onchain,
    channels: Channels,
    graph: Graph,
    payments: Payments,
    sync: ChainSync,
}

impl Node {
    /// Opens what is stored, or begins a node at `birthday`, and sets it running on the platform.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn open(
        platform: Rc<dyn Platform>,
        store: Rc<dyn Store>,
        chain: Rc<Chain>,
        keys: &Keys,
        birthday: &Position,
        config: NodeConfig,
    ) -> Result<Self, NodeError> {
        let inner = Rc::new(open::open(platform, store, chain, keys, birthday, config).await?);
        inner.platform.spawn(Box::pin(engine::run(Rc::clone(&inner))));
        while_open(&inner, sync::follow);
        while_open(&inner, deposits::follow);
        while_open(&inner, update::follow);
        if let Role::Gateway(_) = inner.config.role {
            while_open(&inner, announce);
        }
        inner.wake.wake();
        Ok(Self {
            ledger: Ledger(Rc::clone(&inner)),
            budgets: Budgets(Rc::clone(&inner)),
            peers: Peers(Rc::clone(&inner)),
            onchain: Onchain(Rc::clone(&inner)),
            channels: Channels(Rc::clone(&inner)),
            graph: Graph(Rc::clone(&inner)),
            payments: Payments(Rc::clone(&inner)),
            sync: ChainSync(Rc::clone(&inner)),
            inner,
        })
    }

    /// Payments and events: the records of this node.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Budgets that payments are made from.
    pub fn budgets(&self) -> &Budgets {
        &self.budgets
    }

    /// Connections to other nodes.
    pub fn peers(&self) -> &Peers {
        &self.peers
    }

    /// On-chain money.
    pub fn onchain(&self) -> &Onchain {
        &self.onchain
    }

    /// Lightning channels.
    pub fn channels(&self) -> &Channels {
        &self.channels
    }

    /// The network graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Paying and being paid.
    pub fn payments(&self) -> &Payments {
        &self.payments
    }

    /// Following the chain.
    pub fn sync(&self) -> &ChainSync {
        &self.sync
    }

    /// The chain client.
    pub fn chain(&self) -> &Chain {
        &self.inner.chain
    }

    /// This node's id.
    pub fn node_id(&self) -> PublicKey {
        open::node_id(&self.inner)
    }

    /// Signs a text as lnd and Core Lightning do: zbase32 of a recoverable signature over the double SHA-256 of
    /// `Lightning Signed Message:` and the text. `None`: the signer refused.
    pub fn sign_message(&self, text: &str) -> Option<String> {
        self.inner.ldk.signer.sign_message(text.as_bytes()).ok()
    }

    /// Logs in (LUD-04): 32 bytes signed with the key that stands for the user at `domain`, and that key. Not the node's: it is the
    /// same for every node of one mnemonic (LUD-05). `None`: a derivation is out of range.
    pub fn log_in(&self, domain: &str, challenge: [u8; 32]) -> Option<(PublicKey, Signature)> {
        self.inner.onchain.log_in(domain, challenge)
    }

    /// Notices from now on.
    pub fn subscribe(&self) -> UnboundedReceiver<Notice> {
        self.inner.subscribe()
    }

    /// Storage transactions since the node was opened.
    pub fn commits(&self) -> u64 {
        self.inner.store.commits()
    }

    /// Stops at once, as if the process had been killed: nothing more is written, all connections break.
    pub fn abort(&self) {
        self.inner.closing.begin();
        self.inner.ldk.peers.disconnect_all_peers();
        self.peers.reconnect_now();
    }

    /// Finishes the step, hangs up, and lets the store go.
    pub async fn close(&self) {
        engine::stage_learnt(&self.inner);
        self.inner.closing.begin();
        self.inner.wake.wake();
        self.peers.reconnect_now();
        engine::ended(&self.inner).await;
        self.inner.store.close().await;
    }
}

/// Does what goes on in the background until the node closes.
fn while_open<F: Future<Output = ()> + 'static>(inner: &Rc<Inner>, work: impl FnOnce(Rc<Inner>) -> F) {
    let (inner, work) = (Rc::clone(inner), work(Rc::clone(inner)));
    let platform = Rc::clone(&inner.platform);
    platform.spawn(Box::pin(async move { inner.closing.or(work).await }));
}

/// Tells the network of a gateway, now and every hour.
async fn announce(inner: Rc<Inner>) {
    loop {
        if let Role::Gateway(forwarding) = &inner.config.role {
            let addresses = forwarding.addresses.clone();
            inner.ldk.peers.broadcast_node_announcement([0x1f, 0x6f, 0xeb], forwarding.alias, addresses);
        }
        inner.platform.sleep(ANNOUNCE_EVERY).await;
    }
}
