//! An old copy of the storage is recognised before it speaks, and two live copies are told apart.

use std::rc::Rc;
use std::time::Duration;

use amplet_node::lightning::ln::channel_state::ChannelDetails;
use amplet_node::{Authorization, ChannelError, Findings, Node, NodeError, PayError, SendOnchain};
use amplet_protocol::copies::Record;
use amplet_protocol::page::PaymentStatus;
use amplet_storage::kdf::Kek;
use amplet_storage::{Batch, MemoryBackend, SealedStore, SharedBackend, Store};

use crate::world::{Net, World, net, open, pair};

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
    let new = amplet_node::NewInvoice {
        amount_msat: None,
        description: String::new(),
        expiry_secs: 60,
        metadata: Default::default(),
    };
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
        let address = node.onchain().new_address().await.unwrap();
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

/// Changes what a gateway keeps of a wallet, as only a lying gateway would.
fn falsify(world: &World, name: &str, of: &Node, change: impl FnOnce(&mut Record) + 'static) -> Node {
    let (gateway, disk) = (world.node(name), world.disk(name));
    world.close(name, gateway);
    let record = format!("node/kept/{}", of.node_id());
    world.platform.run(async move {
        let backend: SharedBackend = Rc::new(disk);
        let store = SealedStore::open(backend, Kek::from_bytes([7; 32])).await.unwrap();
        let mut kept: Record = serde_json::from_slice(&store.get(&record).await.unwrap().unwrap()).unwrap();
        change(&mut kept);
        let mut batch = Batch::new();
        batch.put(record, serde_json::to_vec(&kept).unwrap());
        store.commit(batch).await.unwrap().durable().await.unwrap();
    });
    world.open(name)
}

fn ahead(kept: &mut Record) {
    assert!(!kept.counters.is_empty());
    kept.counters.values_mut().for_each(|counter| *counter += 1000);
}

/// A wallet with a channel to each of two gateways.
fn with_two_gateways() -> (World, Node, [Node; 2]) {
    let (world, wallet, gateway) = pair();
    let second = world.open("second");
    world.connect(&wallet, &second, "second");
    world.channel(&wallet, &second, open(500_000, 200_000_000, false));
    (world, wallet, [gateway, second])
}

fn channel_with(wallet: &Node, peer: &Node) -> ChannelDetails {
    let id = peer.node_id();
    wallet.channels().list().into_iter().find(|channel| channel.counterparty.node_id == id).unwrap()
}

#[test]
fn a_gateway_that_lies_about_its_own_channel_is_contradicted_by_its_next_word() {
    let (world, wallet, _) = pair();
    let gateway = falsify(&world, "gateway", &wallet, ahead);
    world.platform.advance(Duration::from_secs(120));
    assert_eq!(wallet.old_copy(), None);
    assert!(channel_with(&wallet, &gateway).is_usable);
    assert!(!wallet.peers().copies().findings().later);
    assert_eq!(world.pay(&wallet, &world.ask(&gateway, 1_000_000)).status, PaymentStatus::Succeeded);
    assert!(world.mempool.borrow().is_empty());
}

#[test]
fn a_gateway_that_lies_about_anothers_channel_delays_it_and_no_more() {
    let (world, wallet, [gateway, _]) = with_two_gateways();
    world.kill("gateway", gateway);
    let second = falsify(&world, "second", &wallet, ahead);
    world.platform.advance(Duration::from_secs(120));
    assert!(channel_with(&wallet, &second).is_usable, "its own is contradicted");
    assert!(wallet.peers().copies().findings().later, "the user is warned");

    let gateway = world.open("gateway");
    world.platform.advance(Duration::from_secs(60));
    let rests = channel_with(&wallet, &gateway);
    assert!(wallet.peers().is_connected(&gateway.node_id()) && !rests.is_usable);
    assert!(matches!(wallet.channels().close(rests.channel_id, true), Err(ChannelError::Doubted)));
    world.platform.advance(Duration::from_secs(600));
    assert!(channel_with(&wallet, &gateway).is_usable, "no gateway keeps a wallet from its channels");
    assert_eq!(wallet.old_copy(), None);
    assert_eq!(world.pay(&wallet, &world.ask(&gateway, 1_000_000)).status, PaymentStatus::Succeeded);
    assert!(world.mempool.borrow().is_empty());
    wallet.channels().close(rests.channel_id, true).unwrap();
    world.platform.advance(Duration::from_secs(5));
    assert!(!world.mempool.borrow().is_empty(), "nor from closing them");
}

#[test]
fn one_honest_gateway_warns_an_old_copy_while_the_channels_peer_is_away() {
    let (world, wallet, [gateway, second]) = with_two_gateways();
    let old = world.snapshot("wallet");
    assert_eq!(world.pay(&wallet, &world.ask(&gateway, 50_000_000)).status, PaymentStatus::Succeeded);
    world.close("wallet", wallet);
    let id = gateway.node_id();
    world.kill("gateway", gateway);
    let wallet = world.open_on("wallet", old);
    world.connect(&wallet, &second, "second");
    world.platform.advance(Duration::from_secs(5));
    assert!(wallet.peers().copies().findings().later);
    let channel =
        wallet.channels().list().into_iter().find(|channel| channel.counterparty.node_id == id).unwrap();
    assert!(matches!(wallet.channels().close(channel.channel_id, true), Err(ChannelError::Doubted)));
    world.platform.advance(Duration::from_secs(300));
    assert!(world.mempool.borrow().is_empty());

    let gateway = meet_again(&world, &wallet);
    assert!(wallet.old_copy().is_some(), "and its peer proves it");
    assert_eq!(gateway.channels().list().len(), 1);
}

/// The gateway is there again, and the wallet meets it.
fn meet_again(world: &World, wallet: &Node) -> Node {
    let gateway = world.open("gateway");
    wallet.peers().connect_persistently(World::address(&gateway, "gateway")).unwrap();
    world.platform.advance(Duration::from_secs(60));
    gateway
}

#[test]
fn two_live_copies_are_told_apart_while_both_are_as_old() {
    let (world, wallet, gateway) = pair();
    let copy = world.snapshot("wallet");
    for _ in 0..3 {
        world.close("wallet", world.node("wallet"));
        let same = meet(&world, &gateway, world.disk("wallet"));
        assert_eq!(same.peers().copies().findings(), Findings::default(), "the same one, closed and opened");
    }
    drop(wallet);
    let first = world.disk("wallet");
    world.close("wallet", world.node("wallet"));
    let other = meet(&world, &gateway, copy);
    assert!(other.peers().copies().findings().elsewhere);
    assert_eq!(other.old_copy(), None, "it is as new as the first");
    assert!(channel_with(&other, &gateway).is_usable);
    world.close("wallet", other);
    let first = meet(&world, &gateway, first);
    assert!(first.peers().copies().findings().elsewhere, "the first learns it, too");
}

#[test]
fn a_second_installation_of_a_fresh_mnemonic_is_refused_and_closes_nothing() {
    let (world, wallet, gateway) = pair();
    let first = world.disk("wallet");
    world.close("wallet", wallet);
    let second = meet(&world, &gateway, MemoryBackend::new());
    assert_eq!(second.peers().copies().findings().other_installation, [gateway.node_id()].into());
    assert_eq!(gateway.channels().list().len(), 1, "its answer would have closed the first one's channel");
    assert!(world.mempool.borrow().is_empty());
    let (node, peer) = (second.clone(), gateway.node_id());
    let opened =
        world.platform.run(async move { node.channels().open(peer, &open(100_000, 0, false)).await });
    assert!(matches!(opened, Err(ChannelError::OtherInstallation)), "{opened:?}");
    world.close("wallet", second);
    let wallet = meet(&world, &gateway, first);
    assert_eq!(wallet.peers().copies().findings(), Findings::default());
    assert_eq!(world.pay(&wallet, &world.ask(&gateway, 1_000_000)).status, PaymentStatus::Succeeded);
}

#[test]
fn a_copy_from_before_a_channel_does_not_make_the_gateway_close_it() {
    let world = World::new();
    let gateway = world.open("gateway");
    let wallet = world.open("wallet");
    world.fund(&wallet, 2_000_000);
    world.connect(&wallet, &gateway, "gateway");
    world.platform.advance(Duration::from_secs(5));
    let old = world.snapshot("wallet");
    world.channel(&wallet, &gateway, open(1_000_000, 500_000_000, false));
    let latest = world.disk("wallet");
    world.close("wallet", wallet);
    let copy = meet(&world, &gateway, old);
    assert!(copy.peers().copies().findings().later);
    assert_eq!(gateway.channels().list().len(), 1);
    world.close("wallet", copy);
    let wallet = meet(&world, &gateway, latest);
    assert!(channel_with(&wallet, &gateway).is_usable);
}

#[test]
fn no_death_of_the_process_is_taken_for_a_copy() {
    for commits in 0..10 {
        let (world, wallet, gateway) = pair();
        world.kill("wallet", wallet);
        let wrap = move |store: Rc<dyn Store>| -> Rc<dyn Store> {
            Rc::new(crate::world::Killable::new(store, 1 + commits, Rc::default()))
        };
        let wallet = world.open_with("wallet", world.disk("wallet"), wrap);
        wallet.peers().connect_persistently(World::address(&gateway, "gateway")).unwrap();
        world.platform.advance(Duration::from_secs(3));
        // It may be dead already.
        let _ = world.begin(&wallet, &world.ask(&gateway, 50_000_000), 0);
        world.platform.advance(Duration::from_secs(3));
        world.kill("wallet", wallet);
        let wallet = meet(&world, &gateway, world.disk("wallet"));
        assert_eq!(wallet.peers().copies().findings(), Findings::default(), "after {commits} commits");
        assert_eq!(wallet.old_copy(), None);
        assert!(channel_with(&wallet, &gateway).is_usable, "after {commits} commits");
    }
}
