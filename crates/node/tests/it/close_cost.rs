//! What closing a channel cost, in the record of what came home: what was ours before is what came home and the cost.

use std::rc::Rc;
use std::time::Duration;

use amplet_node::bitcoin::{OutPoint, Transaction};
use amplet_node::{Authorization, Node};
use amplet_protocol::page::{Direction, Payment, PaymentKind, PaymentStatus};
use amplet_storage::Store;

use crate::closed::gateway_closes;
use crate::world::{HANGING_SAT, Hanging, Way, World, is_commitment, mortal, msat, open, pair};

/// A channel's money before it is closed, in msat.
#[derive(Clone, Copy, Debug)]
struct Before {
    ours: u64,
    /// What closing by force would cost by the preview, and what closing together.
    preview: u64,
    together: u64,
}

fn before(node: &Node) -> Before {
    let channel = &node.channels().list()[0];
    let balance = node.channels().balance_of(channel);
    assert_eq!(balance.ours_msat, node.channels().balance().lightning_msat);
    Before {
        ours: balance.ours_msat.get(),
        preview: balance.close_cost_msat.get(),
        together: balance.together_cost_msat.get(),
    }
}

/// Both sides have a fraction of a satoshi.
fn with_fractions(world: &World, from: &Node, to: &Node) {
    let paid = world.pay(from, &world.ask(to, 12_345_678));
    assert_eq!(paid.status, PaymentStatus::Succeeded);
    world.platform.advance(Duration::from_secs(2));
}

/// A wallet with a channel that the gateway has funded.
fn funded_by_the_gateway() -> (World, Node, Node) {
    let world = World::new();
    let (gateway, wallet) = (world.open("gateway"), world.open("wallet"));
    world.fund(&gateway, 5_000_000);
    world.fund(&wallet, 100_000);
    world.connect(&gateway, &wallet, "wallet");
    world.channel(&gateway, &wallet, open(1_000_000, 400_000_000, false));
    (world, wallet, gateway)
}

fn close(world: &World, node: &Node, force: bool) {
    let id = node.channels().list()[0].channel_id;
    node.channels().close(id, force).unwrap();
    world.platform.advance(Duration::from_secs(5));
}

/// The transaction that waits for a block and spends nothing that waits, too.
fn closing(world: &World) -> Transaction {
    let mempool = world.mempool.borrow();
    let is_child = |tx: &Transaction| {
        tx.input.iter().any(|input| mempool.iter().any(|it| it.compute_txid() == input.previous_output.txid))
    };
    mempool.iter().find(|tx| !is_child(tx)).expect("it is broadcast").clone()
}

/// What came home from channels, or was paid for that; oldest first.
fn records(world: &World, node: &Node, direction: Direction) -> Vec<Payment> {
    let node = node.clone();
    let page = world.platform.run(async move { node.ledger().history(None, 100).await.unwrap() });
    let is_close = |it: &Payment| it.kind == PaymentKind::ChannelClose && it.direction == direction;
    page.into_iter().rev().filter(is_close).collect()
}

fn closes(world: &World, node: &Node) -> Vec<Payment> {
    records(world, node, Direction::Inbound)
}

fn the_close(world: &World, node: &Node) -> Payment {
    let mut all = closes(world, node);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn amount(payment: &Payment) -> u64 {
    payment.amount_msat.unwrap().get()
}

fn fee(payment: &Payment) -> u64 {
    payment.fee_msat.unwrap_or_else(|| panic!("its cost is known: {payment:?}")).get()
}

/// Mines until what a commitment left is swept.
fn bring_home(world: &World) {
    world.mine(2020);
    for _ in 0..3 {
        world.platform.advance(Duration::from_secs(125));
        world.mine(6);
    }
}

fn paid_out_msat(tx: &Transaction) -> u64 {
    tx.output.iter().map(|output| output.value.to_sat() * 1000).sum()
}

#[test]
fn who_funded_a_channel_pays_for_closing_it_together_whoever_closes() {
    for by_wallet in [true, false] {
        let (world, wallet, gateway) = pair();
        with_fractions(&world, &wallet, &gateway);
        let (ours, theirs) = (before(&wallet), before(&gateway));
        close(&world, if by_wallet { &wallet } else { &gateway }, false);
        let tx = closing(&world);
        world.mine(0);
        world.platform.advance(Duration::from_secs(5));

        let record = the_close(&world, &wallet);
        assert_eq!(amount(&record) + fee(&record), ours.ours, "{record:?}");
        assert!(fee(&record) > 100_000 && fee(&record) == ours.together, "{record:?}, {ours:?}");
        let all_cost = 1_000_000_000 - paid_out_msat(&tx);
        assert!(all_cost - fee(&record) < 2_000, "{all_cost}: but for fractions, all is the funder's");
        // The gateway loses a fraction of a satoshi.
        let record = the_close(&world, &gateway);
        assert_eq!(amount(&record) + fee(&record), theirs.ours, "{record:?}");
        assert_eq!((fee(&record), theirs.together), (678, 678), "{record:?}");
    }
}

#[test]
fn who_did_not_fund_a_channel_pays_nothing_for_closing_it_together() {
    for by_wallet in [true, false] {
        let (world, wallet, gateway) = funded_by_the_gateway();
        assert_eq!(before(&wallet).together, 0);
        close(&world, if by_wallet { &wallet } else { &gateway }, false);
        world.mine(0);
        let record = the_close(&world, &wallet);
        assert_eq!((amount(&record), fee(&record)), (400_000_000, 0), "{record:?}");
    }
}

#[test]
fn a_forced_close_costs_its_commitment_as_previewed_and_the_sweep() {
    for by_wallet in [true, false] {
        let (world, wallet, gateway) = pair();
        with_fractions(&world, &wallet, &gateway);
        let (ours, theirs) = (before(&wallet), before(&gateway));
        let savings = wallet.onchain().balance().0;
        close(&world, if by_wallet { &wallet } else { &gateway }, true);
        assert!(is_commitment(&closing(&world)));
        bring_home(&world);

        let record = the_close(&world, &wallet);
        assert_eq!(amount(&record) + fee(&record), ours.ours, "{record:?}");
        let sweep_msat = fee(&record) - ours.preview;
        assert!((100_000..1_000_000).contains(&sweep_msat), "{sweep_msat}, {ours:?}");
        // What the savings paid for a bump is told, too: nothing is missing.
        let bumps: u64 = records(&world, &wallet, Direction::Outbound).iter().map(fee).sum();
        let now = wallet.onchain().balance().0;
        assert_eq!(now * 1000 + fee(&record) + bumps, savings * 1000 + ours.ours);
        let record = the_close(&world, &gateway);
        assert_eq!(amount(&record) + fee(&record), theirs.ours, "{record:?}");
        assert!((100_000..1_000_000).contains(&fee(&record)), "the sweep alone: {record:?}");
    }
}

#[test]
fn a_commitment_without_a_fee_costs_the_sweep() {
    let world = World::new();
    world.zero_fee_commitments.set(true);
    let (gateway, wallet) = (world.open("gateway"), world.open("wallet"));
    world.fund(&gateway, 5_000_000);
    world.fund(&wallet, 2_000_000);
    world.connect(&wallet, &gateway, "gateway");
    world.channel(&wallet, &gateway, open(1_000_000, 500_000_000, false));
    with_fractions(&world, &wallet, &gateway);
    let ours = before(&wallet);
    close(&world, &wallet, true);
    bring_home(&world);
    let record = the_close(&world, &wallet);
    assert_eq!(amount(&record) + fee(&record), ours.ours, "{record:?}");
    assert!(fee(&record) < 1_000_000, "{record:?}");
}

fn user(_: &World, _: &Node) -> Authorization {
    Authorization::user()
}

/// The value of an output, in msat, wherever it was mined.
fn value_msat(world: &World, spent: &OutPoint) -> u64 {
    let chain = world.server.chain.borrow();
    let mined = chain.blocks().iter().flat_map(|block| &block.txdata);
    let tx = mined.into_iter().find(|tx| tx.compute_txid() == spent.txid).unwrap();
    tx.output[spent.vout as usize].value.to_sat() * 1000
}

/// The peer closed while an HTLC hung: what the wallet claims of it, and what it sweeps, each say their own cost.
#[test]
fn an_htlc_claimed_from_the_peers_commitment_costs_the_claim() {
    let Hanging { world, gateway, .. } = Hanging::new(Way::In, user);
    gateway_closes(&world, &gateway);
    let wallet = world.open("wallet");
    for _ in 0..4 {
        world.platform.advance(Duration::from_secs(125));
        world.mine(6);
    }
    let records = closes(&world, &wallet);
    let [claim, sweep] = &records[..] else { panic!("{records:?}") };
    assert_eq!(amount(claim) + fee(claim), HANGING_SAT * 1000, "{claim:?}");
    assert!(fee(claim) > 100_000, "{claim:?}");
    // Of its half, fee and anchors of the commitment and the sweep's fee.
    assert_eq!(amount(sweep) + fee(sweep), 500_000_000, "{sweep:?}");
    let txid = sweep.txid.clone().unwrap();
    let chain_fee_msat = {
        let chain = world.server.chain.borrow();
        let tx = chain.blocks().iter().flat_map(|block| &block.txdata);
        let tx = tx.into_iter().find(|tx| tx.compute_txid().to_string() == txid).unwrap().clone();
        drop(chain);
        tx.input.iter().map(|input| value_msat(&world, &input.previous_output)).sum::<u64>()
            - paid_out_msat(&tx)
    };
    assert!(fee(sweep) > chain_fee_msat + 660_000, "{chain_fee_msat}, {sweep:?}");
}

/// At whatever commit the wallet dies while the channel is closed together: the record has the cost, also where a block told of the
/// closing transaction first.
#[test]
fn a_wallet_that_dies_while_it_closes_together_has_the_cost() {
    let mut told_by_a_block = 0;
    for commits in 0..6 {
        // Who funded it sends the last message.
        let (world, wallet, gateway) = funded_by_the_gateway();
        with_fractions(&world, &wallet, &gateway);
        let ours = before(&wallet);
        world.close("wallet", wallet);
        let (wallet, store) = mortal(&world, "wallet");
        world.connect(&wallet, &gateway, "gateway");
        world.platform.advance(Duration::from_secs(5));
        store.die_before_commit(commits);
        close(&world, &gateway, false);
        world.kill("wallet", wallet);
        if world.mempool.borrow().is_empty() {
            continue;
        }
        let wallet = world.open("wallet");
        told_by_a_block += u32::from(!wallet.channels().list().is_empty());
        world.mine(0);
        world.platform.advance(Duration::from_secs(5));
        let record = the_close(&world, &wallet);
        assert_eq!(amount(&record) + fee(&record), ours.ours, "dead after {commits}: {record:?}");
    }
    assert!(told_by_a_block > 0, "some death leaves the wallet without the closing transaction");
}

/// An earlier release closed the channel, and noted nothing of what it was.
#[test]
fn a_cost_that_nobody_noted_is_not_told() {
    let (world, wallet, _gateway) = pair();
    let funding = wallet.channels().list()[0].funding_txo.unwrap().into_bitcoin_outpoint();
    close(&world, &wallet, true);
    world.mine(20);
    world.kill("wallet", wallet);
    let earlier = move |store| -> Rc<dyn Store> {
        let meter = crate::world::WriteMeter::new(store);
        meter.lost.borrow_mut().push(format!("onchain/close/{funding}"));
        Rc::new(meter)
    };
    let wallet = world.open_with("wallet", world.disk("wallet"), earlier);
    bring_home(&world);
    let record = the_close(&world, &wallet);
    assert_eq!(record.fee_msat, None, "{record:?}");
    assert!(amount(&record) > 480_000_000);
}

#[test]
fn a_deposit_costs_nobody_here_anything() {
    let (world, wallet, _gateway) = pair();
    world.fund(&wallet, 50_000);
    let node = wallet.clone();
    let page = world.platform.run(async move { node.ledger().history(None, 100).await.unwrap() });
    let deposits: Vec<&Payment> = page.iter().filter(|it| it.kind == PaymentKind::Onchain).collect();
    assert_eq!(deposits.len(), 2, "{page:?}");
    assert!(deposits.iter().all(|it| it.fee_msat == Some(msat(0))), "{page:?}");
}
