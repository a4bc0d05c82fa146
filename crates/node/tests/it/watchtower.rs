//! Gateways that keep what punishes a wallet's peers: a peer cheats while the wallet is gone, and the wallet has the money.

use std::time::Duration;

use amplet_node::Node;
use amplet_node::bitcoin::hashes::{Hash, sha256};
use amplet_node::bitcoin::{Transaction, Txid};
use amplet_protocol::page::PaymentStatus;
use amplet_protocol::watchtower::{Code, Item, MESSAGE_TYPE, Message, SEALED};

use crate::absence::FOUR_WEEKS;
use crate::world::{World, mortal, open, pair};

/// States kept of a wallet that has no channel with the gateway.
const OF_A_STRANGER: usize = 200;

/// A wallet with a channel to "gateway", half of it the gateway's, connected to "second" as well.
fn watched() -> (World, Node, Node, Node) {
    let (world, wallet, gateway) = pair();
    let tower = world.open("second");
    world.connect(&wallet, &tower, "second");
    world.platform.advance(Duration::from_secs(3));
    (world, wallet, gateway, tower)
}

/// Gateways that keep every revoked state of the wallet's only channel.
fn watching(wallet: &Node) -> usize {
    wallet.towers().watching(&wallet.channels().list()[0].channel_id)
}

fn states(tower: &Node) -> usize {
    tower.tower().unwrap().states
}

fn pay(world: &World, from: &Node, to: &Node, sat: u64) {
    assert_eq!(world.pay(from, &world.ask(to, sat * 1000)).status, PaymentStatus::Succeeded);
    world.platform.advance(Duration::from_secs(3));
}

/// What waits in the mempool and takes an output of `commitment` by its revocation key.
fn punishing(world: &World, commitment: &Transaction) -> Option<Transaction> {
    let txid = commitment.compute_txid();
    let punishes = |tx: &&Transaction| {
        let input = &tx.input[0];
        input.previous_output.txid == txid && input.witness.nth(1) == Some(&[1])
    };
    world.mempool.borrow().iter().find(punishes).cloned()
}

/// Ends both sides of the channel; what is left of the wallet is its recovery phrase.
fn leave(world: &World, wallet: Node, gateway: Node) -> Node {
    world.kill("wallet", wallet);
    world.kill("gateway", gateway);
    world.open("wallet-2")
}

/// Confirms a revoked commitment, and expects that it is punished: the money of the whole `to_local` is the restored wallet's.
fn punished(world: &World, restored: &Node, commitment: &Transaction) {
    world.mine(0);
    world.platform.advance(Duration::from_secs(5));
    let justice = punishing(world, commitment).expect("it is punished");
    let sat = justice.output[0].value.to_sat();
    assert!(sat > 400_000, "{sat}");
    world.mine(0);
    world.platform.advance(Duration::from_secs(5));
    assert_eq!(restored.onchain().balance().0, sat);
}

#[test]
fn a_cheating_peer_is_punished_when_nothing_of_the_wallet_is_left_but_its_phrase() {
    let (world, wallet, gateway, tower) = watched();
    let old = world.snapshot("gateway");
    pay(&world, &gateway, &wallet, 200_000);
    assert_eq!(watching(&wallet), 1);
    assert_eq!(tower.tower().unwrap().wallets, 1);
    let restored = leave(&world, wallet, gateway);
    let commitment = world.cheat(old);
    punished(&world, &restored, &commitment);
    assert_eq!(tower.tower().unwrap().punishing, 1, "not buried yet");
    world.mine(20);
    world.platform.advance(Duration::from_secs(5));
    let report = tower.tower().unwrap();
    assert_eq!((report.punishing, report.punished, report.states), (0, 1, 0));
}

#[test]
fn with_one_gateway_nobody_watches_and_nothing_is_sent() {
    let (world, wallet, gateway) = pair();
    pay(&world, &wallet, &gateway, 10_000);
    assert_eq!(watching(&wallet), 0);
    assert_eq!(states(&gateway), 0, "it would be asked to punish itself");
    // A gateway that comes later gets what was revoked before.
    let tower = world.open("second");
    world.connect(&wallet, &tower, "second");
    world.platform.advance(Duration::from_secs(3));
    assert_eq!(watching(&wallet), 1);
    assert!(states(&tower) >= 2);
}

#[test]
fn a_wallet_killed_at_any_commit_delivers_what_it_has_not() {
    for commits in 1..8 {
        let world = World::new();
        let (gateway, tower) = (world.open("gateway"), world.open("second"));
        let (wallet, store) = mortal(&world, "wallet");
        world.fund(&gateway, 5_000_000);
        world.fund(&wallet, 2_000_000);
        world.connect(&wallet, &gateway, "gateway");
        world.connect(&wallet, &tower, "second");
        world.channel(&wallet, &gateway, open(1_000_000, 500_000_000, false));
        world.platform.advance(Duration::from_secs(3));
        let old = world.snapshot("gateway");
        let invoice = world.ask(&wallet, 200_000_000);
        world.platform.advance(Duration::from_secs(3));
        store.die_after(commits);
        // Whoever dies in the middle may not take it.
        let _ = world.begin(&gateway, &invoice, 0);
        world.platform.advance(Duration::from_secs(3));
        world.kill("wallet", wallet);
        let wallet = world.open("wallet");
        world.connect(&wallet, &tower, "second");
        world.connect(&wallet, &gateway, "gateway");
        world.platform.advance(Duration::from_secs(90));
        pay(&world, &wallet, &gateway, 1_000);
        assert_eq!(watching(&wallet), 1, "killed after {commits} commits");
        let restored = leave(&world, wallet, gateway);
        let commitment = world.cheat(old);
        punished(&world, &restored, &commitment);
    }
}

#[test]
fn a_tower_that_was_away_gets_all_that_it_missed_also_from_before_a_restart() {
    let (world, wallet, gateway, tower) = watched();
    world.kill("second", tower);
    let old = world.snapshot("gateway");
    for _ in 0..20 {
        pay(&world, &gateway, &wallet, 10_000);
    }
    assert_eq!(watching(&wallet), 0);
    world.close("wallet", wallet);
    let wallet = world.open("wallet");
    world.connect(&wallet, &gateway, "gateway");
    pay(&world, &wallet, &gateway, 1_000);
    let tower = world.open("second");
    world.connect(&wallet, &tower, "second");
    world.platform.advance(Duration::from_secs(10));
    assert_eq!(watching(&wallet), 1);
    assert!(states(&tower) >= 42, "{}", states(&tower));
    let restored = leave(&world, wallet, gateway);
    let commitment = world.cheat(old);
    punished(&world, &restored, &commitment);
}

#[test]
fn two_towers_keep_the_same_and_one_is_enough() {
    let (world, wallet, gateway, second) = watched();
    let payee = world.open("payee");
    world.connect(&wallet, &payee, "payee");
    let old = world.snapshot("gateway");
    pay(&world, &gateway, &wallet, 200_000);
    assert_eq!(watching(&wallet), 2);
    assert_eq!(states(&second), states(&payee));
    world.kill("second", second);
    let restored = leave(&world, wallet, gateway);
    let commitment = world.cheat(old);
    punished(&world, &restored, &commitment);
}

#[test]
fn a_tower_killed_at_any_time_still_punishes() {
    let (world, wallet, gateway, tower) = watched();
    let old = world.snapshot("gateway");
    pay(&world, &gateway, &wallet, 200_000);
    let restored = leave(&world, wallet, gateway);
    world.kill("second", tower);
    let commitment = world.cheat(old);
    world.mine(3);
    // It reads the blocks that it missed.
    let tower = world.open("second");
    world.platform.advance(Duration::from_secs(70));
    let first = punishing(&world, &commitment).expect("it is punished");
    // What it broadcast is lost, and so is its memory.
    world.mempool.borrow_mut().clear();
    world.kill("second", tower);
    let tower = world.open("second");
    world.mine(0);
    world.platform.advance(Duration::from_secs(5));
    assert_eq!(punishing(&world, &commitment), Some(first));
    world.mine(0);
    world.platform.advance(Duration::from_secs(5));
    assert!(restored.onchain().balance().0 > 400_000);
    assert_eq!(states(&tower) > 0, tower.tower().unwrap().punishing == 1);
}

#[test]
fn the_fee_rises_while_no_block_takes_it() {
    let (world, wallet, gateway, _tower) = watched();
    let old = world.snapshot("gateway");
    pay(&world, &gateway, &wallet, 200_000);
    let _restored = leave(&world, wallet, gateway);
    let commitment = world.cheat(old);
    world.mine(0);
    let mut left = Vec::new();
    for _ in 0..30 {
        world.platform.advance(Duration::from_secs(5));
        left.push(punishing(&world, &commitment).expect("it waits").output[0].value.to_sat());
        let waiting = std::mem::take(&mut *world.mempool.borrow_mut());
        world.server.chain.borrow_mut().mine_empty(1);
        *world.mempool.borrow_mut() = waiting;
        world.read_blocks();
    }
    assert!(left.is_sorted_by(|a, b| a >= b), "{left:?}");
    left.dedup();
    assert!(left.len() >= 3, "{left:?}");
}

#[test]
fn a_replaced_block_changes_nothing() {
    let (world, wallet, gateway, tower) = watched();
    let old = world.snapshot("gateway");
    pay(&world, &gateway, &wallet, 200_000);
    let restored = leave(&world, wallet, gateway);
    let commitment = world.cheat(old);
    world.mine(0);
    world.platform.advance(Duration::from_secs(5));
    world.mine(0);
    assert!(restored.onchain().balance().0 > 400_000);
    // Both blocks are gone, with what punished it; the commitment comes again.
    world.server.chain.borrow_mut().cut(2);
    world.mempool.borrow_mut().push(commitment.clone());
    world.mine(2);
    world.platform.advance(Duration::from_secs(5));
    assert!(punishing(&world, &commitment).is_some());
    world.mine(20);
    world.platform.advance(Duration::from_secs(5));
    assert!(restored.onchain().balance().0 > 400_000);
    assert_eq!(tower.tower().unwrap().punished, 1);
}

#[test]
fn a_tower_that_is_full_says_so_and_one_with_a_channel_has_more_room() {
    let (world, wallet, gateway, tower) = watched();
    for _ in 0..OF_A_STRANGER / 2 + 5 {
        pay(&world, &wallet, &gateway, 1_000);
    }
    assert_eq!(states(&tower), OF_A_STRANGER);
    assert_eq!(watching(&wallet), 0, "not of every state");
    // It never says that it has what it has not.
    pay(&world, &wallet, &gateway, 1_000);
    assert_eq!((states(&tower), watching(&wallet)), (OF_A_STRANGER, 0));
    world.channel(&wallet, &tower, open(300_000, 0, false));
    tower.peers().disconnect(wallet.node_id());
    world.platform.advance(Duration::from_secs(60));
    let channels = wallet.channels().list();
    let old = channels.iter().find(|channel| channel.counterparty.node_id == gateway.node_id()).unwrap();
    assert_eq!(wallet.towers().watching(&old.channel_id), 1);
}

#[test]
fn a_tower_that_sends_nonsense_changes_nothing() {
    let (world, wallet, gateway, tower) = watched();
    pay(&world, &wallet, &gateway, 10_000);
    let kept = states(&tower);
    assert_eq!(watching(&wallet), 1);
    let answer = |request, code, room| Message::Answer { request, code, room }.encode();
    let nonsense = [
        Vec::new(),
        vec![255; 300],
        vec![4, 0, 0],
        Message::Kept { states: 0, room: u32::MAX }.encode(),
        answer(0, Code::Done, u32::MAX),
        answer(u32::MAX, Code::Full, 0),
        Message::Hello.encode(),
        Message::Forget { request: 1, channel: [0; 16] }.encode(),
    ];
    for bytes in nonsense {
        tower.send_raw(wallet.node_id(), MESSAGE_TYPE, bytes.clone());
        // And the other way round.
        wallet.send_raw(tower.node_id(), MESSAGE_TYPE, bytes);
        world.platform.advance(Duration::from_secs(1));
    }
    assert_eq!((states(&tower), watching(&wallet)), (kept, 1));
    assert!(wallet.peers().is_connected(&tower.node_id()));
    pay(&world, &wallet, &gateway, 10_000);
    assert_eq!(watching(&wallet), 1);
    assert!(states(&tower) > kept);
}

#[test]
fn a_false_word_of_another_under_the_same_hint_keeps_nobody_from_punishing() {
    let (world, wallet, gateway) = pair();
    let (tower, cheater) = (world.open("second"), world.open("other"));
    let keep = |hint| {
        let items = vec![Item { hint, sealed: vec![9; SEALED] }];
        let keep = Message::Keep { request: 1, channel: [7; 16], items };
        cheater.send_raw(tower.node_id(), MESSAGE_TYPE, keep.encode());
        world.platform.advance(Duration::from_secs(5));
    };
    // It was there first, and knows the hint of what it is going to broadcast.
    world.connect(&cheater, &tower, "second");
    keep([0; 16]);
    world.connect(&wallet, &tower, "second");
    let old = world.snapshot("gateway");
    pay(&world, &gateway, &wallet, 200_000);
    let restored = leave(&world, wallet, gateway);
    let commitment = world.cheat(old);
    let before = states(&tower);
    keep(hint(&commitment.compute_txid()));
    assert_eq!(states(&tower), before + 1);
    punished(&world, &restored, &commitment);
}

/// A hint as gateways know it.
fn hint(txid: &Txid) -> [u8; 16] {
    sha256::Hash::hash(txid.as_byte_array()).to_byte_array()[..16].try_into().unwrap()
}

#[test]
fn a_channel_that_was_closed_long_ago_is_forgotten() {
    let (world, wallet, gateway, tower) = watched();
    pay(&world, &wallet, &gateway, 10_000);
    assert!(states(&tower) > 0);
    let channel = wallet.channels().list()[0].channel_id;
    wallet.channels().close(channel, false).unwrap();
    world.platform.advance(Duration::from_secs(10));
    world.mine(10);
    // LDK takes note that nothing is left.
    world.platform.advance(Duration::from_secs(700));
    assert!(states(&tower) > 0, "its monitor is still there");
    world.mine(FOUR_WEEKS + 10);
    world.platform.advance(Duration::from_secs(700));
    assert_eq!(states(&tower), 0);
}
