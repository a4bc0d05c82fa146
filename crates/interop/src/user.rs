//! Somebody with a wallet: a node without a browser, on a file that outlives it.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use amplet_node::Node;
use amplet_node::keys::mnemonic_from_entropy;
use amplet_protocol::page::{
    Balance, Channel, ChannelState, Connection, Gateway, HistoryQuery, Network, OpenOptions, Payment,
    PaymentRequest, PaymentStatus, Request, Status,
};
use amplet_protocol::{Msat, PaymentId};
use amplet_storage::kdf::{KdfParams, Kek};
use amplet_storage::{SealedStore, SqliteBackend, Store};
use amplet_wallet::{Response, Wallet};
use anyhow::{Context, Result, anyhow, bail};
use futures::channel::oneshot;
use tokio::task::spawn_local;

use crate::later::Later;
use crate::world::World;

/// A wallet and the file under it.
pub struct User {
    file: PathBuf,
    /// Its recovery phrase.
    words: String,
    options: OpenOptions,
    platform: Rc<Later>,
    wallet: RefCell<Wallet>,
}

/// The key of all files.
fn key() -> Kek {
    Kek::from_bytes([42; 32])
}

impl User {
    /// Creates a wallet with a fresh mnemonic; returns when it is connected to all its gateways.
    ///
    /// # Errors
    /// The wallet's, or when a gateway is not reached.
    pub async fn create(
        world: &World,
        name: &str,
        gateways: Vec<Gateway>,
        chain_sources: Vec<String>,
    ) -> Result<Self> {
        let file = world.folder().join(name);
        let options = OpenOptions {
            name: name.to_owned(),
            network: Network::Regtest,
            gateways,
            chain_sources,
            mnemonic: None,
            fresh: false,
            birthday_height: None,
            backup: None,
            file: None,
            move_here: false,
            zero_fee_commitments: false,
        };
        let mut entropy = [0; 16];
        world.platform.random(&mut entropy);
        let words = mnemonic_from_entropy(&entropy)?;
        Self::new(world, file, words, options, true).await
    }

    /// The same wallet on a new device, from its recovery phrase alone; returns when it is connected.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn restored(&self, world: &World) -> Result<Self> {
        let file = self.file.with_extension("restored");
        Self::new(world, file, self.words.clone(), self.options.clone(), false).await
    }

    async fn new(
        world: &World,
        file: PathBuf,
        words: String,
        options: OpenOptions,
        fresh: bool,
    ) -> Result<Self> {
        let create = OpenOptions { mnemonic: Some(words.clone()), fresh, ..options.clone() };
        let backend = Rc::new(SqliteBackend::open(&file)?);
        let store = SealedStore::create(backend, &KdfParams::external_key(), key()).await?;
        let platform = Rc::new(Later::new(Rc::clone(&world.platform)));
        let wallet = Wallet::open(Rc::clone(&platform) as _, Rc::new(store), create).await?;
        let user = Self { file, words, options, platform, wallet: RefCell::new(wallet) };
        user.connected(world).await?;
        Ok(user)
    }

    /// Puts its clock forward.
    pub fn later(&self, time: Duration) {
        self.platform.put_forward(time);
    }

    fn wallet(&self) -> Wallet {
        self.wallet.borrow().clone()
    }

    /// Its node.
    pub fn node(&self) -> Node {
        self.wallet().node().clone()
    }

    /// Stops the wallet as SIGKILL would: nothing more is written or sent.
    pub fn kill(&self) {
        self.wallet().abort();
    }

    /// Opens it again on what was committed.
    ///
    /// # Errors
    /// The wallet's.
    pub async fn reopen(&self, world: &World) -> Result<()> {
        let backend = Rc::new(SqliteBackend::open(&self.file)?);
        let store: Rc<dyn Store> = Rc::new(SealedStore::open(backend, key()).await?);
        let wallet = Wallet::open(Rc::clone(&self.platform) as _, store, self.options.clone()).await?;
        self.wallet.replace(wallet);
        self.connected(world).await
    }

    async fn connected(&self, world: &World) -> Result<()> {
        let all_up = || async {
            let gateways = self.status().await?.gateways;
            let is_up = gateways.iter().all(|gateway| matches!(gateway.connection, Connection::Connected));
            Ok(is_up.then_some(()))
        };
        world.until("the wallet's connections", all_up).await
    }

    /// Does what a request asks.
    ///
    /// # Errors
    /// The wallet's.
    pub async fn ask(&self, request: Request) -> Result<Response> {
        Ok(self.wallet().request(request).await?)
    }

    /// How it is.
    ///
    /// # Errors
    /// The wallet's.
    pub async fn status(&self) -> Result<Box<Status>> {
        match self.ask(Request::Status).await? {
            Response::Status(status) => Ok(status),
            other => bail!("not a status: {other:?}"),
        }
    }

    /// Its node id, in hex.
    ///
    /// # Errors
    /// The wallet's.
    pub async fn node_id(&self) -> Result<String> {
        Ok(self.status().await?.node_id.to_string())
    }

    /// Its money.
    ///
    /// # Errors
    /// The wallet's.
    pub async fn balance(&self) -> Result<Balance> {
        match self.ask(Request::Balance).await? {
            Response::Balance(balance) => Ok(balance),
            other => bail!("not a balance: {other:?}"),
        }
    }

    /// Its channels.
    ///
    /// # Errors
    /// The wallet's.
    pub async fn channels(&self) -> Result<Vec<Channel>> {
        match self.ask(Request::Channels).await? {
            Response::Channels(channels) => Ok(channels),
            other => bail!("not channels: {other:?}"),
        }
    }

    /// True if it has so many channels, and all can be used.
    ///
    /// # Errors
    /// The wallet's.
    pub async fn has_channels(&self, count: usize) -> Result<bool> {
        let channels = self.channels().await?;
        Ok(channels.len() == count && channels.iter().all(|channel| channel.state == ChannelState::Ready))
    }

    /// A fresh on-chain address.
    ///
    /// # Errors
    /// The wallet's.
    pub async fn address(&self) -> Result<String> {
        match self.ask(Request::NewAddress).await? {
            Response::Text(address) => Ok(address),
            other => bail!("not an address: {other:?}"),
        }
    }

    /// Makes an invoice, with `amp` one for AMP.
    ///
    /// # Errors
    /// The wallet's; also when it could not receive that much.
    pub async fn receive(&self, amount: Msat, amp: bool) -> Result<PaymentRequest> {
        let description = "interop".to_owned();
        let request = Request::Receive {
            amount_msat: Some(amount),
            description,
            expiry_secs: None,
            amp,
            metadata: Default::default(),
            channel: Default::default(),
        };
        match self.ask(request).await? {
            Response::PaymentRequest(PaymentRequest { missing: Some(error), .. }) => Err(anyhow!(error)),
            Response::PaymentRequest(made) => Ok(made),
            other => bail!("not an invoice: {other:?}"),
        }
    }

    /// Pays an invoice; returns the payment once it has succeeded.
    ///
    /// # Errors
    /// The wallet's, also the payment's own.
    pub async fn pay(&self, invoice: &str) -> Result<Payment> {
        match self.ask(pay(invoice)).await? {
            Response::Payment(payment) => succeeded(*payment),
            other => bail!("not a payment: {other:?}"),
        }
    }

    /// Begins to pay an invoice; returns the payment's id.
    ///
    /// # Errors
    /// The wallet's: no funds were sent.
    pub async fn begin_to_pay(&self, invoice: &str) -> Result<PaymentId> {
        let (sender, receiver) = oneshot::channel();
        let (wallet, request) = (self.wallet(), pay(invoice));
        spawn_local(async move {
            let sender = RefCell::new(Some(sender));
            // Whoever began it looks its outcome up, and may be gone by then.
            let begun = |id: &PaymentId| {
                let _ = sender.take().map(|sender| sender.send(Ok(*id)));
            };
            if let Err(error) = wallet.request_with(request, &begun).await {
                let _ = sender.take().map(|sender| sender.send(Err(error)));
            }
        });
        Ok(receiver.await.context("the wallet has stopped")??)
    }

    /// The newest payment of its history.
    ///
    /// # Errors
    /// The wallet's, or when there is none.
    pub async fn newest(&self) -> Result<Payment> {
        match self.ask(Request::History(HistoryQuery { before: None, limit: 1 })).await? {
            Response::Payments(mut payments) => payments.pop().context("the history is empty"),
            other => bail!("not a history: {other:?}"),
        }
    }

    /// A payment of its history.
    ///
    /// # Errors
    /// The wallet's.
    pub async fn payment(&self, id: PaymentId) -> Result<Payment> {
        match self.ask(Request::Payment { id }).await? {
            Response::Payment(payment) => Ok(*payment),
            other => bail!("not a payment: {other:?}"),
        }
    }
}

fn pay(invoice: &str) -> Request {
    Request::Pay {
        invoice: invoice.to_owned(),
        amount_msat: None,
        max_fee_msat: None,
        parts: None,
        authorization: None,
    }
}

/// The payment, if it has succeeded.
fn succeeded(payment: Payment) -> Result<Payment> {
    match payment.status {
        PaymentStatus::Succeeded => Ok(payment),
        PaymentStatus::Failed { error } => Err(anyhow!(error).context("the payment failed")),
        PaymentStatus::Pending => bail!("the payment is pending still"),
    }
}
