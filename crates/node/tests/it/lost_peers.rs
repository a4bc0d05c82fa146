//! A wallet's storage is gone, and it had channels with a peer that is no gateway: on the user's word that peer is told, as the lost
//! node, and closes them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use amplet_node::Node;
use amplet_node::bitcoin::Network;
use amplet_node::bitcoin::secp256k1::PublicKey;
use amplet_node::keys::{Keys, parse_mnemonic};
use amplet_node::lightning::ln::our_peer_storage::DecryptedOurPeerStorage;
use amplet_node::lightning::sign::{KeysManager, NodeSigner};
use amplet_protocol::lost::LostPeerState;
use amplet_protocol::page::{LostPeer, PaymentStatus};
use amplet_transport::testing::duplex_pair;
use amplet_transport::{CloseCode, Duplex, Platform};
use futures::FutureExt;

use crate::lost::{ask_to_close, closing, restore, restore_and_connect, savings};
use crate::world::{MNEMONICS, World, is_commitment, open, pair};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Lets so much time pass: the wall clock goes on, and everybody looks at it.
fn pass(world: &World, time: Duration) {
    world.platform.set_clock(world.platform.now() + time);
    world.platform.advance(Duration::from_secs(150));
}

/// A wallet with a channel to a gateway and one to `other`, a node without a gateway's feature bits, in which something has moved.
fn with_a_plain_peer() -> (World, Node, Node, Node) {
    let (world, wallet, gateway) = pair();
    let other = world.open("other");
    world.fund(&other, 1_000_000);
    world.connect(&wallet, &other, "other");
    world.channel(&wallet, &other, open(800_000, 100_000_000, false));
    assert_eq!(world.pay(&wallet, &world.ask(&other, 12_345_000)).status, PaymentStatus::Succeeded);
    assert_eq!(world.pay(&wallet, &world.ask(&other, 1_000_000)).status, PaymentStatus::Succeeded);
    world.platform.advance(Duration::from_secs(30));
    (world, wallet, gateway, other)
}

/// What is known of a peer and the lost node.
fn known(wallet: &Node, peer: &Node) -> LostPeer {
    let id = peer.node_id().serialize();
    wallet.peers().lost().peers().into_iter().find(|known| known.peer.0 == id).unwrap()
}

fn state(wallet: &Node, peer: &Node) -> LostPeerState {
    known(wallet, peer).state
}

/// Lets a peer that has closed its only channel confirm that, and the wallet bring the money home; checks it to the sat.
fn comes_home(world: &World, wallet: &Node, before: u64) {
    let waiting = world.mempool.borrow().clone();
    let commitment = waiting.iter().find(|tx| is_commitment(tx)).unwrap();
    // The larger part is the wallet's.
    let mine = commitment.output.iter().map(|output| output.value.to_sat()).max().unwrap();
    world.mine(0);
    assert_eq!(closing(wallet), mine);
    world.mine(6);
    world.platform.advance(Duration::from_secs(120));
    let sweep = world
        .mempool
        .borrow()
        .iter()
        .find(|tx| tx.input[0].previous_output.txid == commitment.compute_txid())
        .cloned();
    let swept: u64 = sweep.unwrap().output.iter().map(|output| output.value.to_sat()).sum();
    world.mine(6);
    world.platform.advance(Duration::from_secs(5));
    assert_eq!((closing(wallet), savings(wallet) - before), (0, swept));
    assert!((mine - 2_000..mine).contains(&swept), "{swept} of {mine}");
}

#[test]
fn a_peer_that_is_no_gateway_closes_at_the_users_word_and_a_day_later() {
    let (world, wallet, gateway, other) = with_a_plain_peer();
    let lost = wallet.node_id();
    let channel = other.channels().list()[0].channel_id;
    world.kill("wallet", wallet);
    let wallet = restore_and_connect(&world, &gateway);
    pass(&world, 2 * DAY);
    let LostPeer { node_id, state: LostPeerState::Untried, asks_at: None, listed, .. } =
        known(&wallet, &other)
    else {
        panic!("{:?}", known(&wallet, &other))
    };
    assert_eq!((node_id.0, listed[0].channel_id.0), (lost.serialize(), channel.0));
    assert_eq!(listed[0].capacity_sat, 800_000);

    // What it has told is remembered. What it would pay is another test's.
    world.kill("gateway", gateway);
    ask_to_close(&world, &wallet, true);
    assert!(known(&wallet, &other).asks_at.is_some());
    pass(&world, DAY - HOUR);
    assert_eq!((state(&wallet, &other), other.channels().list().len()), (LostPeerState::Untried, 1));
    // And since when it waits.
    world.kill("wallet-20", wallet);
    let wallet = world.open("wallet-20");
    pass(&world, 2 * HOUR);
    assert_eq!(state(&wallet, &other), LostPeerState::Asked);
    assert_eq!(known(&wallet, &other).asked, [amplet_protocol::ChannelId(channel.0)]);
    assert!(other.channels().list().is_empty(), "closed");
    let before = savings(&wallet);
    comes_home(&world, &wallet, before);
    let LostPeer { state: LostPeerState::Closed, asks_at: None, .. } = known(&wallet, &other) else {
        panic!("{:?}", known(&wallet, &other))
    };
}

#[test]
fn a_word_that_is_taken_back_in_time_closes_nothing() {
    let (world, wallet, gateway, other) = with_a_plain_peer();
    world.kill("wallet", wallet);
    world.kill("gateway", gateway);
    world.close_lost_after.set(2 * DAY);
    let gateway = world.open("gateway");
    let restored = restore_and_connect(&world, &gateway);
    ask_to_close(&world, &restored, true);
    pass(&world, DAY - HOUR);
    ask_to_close(&world, &restored, false);
    pass(&world, 3 * DAY);
    assert_eq!(state(&restored, &other), LostPeerState::Untried);
    let wallet = world.open("wallet");
    world.connect(&wallet, &other, "other");
    world.platform.advance(Duration::from_secs(10));
    assert_eq!(world.pay(&wallet, &world.ask(&other, 1_000_000)).status, PaymentStatus::Succeeded);
}

/// It is connected to a gateway, which says so; or to the peer alone, which keeps one connection of a node id.
#[test]
fn a_wallet_that_is_alive_keeps_its_channels_with_peers_that_are_no_gateways() {
    for sees_gateway in [true, false] {
        let (world, wallet, gateway, other) = with_a_plain_peer();
        world.kill("wallet", wallet);
        let wallet = world.open("wallet");
        world.connect(&wallet, &other, "other");
        if sees_gateway {
            world.connect(&wallet, &gateway, "gateway");
        }
        let restored = restore_and_connect(&world, &gateway);
        ask_to_close(&world, &restored, true);
        for _ in 0..5 {
            pass(&world, DAY / 2);
            // The gateway is asked again.
            world.platform.advance(Duration::from_secs(600));
        }
        let expected = if sees_gateway { LostPeerState::Untried } else { LostPeerState::HungUp };
        assert_eq!(state(&restored, &other), expected);
        assert_eq!(other.channels().list().len(), 1);
        assert_eq!(world.pay(&wallet, &world.ask(&other, 1_000_000)).status, PaymentStatus::Succeeded);
    }
}

/// No gateway is left: the user enters the peer, which is asked as each installation, and gives back what the wallet has left with it.
#[test]
fn a_configured_peer_is_asked_and_gives_the_list_of_channels_back() {
    let (world, wallet, gateway, other) = with_a_plain_peer();
    let lost = wallet.node_id();
    let with_gateway = gateway.channels().list()[0].clone();
    world.kill("wallet", wallet);
    world.kill("other", other);
    let other = world.open("other");
    let wallet = restore(&world);
    world.connect(&wallet, &other, "other");
    assert!(wallet.peers().lost().peers().is_empty());
    ask_to_close(&world, &wallet, true);
    pass(&world, DAY + HOUR);
    assert_eq!(state(&wallet, &other), LostPeerState::Asked);
    let before = savings(&wallet);
    comes_home(&world, &wallet, before);

    // From the list: a gateway is not asked like that.
    let LostPeer { node_id, address: Some(address), listed, .. } = known(&wallet, &gateway) else { panic!() };
    assert_eq!(node_id.0, lost.serialize());
    assert!(address.ends_with("@ws://gateway/lightning/v1"), "{address}");
    assert_eq!(listed[0].channel_id.0, with_gateway.channel_id.0);
    assert_eq!(listed[0].funding, with_gateway.funding_txo.unwrap().into_bitcoin_outpoint().to_string());
    assert_eq!(state(&wallet, &gateway), LostPeerState::Gateway);
    pass(&world, 3 * DAY);
    assert_eq!(gateway.channels().list().len(), 1);
}

/// Sealed as LDK does with its own lists: one channel, of which a later state exists than the wallet's. LDK ends the process on it.
fn fatal_list(wallet: &Node, peer: PublicKey) -> Vec<u8> {
    let words = MNEMONICS.iter().find(|(name, _)| *name == "wallet").unwrap().1;
    let keys = Keys::new(&parse_mnemonic(words).unwrap(), Network::Regtest, 0).unwrap();
    let key = KeysManager::new(&keys.lightning_seed().unwrap(), 0, 0, true).get_peer_storage_key();
    let channel = wallet.channels().list().into_iter().find(|it| it.counterparty.node_id == peer).unwrap();
    let mut list = vec![0, 1, 2 + 32 + 2 + 33 + 2 + 8 + 2];
    list.extend([0, 32]);
    list.extend(channel.channel_id.0);
    list.extend([2, 33]);
    list.extend(peer.serialize());
    list.extend([4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0]);
    DecryptedOurPeerStorage::new(list).encrypt(&key, &[7; 32]).into_vec()
}

#[test]
fn what_a_peer_gives_back_is_no_danger() {
    let (world, mut wallet, gateway, other) = with_a_plain_peer();
    let fatal = fatal_list(&wallet, other.node_id());
    for bytes in [fatal, vec![7; 1000], Vec::from([1]), vec![0; 48]] {
        wallet.leave_raw(other.node_id(), bytes);
        world.platform.advance(Duration::from_secs(5));
        world.kill("wallet", wallet);
        wallet = world.open("wallet");
        world.connect(&wallet, &other, "other");
        // It leaves its own list again then, and that garbage after it.
        wallet.leave_raw(other.node_id(), vec![7; 1000]);
        world.platform.advance(Duration::from_secs(5));
        assert_eq!(world.pay(&wallet, &world.ask(&other, 1_000_000)).status, PaymentStatus::Succeeded);
    }
    world.kill("wallet", wallet);
    let restored = restore_and_connect(&world, &gateway);
    ask_to_close(&world, &restored, true);
    pass(&world, DAY + HOUR);
    assert_eq!(state(&restored, &other), LostPeerState::Asked);
    assert!(other.channels().list().is_empty());
}

/// Answers connections to `other` as a peer that says nothing, or hangs up; those to others as nobody.
fn answer_badly(world: &World, hangs_up: bool) {
    let platform = world.platform.clone();
    let kept: Rc<RefCell<Vec<Rc<dyn Duplex>>>> = Rc::default();
    world.platform.on_connect(move |_| {
        let (client, server) = duplex_pair(&platform);
        if hangs_up {
            server.close(CloseCode::Normal);
        }
        kept.borrow_mut().push(server);
        async move { Ok(client) }.boxed_local()
    });
}

#[test]
fn a_peer_that_is_silent_or_hangs_up_is_tried_again() {
    for (hangs_up, expected) in [(false, LostPeerState::Unreachable), (true, LostPeerState::HungUp)] {
        let (world, wallet, gateway, other) = with_a_plain_peer();
        world.kill("wallet", wallet);
        let restored = restore_and_connect(&world, &gateway);
        ask_to_close(&world, &restored, true);
        pass(&world, DAY - HOUR);
        answer_badly(&world, hangs_up);
        pass(&world, 2 * HOUR);
        assert_eq!(state(&restored, &other), expected);
        let LostPeer { asks_at: Some(again), tried_at: Some(tried), .. } = known(&restored, &other) else {
            panic!()
        };
        assert!((3600..=24 * 3600).contains(&(again - tried)), "{}", again - tried);
        assert_eq!(other.channels().list().len(), 1);
    }
}

/// As lnd and Core Lightning do when the living installation, whose connection they dropped for the restored wallet's, is back.
#[test]
fn a_connection_that_the_peer_drops_for_another_one_closes_nothing() {
    let (world, wallet, gateway, other) = with_a_plain_peer();
    world.kill("wallet", wallet);
    let restored = restore_and_connect(&world, &gateway);
    ask_to_close(&world, &restored, true);
    pass(&world, DAY - HOUR);
    let (platform, peer) = (world.platform.clone(), other.clone());
    let dialled = Rc::new(Cell::new(0));
    let counted = Rc::clone(&dialled);
    world.platform.on_connect(move |_| {
        let (client, server) = duplex_pair(&platform);
        counted.set(counted.get() + 1);
        peer.peers().accept(Rc::clone(&server) as Rc<dyn Duplex>);
        let later = platform.sleep(Duration::from_secs(6));
        platform.spawn(Box::pin(async move {
            later.await;
            server.close(CloseCode::Normal);
        }));
        async move { Ok(client as Rc<dyn Duplex>) }.boxed_local()
    });
    pass(&world, 2 * HOUR);
    assert_eq!((state(&restored, &other), dialled.get()), (LostPeerState::HungUp, 1));
    assert_eq!(other.channels().list().len(), 1);
    // A day later it is asked again, and then it may stay.
    world.answer_connections();
    pass(&world, DAY + HOUR);
    assert_eq!(state(&restored, &other), LostPeerState::Asked);
    assert!(other.channels().list().is_empty());
}
