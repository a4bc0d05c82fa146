//! Closed channels, while blocks are replaced: whatever a node has begun to claim it goes on to claim. LDK by itself forgets what it
//! registered at the height of a block that is replaced.

use std::time::Duration;

use amplet_node::Node;
use amplet_node::bitcoin::{OutPoint, Transaction, TxOut, Txid};

use crate::world::{Net, World, mortal, net, open};

/// The newest block is replaced by two empty ones, and whatever waited is forgotten by the network; nobody is told.
fn replace_a_block(world: &World) {
    world.mempool.borrow_mut().clear();
    world.server.chain.borrow_mut().cut(1);
    world.server.chain.borrow_mut().mine_empty(2);
}

fn close_by_force(world: &World, node: &Node, peer: &Node) -> Transaction {
    let channels = node.channels().list();
    let with = channels.iter().find(|it| it.counterparty.node_id == peer.node_id());
    node.channels().close(with.expect("a channel").channel_id, true).unwrap();
    world.platform.advance(Duration::from_secs(5));
    world.mempool.borrow().first().expect("a commitment").clone()
}

fn waits(world: &World, txid: Txid) -> bool {
    world.mempool.borrow().iter().any(|tx| tx.compute_txid() == txid)
}

/// A wallet whose channel to a gateway that is gone is closed by force; nobody but the wallet can send its commitment.
fn closed() -> (World, Node, Txid) {
    let world = World::new();
    let [gateway, wallet] = ["gateway", "wallet"].map(|name| world.open(name));
    world.fund(&gateway, 5_000_000);
    world.fund(&wallet, 2_000_000);
    world.connect(&wallet, &gateway, "gateway");
    world.channel(&wallet, &gateway, open(1_000_000, 400_000_000, false));
    let peer = gateway.clone();
    world.kill("gateway", gateway);
    let commitment = close_by_force(&world, &wallet, &peer).compute_txid();
    (world, wallet, commitment)
}

#[test]
fn a_forced_close_is_sent_on_after_the_block_at_which_it_began_was_replaced() {
    let (world, _wallet, commitment) = closed();
    replace_a_block(&world);
    world.read_blocks();
    world.platform.advance(Duration::from_secs(121));
    assert!(waits(&world, commitment));
}

#[test]
fn a_forced_close_is_sent_on_when_the_block_was_replaced_while_the_wallet_was_closed() {
    let (world, wallet, commitment) = closed();
    world.close("wallet", wallet);
    replace_a_block(&world);
    let _wallet = world.open("wallet");
    world.platform.advance(Duration::from_secs(121));
    assert!(waits(&world, commitment));
}

#[test]
fn a_commitment_whose_block_was_replaced_is_sent_again() {
    let (world, wallet, commitment) = closed();
    world.mine(0);
    assert!(!waits(&world, commitment));
    replace_a_block(&world);
    world.read_blocks();
    world.platform.advance(Duration::from_secs(121));
    assert!(waits(&world, commitment));
    world.mine(2020);
    world.platform.advance(Duration::from_secs(121));
    world.mine(6);
    assert_eq!(wallet.channels().balance().closing_sat, 0);
    assert!(wallet.onchain().balance().0 > 1_590_000, "{:?}", wallet.onchain().balance());
}

/// The parts of a wallet then stand at different heights, and there is nobody to read on from.
#[test]
fn a_wallet_opens_without_a_source_after_the_new_blocks_were_read_in_part() {
    let (world, wallet, commitment) = closed();
    let payee = wallet.clone();
    let address = world.platform.run(async move { payee.onchain().new_address().await.unwrap() });
    world.mempool.borrow_mut().clear();
    world.server.chain.borrow_mut().cut(3);
    world.server.chain.borrow_mut().mine_empty(1);
    world.deposit_to(address.script_pubkey(), 50_000);
    world.mine_silently();
    world.server.chain.borrow_mut().mine_empty(4);
    *world.server.refuses.borrow_mut() = Some("/block/".to_owned());
    let reader = wallet.clone();
    assert!(world.platform.run(async move { reader.sync().now().await }).is_err());
    world.platform.advance(Duration::from_secs(5));
    let at = wallet.sync().best_block().0;
    assert!(at < world.server.chain.borrow().height() - 4, "{at}");
    world.close("wallet", wallet);
    world.server.down.set(true);
    let wallet = world.open("wallet");
    assert_eq!(wallet.sync().best_block().0, at);
    world.server.down.set(false);
    *world.server.refuses.borrow_mut() = None;
    world.read_blocks();
    world.platform.advance(Duration::from_secs(121));
    assert!(waits(&world, commitment));
}

/// The gateway has closed its channel with the wallet, which is gone, while it forwards 100,000 sat of the wallet's to a payee that
/// dies; the commitment is in a block when the payee comes back and takes them.
fn claims() -> (World, Transaction) {
    let Net { world, wallet, gateway, payee } = net();
    world.kill("payee", payee);
    let (payee, store) = mortal(&world, "payee");
    world.connected(&gateway, payee.node_id());
    world.platform.advance(Duration::from_secs(3));
    let invoice = world.ask(&payee, 100_000_000);
    store.die_before_commit(1);
    world.begin(&wallet, &invoice, 1_000_000).unwrap();
    world.platform.advance(Duration::from_secs(3));
    assert!(store.is_dead());
    let peer = wallet.clone();
    world.kill("wallet", wallet);
    world.kill("payee", payee);
    let commitment = close_by_force(&world, &gateway, &peer);
    world.mine(3);
    let payee = world.open("payee");
    world.connected(&gateway, payee.node_id());
    world.platform.advance(Duration::from_secs(10));
    (world, commitment)
}

/// The transaction that takes the HTLC of 100,000 sat off a commitment.
fn claim(world: &World, commitment: &Transaction) -> Option<Transaction> {
    let is_htlc = |output: &TxOut| (100_000..101_000).contains(&output.value.to_sat());
    let vout = commitment.output.iter().position(is_htlc).expect("an HTLC");
    let htlc = OutPoint { txid: commitment.compute_txid(), vout: u32::try_from(vout).unwrap() };
    let takes = |tx: &&Transaction| tx.input.iter().any(|input| input.previous_output == htlc);
    world.mempool.borrow().iter().find(takes).cloned()
}

/// A claim that LDK has forgotten is sent on by the savings, whose coin pays for it, but its fee is raised no more.
#[test]
fn the_fee_of_a_claim_is_raised_after_the_block_at_which_its_preimage_came_was_replaced() {
    let (world, commitment) = claims();
    let first = claim(&world, &commitment).expect("a claim");
    replace_a_block(&world);
    world.server.fees.replace(Some(r#"{"1": 50.0, "6": 50.0, "144": 50.0, "1008": 50.0}"#.into()));
    world.read_blocks();
    world.platform.advance(Duration::from_secs(121));
    let next = claim(&world, &commitment).expect("a claim");
    assert_ne!(next.compute_txid(), first.compute_txid());
}
