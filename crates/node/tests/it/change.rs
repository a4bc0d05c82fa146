//! Change that waits for a block funds channels.

use std::time::Duration;

use amplet_node::bitcoin::FeeRate;
use amplet_node::{Authorization, ChannelError, Node, OnchainError, SendOnchain};
use amplet_protocol::page::PaymentStatus;

use crate::world::{World, open};

/// A gateway with one coin, and two wallets that are connected to it.
fn one_coin() -> (World, Node, [Node; 2]) {
    let world = World::new();
    let gateway = world.open("gateway");
    world.fund(&gateway, 5_000_000);
    let wallets = ["wallet", "payee"].map(|name| {
        let wallet = world.open(name);
        world.connect(&wallet, &gateway, "gateway");
        wallet
    });
    (world, gateway, wallets)
}

#[test]
fn one_coin_opens_several_channels_before_a_block() {
    let (world, gateway, wallets) = one_coin();
    for wallet in &wallets {
        world.try_channel(&gateway, wallet, open(500_000, 0, false));
        world.platform.advance(Duration::from_secs(1));
    }
    assert_eq!(
        world.mempool.borrow().len(),
        2,
        "both are broadcast, the second with the change of the first"
    );
    world.mine(6);
    world.platform.advance(Duration::from_secs(5));
    let channels = gateway.channels().list();
    assert_eq!(channels.iter().filter(|channel| channel.is_usable).count(), 2, "{channels:?}");
    let savings = gateway.onchain().balance().0;
    assert!((3_990_000..4_000_000).contains(&savings), "{savings}");
}

#[test]
fn a_channel_from_change_outlives_a_restart_before_the_block() {
    let (world, gateway, wallets) = one_coin();
    for wallet in &wallets {
        world.try_channel(&gateway, wallet, open(500_000, 0, false));
        world.platform.advance(Duration::from_secs(1));
    }
    world.kill("gateway", gateway);
    let gateway = world.open("gateway");
    world.mine(6);
    for wallet in &wallets {
        world.connect(wallet, &gateway, "gateway");
    }
    world.platform.advance(Duration::from_secs(60));
    assert_eq!(gateway.channels().list().iter().filter(|channel| channel.is_usable).count(), 2);
}

#[test]
fn a_payment_whose_change_funds_a_channel_is_not_replaced() {
    let (world, gateway, [wallet, _]) = one_coin();
    let (to, from) = (wallet.clone(), gateway.clone());
    let address = world.platform.run(async move { to.onchain().new_address().await.unwrap() });
    let rate = FeeRate::from_sat_per_vb(2);
    let signed = gateway.onchain().build(&address, Some(100_000), rate).unwrap();
    let order = SendOnchain { signed, address };
    let begun = async move { from.payments().begin(order, &Authorization::user()).await };
    let id = world.platform.run(begun).unwrap();
    assert!(gateway.onchain().cancellation(id, None).is_ok(), "nothing is built upon it yet");
    world.try_channel(&gateway, &wallet, open(500_000, 0, false));
    let refused = [
        gateway.onchain().cancellation(id, None).unwrap_err(),
        gateway.onchain().bump(id, None).unwrap_err(),
    ];
    assert_eq!(refused, [OnchainError::BuiltUpon, OnchainError::BuiltUpon]);
    world.mine(6);
    assert_eq!(world.payment(&gateway, id).unwrap().status, PaymentStatus::Succeeded);
    assert_eq!(gateway.channels().list().len(), 1);
}

#[test]
fn a_strangers_unconfirmed_deposit_funds_nothing() {
    let world = World::new();
    let (gateway, wallet) = (world.open("gateway"), world.open("wallet"));
    world.fund(&gateway, 100_000);
    world.connect(&wallet, &gateway, "gateway");
    world.deposit(&gateway, 5_000_000);
    let (from, to) = (gateway.clone(), wallet.node_id());
    let opened = world.platform.run(async move { from.channels().open(to, &open(500_000, 0, false)).await });
    assert!(matches!(opened, Err(ChannelError::Onchain(OnchainError::Insufficient { .. }))), "{opened:?}");
}
