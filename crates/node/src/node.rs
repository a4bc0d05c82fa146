//! The public API of a running node.

use std::rc::Rc;
use std::time::Duration;

use amplet_chain::{Chain, Position};
use amplet_protocol::page::StorageTrouble;
use amplet_storage::Store;
use amplet_transport::Platform;
use bitcoin::secp256k1::PublicKey;
use bitcoin::secp256k1::ecdsa::Signature;
use futures::channel::mpsc::UnboundedReceiver;
use lightning::sign::NodeSigner;

use crate::base::{Base, Notice};
use crate::channels::Channels;
use crate::config::{NodeConfig, Role};
use crate::graph::Graph;
use crate::ldk::keys::Keys;
use crate::ldk::old_copy::OldCopy;
use crate::ledger::Ledger;
use crate::ledger::budgets::Budgets;
use crate::onchain::{Onchain, follow_deposits};
use crate::open::{NodeError, Opened, open};
use crate::payments::Payments;
use crate::peers::{Lost, Peers};
use crate::runtime::{ChainSync, Engine, Services};
#[cfg(feature = "tower")]
use crate::watchtower::TowerReport;
use crate::watchtower::Towers;

/// Interval between a gateway's node announcements (BOLT 7).
const ANNOUNCE_EVERY: Duration = Duration::from_secs(3600);

/// Color in a gateway's node announcement.
const COLOR: [u8; 3] = [0x1f, 0x6f, 0xeb];

/// A running node. Clones are the same node.
#[derive(Clone)]
pub struct Node {
    services: Rc<Services>,
    engine: Rc<Engine>,
    sync: Rc<ChainSync>,
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
        let opened = open(platform, store, chain, keys, birthday, config).await?;
        let Opened { services, engine, sync } = opened;
        let base = &services.base;
        base.platform.spawn(Box::pin(Rc::clone(&engine).run()));
        base.while_open(Rc::clone(&sync).follow());
        base.while_open(follow_deposits(Rc::clone(&services.onchain)));
        base.while_open(Rc::clone(&services.graph).follow());
        base.while_open(Rc::clone(services.peers.lost()).follow());
        if let Role::Gateway(_) = base.config.role {
            base.while_open(announce(Rc::clone(base)));
        }
        base.notify.notify();
        Ok(Self { services, engine, sync })
    }

    fn base(&self) -> &Base {
        &self.services.base
    }

    /// Payments and events: the records of this node.
    pub fn ledger(&self) -> &Ledger {
        &self.services.ledger
    }

    /// Budgets that payments are made from.
    pub fn budgets(&self) -> &Budgets {
        &self.services.budgets
    }

    /// Connections to other nodes.
    pub fn peers(&self) -> &Peers {
        &self.services.peers
    }

    /// On-chain money.
    pub fn onchain(&self) -> &Onchain {
        &self.services.onchain
    }

    /// Lightning channels.
    pub fn channels(&self) -> &Channels {
        &self.services.channels
    }

    /// The network graph.
    pub fn graph(&self) -> &Graph {
        &self.services.graph
    }

    /// Paying and being paid.
    pub fn payments(&self) -> &Payments {
        &self.services.payments
    }

    /// The gateways that keep what punishes this wallet's peers.
    pub fn towers(&self) -> &Towers {
        &self.services.towers
    }

    /// What this gateway keeps to punish the peers of wallets; `None`: it is none.
    #[cfg(feature = "tower")]
    pub fn tower(&self) -> Option<TowerReport> {
        self.services.tower.as_ref().map(|tower| tower.report())
    }

    /// Following the chain.
    pub fn sync(&self) -> &ChainSync {
        &self.sync
    }

    /// The chain client.
    pub fn chain(&self) -> &Chain {
        &self.base().chain
    }

    /// The proof that this storage is an old copy, if a peer has given it: then the channels rest (no peer is spoken to, no
    /// commitment is broadcast), and only on-chain money can be used.
    pub fn old_copy(&self) -> Option<OldCopy> {
        self.base().staged.old_copy.get()
    }

    /// The number of this installation of its recovery phrase.
    pub fn installation(&self) -> u32 {
        self.base().ldk.signer.installation()
    }

    /// Channels of lost installations of the same recovery phrase; `None`: none is looked for.
    pub fn lost(&self) -> Option<&Lost> {
        (!self.base().ldk.lost.numbers().is_empty()).then(|| &**self.peers().lost())
    }

    /// This node's id.
    pub fn node_id(&self) -> PublicKey {
        self.base().ldk.node_id()
    }

    /// Signs a text as lnd and Core Lightning do: zbase32 of a recoverable signature over the double SHA-256 of
    /// `Lightning Signed Message:` and the text. `None`: the signer refused.
    pub fn sign_message(&self, text: &str) -> Option<String> {
        self.base().ldk.signer.sign_message(text.as_bytes()).ok()
    }

    /// Logs in (LUD-04): 32 bytes signed with the key that stands for the user at `domain`, and that key. Not the node's: it is the
    /// same for every node of one mnemonic (LUD-05). `None`: a derivation is out of range.
    pub fn log_in(&self, domain: &str, challenge: [u8; 32]) -> Option<(PublicKey, Signature)> {
        self.base().ldk.wallet.log_in(domain, challenge)
    }

    /// Tells subscribers that something visible has changed, outside of the node.
    pub fn changed(&self) {
        self.base().changed();
    }

    /// Notices from now on.
    pub fn subscribe(&self) -> UnboundedReceiver<Notice> {
        self.base().subscribers.subscribe()
    }

    /// Storage transactions since the node was opened.
    pub fn commits(&self) -> u64 {
        self.base().store.commits()
    }

    /// The reason why nothing can be saved, while it cannot: payments and requests that need it are refused, peers hear nothing,
    /// and on-chain claims go out. [`Notice::Changed`] tells when it begins and ends.
    pub fn storage_trouble(&self) -> Option<StorageTrouble> {
        self.base().staged.trouble()
    }

    /// LDK's channel manager, for tests that act as a hostile peer.
    #[cfg(feature = "testing")]
    pub fn manager(&self) -> Rc<crate::ldk::types::ChannelManager> {
        Rc::clone(&self.base().ldk.manager)
    }

    /// Sends any bytes as a custom message, for tests that act as a hostile peer.
    #[cfg(feature = "testing")]
    pub fn send_raw(&self, peer: PublicKey, message_type: u16, bytes: Vec<u8>) {
        self.base().ldk.messages.send(peer, message_type, bytes);
    }

    /// Leaves any bytes with a peer (BOLT 1, `peer_storage`), for tests of what it then gives back.
    #[cfg(feature = "testing")]
    pub fn leave_raw(&self, peer: PublicKey, bytes: Vec<u8>) {
        self.base().ldk.intercept.leave_with(peer, bytes);
    }

    /// Stops at once, as if the process had been killed: nothing more is written, all connections break.
    pub fn abort(&self) {
        self.base().closing.begin();
        self.base().staged.stop();
        self.base().ldk.peers.disconnect_all_peers();
        self.peers().reconnect_now();
    }

    /// Finishes the step, hangs up, and lets the store go.
    pub async fn close(&self) {
        self.engine.stage_learnt();
        self.base().closing.begin();
        self.base().notify.notify();
        self.peers().reconnect_now();
        self.engine.ended().await;
        self.base().store.close().await;
    }
}

/// Announces a gateway to the network, now and every hour.
async fn announce(base: Rc<Base>) {
    loop {
        if let Role::Gateway(forwarding) = &base.config.role {
            let addresses = forwarding.addresses.clone();
            base.ldk.peers.broadcast_node_announcement(COLOR, forwarding.alias, addresses);
        }
        base.platform.sleep(ANNOUNCE_EVERY).await;
    }
}
