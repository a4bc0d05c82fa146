//! Channels: 0-conf, closing, reorganisations, a chain source that is away, a disk that is full.

use std::rc::Rc;
use std::time::Duration;

use amplet_node::bitcoin::Transaction;
use amplet_node::{ChannelError, ConnectionState, Node, OnchainError};
use amplet_protocol::page::{EventKind, PaymentKind, PaymentStatus};
use amplet_storage::Store;

use crate::world::{World, msat, open, pair, with_a_hanging_htlc};

#[test]
fn a_trusted_gateways_channel_is_used_before_it_confirms_and_shown_as_trusted() {
    let world = World::new();
    let gateway = world.open("gateway");
    let wallet = world.open("wallet");
    world.fund(&gateway, 5_000_000);
    world.connect(&wallet, &gateway, "gateway");
    world.trust_zero_conf.set(true);
    let how = amplet_node::OpenChannel { zero_reserve: true, ..open(500_000, 100_000_000, false) };
    world.try_channel(&gateway, &wallet, how);
    assert!(wallet.channels().list()[0].is_usable, "{:?}", wallet.channels().list()[0]);
    let balance = wallet.channels().balance();
    assert_eq!(
        (balance.lightning_msat, balance.trusted_msat),
        (msat(100_000_000), msat(100_000_000)),
        "{balance:?}"
    );
    assert!(balance.spendable_msat > msat(95_000_000), "no reserve is kept: {balance:?}");
    let paid = world.pay(&wallet, &world.ask(&gateway, 30_000_000));
    assert_eq!(paid.status, PaymentStatus::Succeeded);
    world.mine(3);
    let balance = wallet.channels().balance();
    assert_eq!((balance.lightning_msat, balance.trusted_msat), (msat(70_000_000), msat(0)), "{balance:?}");
}

#[test]
fn a_channel_closed_together_comes_home_to_the_savings() {
    let (world, wallet, _gateway) = pair();
    let before = wallet.onchain().balance().0;
    let id = wallet.channels().list()[0].channel_id;
    wallet.channels().close(id, false).unwrap();
    world.platform.advance(Duration::from_secs(5));
    assert_eq!(world.mempool.borrow().len(), 1, "one closing transaction");
    world.mine(0);
    let at_once = wallet.onchain().balance().0 - before;
    assert!((495_000..500_000).contains(&at_once), "{at_once}");
    assert_eq!(
        wallet.channels().balance().closing_sat,
        0,
        "it is in the savings, and not on its way as well"
    );
    world.mine(5);
    assert!(wallet.channels().list().is_empty());
    let gained = wallet.onchain().balance().0 - before;
    assert!((495_000..500_000).contains(&gained), "{gained}");
    let line = last_of_kind(&world, &wallet, PaymentKind::ChannelClose);
    assert_eq!(line.status, PaymentStatus::Succeeded);
    assert!(wallet.ledger().events().iter().any(|e| matches!(e.kind, EventKind::ChannelClosed { .. })));
}

fn last_of_kind(world: &World, node: &Node, kind: PaymentKind) -> amplet_protocol::page::Payment {
    let node = node.clone();
    let lines = world.platform.run(async move { node.ledger().history(None, 100).await }).unwrap();
    lines.into_iter().find(|line| line.kind == kind).unwrap()
}

#[test]
fn a_channel_closed_by_force_comes_home_after_two_weeks() {
    let (world, wallet, _gateway) = pair();
    let before = wallet.onchain().balance().0;
    let id = wallet.channels().list()[0].channel_id;
    wallet.channels().close(id, true).unwrap();
    world.platform.advance(Duration::from_secs(5));
    let closing = wallet.channels().balance().closing_sat;
    assert!((490_000..=500_000).contains(&closing), "{closing}");
    assert!(!world.mempool.borrow().is_empty(), "the commitment and its fee bump are broadcast");
    world.mine(1);
    let waiting = wallet.channels().balance().closing_sat;
    assert!(closing - waiting < 1_000, "waits for the delay, less the commitment's fee: {waiting}");
    world.mine(2016);
    let shown = wallet.channels().balance().closing_sat + wallet.onchain().balance().1;
    assert!(waiting - shown < 1_000, "being swept, and still shown: {shown}");
    world.platform.advance(Duration::from_secs(120));
    world.mine(6);
    world.platform.advance(Duration::from_secs(120));
    world.mine(6);
    let gained = wallet.onchain().balance().0.saturating_sub(before);
    assert!(gained > 480_000, "{gained} of {closing} came home");
    assert_eq!(wallet.channels().balance().closing_sat, 0);
}

/// The commitment is in one block and the claim of its HTLC in the next; a wallet that was closed before reads both at once,
/// and finds the claim although the filter of its block was fetched before the commitment was seen.
#[test]
fn an_htlc_spent_in_the_next_already_fetched_block_is_seen() {
    let (world, wallet) = with_a_hanging_htlc();
    let before = wallet.onchain().balance().0;
    let channel = wallet.channels().list()[0].channel_id;
    wallet.channels().close(channel, true).unwrap();
    world.platform.advance(Duration::from_secs(5));
    let earlier = world.snapshot("wallet");
    world.mine(0);
    world.platform.advance(Duration::from_secs(5));
    assert!(!world.mempool.borrow().is_empty(), "the wallet claims the HTLC with the preimage");
    world.mine(0);
    world.kill("wallet", wallet);

    let wallet = world.open_on("wallet", earlier);
    world.mine(2016);
    for _ in 0..4 {
        world.platform.advance(Duration::from_secs(120));
        world.mine(6);
    }
    let gained = wallet.onchain().balance().0.saturating_sub(before);
    assert!(gained > 580_000, "{gained}: the balance and the HTLC came home");
    assert_eq!(wallet.channels().balance().closing_sat, 0);
}

#[test]
fn a_reorganisation_of_three_blocks_is_followed() {
    let (world, wallet, gateway) = pair();
    world.fund(&wallet, 300_000);
    let before = wallet.onchain().balance().0;
    world.server.chain.borrow_mut().cut(3);
    world.mine(3);
    assert_eq!(wallet.sync().best_block(), gateway.sync().best_block());
    assert_eq!(wallet.onchain().balance().0, before - 300_000, "the deposit was in a block that is gone");
    assert!(wallet.channels().list()[0].is_usable, "the channel is buried deeper");
    let paid = world.pay(&wallet, &world.ask(&gateway, 1_000_000));
    assert_eq!(paid.status, PaymentStatus::Succeeded);
    // Again, while the wallet is closed.
    world.close("wallet", wallet);
    world.server.chain.borrow_mut().cut(3);
    world.server.chain.borrow_mut().mine_empty(4);
    let wallet = world.open("wallet");
    assert_eq!(wallet.sync().best_block().0, world.server.chain.borrow().height());
}

/// Each refuses the other's connection for its own, or takes it in place of its own: both end up connected, and none is
/// told that the other holds another key.
#[test]
fn two_that_dial_each_other_at_once_stay_connected() {
    let world = World::new();
    let gateway = world.open("gateway");
    for round in 0..5 {
        let wallet = world.open("wallet");
        let kept = [
            gateway.peers().connect_persistently(World::address(&wallet, "wallet")).unwrap(),
            wallet.peers().connect_persistently(World::address(&gateway, "gateway")).unwrap(),
        ];
        gateway.peers().reconnect_now();
        world.connected(&gateway, wallet.node_id());
        world.connected(&wallet, gateway.node_id());
        for _ in 0..60 {
            world.platform.advance(Duration::from_secs(1));
        }
        for kept in &kept {
            let state = kept.state.borrow();
            assert!(matches!(&*state, ConnectionState::Connected), "round {round}: {state:?}");
        }
        world.kill("wallet", wallet);
    }
}

#[test]
fn blocks_are_read_by_one_reader_at_a_time() {
    let (world, wallet, _gateway) = pair();
    // Each block is of interest, so each is fetched, and while it travels the other reader could go on.
    for _ in 0..6 {
        world.deposit(&wallet, 10_000);
        world.mine_silently();
    }
    let (first, second) = (wallet.clone(), wallet.clone());
    let both = async move { futures::join!(first.sync().now(), second.sync().now()) };
    let (first, second) = world.platform.run(both);
    first.unwrap();
    second.unwrap();
    assert_eq!(wallet.sync().best_block().0, world.server.chain.borrow().height());
}

#[test]
fn a_wallet_opens_and_pays_while_no_chain_source_answers() {
    let (world, wallet, gateway) = pair();
    let invoice = world.ask(&gateway, 1_000_000);
    world.close("wallet", wallet);
    world.server.down.set(true);
    let wallet = world.open("wallet");
    assert!(wallet.sync().state().error.is_some());
    assert!(!wallet.sync().state().synced);
    world.connect(&wallet, &gateway, "gateway");
    world.platform.advance(Duration::from_secs(1));
    assert_eq!(world.pay(&wallet, &invoice).status, PaymentStatus::Succeeded);
    world.server.down.set(false);
    world.platform.advance(Duration::from_secs(60));
    assert!(wallet.sync().state().synced);
}

#[test]
fn nothing_is_said_while_the_disk_is_full() {
    let (world, wallet, gateway) = pair();
    let invoice = world.ask(&gateway, 1_000_000);
    world.disk("wallet").set_quota(Some(1));
    let id = world.begin(&wallet, &invoice, 10_000).unwrap();
    world.platform.advance(Duration::from_secs(30));
    let at_gateway = world.payment(&gateway, id).unwrap();
    assert_eq!(at_gateway.status, PaymentStatus::Pending, "no HTLC left the wallet");
    assert!(gateway.channels().list()[0].pending_inbound_htlcs.is_empty());
    world.disk("wallet").set_quota(None);
    world.platform.advance(Duration::from_secs(30));
    assert_eq!(world.payment(&wallet, id).unwrap().status, PaymentStatus::Succeeded);
}

#[test]
fn a_closed_node_lets_go_of_everything_at_once() {
    let (world, wallet, _gateway) = pair();
    world.kill("wallet", wallet);
    let (wrap, meter) = crate::world::metered();
    let wallet = world.open_with("wallet", world.disk("wallet"), wrap);
    world.connect(&wallet, &world.node("gateway"), "gateway");
    let held = Rc::downgrade(&meter.take().unwrap());
    // Whatever it waits for: the next block, deposits, routing data, its gateway.
    world.platform.advance(Duration::from_secs(7));
    assert!(held.upgrade().is_some());
    world.close("wallet", wallet);
    assert!(held.upgrade().is_none(), "a task still holds the node, its keys and its store");
}

#[test]
fn a_second_writer_fences_the_first_out() {
    let (world, wallet, gateway) = pair();
    let invoice = world.ask(&gateway, 1_000_000);
    let mut notices = wallet.subscribe();
    let second = world.open("wallet");
    let id = world.begin(&wallet, &invoice, 10_000).unwrap();
    world.platform.advance(Duration::from_secs(10));
    let mut stopped = false;
    while let Ok(notice) = notices.try_recv() {
        stopped |= matches!(notice, amplet_node::Notice::Stopped(_));
    }
    assert!(stopped, "the first stops for good");
    assert!(gateway.channels().list()[0].pending_inbound_htlcs.is_empty(), "and never spoke");
    world.connect(&second, &gateway, "gateway");
    world.platform.advance(Duration::from_secs(2));
    assert!(world.payment(&second, id).is_none(), "nothing of it was written");
    assert_eq!(world.pay(&second, &invoice).status, PaymentStatus::Succeeded);
}

#[test]
fn a_gateway_killed_between_any_two_steps_loses_nothing() {
    for commits in 0..=6 {
        let (world, wallet, gateway) = pair();
        let invoice = world.ask(&gateway, 50_000_000);
        world.platform.run_until_stalled();
        world.kill("gateway", gateway);
        let dead = Rc::default();
        let wrap = move |store: Rc<dyn Store>| -> Rc<dyn Store> {
            Rc::new(crate::world::Killable::new(store, 1 + commits, dead))
        };
        let gateway = world.open_with("gateway", world.disk("gateway"), wrap);
        world.platform.advance(Duration::from_secs(3));
        let id = world.begin(&wallet, &invoice, 0);
        world.platform.advance(Duration::from_secs(3));
        world.kill("gateway", gateway);
        let gateway = world.open("gateway");
        world.platform.advance(Duration::from_secs(90));
        let Ok(id) = id else { panic!("after {commits} commits the wallet could not even begin") };
        let mut line = world.payment(&wallet, id).unwrap();
        if let PaymentStatus::Failed { .. } = line.status {
            line = world.pay(&wallet, &invoice);
        }
        assert_eq!(line.status, PaymentStatus::Succeeded, "after {commits} commits");
        assert_eq!(world.payment(&gateway, id).unwrap().status, PaymentStatus::Succeeded);
        assert_eq!(wallet.channels().list().len(), 1, "no channel was closed");
    }
}

#[test]
fn what_cannot_be_afforded_is_said_with_the_numbers() {
    let world = World::new();
    let gateway = world.open("gateway");
    let wallet = world.open("wallet");
    world.fund(&wallet, 100_000);
    world.connect(&wallet, &gateway, "gateway");
    let (from, to) = (wallet.clone(), gateway.node_id());
    let how = open(100_000, 0, false);
    let refused = world.platform.run(async move { from.channels().open(to, &how).await }).unwrap_err();
    let ChannelError::Onchain(OnchainError::Insufficient { needed_sat, available_sat, reserve_sat }) =
        refused
    else {
        panic!("{refused:?}")
    };
    assert!(needed_sat > 100_000);
    assert_eq!((available_sat, reserve_sat), (90_000, 10_000));
}

#[test]
fn savings_are_sent_and_their_change_comes_back() {
    let world = World::new();
    let wallet = world.open("wallet");
    let other = world.open("payee");
    world.fund(&wallet, 1_000_000);
    let to = {
        let other = other.clone();
        world.platform.run(async move { other.onchain().new_address().await.unwrap() })
    };
    let sent = wallet.onchain().build(&to, Some(250_000), None).unwrap();
    let (from, copy, address) = (wallet.clone(), sent.clone(), to.clone());
    world
        .platform
        .run(async move {
            let order = amplet_node::SendOnchain { signed: copy, address };
            from.payments().begin(order, &amplet_node::Authorization::user()).await
        })
        .unwrap();
    assert_eq!(*world.mempool.borrow(), vec![sent.tx.clone()]);
    assert_eq!(wallet.onchain().balance(), (0, 750_000 - sent.fee_sat));
    // Closed and opened again before it confirms: still known, and sent again with the next block.
    world.close("wallet", wallet);
    let lost: Vec<Transaction> = std::mem::take(&mut *world.mempool.borrow_mut());
    let wallet = world.open("wallet");
    world.mine(0);
    world.platform.advance(Duration::from_secs(30));
    assert_eq!(*world.mempool.borrow(), lost, "broadcast again");
    world.mine(0);
    assert_eq!(wallet.onchain().balance(), (750_000 - sent.fee_sat, 0));
    assert_eq!(other.onchain().balance().0, 250_000);
    let all = wallet.onchain().build(&to, None, None).unwrap();
    assert_eq!(all.amount_sat + all.fee_sat, 750_000 - sent.fee_sat);
}
