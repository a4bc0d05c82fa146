//! Chain sources that contradict each other, with LDK behind them: doubt closes no channel and hides nothing.

use std::rc::Rc;
use std::time::Duration;

use amplet_chain::testing::FakeServer;
use amplet_chain::{SourceState, TrustLevel};
use amplet_node::Node;
use amplet_node::bitcoin::ScriptBuf;
use amplet_protocol::page::PaymentStatus;

use crate::world::{World, pair};

/// A wallet with a confirmed channel to its gateway, and the height of its funding.
fn funded() -> (World, Node, Node, u32) {
    let (world, wallet, gateway) = pair();
    let tip = world.server.chain.borrow().height();
    let funding = tip + 1 - wallet.channels().list()[0].confirmations.unwrap();
    (world, wallet, gateway, funding)
}

/// Opens the wallet again, with a second chain source beside the first.
fn open_with_second(world: &World, wallet: Node, second: Rc<FakeServer>) -> Node {
    world.close("wallet", wallet);
    *world.second_source.borrow_mut() = Some(second);
    let wallet = world.open("wallet");
    world.connect(&wallet, &world.node("gateway"), "gateway");
    world.platform.advance(Duration::from_secs(60));
    wallet
}

#[test]
fn a_source_that_contradicts_the_fundings_filter_closes_no_channel() {
    let (world, wallet, gateway, funding) = funded();
    let mut lies = world.server.chain.borrow().clone();
    let superset = lies.filter_with(funding, &ScriptBuf::from_bytes(vec![0x51, 0x20, 7]));
    lies.forge_filter(funding, superset);
    let stands = wallet.sync().best_block();
    let wallet = open_with_second(&world, wallet, FakeServer::new(lies));
    let trust = wallet.chain().trust();
    assert_eq!(trust.level, TrustLevel::Conflict);
    assert_eq!(trust.sources[1].state, SourceState::FiltersConflict { height: funding });
    assert_eq!(wallet.channels().list().len(), 1, "the channel stays");
    assert!(wallet.channels().list()[0].is_usable);
    assert!(world.mempool.borrow().is_empty(), "nothing is broadcast");
    assert_eq!(wallet.sync().best_block(), stands);
    assert_eq!(wallet.chain().rescans_from(), None, "looked through");
    let paid = world.pay(&wallet, &world.ask(&gateway, 1_000_000));
    assert_eq!(paid.status, PaymentStatus::Succeeded);
    // It is not looked through again each time.
    world.close("wallet", wallet);
    let asked = world.server.requests("/block/");
    let wallet = world.open("wallet");
    world.platform.advance(Duration::from_secs(60));
    assert_eq!(wallet.chain().trust().level, TrustLevel::Conflict);
    assert!(world.server.requests("/block/") <= asked + 1, "at most the block that is examined");
}

/// The source that was alone hid the gateway's commitment; another one, which appears later, does not.
#[test]
fn a_close_that_a_wrong_filter_hid_is_found_where_the_wallet_stands() {
    let (world, wallet, gateway) = pair();
    let channel = &wallet.channels().list()[0];
    let (id, funding) = (channel.channel_id, channel.funding_txo.unwrap());
    let script = {
        let chain = world.server.chain.borrow();
        let all = chain.blocks().iter().flat_map(|block| &block.txdata);
        let tx = all.clone().find(|tx| tx.compute_txid() == funding.txid).unwrap();
        tx.output[usize::from(funding.index)].script_pubkey.clone()
    };
    world.close("wallet", wallet);
    gateway.channels().close(id, true).unwrap();
    world.platform.advance(Duration::from_secs(5));
    world.mine(3);
    world.kill("gateway", gateway);
    let height = world.server.chain.borrow().height() - 3;
    let honest = FakeServer::new(world.server.chain.borrow().clone());
    let forged = world.server.chain.borrow().filter_without(height, &script);
    world.server.chain.borrow_mut().forge_filter(height, forged);

    let wallet = world.open("wallet");
    world.platform.advance(Duration::from_secs(5));
    assert_eq!(wallet.channels().list().len(), 1, "one operator alone can hide it");
    let stands = wallet.sync().best_block();
    let before = wallet.onchain().balance().0;
    world.close("wallet", wallet);
    *world.second_source.borrow_mut() = Some(honest);
    let wallet = world.open("wallet");
    world.platform.advance(Duration::from_secs(60));
    assert_eq!(wallet.chain().trust().level, TrustLevel::Conflict);
    assert!(wallet.channels().list().is_empty(), "found");
    assert_eq!(wallet.sync().best_block(), stands, "without going back");
    assert!(wallet.channels().balance().closing_sat > 490_000);
    // The sources go on, and disagree for ever.
    for _ in 0..4 {
        world.mine(6);
        world.platform.advance(Duration::from_secs(120));
    }
    assert!(wallet.onchain().balance().0 > before + 490_000, "what is the wallet's comes home");
}
