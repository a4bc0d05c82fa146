//! A wallet's storage is gone, and only the recovery phrase is left: what its peers' commitments paid comes home.

use std::rc::Rc;
use std::time::Duration;

use amplet_node::{LOST_INSTALLATIONS, Node};
use amplet_protocol::lost::LostState;
use amplet_protocol::page::{Direction, Payment, PaymentKind, PaymentStatus};
use amplet_storage::MemoryBackend;

use crate::closed::gateway_closes;
use crate::world::{World, open, pair};

/// The wallet's part of [`pair`]'s channel, in sat, at least: less the commitment's fee and anchors.
const MINE_SAT: std::ops::RangeInclusive<u64> = 490_000..=500_000;

/// The phrase on a new device, as its twenty-first installation: all before are looked for, from the beginning of the chain on.
pub fn restore(world: &World) -> Node {
    world.lost.replace(LOST_INSTALLATIONS.collect());
    world.birthday.set(Some(0));
    let wallet = world.open("wallet-20");
    world.birthday.set(None);
    wallet
}

pub fn closing(wallet: &Node) -> u64 {
    wallet.channels().balance().closing_sat
}

/// Confirmed and unconfirmed savings, in sat.
pub fn savings(wallet: &Node) -> u64 {
    let (confirmed, pending) = wallet.onchain().balance();
    confirmed + pending
}

/// On-chain payments to the wallet that came from channels, in its history.
fn closes(world: &World, wallet: &Node) -> Vec<Payment> {
    let wallet = wallet.clone();
    let page = world.platform.run(async move { wallet.ledger().history(None, 100).await.unwrap() });
    let is_close = |it: &Payment| it.kind == PaymentKind::ChannelClose && it.direction == Direction::Inbound;
    page.into_iter().filter(is_close).collect()
}

/// Blocks until the money is deep enough, and until its sweep is.
pub fn bring_home(world: &World) {
    world.mine(6);
    world.platform.advance(Duration::from_secs(120));
    world.mine(6);
    world.platform.advance(Duration::from_secs(5));
}

#[test]
fn what_a_peer_paid_comes_home_by_the_phrase_alone() {
    let (world, wallet, gateway) = pair();
    world.kill("wallet", wallet);
    gateway_closes(&world, &gateway);

    let wallet = restore(&world);
    let before = savings(&wallet);
    assert!(MINE_SAT.contains(&closing(&wallet)), "{}", closing(&wallet));
    bring_home(&world);
    assert_eq!(closing(&wallet), 0);
    let gained = savings(&wallet) - before;
    assert!(MINE_SAT.contains(&gained), "{gained}");
    let closes = closes(&world, &wallet);
    let [close] = &closes[..] else { panic!("{closes:?}") };
    assert_eq!(close.status, PaymentStatus::Succeeded);
    assert_eq!(close.amount_msat.unwrap().get(), gained * 1000);
    assert_eq!(close.fee_msat, None, "nobody knows what was ours before");
}

#[test]
fn a_channel_without_anchors_in_its_commitment_is_found_too() {
    let world = World::new();
    world.zero_fee_commitments.set(true);
    let (gateway, wallet) = (world.open("gateway"), world.open("wallet"));
    world.fund(&gateway, 5_000_000);
    world.fund(&wallet, 2_000_000);
    world.connect(&wallet, &gateway, "gateway");
    world.channel(&wallet, &gateway, open(1_000_000, 500_000_000, false));
    world.kill("wallet", wallet);
    gateway_closes(&world, &gateway);

    let wallet = restore(&world);
    let before = savings(&wallet);
    bring_home(&world);
    let gained = savings(&wallet) - before;
    assert!(MINE_SAT.contains(&gained), "{gained}");
}

#[test]
fn it_goes_on_after_a_restart_and_follows_a_reorganisation() {
    let (world, wallet, gateway) = pair();
    world.kill("wallet", wallet);
    let wallet = restore(&world);
    assert_eq!(closing(&wallet), 0);
    gateway_closes(&world, &gateway);
    assert!(MINE_SAT.contains(&closing(&wallet)));
    let before = savings(&wallet);

    // What is looked for is the storage's to know from now on.
    world.kill("wallet-20", wallet);
    world.lost.replace(Vec::new());
    let wallet = world.open("wallet-20");
    assert!(MINE_SAT.contains(&closing(&wallet)));

    // The block of the commitment is replaced by one without it.
    let commitment = {
        let mut chain = world.server.chain.borrow_mut();
        let height = chain.height();
        let commitment = chain.block(height).txdata[1].clone();
        chain.cut(1);
        chain.mine_empty(2);
        commitment
    };
    world.read_blocks();
    assert_eq!(closing(&wallet), 0);

    // The gateway may have broadcast it again.
    world.mempool.borrow_mut().clear();
    world.mempool.borrow_mut().push(commitment);
    world.mine(0);
    assert!(MINE_SAT.contains(&closing(&wallet)));
    bring_home(&world);
    let gained = savings(&wallet) - before;
    assert!(MINE_SAT.contains(&gained), "{gained}");
}

/// The phrase was restored by an earlier release, which looked for nothing.
#[test]
fn what_an_earlier_release_passed_over_is_found() {
    let (world, wallet, gateway) = pair();
    world.kill("wallet", wallet);
    world.birthday.set(Some(0));
    let wallet = world.open("wallet-20");
    gateway_closes(&world, &gateway);
    world.mine(10);
    assert_eq!(closing(&wallet), 0);
    world.kill("wallet-20", wallet);

    let wallet = restore(&world);
    let before = savings(&wallet);
    world.platform.advance(Duration::from_secs(60));
    bring_home(&world);
    let gained = savings(&wallet) - before;
    assert!(MINE_SAT.contains(&gained), "{gained}");
}

/// Money that the lost installation took itself is not looked at again.
#[test]
fn what_was_spent_long_ago_is_not_counted() {
    let (world, wallet, gateway) = pair();
    gateway_closes(&world, &gateway);
    bring_home(&world);
    bring_home(&world);
    assert_eq!(closing(&wallet), 0);
    let home = savings(&wallet);
    world.kill("wallet", wallet);

    let wallet = restore(&world);
    assert_eq!((closing(&wallet), savings(&wallet)), (0, home));
    bring_home(&world);
    assert_eq!((closing(&wallet), savings(&wallet)), (0, home));
}

#[test]
fn a_gateway_finds_its_own_by_its_seed() {
    let (world, wallet, gateway) = pair();
    world.kill("gateway", gateway);
    let channel = wallet.channels().list()[0].channel_id;
    wallet.channels().close(channel, true).unwrap();
    world.platform.advance(Duration::from_secs(5));
    world.mine(0);

    world.lost.replace(vec![0]);
    world.birthday.set(Some(0));
    let gateway = world.open_on("gateway", MemoryBackend::new());
    let before = savings(&gateway);
    assert!(MINE_SAT.contains(&closing(&gateway)), "{}", closing(&gateway));
    bring_home(&world);
    let gained = savings(&gateway) - before;
    assert!(MINE_SAT.contains(&gained), "{gained}");
}

/// A node that looks for its own number, and whose storage is there after all: LDK's monitors bring the money home, once.
#[test]
fn a_channel_that_is_not_lost_is_not_counted_twice() {
    let (world, wallet, gateway) = pair();
    world.kill("gateway", gateway);
    world.lost.replace(vec![0]);
    let gateway = world.open("gateway");
    world.connected(&wallet, gateway.node_id());
    let before = savings(&gateway);
    let channel = wallet.channels().list()[0].channel_id;
    wallet.channels().close(channel, true).unwrap();
    world.platform.advance(Duration::from_secs(5));
    world.mine(0);
    assert!(MINE_SAT.contains(&closing(&gateway)), "{}", closing(&gateway));
    bring_home(&world);
    bring_home(&world);
    assert_eq!(closing(&gateway), 0);
    let gained = savings(&gateway) - before;
    assert!(MINE_SAT.contains(&gained), "{gained}");
}

/// A restored wallet that is connected to the gateway of the lost one.
pub fn restore_and_connect(world: &World, gateway: &Node) -> Node {
    let wallet = restore(world);
    world.connect(&wallet, gateway, "gateway");
    world.platform.advance(Duration::from_secs(5));
    wallet
}

/// State of the lost channels, as the only gateway tells, and what it expects to pay, in sat.
fn told(wallet: &Node) -> Option<(LostState, u64)> {
    let gateways = wallet.peers().lost().gateways();
    let [gateway] = &gateways[..] else { return None };
    let [answer] = &gateway.answers[..] else { return None };
    let answer = &answer.answer;
    Some((answer.state, answer.channels.iter().map(|channel| channel.wallet_sat).sum()))
}

pub fn ask_to_close(world: &World, wallet: &Node, close: bool) {
    let lost = Rc::clone(wallet.peers().lost());
    world.platform.run(async move { lost.ask_to_close(close).await }).unwrap();
    world.platform.advance(Duration::from_secs(5));
}

/// How long a wallet must stay away before its gateway believes that it is lost.
const WAIT: Duration = Duration::from_secs(3600);

#[test]
fn a_gateway_closes_a_lost_wallets_channels_when_its_user_asks_for_it() {
    let (world, wallet, gateway) = pair();
    let channel = wallet.channels().list()[0].channel_id;
    world.kill("wallet", wallet);
    let wallet = restore_and_connect(&world, &gateway);
    let Some((LostState::Open, sat)) = told(&wallet) else { panic!("{:?}", told(&wallet)) };
    assert!(MINE_SAT.contains(&sat), "{sat}");
    world.platform.advance(2 * WAIT);
    assert_eq!(gateway.channels().list().len(), 1, "nobody has asked for it");

    ask_to_close(&world, &wallet, true);
    assert!(matches!(told(&wallet), Some((LostState::Closing, _))), "{:?}", told(&wallet));
    // Both sides remember it.
    world.kill("wallet-20", wallet);
    world.kill("gateway", gateway);
    let gateway = world.open("gateway");
    let wallet = world.open("wallet-20");
    world.connect(&wallet, &gateway, "gateway");
    assert!(wallet.peers().lost().asks_to_close());
    let before = savings(&wallet);
    world.platform.advance(WAIT - Duration::from_secs(600));
    assert!(gateway.channels().list().iter().any(|it| it.channel_id == channel));
    world.platform.advance(Duration::from_secs(1200));
    assert!(gateway.channels().list().is_empty());
    assert!(matches!(told(&wallet), Some((LostState::Closed, _))), "{:?}", told(&wallet));

    world.mine(0);
    assert!(MINE_SAT.contains(&closing(&wallet)), "{}", closing(&wallet));
    bring_home(&world);
    let gained = savings(&wallet) - before;
    assert!(MINE_SAT.contains(&gained), "{gained}");
}

/// Whoever has an old key, or the user in error: the wallet is there after all.
#[test]
fn a_wallet_that_is_not_lost_keeps_its_channels() {
    let (world, wallet, gateway) = pair();
    let other = restore_and_connect(&world, &gateway);
    ask_to_close(&world, &other, true);
    assert!(matches!(told(&other), Some((LostState::InUse, _))), "{:?}", told(&other));
    world.platform.advance(2 * WAIT);
    assert_eq!(gateway.channels().list().len(), 1);

    // It is closed for less than that, again and again.
    world.kill("wallet", wallet);
    for _ in 0..3 {
        world.platform.advance(WAIT - Duration::from_secs(600));
        assert_eq!(gateway.channels().list().len(), 1);
        let wallet = world.open("wallet");
        world.connect(&wallet, &gateway, "gateway");
        world.kill("wallet", wallet);
    }
    // The user finds it again.
    ask_to_close(&world, &other, false);
    world.platform.advance(2 * WAIT);
    assert!(matches!(told(&other), Some((LostState::Open, _))), "{:?}", told(&other));
    assert_eq!(gateway.channels().list().len(), 1);
}

/// The list of channels that the lost installation has left with the gateway, read with the phrase alone.
#[test]
fn the_list_of_a_lost_wallets_channels_is_with_its_gateway() {
    let (world, wallet, gateway) = pair();
    let channel = wallet.channels().list()[0].clone();
    world.platform.advance(Duration::from_secs(10));
    world.kill("wallet", wallet);
    world.kill("gateway", gateway);
    let gateway = world.open("gateway");
    let wallet = restore_and_connect(&world, &gateway);
    let asked = wallet.peers().lost().gateways();
    let [listed] = &asked[0].answers[0].listed[..] else { panic!("{asked:?}") };
    assert_eq!(listed.channel_id.0, channel.channel_id.0);
    assert_eq!(listed.peer.0, gateway.node_id().serialize());
    assert_eq!(listed.capacity_sat, 1_000_000);
    assert!(listed.address.as_ref().unwrap().ends_with("@ws://gateway/lightning/v1"), "{listed:?}");
    assert_eq!(listed.funding, channel.funding_txo.unwrap().into_bitcoin_outpoint().to_string());
}

/// The phrase was restored once, to an installation with a number that nobody can guess, and that is lost, too.
#[test]
fn a_wallet_that_was_restored_before_and_lost_again_is_found() {
    let (world, wallet, gateway) = pair();
    world.kill("wallet", wallet);
    let second = restore_and_connect(&world, &gateway);
    world.fund(&second, 2_000_000);
    world.channel(&second, &gateway, open(1_000_000, 500_000_000, false));
    // It asks again.
    world.platform.advance(Duration::from_secs(700));
    world.kill("wallet-20", second);
    world.kill("gateway", gateway);
    let gateway = world.open("gateway");

    world.birthday.set(Some(0));
    let third = world.open("wallet-21");
    world.birthday.set(None);
    world.connect(&third, &gateway, "gateway");
    world.platform.advance(Duration::from_secs(10));
    let asked = third.peers().lost().gateways();
    assert_eq!(asked[0].answers.iter().filter(|it| !it.answer.channels.is_empty()).count(), 2, "{asked:?}");
    let before = savings(&third);
    ask_to_close(&world, &third, true);
    world.platform.advance(WAIT + Duration::from_secs(120));
    assert!(gateway.channels().list().is_empty());
    world.mine(0);
    bring_home(&world);
    let gained = savings(&third) - before;
    assert!((980_000..=1_000_000).contains(&gained), "{gained}");
}

/// Nothing is told, and nothing closed, without the key of the node; nor of an old statement, nor of one to another gateway.
#[test]
fn a_gateway_takes_no_word_without_proof() {
    let (world, wallet, gateway) = pair();
    let lost = wallet.node_id();
    world.kill("wallet", wallet);
    world.lost.replace(LOST_INSTALLATIONS.collect());
    // Other words than the wallet's.
    let stranger = world.open("other");
    world.connect(&stranger, &gateway, "gateway");
    ask_to_close(&world, &stranger, true);
    let asked = stranger.peers().lost().gateways();
    assert!(asked[0].answered_at.is_some() && asked[0].answers.is_empty(), "{asked:?}");
    world.platform.advance(2 * WAIT);
    assert!(gateway.channels().list().iter().any(|it| it.counterparty.node_id == lost));
}
