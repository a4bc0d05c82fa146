//! What the wallet and the gateway use.

mod budgets;

use std::rc::Rc;
use std::time::Duration;

use amplet_chain::{Chain, Position};
use amplet_protocol::gateway::Message;
use amplet_protocol::page::{Event, Payment};
use amplet_storage::Store;
use amplet_transport::{Duplex, PeerAddress, Platform};
use bitcoin::secp256k1::PublicKey;
use bitcoin::{Address, FeeRate};
use futures::channel::mpsc::UnboundedReceiver;
use lightning::ln::channel_state::ChannelDetails;
use lightning::ln::types::ChannelId;
use lightning_invoice::Bolt11Invoice;

use crate::balance::{self, LightningBalance};
use crate::budgets::Authorization;
use crate::channels::{OpenChannel, reserve_sat};
use crate::config::{NodeConfig, Role};
use crate::error::{ChannelError, NodeError, PayError, SendError};
use crate::keys::Keys;
use crate::ledger::LedgerError;
use crate::messages::Incoming;
use crate::node::{Inner, Notice, SyncState};
use crate::onchain::{OnchainError, Sent};
use crate::payments::NewInvoice;
use crate::peers::Kept;
use crate::routing::update;
use crate::{deposits, engine, open, peers, sync};

/// How often a gateway tells the network of itself.
const ANNOUNCE_EVERY: Duration = Duration::from_secs(3600);

/// A running node. Clones are the same node.
#[derive(Clone)]
pub struct Node {
    pub(crate) inner: Rc<Inner>,
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
        Ok(Self { inner })
    }

    /// This node's id.
    pub fn node_id(&self) -> PublicKey {
        open::node_id(&self.inner)
    }

    /// Runs a connection that a peer made, until it ends.
    pub fn accept(&self, duplex: Rc<dyn Duplex>) {
        let inner = Rc::clone(&self.inner);
        let task = async move {
            let ended = peers::drive(&inner.ldk.peers, duplex, None, &inner.wake).await;
            log::debug!("an inbound connection ended: {ended:?}");
        };
        self.inner.platform.spawn(Box::pin(task));
    }

    /// Stays connected to a peer for as long as the node runs. Keeping it twice is keeping it once.
    ///
    /// # Errors
    /// The node id is not a point of the curve.
    pub fn keep_connected(&self, address: PeerAddress) -> Result<Rc<Kept>, bitcoin::secp256k1::Error> {
        let node_id = PublicKey::from_slice(&address.node_id.0)?;
        let mut all = self.inner.kept.borrow_mut();
        if let Some(kept) = all.iter().find(|kept| kept.address == address) {
            return Ok(Rc::clone(kept));
        }
        let kept = Rc::new(Kept::new(address, node_id));
        all.push(Rc::clone(&kept));
        let task = peers::keep(Rc::downgrade(&self.inner), Rc::clone(&kept));
        self.inner.platform.spawn(Box::pin(task));
        Ok(kept)
    }

    /// Peers to stay connected to.
    pub fn kept(&self) -> Vec<Rc<Kept>> {
        self.inner.kept.borrow().clone()
    }

    /// Tries every waiting connection and the chain sources at once (the network came back, the user looks).
    pub fn retry_now(&self) {
        self.inner.kept.borrow().iter().for_each(|kept| kept.retry.wake());
    }

    /// Whether BOLT 1's init was exchanged with this peer.
    pub fn is_connected(&self, peer: &PublicKey) -> bool {
        self.inner.ldk.messages.is_connected(peer)
    }

    /// Resolves when this peer is connected.
    pub async fn connected(&self, peer: PublicKey) {
        self.inner.ldk.messages.connected(peer).await;
    }

    /// Connected peers.
    pub fn peers(&self) -> Vec<PublicKey> {
        self.inner.ldk.peers.list_peers().into_iter().map(|peer| peer.counterparty_node_id).collect()
    }

    /// The custom messages that peers send; `None` when taken before.
    pub fn messages(&self) -> Option<UnboundedReceiver<Incoming>> {
        self.inner.ldk.messages.take_receiver()
    }

    /// Sends a custom message; dropped when the peer is not connected.
    pub fn send_message(&self, peer: PublicKey, message: Message) {
        self.inner.ldk.messages.send(peer, message);
    }

    /// Opens a channel; resolves when both sides have signed its funding.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub async fn open_channel(&self, peer: PublicKey, how: &OpenChannel) -> Result<ChannelId, ChannelError> {
        self.inner.open_channel(peer, how).await
    }

    /// Closes a channel (`id` in hex), with the peer's cooperation or by force.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn close_channel(&self, id: &str, force: bool) -> Result<(), ChannelError> {
        self.inner.close_channel(id, force)
    }

    /// All channels, opening ones included.
    pub fn channels(&self) -> Vec<ChannelDetails> {
        self.inner.ldk.manager.list_channels()
    }

    /// Makes an invoice; durable before it is answered.
    ///
    /// # Errors
    /// [`PayError::Invoice`].
    pub async fn invoice(&self, new: &NewInvoice) -> Result<Bolt11Invoice, PayError> {
        self.invoice_with(new, |_, _| ()).await
    }

    /// Begins to pay an invoice for the user and answers its id in the history; the outcome comes by
    /// [`outcome`](Self::outcome). When no path is known, a wallet first asks its gateways for newer routing data.
    ///
    /// # Errors
    /// [`PayError`]: no funds were sent.
    pub async fn pay(
        &self,
        invoice: &Bolt11Invoice,
        amount_msat: Option<u64>,
        max_fee_msat: u64,
    ) -> Result<String, PayError> {
        self.pay_from(&Authorization::user(), invoice, amount_msat, max_fee_msat).await
    }

    /// As [`pay`](Self::pay), from another budget.
    ///
    /// # Errors
    /// [`PayError`]: no funds were sent.
    pub async fn pay_from(
        &self,
        authorization: &Authorization,
        invoice: &Bolt11Invoice,
        amount_msat: Option<u64>,
        max_fee_msat: u64,
    ) -> Result<String, PayError> {
        self.inner.pay(invoice, amount_msat, max_fee_msat, authorization).await
    }

    /// A gateway's channel graph as a Rapid Gossip Sync snapshot: what has changed since `since` (seconds since 1970), or all
    /// of it (0). `None`: this node does not gossip.
    pub fn rgs_snapshot(&self, since: u32) -> Option<Vec<u8>> {
        let ldk = &self.inner.ldk;
        let graph = ldk.router.graph();
        ldk.gossip.as_ref().map(|gossip| gossip.snapshot(&graph, since))
    }

    /// Rises with each change of a gateway's channel graph.
    pub fn graph_generation(&self) -> u64 {
        drop(self.inner.ldk.router.graph());
        self.inner.ldk.gossip.as_ref().map_or(0, |gossip| gossip.generation())
    }

    /// The payment when it has ended (durably), or as it is after `limit`; `None` when there is no such payment.
    pub async fn outcome(&self, id: &str, limit: Duration) -> Option<Payment> {
        self.inner.outcome(id, limit).await
    }

    /// One payment of the history.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn payment(&self, id: &str) -> Result<Option<Payment>, LedgerError> {
        let payment = self.inner.ledger.payment(&*self.inner.store, id).await?;
        Ok(payment.map(|payment| self.with_confirmations(payment)))
    }

    /// At most `limit` payments older than `before`, newest first.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn history(&self, before: Option<&str>, limit: usize) -> Result<Vec<Payment>, LedgerError> {
        let payments = self.inner.ledger.history(&*self.inner.store, before, limit).await?;
        Ok(payments.into_iter().map(|payment| self.with_confirmations(payment)).collect())
    }

    fn with_confirmations(&self, mut payment: Payment) -> Payment {
        let txid = payment.txid.as_deref().and_then(|txid| txid.parse().ok());
        if let Some(confirmations) = txid.and_then(|txid| self.inner.onchain.confirmations(txid)) {
            payment.confirmations = confirmations;
        }
        payment
    }

    /// Events that nobody acknowledged.
    pub fn events(&self) -> Vec<Event> {
        self.inner.ledger.events()
    }

    /// Acknowledges an event.
    pub fn ack(&self, id: u64) {
        self.inner.ledger.ack(id);
        self.inner.wake.wake();
    }

    /// What happens from now on.
    pub fn subscribe(&self) -> UnboundedReceiver<Notice> {
        self.inner.subscribe()
    }

    /// Everyday money.
    pub fn lightning_balance(&self) -> LightningBalance {
        balance::of(&self.inner)
    }

    /// Confirmed savings, and unconfirmed ones, in sat.
    pub fn savings(&self) -> (u64, u64) {
        self.inner.onchain.balance()
    }

    /// Savings held back for the channels there are and `more` of them, in sat.
    pub fn reserve_sat(&self, more: u64) -> u64 {
        reserve_sat(&self.inner, more)
    }

    /// A savings address not handed out before; durable before it is answered.
    pub async fn new_address(&self) -> Address {
        let address = self.inner.onchain.new_address();
        self.inner.asked_for_address.set(Some(self.inner.platform.monotonic()));
        self.inner.deposits.wake();
        self.inner.settled().await;
        address
    }

    /// Builds and signs a payment from savings; nothing is sent yet.
    ///
    /// # Errors
    /// [`OnchainError`].
    pub fn build_send(
        &self,
        address: &Address,
        amount_sat: Option<u64>,
        rate: Option<FeeRate>,
    ) -> Result<Sent, OnchainError> {
        let rate = rate.unwrap_or_else(|| self.inner.fees.within(6));
        self.inner.onchain.build(address.script_pubkey(), amount_sat, rate, reserve_sat(&self.inner, 0))
    }

    /// Broadcasts a payment from savings, after it is noted durably.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn send_from(
        &self,
        authorization: &Authorization,
        sent: &Sent,
        address: &Address,
    ) -> Result<(), SendError> {
        self.inner.send(sent, address, authorization).await
    }

    /// Fee rate to confirm within `blocks`.
    pub fn fee_rate(&self, blocks: u16) -> FeeRate {
        self.inner.fees.within(blocks)
    }

    /// The chain client.
    pub fn chain(&self) -> &Chain {
        &self.inner.chain
    }

    /// How far the node has read the chain.
    pub fn sync_state(&self) -> SyncState {
        self.inner.sync.borrow().clone()
    }

    /// Asks the chain sources and reads new blocks now.
    ///
    /// # Errors
    /// [`NodeError::Chain`].
    pub async fn sync_now(&self) -> Result<(), NodeError> {
        sync::once(&self.inner).await.map_err(NodeError::Chain)
    }

    /// Best block that every part has read: height and hash.
    pub fn best_block(&self) -> (u32, bitcoin::BlockHash) {
        let best = self.inner.ldk.manager.current_best_block();
        (best.height, best.block_hash)
    }

    /// Storage transactions since the node was opened.
    pub fn commits(&self) -> u64 {
        self.inner.store.commits()
    }

    /// Stops at once, as if the process had been killed: nothing more is written, all connections break.
    pub fn abort(&self) {
        self.inner.closing.begin();
        self.inner.ldk.peers.disconnect_all_peers();
        self.inner.kept.borrow().iter().for_each(|kept| kept.retry.wake());
    }

    /// Finishes the step, hangs up, and lets the store go.
    pub async fn close(&self) {
        engine::stage_learnt(&self.inner);
        self.inner.closing.begin();
        self.inner.wake.wake();
        self.inner.kept.borrow().iter().for_each(|kept| kept.retry.wake());
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
