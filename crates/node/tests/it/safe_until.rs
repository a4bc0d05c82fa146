//! How long a wallet may stay closed.

use amplet_protocol::NodeId;
use std::time::Duration;

use crate::world::{World, msat, open, pair, with_a_hanging_htlc};

/// Blocks in which a revoked commitment can be punished, less a day for that.
const TO_PUNISH: u32 = 2016 - 144;
/// Blocks before its expiry at which an HTLC is claimed on chain.
const TO_CLAIM: u32 = 36;

#[test]
fn a_wallet_without_channels_may_stay_away() {
    let world = World::new();
    let wallet = world.open("wallet");
    world.fund(&wallet, 2_000_000);
    assert_eq!(wallet.channels().safe_until(), None);
}

#[test]
fn a_channel_wants_its_wallet_within_the_delay_of_the_peer() {
    let (world, wallet, gateway) = pair();
    let safe = |blocks| Some(wallet.sync().best_block().0 + blocks);
    assert_eq!(wallet.channels().safe_until(), safe(TO_PUNISH));
    // It moves on with each block that the wallet sees, and with a second channel it is no later.
    world.mine(9);
    assert_eq!(wallet.channels().safe_until(), safe(TO_PUNISH));
    world.channel(&wallet, &gateway, open(200_000, 0, false));
    assert_eq!(wallet.channels().safe_until(), safe(TO_PUNISH));
    assert_eq!(world.pay(&wallet, &world.ask(&gateway, 1_000_000)).fee_msat, Some(msat(0)));
    assert_eq!(wallet.channels().safe_until(), safe(TO_PUNISH), "what was paid waits for nothing");
}

#[test]
fn a_gateway_knows_until_when_a_wallet_may_stay_away() {
    let (world, wallet, gateway) = pair();
    let id = NodeId(wallet.node_id().serialize());
    world.mine(3);
    world.platform.advance(Duration::from_secs(2));
    assert_eq!(gateway.peers().copies().away(), [], "it is there");
    let safe = wallet.channels().safe_until().unwrap();
    world.close("wallet", wallet);
    world.platform.advance(Duration::from_secs(60));
    assert_eq!(gateway.peers().copies().away(), [(id, safe)]);
    world.mine(9);
    assert_eq!(gateway.peers().copies().away(), [(id, safe)], "it has said nothing since");
    world.close("gateway", gateway);
    let gateway = world.open("gateway");
    assert_eq!(gateway.peers().copies().away(), [(id, safe)], "known after a restart");
}

#[test]
fn what_was_received_and_is_not_settled_wants_it_before_it_expires() {
    let (_world, wallet) = with_a_hanging_htlc();
    let channels = wallet.channels().list();
    let expiry = channels[0].pending_inbound_htlcs[0].cltv_expiry;
    assert_eq!(wallet.channels().safe_until(), Some(expiry - TO_CLAIM));
}

#[test]
fn a_channel_that_was_closed_and_swept_wants_nothing() {
    let (world, wallet, _gateway) = pair();
    let channel = wallet.channels().list()[0].channel_id;
    wallet.channels().close(channel, false).unwrap();
    world.platform.advance(Duration::from_secs(5));
    world.mine(9);
    assert_eq!(wallet.channels().safe_until(), None);
}
