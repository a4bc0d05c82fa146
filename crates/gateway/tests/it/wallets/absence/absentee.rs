//! A wallet that dies with an HTLC in either direction on its channel, and comes back.

use std::rc::Rc;

use amplet_node::PaymentId;
use amplet_node::bitcoin::hashes::{Hash, sha256};
use amplet_protocol::Msat;
use amplet_protocol::page::{
    Authorization, Gateway as Configured, Holder, HolderKind, Network as ChainName, OpenOptions, Request,
    Rules,
};
use amplet_storage::kdf::{KdfParams, Kek};
use amplet_storage::testing::Killable;
use amplet_storage::{Batch, MemoryBackend, SealedStore};
use amplet_transport::NativePlatform;
use amplet_wallet::{Response, Wallet};
use serde_json::{Value, json};
use tokio::task::spawn_local;

use super::super::{connected, until, words};
use super::network::Network;

/// Each wallet's channel, and each of its two payments.
pub const CAPACITY_SAT: u64 = 1_000_000;
pub const PAID_SAT: u64 = 100_000;

/// Two coins of each wallet, which pay for what it claims on chain.
pub const SAVINGS_SAT: [u64; 2] = [40_000, 60_000];

/// Limit of the budget that pays.
const BUDGET_SAT: u64 = 1_000_000;

/// See the head of this file.
pub struct Absentee {
    backend: MemoryBackend,
    options: OpenOptions,
    /// Its node id.
    pub id: String,
    pub out: PaymentId,
    pub to_us: PaymentId,
    /// Transaction id and output of its channel's funding.
    pub funding: (String, u64),
}

macro_rules! ask {
    ($wallet:expr, $request:expr, $response:ident) => {
        match $wallet.request($request).await.unwrap() {
            Response::$response(response) => response,
            other => panic!("{other:?}"),
        }
    };
}

pub(super) use ask;

impl Absentee {
    /// Lives and dies: the payee has been paid, which the wallet does not know; it has a claim on its disk, of which nobody knows.
    pub async fn new(network: &Network, number: u8) -> Self {
        let options = options(network, number);
        let backend = MemoryBackend::default();
        let (wallet, store) = open(&backend, options.clone(), true).await;
        connected(&wallet).await;
        for sat in SAVINGS_SAT {
            let address = ask!(wallet, Request::NewAddress, Text);
            network.regtest.bitcoind.fund(&address, sat).unwrap();
        }
        network.mine(1).await;
        let id = ask!(wallet, Request::Status, Status).node_id.to_string();
        open_channel(network, &wallet, &id).await;
        let out = pays(network, &wallet, &id).await;
        let to_us = is_paid(network, &wallet, &store).await;
        wallet.abort();
        drop(wallet);
        let funding = network.channel(&id).unwrap()["funding"].as_str().unwrap().to_owned();
        let (txid, vout) = funding.split_once(':').unwrap();
        let funding = (txid.to_owned(), vout.parse().unwrap());
        let dead = Self {
            backend,
            options: OpenOptions { mnemonic: None, fresh: false, ..options },
            id,
            out,
            to_us,
            funding,
        };
        network.freeze_payee(false);
        let payee = network.payee_id();
        until("the payee's preimage at the gateway", async || {
            (msat(&network.channel(&payee)?, "pendingOutboundMsat") == 0).then_some(())
        })
        .await;
        assert_eq!(network.ask_payee("GET", &format!("invoices/{out}"), &json!({}))["state"], "paid");
        let channel = network.channel(&dead.id).unwrap();
        assert_eq!(msat(&channel, "pendingOutboundMsat"), PAID_SAT * 1000, "its claim is not told");
        assert!(msat(&channel, "pendingInboundMsat") >= PAID_SAT * 1000, "the preimage is not told");
        dead
    }

    /// Opens it again.
    pub async fn come_back(&self) -> Wallet {
        open(&self.backend, self.options.clone(), false).await.0
    }
}

fn options(network: &Network, number: u8) -> OpenOptions {
    let [chain_url, other] = network.sources();
    let info = network.ask("GET", "info", &json!({}));
    let address = info["addresses"][0].as_str().unwrap().to_owned();
    OpenOptions {
        name: "absent".into(),
        network: ChainName::Regtest,
        gateways: vec![Configured { address, chain_url: Some(chain_url), trust_zero_conf: true }],
        chain_sources: vec![other],
        mnemonic: Some(words(number)),
        fresh: true,
        birthday_height: None,
        backup: None,
        file: None,
        move_here: false,
        zero_fee_commitments: false,
    }
}

async fn open(backend: &MemoryBackend, options: OpenOptions, is_new: bool) -> (Wallet, Rc<Killable>) {
    let (backend, kek) = (Rc::new(backend.clone()), Kek::from_bytes([7; 32]));
    let store = match is_new {
        true => SealedStore::create(backend, &KdfParams::external_key(), kek).await.unwrap(),
        false => SealedStore::open(backend, kek).await.unwrap(),
    };
    let (platform, store) = (Rc::new(NativePlatform::new().unwrap()), Killable::living(Rc::new(store)));
    let wallet = Wallet::open(platform, Rc::clone(&store) as _, options).await.unwrap();
    (wallet, store)
}

async fn open_channel(network: &Network, wallet: &Wallet, id: &str) {
    network.open_channel(id, CAPACITY_SAT).await;
    until("the wallet's channel", async || {
        let able = ask!(wallet, Request::Status, Status).able_to_pay;
        (able && ask!(wallet, Request::Balance, Balance).onchain_pending_sat == 0).then_some(())
    })
    .await;
}

/// The wallet pays by a budget, and the payee does nothing about it.
async fn pays(network: &Network, wallet: &Wallet, id: &str) -> PaymentId {
    let total_msat = Some(Msat::from_sat(BUDGET_SAT).unwrap());
    let rules = Rules { total_msat, ..Rules::default() };
    ask!(wallet, Request::OpenBudget { holder: holder(), rules, parent: None }, Budget);
    let body = json!({ "amountMsat": (PAID_SAT * 1000).to_string(), "description": "out" });
    let invoice = network.ask_payee("POST", "invoices", &body);
    let payee = network.payee_id();
    network.freeze_payee(true);
    let pay = Request::Pay {
        invoice: invoice["invoice"].as_str().unwrap().to_owned(),
        amount_msat: None,
        max_fee_msat: None,
        parts: None,
        authorization: Some(Authorization { holder: holder(), ..Authorization::default() }),
    };
    let paying = wallet.clone();
    // Who dies in the middle never returns.
    spawn_local(async move { paying.request(pay).await });
    until("an HTLC to the payee", async || {
        let forwarded = msat(&network.channel(&payee)?, "pendingOutboundMsat");
        (forwarded == PAID_SAT * 1000).then_some(())
    })
    .await;
    assert!(msat(&network.channel(id).unwrap(), "pendingInboundMsat") > PAID_SAT * 1000);
    invoice["paymentHash"].as_str().unwrap().parse().unwrap()
}

/// The gateway pays, and the wallet dies of it.
async fn is_paid(network: &Network, wallet: &Wallet, store: &Killable) -> PaymentId {
    let receive = Request::Receive {
        amount_msat: Some(Msat::from_sat(PAID_SAT).unwrap()),
        description: "in".into(),
        expiry_secs: None,
        amp: false,
        metadata: Default::default(),
        channel: Default::default(),
    };
    let asked = ask!(wallet, receive, PaymentRequest);
    let payment = asked.payment_hash;
    // Once the preimage is on its disk: nobody is told that it is there, and nothing more is written.
    store.die_with(move |batch| teaches(batch, payment));
    network.gateway_pays(asked.invoice);
    until("the wallet's death", async || store.is_dead().then_some(())).await;
    payment
}

/// Returns whether a channel's monitor learns the preimage of a payment by these writes.
fn teaches(batch: &Batch, payment: PaymentId) -> bool {
    let is_preimage = |bytes: &[u8]| sha256::Hash::hash(bytes).to_byte_array() == payment.0;
    let monitors = batch.iter().filter(|(name, _)| name.starts_with("ldk/monitor"));
    monitors.filter_map(|(_, value)| value).any(|value| value.windows(32).any(is_preimage))
}

pub fn holder() -> Holder {
    Holder { kind: HolderKind::App, id: "shop".into(), ..Holder::default() }
}

/// An amount of a channel of the gateway's.
fn msat(channel: &Value, name: &str) -> u64 {
    channel[name].as_str().unwrap().parse().unwrap()
}
