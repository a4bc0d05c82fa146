//! A disk that is full: it is told, what needs it is refused, on-chain money is claimed, and everything goes on by itself.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use amplet_node::bitcoin::{Transaction, Txid};
use amplet_node::budget::{BudgetId, Rules};
use amplet_node::{
    Authorization, ChangeError, ChannelError, NewInvoice, Node, Notice, PayError, SendOnchain, Unsaved,
};
use amplet_protocol::page::{ErrorCode, Payment, PaymentStatus};
use amplet_storage::{Store, StoreError};
use amplet_transport::Platform;

use crate::world::{World, open, pair, through, with_a_hanging_htlc};

fn ids(world: &World) -> Vec<Txid> {
    world.mempool.borrow().iter().map(Transaction::compute_txid).collect()
}

fn spends(world: &World, of: &[Txid]) -> bool {
    let mempool = world.mempool.borrow();
    mempool.iter().flat_map(|tx| &tx.input).any(|input| of.contains(&input.previous_output.txid))
}

/// A wallet that closed its channel by force and, its disk being full, has claimed the channel's HTLC; and its savings before that.
fn with_a_claim_on_a_full_disk() -> (World, Node, u64) {
    let (world, wallet) = with_a_hanging_htlc();
    let before = wallet.onchain().balance().0;
    let channel = wallet.channels().list()[0].channel_id;
    wallet.channels().close(channel, true).unwrap();
    world.platform.advance(Duration::from_secs(5));
    let commitment = ids(&world);
    world.disk("wallet").set_quota(Some(1));
    world.mine(0);
    world.platform.advance(Duration::from_secs(15));
    assert!(spends(&world, &commitment), "the HTLC is claimed with the preimage");
    (world, wallet, before)
}

#[test]
fn claims_and_sweeps_go_out_while_the_disk_is_full() {
    let (world, wallet, before) = with_a_claim_on_a_full_disk();
    let trouble = wallet.storage_trouble().expect("it is told");
    assert_eq!(trouble.error.code, ErrorCode::StorageFull);
    // The delay passes, and nothing could be saved for two weeks.
    for _ in 0..2 {
        world.mine(1100);
        for _ in 0..20 {
            world.platform.advance(Duration::from_secs(15));
        }
    }
    assert!(wallet.storage_trouble().is_some());
    for _ in 0..2 {
        world.mine(6);
        for _ in 0..20 {
            world.platform.advance(Duration::from_secs(15));
        }
    }
    world.disk("wallet").set_quota(None);
    world.platform.advance(Duration::from_secs(15));
    assert_eq!(wallet.storage_trouble(), None);
    let gained = wallet.onchain().balance().0.saturating_sub(before);
    assert!(gained > 580_000, "{gained}: the balance and the HTLC came home");
    world.kill("wallet", wallet);
    let wallet = world.open("wallet");
    world.platform.advance(Duration::from_secs(1));
    assert_eq!(wallet.onchain().balance().0.saturating_sub(before), gained, "and are durable");
    assert_eq!(wallet.channels().balance().closing_sat, 0);
}

#[test]
fn a_claim_that_was_forgotten_in_a_crash_is_found_again() {
    let (world, wallet, before) = with_a_claim_on_a_full_disk();
    world.kill("wallet", wallet);
    world.disk("wallet").set_quota(None);
    let wallet = world.open("wallet");
    world.mine(2016);
    for _ in 0..4 {
        world.platform.advance(Duration::from_secs(120));
        world.mine(6);
    }
    let gained = wallet.onchain().balance().0.saturating_sub(before);
    assert!(gained > 580_000, "{gained}: the balance and the HTLC came home");
    assert_eq!(wallet.channels().balance().closing_sat, 0);
}

/// The gateway's commitment of before two payments is mined; nothing can be saved from the moment before until the end.
#[test]
fn a_cheat_is_punished_while_the_disk_is_full() {
    let (world, wallet, gateway) = pair();
    assert_eq!(world.pay(&wallet, &world.ask(&gateway, 50_000_000)).status, PaymentStatus::Succeeded);
    let earlier = world.snapshot("gateway");
    for _ in 0..2 {
        assert_eq!(world.pay(&gateway, &world.ask(&wallet, 100_000_000)).status, PaymentStatus::Succeeded);
    }
    let before = wallet.onchain().balance().0;
    world.close("wallet", wallet);
    world.kill("gateway", gateway);
    let cheat = world.open_on("gateway", earlier);
    let channel = cheat.channels().list()[0].channel_id;
    cheat.channels().close(channel, true).unwrap();
    world.platform.advance(Duration::from_secs(5));
    world.kill("gateway", cheat);
    let revoked = ids(&world);
    assert!(!revoked.is_empty(), "the cheat's commitment waits");

    let wallet = world.open("wallet");
    world.platform.advance(Duration::from_secs(5));
    world.disk("wallet").set_quota(Some(1));
    world.mine(0);
    world.platform.advance(Duration::from_secs(15));
    assert!(spends(&world, &revoked), "it is punished at once");
    assert!(wallet.storage_trouble().is_some());
    for _ in 0..3 {
        world.mine(6);
        for _ in 0..20 {
            world.platform.advance(Duration::from_secs(15));
        }
    }
    world.disk("wallet").set_quota(None);
    world.platform.advance(Duration::from_secs(15));
    let gained = wallet.onchain().balance().0.saturating_sub(before);
    assert!(gained > 980_000, "{gained} of a channel of 1,000,000 sat");
    assert_eq!(wallet.channels().balance().closing_sat, 0);
}

#[test]
fn a_commitment_waits_for_the_disk() {
    let (world, wallet, _gateway) = pair();
    let channel = wallet.channels().list()[0].channel_id;
    world.disk("wallet").set_quota(Some(1));
    // Nobody knows yet that the disk is full.
    wallet.channels().close(channel, true).unwrap();
    for _ in 0..10 {
        world.platform.advance(Duration::from_secs(30));
    }
    assert_eq!(ids(&world), [], "forgotten in a crash, it would be revoked later");
    world.disk("wallet").set_quota(None);
    world.platform.advance(Duration::from_secs(15));
    assert!(!ids(&world).is_empty());
}

/// Fills the disk until it is told, by asking for an address; returns what that was answered.
fn fill(world: &World, wallet: &Node) -> Unsaved {
    world.disk("wallet").set_quota(Some(1));
    let node = wallet.clone();
    world.platform.run(async move { node.onchain().new_address().await }).unwrap_err()
}

#[test]
fn what_needs_a_full_disk_is_refused_at_once_and_leaves_nothing() {
    let (world, wallet, gateway) = pair();
    let invoice = world.ask(&gateway, 1_000_000);
    let mut notices = wallet.subscribe();
    let began = world.platform.now();
    let Unsaved::Stalled(trouble) = fill(&world, &wallet) else { panic!("the node has not stopped") };
    assert!(world.platform.now() - began < Duration::from_secs(2));
    assert_eq!(trouble.error.code, ErrorCode::StorageFull);
    assert_eq!(wallet.storage_trouble(), Some(*trouble));
    assert!(std::iter::from_fn(|| notices.try_recv().ok()).any(|notice| matches!(notice, Notice::Changed)));

    let began = world.platform.now();
    let (node, peer) = (wallet.clone(), gateway.node_id());
    let stalled = |unsaved: &Unsaved| matches!(unsaved, Unsaved::Stalled(_));
    assert!(matches!(world.begin(&wallet, &invoice, 10_000), Err(PayError::Unsaved(why)) if stalled(&why)));
    world.platform.run(async move {
        let new = NewInvoice {
            amount_msat: None,
            description: "tea".into(),
            expiry_secs: 3600,
            metadata: Default::default(),
        };
        assert!(matches!(node.payments().invoice(&new).await, Err(PayError::Unsaved(why)) if stalled(&why)));
        assert!(node.onchain().new_address().await.is_err_and(|why| stalled(&why)));
        let opened = node.channels().open(peer, &open(100_000, 0, false)).await;
        assert!(matches!(opened, Err(ChannelError::Unsaved(why)) if stalled(&why)));
        let id = node.channels().list()[0].channel_id;
        assert!(matches!(node.channels().close(id, true), Err(ChannelError::Unsaved(why)) if stalled(&why)));
        let rules = |policy: &mut amplet_node::budget::Policy, _: &amplet_node::budget::Clock<'_>| {
            policy.set_rules(BudgetId::USER, Rules::default())
        };
        let changed = node.budgets().change(rules).await;
        assert!(matches!(changed, Err(ChangeError::Unsaved(why)) if stalled(&why)));
        assert!(node.ledger().flushed().await.is_err_and(|why| stalled(&why)));
    });
    assert_eq!(world.platform.now(), began, "at once");

    world.disk("wallet").set_quota(None);
    world.platform.advance(Duration::from_secs(15));
    assert_eq!(wallet.storage_trouble(), None, "it goes on by itself");
    let node = wallet.clone();
    let history = world.platform.run(async move { node.ledger().history(None, 100).await }).unwrap();
    assert!(history.iter().all(|payment| payment.invoice.is_none()), "{history:?}");
    assert_eq!(world.pay(&wallet, &invoice).status, PaymentStatus::Succeeded);
}

#[test]
fn an_on_chain_payment_that_meets_a_full_disk_is_pending_and_leaves_later() {
    let (world, wallet, _gateway) = pair();
    world.disk("wallet").set_quota(Some(1));
    let node = wallet.clone();
    let id = world.platform.run(async move {
        let address = somewhere();
        let signed = node.onchain().build(&address, Some(50_000), None).unwrap();
        let order = SendOnchain { signed, address };
        node.payments().begin(order, &Authorization::user()).await
    });
    let id = id.unwrap();
    assert_eq!(world.payment(&wallet, id).unwrap().status, PaymentStatus::Pending);
    world.mine(1);
    world.platform.advance(Duration::from_secs(30));
    assert_eq!(ids(&world), [], "its record is not durable");
    world.disk("wallet").set_quota(None);
    world.platform.advance(Duration::from_secs(15));
    assert_eq!(ids(&world).len(), 1);
    world.mine(1);
    assert_eq!(world.payment(&wallet, id).unwrap().status, PaymentStatus::Succeeded);
}

fn somewhere() -> amplet_node::bitcoin::Address {
    amplet_node::Onchain::parse_address(
        "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
        amplet_node::bitcoin::Network::Regtest,
    )
    .unwrap()
}

/// A node whose store has no room after some commits, until it is given some.
fn filling(world: &World, name: &str) -> (Node, Rc<Cell<u64>>) {
    let left = Rc::new(Cell::new(u64::MAX));
    let room = Rc::clone(&left);
    let commit = move |store: Rc<dyn Store>, batch| {
        let room = Rc::clone(&room);
        async move {
            let Some(left) = room.get().checked_sub(1) else {
                return Err(StoreError::QuotaExceeded { detail: "full".into(), remedy: "wait".into() });
            };
            room.set(left);
            store.commit(batch).await
        }
    };
    let node = world.open_with(name, world.disk(name), move |inner| through(inner, commit));
    (node, left)
}

#[test]
fn a_disk_that_fills_in_the_middle_of_a_payment_loses_nothing() {
    for full in ["wallet", "gateway"] {
        for commits in 0..=5 {
            let (world, wallet, gateway) = pair();
            let invoice = world.ask(&gateway, 50_000_000);
            world.close("wallet", wallet);
            world.close("gateway", gateway);
            let (gateway, gateways_room) = filling(&world, "gateway");
            let (wallet, wallets_room) = filling(&world, "wallet");
            world.connect(&wallet, &gateway, "gateway");
            world.platform.advance(Duration::from_secs(3));
            let room = if full == "wallet" { wallets_room } else { gateways_room };
            room.set(commits);
            let id = world.begin(&wallet, &invoice, 10_000).unwrap();
            world.platform.advance(Duration::from_secs(40));
            room.set(u64::MAX);
            world.platform.advance(Duration::from_secs(40));
            let paid = |world: &World, node: &Node| -> Payment { world.payment(node, id).unwrap() };
            assert_eq!(paid(&world, &wallet).status, PaymentStatus::Succeeded, "{full} {commits}");
            let of = |node: &Node| node.channels().list()[0].clone();
            let sides = (of(&wallet).outbound_capacity_msat, of(&gateway).inbound_capacity_msat);
            world.kill("wallet", wallet);
            world.kill("gateway", gateway);
            let (gateway, wallet) = (world.open("gateway"), world.open("wallet"));
            world.connect(&wallet, &gateway, "gateway");
            world.platform.advance(Duration::from_secs(3));
            for node in [&wallet, &gateway] {
                assert_eq!(paid(&world, node).status, PaymentStatus::Succeeded, "{full} {commits}");
            }
            let again = (of(&wallet).outbound_capacity_msat, of(&gateway).inbound_capacity_msat);
            assert_eq!(again, sides, "{full} {commits}");
            let more = world.pay(&wallet, &world.ask(&gateway, 1_000_000));
            assert_eq!(more.status, PaymentStatus::Succeeded, "{full} {commits}");
        }
    }
}

#[test]
fn whoever_waits_when_a_node_with_a_full_disk_closes_is_told() {
    let (world, wallet, _gateway) = pair();
    world.disk("wallet").set_quota(Some(1));
    let (node, platform) = (wallet.clone(), world.platform.clone());
    let began = world.platform.now();
    let asked = world.platform.run(async move {
        let close = async {
            platform.sleep(Duration::from_millis(5)).await;
            node.close().await;
        };
        futures::join!(node.onchain().new_address(), close).0
    });
    assert!(asked.is_err());
    assert!(world.platform.now() - began < Duration::from_secs(9), "it does not wait for room");
    let node = wallet.clone();
    assert_eq!(world.platform.run(async move { node.ledger().flushed().await }), Err(Unsaved::Stopped));
}

/// LDK's sweeper is written with each block, not only when it sweeps.
#[test]
fn a_wallet_killed_within_a_minute_after_a_block_opens_without_sources() {
    let (world, wallet, _gateway) = pair();
    world.platform.advance(Duration::from_secs(61));
    world.mine(1);
    world.platform.advance(Duration::from_secs(1));
    world.kill("wallet", wallet);
    world.server.down.set(true);
    let wallet = world.open("wallet");
    assert_eq!(wallet.channels().list().len(), 1);
}
