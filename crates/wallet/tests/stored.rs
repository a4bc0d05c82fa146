//! A wallet as an earlier tree stored it opens without any chain source or peer, and everything in it is read back.
//!
//! The files are frozen (`crates/node/tests/fixtures/stored/README.md`): what changes a stored form reads the old one, too.
//! Each function of [`Opened`] wraps one part of the API, so that a new name there is written in one place and never in what
//! is expected.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use amplet_protocol::Msat;
use amplet_protocol::page::{
    EventKind, Gateway, HistoryQuery, Holder, HolderKind, Network, Notice, OpenOptions, Request,
};
use amplet_storage::kdf::Kek;
use amplet_storage::{SealedStore, SharedBackend, SqliteBackend};
use amplet_transport::Platform;
use amplet_transport::testing::TestPlatform;
use amplet_wallet::{Response, Wallet};
use futures::{FutureExt, StreamExt};
use serde_json::{Value, json, to_value};

const STORE: &[u8] = include_bytes!("../../node/tests/fixtures/stored/wallet.sqlite");
const OUTSIDE: &str = include_str!("../../node/tests/fixtures/stored/outside.json");
const EXPECTED: &str = include_str!("../../node/tests/fixtures/stored/wallet.json");

/// A copy of the frozen file, and the time at which it was made.
struct Disk {
    folder: tempfile::TempDir,
    platform: TestPlatform,
    gateway: String,
}

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("wallet"), STORE).unwrap();
        let outside: Value = serde_json::from_str(OUTSIDE).unwrap();
        let clock = Duration::from_secs(outside["clock"].as_u64().unwrap());
        let platform = TestPlatform::new(11, clock);
        Self { folder, platform, gateway: outside["gateway"].as_str().unwrap().to_owned() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("wallet")
    }

    /// Opens what is on it, as a new process would.
    fn open(&self) -> Opened {
        let (path, gateway) = (self.path(), self.gateway.clone());
        let platform: Rc<dyn Platform> = Rc::new(self.platform.clone());
        let wallet = self.platform.run(async move {
            let backend: SharedBackend = Rc::new(SqliteBackend::open(path).unwrap());
            let store = SealedStore::open(backend, Kek::from_bytes([7; 32])).await.unwrap();
            Wallet::open(platform, Rc::new(store), options(&gateway)).await.unwrap()
        });
        // LDK tells again what it does not know to be handled.
        self.platform.advance(Duration::from_secs(1));
        Opened { platform: self.platform.clone(), wallet }
    }
}

fn options(gateway: &str) -> OpenOptions {
    OpenOptions {
        name: "main".into(),
        network: Network::Regtest,
        gateways: vec![Gateway {
            address: format!("{gateway}@ws://gateway/lightning/v1"),
            chain_url: Some("http://chain".into()),
            trust_zero_conf: false,
        }],
        chain_sources: Vec::new(),
        mnemonic: None,
        fresh: false,
        birthday_height: None,
        backup: None,
        file: None,
        move_here: false,
        zero_fee_commitments: false,
    }
}

struct Opened {
    platform: TestPlatform,
    wallet: Wallet,
}

impl Opened {
    fn ask(&self, request: Request) -> Response {
        let wallet = self.wallet.clone();
        self.platform.run(async move { wallet.request(request).await }).unwrap()
    }

    fn close(self) {
        self.ask(Request::Close);
        self.platform.run_until_stalled();
    }

    fn node_and_block(&self) -> (Value, Value) {
        let Response::Status(status) = self.ask(Request::Status) else { panic!() };
        (json!(status.node_id), json!({ "height": status.chain.height, "hash": status.chain.hash }))
    }

    fn balance(&self) -> Value {
        let Response::Balance(balance) = self.ask(Request::Balance) else { panic!() };
        json!({
            "lightningMsat": balance.lightning_msat,
            "spendableMsat": balance.spendable_msat,
            "trustedMsat": balance.trusted_msat,
            "receivableMsat": balance.receivable_msat,
            "closingSat": balance.closing_sat,
            "onchainSat": balance.onchain_sat,
            "onchainPendingSat": balance.onchain_pending_sat,
            "anchorReserveSat": balance.reserve_sat,
        })
    }

    fn channels(&self) -> Value {
        let Response::Channels(mut channels) = self.ask(Request::Channels) else { panic!() };
        channels.sort_by_key(|one| one.id);
        let one = |channel: &amplet_protocol::page::Channel| {
            json!({
                "id": channel.id,
                "peer": channel.gateway,
                "state": to_value(&channel.state).unwrap(),
                "capacitySat": channel.capacity_sat,
                "trusted": channel.trusted,
                "funding": channel.funding,
            })
        };
        channels.iter().map(one).collect()
    }

    /// The whole history, newest first, by pages.
    fn payments(&self) -> Value {
        let (mut all, mut before) = (Vec::new(), None);
        loop {
            let page = HistoryQuery { before: before.take(), limit: 7 };
            let Response::Payments(some) = self.ask(Request::History(page)) else { panic!() };
            let Some(last) = some.last() else { break };
            before = Some(last.id);
            all.extend(some);
        }
        for payment in &all {
            let Response::Payment(alone) = self.ask(Request::Payment { id: payment.id }) else { panic!() };
            assert_eq!(*alone, *payment, "asked for by itself");
        }
        all.iter().map(|payment| to_value(payment).unwrap()).collect()
    }

    /// Ids of open streams.
    fn streams(&self) -> Value {
        let Response::Payments(streams) = self.ask(Request::Streams) else { panic!() };
        streams.iter().map(|stream| json!(stream.id)).collect()
    }

    /// Events that nobody acknowledged.
    fn events(&self) -> Value {
        let mut notices = self.wallet.notices();
        let mut all = Vec::new();
        while let Some(Some(notice)) = notices.next().now_or_never() {
            let Notice::Event { event } = notice else { continue };
            let mut shown = match &event.kind {
                EventKind::BudgetUsed { holder, percent, spent_msat, limit_msat, until } => json!({
                    "type": "budgetUsed", "holder": holder, "percent": percent, "spentMsat": spent_msat,
                    "limitMsat": limit_msat, "until": until,
                }),
                EventKind::BudgetLow { holder, parent, left_msat } => json!({
                    "type": "budgetLow", "holder": holder, "parent": parent, "leftMsat": left_msat,
                }),
                other => to_value(other).unwrap(),
            };
            shown["id"] = json!(event.id);
            shown["at"] = json!(event.at);
            all.push(shown);
        }
        all.into()
    }

    fn acknowledge(&self, event: u64) {
        self.ask(Request::Ack { id: event });
    }

    fn budgets(&self) -> Value {
        let Response::Budgets(budgets) = self.ask(Request::Budgets) else { panic!() };
        let limit = |usage: &amplet_protocol::page::LimitUsage| {
            json!({
                "rule": to_value(usage.rule).unwrap(),
                "limitMsat": usage.limit_msat,
                "spentMsat": usage.spent_msat,
                "reservedMsat": usage.reserved_msat,
                "leftMsat": usage.left_msat,
                "until": usage.until,
            })
        };
        let one = |budget: &amplet_protocol::page::Budget| {
            json!({
                "id": budget.id,
                "holder": holder(&budget.holder),
                "parent": budget.parent,
                "rules": to_value(&budget.rules).unwrap(),
                "closed": budget.closed,
                "limits": budget.usage.iter().map(limit).collect::<Value>(),
            })
        };
        budgets.iter().map(one).collect()
    }

    fn spending(&self) -> Value {
        let Response::Spending(spending) = self.ask(Request::Spending { from: None, to: None }) else {
            panic!()
        };
        let row = |row: &amplet_protocol::page::SpendingRow| {
            json!({
                "date": row.date,
                "holder": holder(&row.holder),
                "purpose": row.purpose,
                "payments": row.payments,
                "amountMsat": row.amount_msat,
                "feeMsat": row.fee_msat,
            })
        };
        spending.rows.iter().map(row).collect()
    }

    fn invoice(&self, amount_msat: u64) -> String {
        let description = "made by the new release".into();
        let request = Request::Receive {
            amount_msat: Some(Msat::new(amount_msat).unwrap()),
            description,
            expiry_secs: None,
            amp: false,
            metadata: Default::default(),
            channel: Default::default(),
        };
        let Response::PaymentRequest(made) = self.ask(request) else { panic!() };
        made.payment_hash.to_string()
    }

    fn close_stream(&self, stream: &str) {
        self.ask(Request::CloseStream { stream: stream.parse().unwrap() });
    }

    /// Everything, as `wallet.json` has it.
    fn all(&self) -> Value {
        let (node_id, block) = self.node_and_block();
        json!({
            "nodeId": node_id,
            "block": block,
            "balance": self.balance(),
            "channels": self.channels(),
            "budgets": self.budgets(),
            "spending": self.spending(),
            "streams": self.streams(),
            "events": self.events(),
            "payments": self.payments(),
        })
    }
}

fn holder(holder: &Holder) -> Value {
    let kind = match holder.kind {
        HolderKind::User => "person",
        HolderKind::Site => "site",
        HolderKind::App => "app",
        HolderKind::Device => "device",
        HolderKind::Child => "child",
    };
    json!({ "kind": kind, "origin": holder.origin, "topLevel": holder.top_level, "id": holder.id })
}

/// Compares part by part, so that a failure names the part.
fn check(found: &Value, expected: &Value, when: &str) {
    for (part, expected) in expected.as_object().unwrap() {
        let (Some(all), Some(some)) = (expected.as_array(), found[part].as_array()) else {
            assert_eq!(found[part], *expected, "{when}: {part}");
            continue;
        };
        for (index, one) in all.iter().enumerate() {
            assert_eq!(some.get(index), Some(one), "{when}: {part}, number {index}");
        }
        assert_eq!(some.len(), all.len(), "{when}: more {part} than were stored");
    }
}

fn expected() -> Value {
    serde_json::from_str(EXPECTED).unwrap()
}

#[test]
fn a_stored_wallet_opens_offline_with_everything_that_was_in_it() {
    let disk = Disk::new();
    let wallet = disk.open();
    check(&wallet.all(), &expected(), "opened");
    wallet.close();
    let wallet = disk.open();
    check(&wallet.all(), &expected(), "opened again");
    // Killed, without a word.
    wallet.wallet.abort();
    disk.platform.run_until_stalled();
    check(&disk.open().all(), &expected(), "opened after a crash");
}

#[test]
fn a_stored_wallet_goes_on_beside_what_was_stored() {
    let disk = Disk::new();
    let wallet = disk.open();
    let before = expected();
    let hash = wallet.invoice(77_000);
    let event = before["events"][0]["id"].as_u64().unwrap();
    wallet.acknowledge(event);
    let outbound = |payment: &&Value| {
        payment["stream"]["open"] == json!(true) && payment["direction"] == json!("outbound")
    };
    let stream = before["payments"].as_array().unwrap().iter().find(outbound).unwrap()["id"].clone();
    wallet.close_stream(stream.as_str().unwrap());
    wallet.close();
    let wallet = disk.open();
    let payments = wallet.payments();
    let payments = payments.as_array().unwrap();
    assert_eq!(payments[0]["id"], json!(hash), "the newest first");
    assert_eq!(payments.len(), before["payments"].as_array().unwrap().len() + 1);
    let closed = payments.iter().find(|payment| payment["id"] == stream).unwrap();
    assert_eq!(closed["stream"]["open"], json!(false));
    // One of its payments is on its way still.
    assert_eq!(closed["state"], json!("pending"));
    let events = wallet.events();
    assert_eq!(events.as_array().unwrap()[..], before["events"].as_array().unwrap()[1..]);
    assert_eq!((wallet.budgets(), wallet.balance()), (before["budgets"].clone(), before["balance"].clone()));
}
