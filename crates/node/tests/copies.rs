//! An old copy of the storage is recognised before it speaks, and two live copies are told apart.
// As in `payments.rs`: time is virtual.
#![cfg(not(feature = "std"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use std::time::Duration;

use amplet_node::{Authorization, ChannelError, Node, NodeError, PayError, SendOnchain};
use amplet_protocol::page::PaymentStatus;
use amplet_storage::MemoryBackend;
use world::{Net, World, net, open};

/// A wallet with a channel to a gateway, half of it the gateway's; and another gateway with a channel to the first.
fn pair() -> (World, Node, Node) {
    let world = World::new();
    let gateway = world.open("gateway");
    let wallet = world.open("wallet");
    world.fund(&gateway, 5_000_000);
    world.fund(&wallet, 2_000_000);
    world.connect(&wallet, &gateway, "gateway");
    world.channel(&wallet, &gateway, open(1_000_000, 500_000_000, false));
    assert!(wallet.channels().list()[0].is_usable);
    (world, wallet, gateway)
}

/// The wallet's storage before a payment, and the world after it; the wallet is closed.
fn with_an_old_copy() -> (World, Node, MemoryBackend) {
    let (world, wallet, gateway) = pair();
    assert_eq!(world.pay(&wallet, &world.ask(&gateway, 50_000_000)).status, PaymentStatus::Succeeded);
    let old = world.snapshot("wallet");
    for _ in 0..3 {
        assert_eq!(world.pay(&wallet, &world.ask(&gateway, 50_000_000)).status, PaymentStatus::Succeeded);
    }
    world.close("wallet", wallet);
    (world, gateway, old)
}

/// Opens the wallet's storage and lets it meet its gateway for a while.
fn meet(world: &World, gateway: &Node, disk: MemoryBackend) -> Node {
    let wallet = world.open_on("wallet", disk);
    wallet.peers().connect_persistently(World::address(gateway, "gateway")).unwrap();
    world.platform.advance(Duration::from_secs(90));
    wallet
}

#[test]
fn an_old_copy_is_recognised_and_says_nothing() {
    let (world, gateway, old) = with_an_old_copy();
    let wallet = meet(&world, &gateway, old.clone());
    let proof = wallet.old_copy().expect("the gateway has proved it");
    assert!(proof.revoked >= proof.stored, "{proof:?}");
    assert!(wallet.peers().list().is_empty(), "it has hung up, and does not dial again");
    assert_eq!(gateway.channels().list().len(), 1, "the gateway has no reason to close");
    assert!(world.mempool.borrow().is_empty());

    // Nor after any restart, without asking the gateway.
    world.close("wallet", wallet);
    let wallet = meet(&world, &gateway, old);
    assert_eq!(wallet.old_copy(), Some(proof));
    assert!(wallet.peers().list().is_empty());
    assert_eq!(gateway.channels().list().len(), 1);
}

#[test]
fn an_old_copy_refuses_lightning_by_name_and_still_sends_its_savings() {
    let (world, gateway, old) = with_an_old_copy();
    let wallet = meet(&world, &gateway, old);
    assert_eq!(world.begin(&wallet, &world.ask(&gateway, 1_000), 1_000).unwrap_err(), PayError::OldCopy);
    let new = amplet_node::NewInvoice { amount_msat: None, description: String::new(), expiry_secs: 60 };
    let node = wallet.clone();
    let refused = world.platform.run(async move { node.payments().invoice(&new).await }).unwrap_err();
    assert_eq!(refused, PayError::OldCopy);
    let (node, peer) = (wallet.clone(), gateway.node_id());
    let opened =
        world.platform.run(async move { node.channels().open(peer, &open(100_000, 0, false)).await });
    assert!(matches!(opened, Err(ChannelError::OldCopy)));
    let id = wallet.channels().list()[0].channel_id;
    for force in [true, false] {
        assert!(matches!(wallet.channels().close(id, force), Err(ChannelError::OldCopy)));
    }
    world.platform.advance(Duration::from_secs(120));
    assert!(world.mempool.borrow().is_empty(), "no commitment");

    let node = wallet.clone();
    let sent = world.platform.run(async move {
        let address = node.onchain().new_address().await;
        let signed = node.onchain().build(&address, Some(100_000), None).unwrap();
        let order = SendOnchain { signed: signed.clone(), address };
        node.payments().begin(order, &Authorization::user()).await.unwrap();
        signed
    });
    assert_eq!(*world.mempool.borrow(), vec![sent.tx]);
    let node = wallet.clone();
    let history = world.platform.run(async move { node.ledger().history(None, 10).await.unwrap() });
    assert!(history.len() >= 3, "{history:?}");
}

#[test]
fn an_old_copy_broadcasts_no_commitment_when_its_payments_expire() {
    let Net { world, wallet, gateway, payee } = net();
    assert_eq!(world.pay(&wallet, &world.ask(&payee, 50_000_000)).status, PaymentStatus::Succeeded);
    let invoice = world.ask(&payee, 50_000_000);
    // The payee's disk is full: the payment hangs.
    world.disk("payee").set_quota(Some(1));
    let id = world.begin(&wallet, &invoice, 100_000).unwrap();
    world.platform.advance(Duration::from_secs(5));
    assert_eq!(world.payment(&wallet, id).unwrap().status, PaymentStatus::Pending);
    let old = world.snapshot("wallet");
    world.disk("payee").set_quota(None);
    world.platform.advance(Duration::from_secs(30));
    assert_eq!(world.payment(&wallet, id).unwrap().status, PaymentStatus::Succeeded);
    world.close("wallet", wallet);
    let wallet = meet(&world, &gateway, old);
    assert!(wallet.old_copy().is_some());
    world.mine(400);
    world.platform.advance(Duration::from_secs(300));
    assert!(world.mempool.borrow().is_empty(), "what it would broadcast was revoked");
    assert_eq!(gateway.channels().list().len(), 2);
}

#[test]
fn an_old_copy_of_a_gateway_ends_in_words_and_not_in_a_panic() {
    let (world, wallet, gateway) = pair();
    assert_eq!(world.pay(&wallet, &world.ask(&gateway, 50_000_000)).status, PaymentStatus::Succeeded);
    let old = world.snapshot("gateway");
    assert_eq!(world.pay(&wallet, &world.ask(&gateway, 50_000_000)).status, PaymentStatus::Succeeded);
    world.kill("gateway", gateway);
    let gateway = world.open_on("gateway", old.clone());
    world.platform.advance(Duration::from_secs(90));
    assert!(gateway.old_copy().is_some(), "the wallet has proved it");
    assert_eq!(wallet.channels().list().len(), 1);
    assert!(world.mempool.borrow().is_empty());
    world.kill("gateway", gateway);
    let Err(error) = world.try_open("gateway", old, |store| store) else { panic!("it opened") };
    assert!(matches!(error, NodeError::OldCopy(_)), "{error}");
}
