//! Actions of a user with a wallet, against real gateways on a real `bitcoind -regtest`. One source for both platforms: a
//! test file gives a [`Platform`] and a disk. The network is brought up by `cargo xtask test` (or `cargo xtask regtest`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

mod budgets;
mod copies;
mod harness;
mod streams;
mod texts;

use std::rc::Rc;
use std::time::Duration;

use amplet_protocol::ChannelId;
use amplet_protocol::page::{
    Connection, ErrorCode, Gateway, Inspected, Network, OnchainSend, OpenOptions, Payment, PaymentKind,
    PaymentMethodKind, PaymentStatus, Request, SendAmount, WalletError,
};
use amplet_storage::SealedStore;
use amplet_wallet::{Response, Wallet};
use serde_json::json;

pub use budgets::{a_hundred_against_ten, budgets, signatures};
pub use copies::old_copy;
pub use harness::{Disk, RegtestNetwork, User};
use harness::{key, msat};
pub use streams::streams;

/// Deposit, channel, payment two hops away, payment back, and what each of them cost.
pub async fn the_whole_day(network: RegtestNetwork, disk: Disk) {
    let me = User::create(&network, "day", disk).await;
    me.fund(1_000_000).await;
    me.open_channel(500_000).await;
    let first = me.pay_when_reachable(20_000_000).await;
    assert_eq!(first.hops, Some(2));
    assert_eq!(first.kind, PaymentKind::Bolt11);
    // How many storage transactions a payment takes is asserted where time is virtual: crates/node/tests/it/payments.rs.
    let paid = me.pay_when_reachable(30_000_000).await;
    assert!(paid.preimage.is_some() && paid.fee_msat.unwrap() > msat(0) && paid.duration_ms.is_some());
    let request = me.receive(10_000_000).await;
    assert_eq!(request.missing, None);
    network.payee_pays(&request.invoice).await;
    let got = network
        .until("the money", || async {
            let line = me.history().await.into_iter().find(|line| line.id == request.payment_hash)?;
            (line.status == PaymentStatus::Succeeded).then_some(line)
        })
        .await;
    assert_eq!(got.amount_msat, Some(msat(10_000_000)));
    let fees = first.fee_msat.unwrap().get() + paid.fee_msat.unwrap().get();
    assert_eq!(me.balance().await.lightning_msat.get(), 500_000_000 - 50_000_000 - fees + 10_000_000);
    me.ask(Request::Close).await.unwrap();
}

/// The tab is reloaded, or dies, between every two steps of the same day.
pub async fn reloads(network: RegtestNetwork, disk: Disk) {
    let me = User::create(&network, "reloads", disk).await;
    let address = me.address().await;
    let me = me.reopen().await;
    assert_ne!(me.address().await, address, "an address is never handed out twice");
    me.fund(800_000).await;
    let me = me.reopen().await;
    assert_eq!(me.balance().await.onchain_sat, 800_000);
    me.connected().await;
    let request = Request::OpenChannel { gateway: network.gateway(), capacity_sat: 400_000 };
    me.ask(request).await.unwrap();
    // Dies right after the funding was signed.
    let me = me.reopen().await;
    me.connected().await;
    me.confirmed().await;
    let me = me.reopen().await;
    me.usable().await;
    let paid = me.pay_when_reachable(10_000_000).await;
    let me = me.reopen().await;
    me.usable().await;
    let known = me.history().await.into_iter().find(|line| line.id == paid.id).unwrap();
    assert_eq!(known.status, PaymentStatus::Succeeded);
    let again = me.pay(known.invoice.as_deref().unwrap()).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::AlreadyPaid, "{again:?}");
    // Dies in the middle of a payment.
    let invoice = network.payee_invoice(Some(5_000_000), 3600).await;
    let wallet = me.wallet.clone();
    let request = Request::Pay {
        invoice: invoice.clone(),
        amount_msat: None,
        max_fee_msat: None,
        parts: None,
        authorization: None,
    };
    network.platform.spawn(Box::pin(async move { drop(wallet.request(request).await) }));
    network.platform.sleep(Duration::from_millis(20)).await;
    let me = me.reopen().await;
    me.usable().await;
    let Response::Text(_) = me.ask(Request::Diagnostics).await.unwrap() else { panic!() };
    let ended = network
        .until("the payment's end", || async {
            let history = me.history().await;
            let line = history.into_iter().find(|line| line.invoice.as_deref() == Some(&invoice));
            match line {
                None => Some(None),
                Some(line) if line.status == PaymentStatus::Pending => None,
                Some(line) => Some(Some(line)),
            }
        })
        .await;
    if ended.is_none_or(|line| line.status != PaymentStatus::Succeeded) {
        let paid = me.pay(&invoice).await.unwrap();
        assert_eq!(paid.status, PaymentStatus::Succeeded, "nothing had left");
    }
    assert_eq!(me.channels().await.len(), 1, "no channel was closed");
}

/// Everything a user may paste wrongly.
pub async fn bad_input(network: RegtestNetwork, disk: Disk) {
    let me = User::create(&network, "bad", disk).await;
    let code = |result: Result<Payment, WalletError>| result.unwrap_err().code;
    assert_eq!(code(me.pay("garbage").await), ErrorCode::InvalidPaymentRequest);
    assert_eq!(code(me.pay(&"x".repeat(100_000)).await), ErrorCode::InvalidPaymentRequest);
    let mut invoice = network.payee_invoice(Some(1_000), 3600).await;
    assert_eq!(code(me.pay(&invoice).await), ErrorCode::InsufficientBalance);
    invoice.pop();
    assert_eq!(code(me.pay(&invoice).await), ErrorCode::InvalidPaymentRequest);
    // BOLT 11's own example, of mainnet and long expired.
    let mainnet = "lnbc2500u1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpu9qrsgquk0rl77nj30yxdy8j9vdx85fkpmdla2087ne0xh8nhedh8w27kyke0lp53ut353s06fv3qfegext0eh0ymjpf39tuven09sam30g4vgpfna3rh";
    assert_eq!(code(me.pay(mainnet).await), ErrorCode::WrongNetwork);
    let short = network.payee_invoice(Some(1_000), 1).await;
    network.platform.sleep(Duration::from_millis(2_100)).await;
    assert_eq!(code(me.pay(&short).await), ErrorCode::Expired);
    let open_amount = network.payee_invoice(None, 3600).await;
    assert_eq!(code(me.pay(&open_amount).await), ErrorCode::AmountMismatch);
    let own = me.receive(1_000).await;
    assert_eq!(own.missing.as_ref().unwrap().code, ErrorCode::InsufficientInbound);
    assert_eq!(code(me.pay(&own.invoice).await), ErrorCode::InvalidInput);
    let send = |address: &str, amount| Request::Send {
        address: address.to_owned(),
        amount,
        fee_rate: None,
        dry_run: false,
        authorization: None,
    };
    let code = |result: Result<Response, WalletError>| result.unwrap_err().code;
    assert_eq!(code(me.ask(send("nowhere", SendAmount::All)).await), ErrorCode::InvalidPaymentRequest);
    let genesis = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa";
    assert_eq!(code(me.ask(send(genesis, SendAmount::Exact(5_000))).await), ErrorCode::WrongNetwork);
    let mine = me.address().await;
    assert_eq!(code(me.ask(send(&mine, SendAmount::Exact(5_000))).await), ErrorCode::InsufficientBalance);
    assert_eq!(code(me.ask(send(&mine, SendAmount::Exact(1))).await), ErrorCode::InvalidInput);
    let open = |capacity_sat| Request::OpenChannel { gateway: network.gateway(), capacity_sat };
    assert_eq!(code(me.ask(open(300_000)).await), ErrorCode::InsufficientBalance);
    let stranger = Request::OpenChannel { gateway: "00".into(), capacity_sat: 300_000 };
    assert_eq!(code(me.ask(stranger).await), ErrorCode::InvalidInput);
    let close = Request::CloseChannel { channel_id: ChannelId([0xbe; 32]), force: true };
    assert_eq!(code(me.ask(close).await), ErrorCode::ChannelUnavailable);
    let long = Request::Receive {
        amount_msat: None,
        description: "x".repeat(640),
        expiry_secs: None,
        amp: false,
        metadata: Default::default(),
        channel: Default::default(),
    };
    assert_eq!(code(me.ask(long).await), ErrorCode::InvalidInput);
    assert!(me.history().await.iter().all(|line| line.id == own.payment_hash), "nothing else was written");
    let uri = format!("BITCOIN:{mine}?amount=0.001&label=a%20b&lightning=broken");
    let Response::Inspected(seen) = me.ask(Request::Inspect { text: uri, amount_msat: None }).await.unwrap()
    else {
        panic!()
    };
    let Inspected::Onchain { network, address, amount_sat, label, problem, others } = seen else {
        panic!("{seen:?}")
    };
    assert_eq!(others.iter().map(|other| other.kind).collect::<Vec<_>>(), [PaymentMethodKind::Unreadable]);
    assert_eq!(network, Network::Regtest);
    assert_eq!((address, amount_sat, label.as_deref()), (mine.clone(), Some(100_000), Some("a b")));
    assert_eq!(problem.unwrap().code, ErrorCode::InsufficientBalance);
    texts::offers(&me, &mine, &own.invoice).await;
}

/// The gateway is killed and started again between every two steps of a payment's life.
pub async fn gateway_restarts(network: RegtestNetwork, disk: Disk) {
    let me = User::create(&network, "restarts", disk).await;
    me.fund(700_000).await;
    me.open_channel(400_000).await;
    me.pay_when_reachable(1_000_000).await;
    for pause in [0, 10, 30, 60, 100, 200] {
        let invoice = network.payee_invoice(Some(2_000_000), 3600).await;
        let wallet = me.wallet.clone();
        let request = Request::Pay {
            invoice: invoice.clone(),
            amount_msat: None,
            max_fee_msat: None,
            parts: None,
            authorization: None,
        };
        network.platform.spawn(Box::pin(async move { drop(wallet.request(request).await) }));
        network.platform.sleep(Duration::from_millis(pause)).await;
        network.control("/gateway/0/kill", json!({})).await;
        network.control("/gateway/0/start", json!({})).await;
        network
            .until("the payment's end", || async {
                let history = me.history().await;
                let line = history.into_iter().find(|line| line.invoice.as_deref() == Some(&invoice))?;
                (line.status != PaymentStatus::Pending).then_some(())
            })
            .await;
        me.connected().await;
        me.usable().await;
    }
    assert_eq!(me.channels().await.len(), 1, "no channel was closed");
    me.pay_when_reachable(1_000_000).await;
}

/// Three blocks are replaced by four others.
pub async fn reorganisation(network: RegtestNetwork, disk: Disk) {
    let me = User::create(&network, "reorg", disk).await;
    me.fund(100_000).await;
    let height = network.control("/mine", json!({ "blocks": 2 })).await["height"].as_u64().unwrap();
    me.at(height).await;
    let old = me.status().await.chain.hash;
    network.control("/reorg", json!({ "depth": 3, "blocks": 4, "empty": true })).await;
    me.at(height + 1).await;
    assert_ne!(me.status().await.chain.hash, old);
    assert_eq!(me.balance().await.onchain_sat, 0, "the deposit's block is gone");
    network.mine(1).await;
    network
        .until("the deposit", || async { (me.balance().await.onchain_sat == 100_000).then_some(()) })
        .await;
}

/// A wallet without money asks the gateway for a channel and is paid over it before it confirms.
pub async fn channel_on_request(network: RegtestNetwork, disk: Disk) {
    let me = User::create(&network, "request", disk).await;
    let too_big =
        Request::RequestChannel { gateway: network.gateway(), capacity_sat: 21_000_000 * 100_000_000 };
    assert_eq!(me.ask(too_big).await.unwrap_err().code, ErrorCode::GatewayRefused);
    let request = Request::RequestChannel { gateway: network.gateway(), capacity_sat: 200_000 };
    me.ask(request).await.unwrap();
    me.usable().await;
    assert!(me.channels().await[0].trusted, "not confirmed yet");
    let request = me.receive(50_000_000).await;
    network.payee_pays(&request.invoice).await;
    network
        .until("the money", || async {
            let balance = me.balance().await;
            (balance.lightning_msat == msat(50_000_000) && balance.trusted_msat == msat(50_000_000))
                .then_some(())
        })
        .await;
    network
        .until_mined("trust to end", || async { (me.balance().await.trusted_msat == msat(0)).then_some(()) })
        .await;
    let channel_id = me.channels().await[0].id;
    me.ask(Request::CloseChannel { channel_id, force: false }).await.unwrap();
    network.until("the close", || async { me.channels().await.is_empty().then_some(()) }).await;
    network
        .until_mined("the savings", || async { (me.balance().await.onchain_sat > 45_000).then_some(()) })
        .await;
}

/// Savings are sent; a mnemonic entered elsewhere finds the rest, as another Lightning node.
pub async fn send_and_restore(network: RegtestNetwork, disk: Disk, elsewhere: Disk) {
    let mut entropy = [0; 16];
    network.platform.random(&mut entropy);
    let mnemonic = amplet_node::keys::mnemonic_from_entropy(&entropy).unwrap();
    let me = User::restore(&network, "send", disk, &mnemonic).await;
    me.fund(300_000).await;
    let height = network.control("/mine", json!({ "blocks": 1 })).await["height"].as_u64().unwrap();
    me.at(height).await;
    let to = me.address().await;
    let send = |dry_run| Request::Send {
        address: to.clone(),
        amount: SendAmount::Exact(100_000),
        fee_rate: Some(2_000),
        dry_run,
        authorization: None,
    };
    let Response::OnchainSend(preview) = me.ask(send(true)).await.unwrap() else { panic!() };
    assert_eq!(preview.txid, None);
    let Response::OnchainSend(OnchainSend { txid, fee_sat, .. }) = me.ask(send(false)).await.unwrap() else {
        panic!()
    };
    assert_eq!(fee_sat, preview.fee_sat);
    let rest = 300_000 - fee_sat;
    network
        .until_mined("the change", || async { (me.balance().await.onchain_sat == rest).then_some(()) })
        .await;
    let line = me.history().await.into_iter().find(|line| line.txid == txid).unwrap();
    assert_eq!(line.status, PaymentStatus::Succeeded);
    let node_id = me.status().await.node_id;
    let other = User::restore(&network, "restored", elsewhere, &mnemonic).await;
    network.until("the money", || async { (other.balance().await.onchain_sat == rest).then_some(()) }).await;
    assert_ne!(other.status().await.node_id, node_id, "never the same Lightning node twice");
}

/// The gateway's node is another than the configured one; there is no gateway; the wallet opens all the same and says so.
pub async fn wrong_gateways(network: RegtestNetwork, disk: Disk) {
    let me = User::create(&network, "wrong", Rc::clone(&disk)).await;
    me.ask(Request::Close).await.unwrap();
    let other_id = network.text("/gateways/1/nodeId");
    let url = network.text("/gateways/0/address").split_once('@').unwrap().1.to_owned();
    let cases = [
        (format!("{other_id}@{url}"), ErrorCode::WrongNodeKey),
        (format!("{other_id}@ws://127.0.0.1:9/lightning/v1"), ErrorCode::GatewayOffline),
    ];
    for (address, expected) in cases {
        let gateway = Gateway {
            address,
            chain_url: Some(network.text("/gateways/0/chainUrl")),
            trust_zero_conf: false,
        };
        let options = OpenOptions { gateways: vec![gateway], ..network.options("wrong") };
        let store = SealedStore::open(disk().await, key()).await.unwrap();
        let wallet = Wallet::open(Rc::clone(&network.platform), Rc::new(store), options).await.unwrap();
        let error = network
            .until("the failure", || async {
                let Response::Status(status) = wallet.request(Request::Status).await.unwrap() else {
                    panic!()
                };
                match &status.gateways[0].connection {
                    Connection::Waiting { error, .. } => Some(error.clone()),
                    _ => None,
                }
            })
            .await;
        assert_eq!(error.code, expected, "{error:?}");
        wallet.request(Request::Close).await.unwrap();
    }
}
