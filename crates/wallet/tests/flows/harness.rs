//! The running network, and somebody with a wallet on it.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use amplet_protocol::Msat;
use amplet_protocol::page::{
    Balance, Channel, ChannelState, Connection, ErrorCode, Gateway, HistoryQuery, Network, OpenOptions,
    Payment, PaymentRequest, PaymentStatus, Request, Status, WalletError,
};
use amplet_storage::kdf::{KdfParams, Kek};
use amplet_storage::{SealedStore, SharedBackend, Store};
use amplet_transport::{HttpRequest, HttpResponse, LocalBoxFuture, Platform};
use amplet_wallet::{Response, Wallet};
use serde_json::{Value, json};

/// A tick of waiting.
const TICK: Duration = Duration::from_millis(50);

/// Longest wait for anything.
const LIMIT: Duration = Duration::from_secs(60);

/// An amount.
pub fn msat(msat: u64) -> Msat {
    Msat::new(msat).unwrap()
}

/// The running network.
#[derive(Clone)]
pub struct RegtestNetwork {
    pub platform: Rc<dyn Platform>,
    info: Rc<Value>,
}

impl RegtestNetwork {
    /// From the harness's description.
    pub fn new(platform: Rc<dyn Platform>, description: &str) -> Self {
        Self { platform, info: Rc::new(serde_json::from_str(description).unwrap()) }
    }

    pub fn text(&self, pointer: &str) -> String {
        self.info.pointer(pointer).unwrap().as_str().unwrap().to_owned()
    }

    /// The harness's control API.
    pub async fn control(&self, path: &str, body: Value) -> Value {
        let url = format!("{}{path}", self.text("/controlUrl"));
        let request =
            HttpRequest::post(url, body.to_string().into_bytes()).header("content-type", "application/json");
        let HttpResponse { status, body, .. } =
            self.platform.fetch(request.timeout(Duration::from_secs(120))).await.unwrap();
        let text = String::from_utf8(body).unwrap();
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    pub async fn mine(&self, blocks: u32) {
        self.control("/mine", json!({ "blocks": blocks })).await;
    }

    pub async fn payee_invoice(&self, msat: Option<u64>, expiry_secs: u32) -> String {
        let mut body = json!({ "description": "a book", "expirySecs": expiry_secs });
        if let Some(msat) = msat {
            body["amountMsat"] = msat.to_string().into();
        }
        self.control("/invoice", body).await["invoice"].as_str().unwrap().to_owned()
    }

    /// The payee pays an invoice.
    pub async fn payee_pays(&self, invoice: &str) {
        let payment = self.control("/pay", json!({ "invoice": invoice })).await;
        assert_eq!(payment["state"], "succeeded", "{payment}");
    }

    pub fn options(&self, name: &str) -> OpenOptions {
        let gateway =
            Gateway { address: self.text("/gateways/0/address"), chain_url: None, trust_zero_conf: true };
        OpenOptions {
            name: name.to_owned(),
            network: Network::Regtest,
            gateways: vec![gateway],
            chain_sources: vec![self.text("/gateways/1/chainUrl")],
            mnemonic: None,
            fresh: false,
            birthday_height: None,
            backup: None,
            file: None,
            move_here: false,
            zero_fee_commitments: false,
        }
    }

    pub fn gateway(&self) -> String {
        self.text("/gateways/0/nodeId")
    }

    /// Waits until `done` answers something.
    pub async fn until<T, F: Future<Output = Option<T>>>(
        &self,
        what: &str,
        mut done: impl FnMut() -> F,
    ) -> T {
        let start = self.platform.monotonic();
        loop {
            if let Some(value) = done().await {
                return value;
            }
            assert!(self.platform.monotonic() - start < LIMIT, "waited too long for {what}");
            self.platform.sleep(TICK).await;
        }
    }

    /// Waits until `done` answers something and mines meanwhile: a transaction is on its way to the miners still when the
    /// wallet says that it is signed and saved.
    pub async fn until_mined<T, F: Future<Output = Option<T>>>(
        &self,
        what: &str,
        mut done: impl FnMut() -> F,
    ) -> T {
        self.until(what, || {
            let asked = done();
            async {
                let answer = asked.await;
                if answer.is_none() {
                    self.mine(1).await;
                    self.platform.sleep(Duration::from_millis(200)).await;
                }
                answer
            }
        })
        .await
    }
}

/// Opens a disk anew, as another process would.
pub type Disk = Rc<dyn Fn() -> LocalBoxFuture<'static, SharedBackend>>;

/// A wallet and the disk under it.
pub struct User {
    pub network: RegtestNetwork,
    pub wallet: Wallet,
    disk: Disk,
    options: OpenOptions,
}

pub fn key() -> Kek {
    Kek::from_bytes([42; 32])
}

impl User {
    /// Creates a wallet with a fresh mnemonic on an empty disk.
    pub async fn create(network: &RegtestNetwork, name: &str, disk: Disk) -> Self {
        let mut entropy = [0; 16];
        network.platform.random(&mut entropy);
        let mnemonic = amplet_node::keys::mnemonic_from_entropy(&entropy).unwrap();
        Self::begin(network, name, disk, &mnemonic, true).await
    }

    /// Restores a wallet on an empty disk.
    pub async fn restore(network: &RegtestNetwork, name: &str, disk: Disk, mnemonic: &str) -> Self {
        Self::begin(network, name, disk, mnemonic, false).await
    }

    async fn begin(network: &RegtestNetwork, name: &str, disk: Disk, mnemonic: &str, fresh: bool) -> Self {
        let options = network.options(name);
        let store = SealedStore::create(disk().await, &KdfParams::external_key(), key()).await.unwrap();
        let create = OpenOptions { mnemonic: Some(mnemonic.to_owned()), fresh, ..options.clone() };
        let wallet = Wallet::open(Rc::clone(&network.platform), Rc::new(store), create).await.unwrap();
        let user = Self { network: network.clone(), wallet, disk, options };
        user.connected().await;
        user
    }

    /// The wallet killed where it is, and opened again on the same disk.
    pub async fn reopen(self) -> Self {
        self.wallet.abort();
        let store: Rc<dyn Store> = Rc::new(SealedStore::open((self.disk)().await, key()).await.unwrap());
        let wallet =
            Wallet::open(Rc::clone(&self.network.platform), store, self.options.clone()).await.unwrap();
        Self { wallet, ..self }
    }

    /// The wallet on another disk, to which its own was copied.
    pub async fn on(&self, disk: Disk) -> Self {
        let (network, options) = (self.network.clone(), self.options.clone());
        Self { network, wallet: self.wallet.clone(), disk, options }.reopen().await
    }

    /// The words on the disk, read without a node. The wallet is closed: reading takes the disk from it.
    pub async fn words(&self) -> String {
        let store = SealedStore::open((self.disk)().await, key()).await.unwrap();
        Wallet::words(&store).await.unwrap().to_string()
    }

    pub async fn ask(&self, request: Request) -> Result<Response, WalletError> {
        self.wallet.request(request).await
    }

    pub async fn balance(&self) -> Balance {
        let Response::Balance(balance) = self.ask(Request::Balance).await.unwrap() else { panic!() };
        balance
    }

    pub async fn status(&self) -> Status {
        let Response::Status(status) = self.ask(Request::Status).await.unwrap() else { panic!() };
        *status
    }

    pub async fn channels(&self) -> Vec<Channel> {
        let Response::Channels(channels) = self.ask(Request::Channels).await.unwrap() else { panic!() };
        channels
    }

    pub async fn address(&self) -> String {
        let Response::Text(address) = self.ask(Request::NewAddress).await.unwrap() else { panic!() };
        address
    }

    pub async fn pay(&self, invoice: &str) -> Result<Payment, WalletError> {
        let request = Request::Pay {
            invoice: invoice.to_owned(),
            amount_msat: None,
            max_fee_msat: None,
            parts: None,
            authorization: None,
        };
        let Response::Payment(payment) = self.ask(request).await? else { panic!() };
        Ok(*payment)
    }

    pub async fn receive(&self, msat: u64) -> PaymentRequest {
        let request = Request::Receive {
            amount_msat: Some(self::msat(msat)),
            description: "tea".into(),
            expiry_secs: None,
            amp: false,
            metadata: Default::default(),
            channel: Default::default(),
        };
        let Response::PaymentRequest(made) = self.ask(request).await.unwrap() else { panic!() };
        made
    }

    pub async fn history(&self) -> Vec<Payment> {
        let request = Request::History(HistoryQuery { before: None, limit: 100 });
        let Response::Payments(lines) = self.ask(request).await.unwrap() else { panic!() };
        lines
    }

    pub async fn connected(&self) {
        self.network
            .until("the connection", || async {
                let up =
                    |g: &amplet_protocol::page::GatewayStatus| matches!(g.connection, Connection::Connected);
                self.status().await.gateways.iter().all(up).then_some(())
            })
            .await;
    }

    /// Waits until the wallet's tip is the chain's.
    pub async fn at(&self, height: u64) {
        self.network
            .until("the block", || async {
                (u64::from(self.status().await.chain.height) >= height).then_some(())
            })
            .await;
    }

    pub async fn fund(&self, sat: u64) {
        let before = self.balance().await.onchain_sat;
        let address = self.address().await;
        self.network.control("/fund", json!({ "address": address, "sat": sat, "blocks": 1 })).await;
        self.network
            .until("the deposit", || async {
                (self.balance().await.onchain_sat == before + sat).then_some(())
            })
            .await;
    }

    /// Opens a channel from savings and waits until it can be used.
    pub async fn open_channel(&self, sat: u64) {
        let request = Request::OpenChannel { gateway: self.network.gateway(), capacity_sat: sat };
        self.ask(request).await.unwrap();
        self.confirmed().await;
    }

    /// Mines until a channel can be used.
    pub async fn confirmed(&self) {
        let ready =
            || async { self.channels().await.iter().any(|c| c.state == ChannelState::Ready).then_some(()) };
        self.network.until_mined("the channel to confirm", ready).await;
    }

    pub async fn usable(&self) {
        self.network
            .until("the channel", || async {
                self.channels().await.iter().any(|c| c.state == ChannelState::Ready).then_some(())
            })
            .await;
    }

    /// Pays until the graph that gossip brings knows the way (the payee is two hops away).
    pub async fn pay_when_reachable(&self, msat: u64) -> Payment {
        self.network
            .until("a route", || async {
                let invoice = self.network.payee_invoice(Some(msat), 3600).await;
                match self.pay(&invoice).await {
                    Ok(payment) if payment.status == PaymentStatus::Succeeded => Some(payment),
                    Ok(Payment { status: PaymentStatus::Failed { error }, .. }) | Err(error) => {
                        assert_eq!(error.code, ErrorCode::NoRoute, "{error:?}");
                        None
                    }
                    Ok(pending) => panic!("{pending:?}"),
                }
            })
            .await
    }
}
